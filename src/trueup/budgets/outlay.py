"""What was spent, over all periods that were run, and which time is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from trueup.budgets.bought import COLUMNS, bought
from trueup.period import Period
from trueup.workspace.newest import newest_runs, rows_of
from trueup.workspace.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from trueup.model.table import Table
    from trueup.workspace.run import Run

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Outlay:
    """Rows under ``COLUMNS``, and the spans of time that runs cover, in order, none touching.

    ``spend`` are the rows of the table ``spend``; ``commitments`` is what ``bought`` gives.
    """

    spend: pa.Table
    commitments: pa.Table
    known: Sequence[Period]
    partial: Sequence[tuple[Period, str]] = ()  # runs that lack a source, and their periods

    @property
    def known_until(self) -> datetime:
        """The end of what runs cover, by their clocks."""
        return self.known[-1].end

    @cached_property
    def seen_until(self) -> datetime:
        """Until when anything was billed or metered: a clock alone knows of no spend."""
        return _last(self.spend, self.known[-1])


@dataclass(frozen=True)
class Unkept:
    """A run that the workspace does not keep yet, with its result tables."""

    run_id: str
    start: datetime
    end: datetime
    as_of: datetime
    partial: bool
    tables: Mapping[str, Table]


def outlay(workspace: Workspace) -> Outlay | None:
    """What the newest runs of a workspace know; None where it has never run."""
    return outlay_of(workspace, workspace.runs())


def outlay_of(workspace: Workspace, given: Iterable[Run | Unkept]) -> Outlay | None:
    """What the newest of these runs know; they stand in the order in which they ran."""
    runs = newest_runs(given)
    known = spans((run.start, min(run.end, run.as_of)) for run in runs)
    if not known:
        return None
    spend = _rows(workspace, runs, "spend").select(list(COLUMNS))
    lacking = [(Period(run.start, run.end), run.run_id) for run in runs if run.partial]
    return Outlay(spend, bought(runs, partial(_rows, workspace)), known, lacking)


def spans(given: Iterable[tuple[datetime, datetime]]) -> list[Period]:
    """Spans of time in order, those that touch as one; empty ones are left out."""
    found: list[Period] = []
    for start, end in sorted(given):
        if start >= end:
            continue
        if found and start <= found[-1].end:
            found[-1] = Period(found[-1].start, max(end, found[-1].end))
        else:
            found.append(Period(start, end))
    return found


def _last(spend: pa.Table, span: Period) -> datetime:
    """The end of the last row in a span, or its start; rows longer than a day tell no time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    start, end = spend["start"], spend["end"]
    short = pc.less_equal(pc.subtract(end, start), pa.scalar(_DAY, pa.duration("us")))
    inside = pc.greater(end, pa.scalar(span.start, end.type))
    last = pc.max(spend.filter(pc.and_(short, inside))["end"]).as_py()
    return span.start if last is None else min(last, span.end)


def _rows(workspace: Workspace, runs: Sequence[Run | Unkept], name: str) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables(
        run.tables[name].to_arrow() if isinstance(run, Unkept) else rows_of(workspace, [run], name)
        for run in runs
    )
