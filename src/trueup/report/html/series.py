"""The series behind the charts: utilization and burn-down in steps that a screen can show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trueup.report.result import Result

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HOURLY_UP_TO = 3 * DAY
DAILY_UP_TO = 100 * DAY
WEEKLY_UP_TO = 700 * DAY
COMMITMENTS_MAX = 24
CELLS_MAX = 4_000  # 24 commitments over 100 days are 2,400; more only by overlapping intervals
RUNS_MAX = 12
FIGURES = ("utilization", "committed_quantity")
ZERO = Decimal(0)
_PRECISION = 60


@dataclass(frozen=True)
class Heat:
    """The utilization of one commitment over one step; None where it is not known."""

    commitment: str
    start: datetime
    end: datetime
    share: Decimal | None


@dataclass
class Point:
    """One step of a commitment's run; sums are None where a part is not known."""

    start: datetime
    end: datetime
    used: Decimal | None = Decimal(0)
    unused: Decimal | None = Decimal(0)
    remaining: Decimal | None = None


@dataclass
class Run:
    """A commitment over the period, in its own unit."""

    commitment: str
    provider: str | None
    unit: str | None
    points: list[Point] = field(default_factory=list)

    @property
    def term(self) -> bool:
        """True for a term commitment or lot: it has a balance instead of unused capacity."""
        return any(point.remaining is not None for point in self.points)


def step_of(length: timedelta) -> timedelta:
    """How long one column of a chart is, for a period of this length."""
    if length <= HOURLY_UP_TO:
        return HOUR
    if length <= DAILY_UP_TO:
        return DAY
    return 7 * DAY if length <= WEEKLY_UP_TO else 28 * DAY


def step_word(step: timedelta) -> str:
    """The name of a step in a caption."""
    return {HOUR: "hour", DAY: "day", 7 * DAY: "week"}.get(step, "four weeks")


@dataclass
class _Pair:
    end: datetime
    within: Decimal = ZERO
    committed: Decimal = ZERO
    known: bool = True


def heat(result: Result) -> list[Heat]:
    """What was used within the commitment, of what was committed, per commitment and step.

    It is in the commitment's own unit, and by the table's own figures of each interval.
    An interval longer than a step stands as it is, from its start to its end.
    """
    step = step_of(result.end - result.start)
    found: dict[tuple[str, datetime], _Pair] = {}
    names = ["commitment_id", "interval_start", "interval_end", *FIGURES]
    for batch in result.utilization.reader():
        for row in batch.select(names).to_pylist():
            if row["interval_start"] is not None and row["interval_end"] is not None:
                _add(found, row, result, step)
    return [
        Heat(name, start, pair.end, _share(pair)) for (name, start), pair in sorted(found.items())
    ]


def _add(
    found: dict[tuple[str, datetime], _Pair], row: dict[str, Any], result: Result, step: timedelta
) -> None:
    start = max(row["interval_start"], result.start)
    end = min(row["interval_end"], result.end)
    if end - start <= step:
        start = result.start + (start - result.start) // step * step
        end = min(start + step, result.end)
    pair = found.setdefault((row["commitment_id"] or "", start), _Pair(end))
    pair.end = max(pair.end, end)
    share, committed = row["utilization"], row["committed_quantity"]
    if committed == 0:
        return
    if share is None or committed is None:
        pair.known = False
        return
    with localcontext(prec=_PRECISION):
        pair.within += share * committed
        pair.committed += committed


def _share(pair: _Pair) -> Decimal | None:
    if not pair.known or pair.committed <= 0:
        return None
    with localcontext(prec=_PRECISION):
        return pair.within / pair.committed


def lowest(cells: list[Heat]) -> Heat | None:
    """The step with the lowest known utilization, the earliest of equals."""
    known = [cell for cell in cells if cell.share is not None]
    return min(known, key=lambda cell: (cell.share, cell.start), default=None)


def runs(result: Result) -> list[Run]:
    """A run per commitment of the burn-down table, in steps; the table is in day order."""
    step = max(step_of(result.end - result.start), DAY)
    found: dict[str, Run] = {}
    for row in result.burn_down:
        if row["day"] is None:
            continue
        name = row["commitment_id"] or ""
        run = found.setdefault(name, Run(name, row["provider"], row["unit"]))
        start = max(row["day"], result.start)
        start = result.start + (start - result.start) // step * step
        if not run.points or run.points[-1].start != start:
            run.points.append(Point(start, min(start + step, result.end)))
        point = run.points[-1]
        point.used = _sum(point.used, row["used_quantity"])
        point.unused = _sum(point.unused, row["unused_quantity"])
        point.remaining = row["remaining"]
    return [run for run in found.values() if _says_something(run)]


def _says_something(run: Run) -> bool:
    return run.term or any(point.used or point.unused for point in run.points)


def _sum(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    return None if left is None or right is None else left + right
