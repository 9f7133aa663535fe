"""A message to whoever looks after the job, where a night was not as it should be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from trueup.budgets.notify import Destination, deliver, destinations
from trueup.budgets.review import Told
from trueup.errors import MissingDependency
from trueup.job.folder import folder_name
from trueup.job.outcome import PARTIAL, WORSE, JobOutcome
from trueup.redacted import redacted

if TYPE_CHECKING:
    from trueup.config import Configuration

FAILURES_SHOWN = 5
Deliver = Callable[[Destination, str, str], str | None]


def alerts(
    config: Configuration,
    ended: Sequence[JobOutcome],
    environment: Mapping[str, str] = os.environ,
    send: Deliver = deliver,
) -> Told | None:
    """One message of all that ``[alerts] on`` names; None where there is nothing, or nobody."""
    told = [(one, why) for one in ended if (why := _why(one, config.alerts.on))]
    everywhere = destinations(config.alerts.urls, environment)
    if not told or not everywhere:
        return None
    title = "trueup: " + "; ".join(f"{folder_name(one.period)} {why}" for one, why in told)
    text = redacted("\n".join(line for one, why in told for line in _message(one, why)))
    delivered, failed = [], []
    for to in everywhere:
        try:
            why_not = send(to, title, text)
        except MissingDependency as error:
            why_not = str(error)
        if why_not is None:
            delivered.append(f"{title}: told {to.name}")
        else:
            failed.append(f"{title}: not told to {to.name}: {why_not}; {to.remedy}")
    return Told(delivered, failed)


def _why(outcome: JobOutcome, on: Sequence[str]) -> str:
    """What of it is to be told, in words; nothing where all is well."""
    partial = outcome.exit_code == PARTIAL
    failed = WORSE.index(outcome.exit_code) > WORSE.index(PARTIAL)
    count = outcome.material_breaks
    said = {
        "failed": "failed" if failed else "",
        "partial": "partial" if partial else "",
        "material_breaks": "material breaks" if count else "",
    }
    return ", ".join(said[name] for name in said if name in on and said[name])


def _message(outcome: JobOutcome, why: str) -> Iterator[str]:
    """What happened, what to do, and where to look."""
    yield f"{folder_name(outcome.period)}: {why} (exit code {outcome.exit_code})."
    if outcome.material_breaks:
        yield f"Material breaks: {outcome.material_breaks:,}."
    if outcome.error is not None:
        yield outcome.error
    shown = outcome.failures[:FAILURES_SHOWN]
    yield from (f"{one.kind}: {one.text}" for one in shown)
    if len(outcome.failures) > len(shown):
        yield f"and {len(outcome.failures) - len(shown):,} more"
    yield from dict.fromkeys(one.remedy for one in shown)
    if outcome.written:
        yield f"Look at {outcome.folder}, {outcome.run_id} in the workspace."
    elif outcome.error is not None:
        yield "It may have replaced results; no evidence of them is kept. The next run makes both."
    else:
        yield "Nothing was written: results of nights before stand as they are."
