"""The job's own notes: what it could not read and what it did not ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trueup.model.outcome import Outcome
from trueup.report.figures import SOURCE_FAILED
from trueup.sources import Failure

if TYPE_CHECKING:
    from trueup.fetch.providers import Fetched

Note = Mapping[str, str | None]
FETCHED = "fetched/"  # begins the source of what a provider was asked for, period by period
FALLEN_SHOWN = 3


def failed(failures: Sequence[Failure]) -> list[Note]:
    """A note for every source of which nothing could be read."""
    return [
        {
            "code": SOURCE_FAILED,
            "subject": failure.source,
            "text": f"PARTIAL RUN: this source of {failure.kind} could not be read, so every "
            f"figure is without it: {failure.reason}",
            "remedy": failure.remedy,
        }
        for failure in failures
        if not failure.partly
    ]


def not_asked(fetched: Sequence[Fetched]) -> list[Note]:
    """A note for every feed that lacks a setting."""
    return [
        {
            "code": "not_asked",
            "subject": one.provider,
            "text": f"not asked for: {lacking}",
            "remedy": "add it to the configuration, or leave it: files can be given instead",
        }
        for one in fetched
        for lacking in one.not_asked
    ]


def fewer_charges(
    last: str,
    this: str,
    before: Iterable[Mapping[str, Any]],
    now: Iterable[Mapping[str, Any]],
) -> list[Note]:
    """A note where files of charges have a tenth fewer rows than in the last run, or are gone.

    ``before`` and ``now`` are rows of ``control_totals`` of the two runs. A file that was cut at
    the end of a row looks whole. What is fetched has other names in each run: only what has the
    same is compared.
    """
    was, has = _accepted(before), _accepted(now)
    fell = [
        f"{source} {has.get(source, 0):,} (were {rows:,})"
        for source, rows in was.items()
        if has.get(source, 0) * 10 < rows * 9 and (source in has or not source.startswith(FETCHED))
    ]
    if not fell:
        return []
    more = [f"{len(fell) - FALLEN_SHOWN:,} more"] if len(fell) > FALLEN_SHOWN else []
    return [
        {
            "code": "fewer_charges",
            "subject": "charges",
            "text": f"fewer rows than in {last}: {', '.join([*fell[:FALLEN_SHOWN], *more])}",
            "remedy": "if a file was cut or lost on its way, bring it again and run once more; "
            f"`trueup diff {last} {this}` shows what is gone",
        }
    ]


def _accepted(totals: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Rows of charges by source."""
    found: dict[str, int] = {}
    for row in totals:
        if row["kind"] == "charges":
            found[row["source"]] = found.get(row["source"], 0) + row["accepted"]
    return dict(sorted(found.items()))


def annotated(outcome: Outcome, notes: Sequence[Note]) -> Outcome:
    """The outcome with the job's own notes before those of the core."""
    if not notes:
        return outcome
    from trueup.model.schema import NOTES
    from trueup.model.table import Table

    table = Table.from_rows(NOTES, [*notes, *outcome.tables["notes"].rows()])
    return replace(outcome, tables={**outcome.tables, "notes": table})
