"""Which periods are due: from the first that is not final to the one at the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trueup.errors import UsageError
from trueup.period import Period, add_months

if TYPE_CHECKING:
    from trueup.workspace.journal import Entry
    from trueup.workspace.run import Run

DAY = timedelta(days=1)
# After the end of a period whose bill does not tell when it is final, or of which a source is
# missing: it is run until then, and no longer.
GRACE = timedelta(days=31)
DUE_MAX = 400


def due(entries: Sequence[Entry], every: str, clock: datetime) -> list[Period]:
    """The periods to run, in order: months up to the clock's, days up to the last that is over.

    ``entries`` are those of the workspace's journal. A period is due that was never run, or was not
    final at its last run; a run by a clock ahead of this one counts for nothing. The first is the
    earliest that ever began; without any run, the one at the clock. Raises UsageError for more than
    ``DUE_MAX``.
    """
    from trueup.workspace.run import BEGUN, ENDED, Run

    known = [one.body["period"] for one in entries if one.kind == BEGUN and one.body.get("period")]
    asked = {Period(*map(datetime.fromisoformat, ends)) for ends in known}
    ran = [run for run in map(Run, entries) if run.entry.kind == ENDED and run.as_of <= clock]
    last = {(run.start, run.end): run for run in ran}
    final = {Period(*ends) for ends, run in last.items() if is_final(run)}
    now = _holding(every, clock if every == "month" else clock - DAY)
    begun = [one for one in asked if one == _holding(every, one.start) and one.end <= now.end]
    period = min(begun, key=_start, default=now)
    found: list[Period] = []
    while period.end <= now.end:
        if period not in final:
            found.append(period)
        period = _holding(every, period.end)
        if len(found) > DUE_MAX:
            raise UsageError(
                f"more than {DUE_MAX} {every}s are due, from {found[0].start:%Y-%m-%d} on: look at "
                "the clock, or run them by --period"
            )
    return found


def is_final(run: Run) -> bool:
    """Whether no later run of its period is awaited: it was whole, and past the last correction."""
    told = run.body["final_at"].values()
    latest = max((datetime.fromisoformat(at) for at in told if at), default=None)
    if latest is None or None in told or run.partial:
        latest = max(latest or run.end, run.end + GRACE)
    return run.as_of >= latest


def _holding(every: str, instant: datetime) -> Period:
    """The calendar month or day that holds an instant."""
    day = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    if every == "day":
        return Period(day, day + DAY)
    return Period(day.replace(day=1), add_months(day.replace(day=1), 1))


def _start(period: Period) -> datetime:
    return period.start
