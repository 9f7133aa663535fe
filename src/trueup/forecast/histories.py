"""The history of use of every commitment, from the result tables of one run or of many.

Hours and days come from ``utilization`` (used and overage of each fulfilment interval); of lots
and agreements, which count over their term, from ``burn_down`` (days) and ``movements`` (hours).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from trueup.errors import UsageError
from trueup.forecast.series import DAY, HOUR, Series, series_of
from trueup.workspace.newest import rows_of

if TYPE_CHECKING:
    from trueup.model.outcome import Outcome
    from trueup.workspace.run import Run
    from trueup.workspace.workspace import Workspace

BILLED_WITHIN = timedelta(days=3)  # before that, a lot's day without a draw may not be billed yet
DRAWS = ("drawdown", "overage", "refund")
INTERVALS = pa.schema(
    [
        ("commitment_id", pa.string()),
        ("provider", pa.string()),
        ("unit", pa.string()),
        ("start", pa.timestamp("us", tz="UTC")),
        ("end", pa.timestamp("us", tz="UTC")),
        ("quantity", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Known:
    """The tables of one run, and when it knew them."""

    start: datetime
    end: datetime
    as_of: datetime
    table: Callable[[str], pa.Table]

    @classmethod
    def of_outcome(cls, outcome: Outcome) -> Known:
        """A run whose tables are in memory."""
        tables = outcome.tables
        return cls(outcome.start, outcome.end, outcome.as_of, lambda name: tables[name].to_arrow())

    @classmethod
    def of_run(cls, workspace: Workspace, run: Run) -> Known:
        """A run that a workspace keeps; its tables are read when asked for."""
        return cls(run.start, run.end, run.as_of, partial(rows_of, workspace, [run]))


def histories(
    runs: Sequence[Known], step: timedelta, column: str = "used_quantity"
) -> list[Series]:
    """A series per commitment in runs in the order of their periods, by the name of commitments.

    ``column`` of ``utilization`` other than used_quantity (unused_quantity) is given alone, and
    without lots. What is only known by longer intervals than ``step`` is left out.
    """
    found = [_utilization(run, column) for run in runs]
    if column == "used_quantity":
        by_interval = pa.concat_tables(found)["commitment_id"].unique()
        for run in runs:
            lots = _days(run) if step == DAY else _hours(run)
            found.append(lots.filter(pc.invert(pc.is_in(lots["commitment_id"], by_interval))))
    whole = pa.concat_tables(found)
    series = []
    for key in whole.group_by(["commitment_id", "provider", "unit"]).aggregate([]).to_pylist():
        of_it = whole.filter(pc.equal(whole["commitment_id"], key["commitment_id"]))
        same = pc.equal(of_it["unit"], key["unit"]) if key["unit"] else pc.is_null(of_it["unit"])
        try:
            history = series_of(
                key["commitment_id"], key["unit"], step, of_it.filter(same), key["provider"]
            )
        except UsageError:  # a month, or less than a step: nothing of this kind to tell
            continue
        series.append(history.from_first_use())
    return sorted(series, key=lambda each: (each.name, each.unit or ""))


def _utilization(run: Known, column: str) -> pa.Table:
    rows = run.table("utilization")
    quantity = rows[column].cast(pa.float64())
    if column == "used_quantity":
        overage = pc.fill_null(rows["overage_quantity"].cast(pa.float64()), 0.0)
        quantity = pc.add(quantity, overage)
    return _intervals(run, rows, rows["interval_start"], rows["interval_end"], quantity)


def _days(run: Known) -> pa.Table:
    """What lots drew each day; the last days, if nothing was drawn, may not be billed yet."""
    rows = run.table("burn_down")
    found = _intervals(run, rows, rows["day"], _later(rows["day"], DAY), rows["used_quantity"])
    recent = pc.greater_equal(found["start"], pa.scalar(run.as_of - BILLED_WITHIN, INSTANT))
    return found.filter(pc.invert(pc.and_(recent, pc.equal(found["quantity"], 0.0))))


def _hours(run: Known) -> pa.Table:
    """What lots drew each hour, and nothing in the other hours of the days that are known."""
    days = _days(run)
    moved = run.table("movements")
    moved = moved.filter(pc.is_in(moved["kind"], pa.array(DRAWS)))
    overage = pc.equal(moved["kind"], "overage")
    quantity = moved["quantity"].cast(pa.float64())
    drawn = pc.if_else(overage, quantity, pc.negate(quantity))
    instants = _intervals(run, moved, moved["at"], moved["at"], drawn)
    hours = [
        days.set_column(3, INTERVALS.field("start"), _later(days["start"], number * HOUR))
        .set_column(4, INTERVALS.field("end"), _later(days["start"], (number + 1) * HOUR))
        .set_column(5, INTERVALS.field("quantity"), pa.nulls(len(days), pa.float64()).fill_null(0))
        for number in range(24)
    ]
    return pa.concat_tables([instants, *hours])


INSTANT = INTERVALS.field("start").type


def _later(instants: pa.ChunkedArray, by: timedelta) -> pa.ChunkedArray:
    return pc.add(instants, pa.scalar(by, pa.duration("us")))


def _intervals(
    run: Known,
    rows: pa.Table,
    start: pa.ChunkedArray,
    end: pa.ChunkedArray,
    quantity: pa.ChunkedArray,
) -> pa.Table:
    """Known quantities of intervals that had ended at the run's clock."""
    found = pa.table(
        [
            *(rows[name] for name in ("commitment_id", "provider", "unit")),
            start,
            end,
            quantity.cast(pa.float64()),
        ],
        schema=INTERVALS,
    )
    over = pc.less_equal(found["end"], pa.scalar(min(run.as_of, run.end), INSTANT))
    return found.filter(pc.and_(over, pc.is_valid(found["quantity"])))
