"""What drove cost within a result's own period, and what its unused commitment is traced to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, get_args

import pyarrow as pa
import pyarrow.compute as pc

from trueup.attribute.drivers import By, Driver, costliest, cut_rows, drivers, rated_drivers
from trueup.attribute.unused_trace import Traced, traced
from trueup.errors import UsageError
from trueup.model.spend_schema import DRIVERS, UNUSED_TRACE
from trueup.model.table import Table
from trueup.period import Period

if TYPE_CHECKING:
    from trueup.report.result import Result

DAYS = {"day": 1, "week": 7}


def windows(result: Result, against: str) -> tuple[Period, Period]:
    """The last whole day or week that is known, and the one before; UsageError if there is none."""
    if against not in DAYS:
        raise UsageError(f"against {against!r}: choose one of {', '.join(DAYS)}")
    known = min(result.end, result.as_of)
    end = known.replace(minute=0, second=0, microsecond=0)
    length = timedelta(days=DAYS[against])
    if end - 2 * length < result.start:
        raise UsageError(
            f"the period has no two {against}s to compare: it is known from "
            f"{result.start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}. `trueup drivers` compares "
            "with earlier periods, too."
        )
    return Period(end - length, end), Period(end - 2 * length, end - length)


def found(result: Result, by: By, now: Period, before: Period) -> list[Driver]:
    """Every driver of the bill by currency, the costliest first."""
    span = Period(before.start, now.end)
    return drivers(_rows(result.spend, span), _rows(result.activity, span), by, now, before)


def found_rated(result: Result, by: By, now: Period, before: Period) -> list[Driver]:
    """Every driver that is rated beside the bill, in the same order."""
    return rated_drivers(_rows(result.rated, Period(before.start, now.end)), by, now, before)


def left_out(result: Result, now: Period, before: Period) -> dict[str, Decimal]:
    """By currency, what is billed over longer times than these."""
    return cut_rows(_rows(result.spend, Period(before.start, now.end)), (now, before))


def traces(result: Result, now: Period, before: Period) -> list[Traced]:
    """Every commitment with something unused in whole intervals of now, the costliest first."""
    span = Period(before.start, now.end)
    rows = [
        row
        for batch in result.utilization.reader()
        for row in batch.filter(
            pc.and_(
                pc.greater_equal(batch.column("interval_start"), now.start),
                pc.less_equal(batch.column("interval_end"), now.end),
            )
        ).to_pylist()
    ]
    return traced(rows, _rows(result.spend, span), _rows(result.activity, span))


def within(result: Result, by: By, against: str) -> Table:
    """See ``Result.drivers``."""
    if by not in get_args(By):
        raise UsageError(f"by {by!r}: choose one of {', '.join(get_args(By))}")
    asked = (by, *windows(result, against))
    every = costliest([*result.once(found, *asked), *found_rated(result, *asked)])
    return Table.from_rows(DRIVERS, [_row(one) for one in every])


def trace_within(result: Result) -> Table:
    """See ``Result.unused_trace``."""
    return Table.from_rows(
        UNUSED_TRACE, [_trace_row(one) for one in traces(result, *windows(result, "week"))]
    )


def _rows(table: Table, span: Period) -> pa.Table:
    """The rows that touch a span, read batch by batch."""
    kept: Sequence[pa.RecordBatch] = [
        batch.filter(
            pc.and_(
                pc.less(batch.column("start"), span.end),
                pc.greater(batch.column("end"), span.start),
            )
        )
        for batch in table.reader()
    ]
    return pa.Table.from_batches(kept, schema=table.schema)


DIRECT = ("currency", "basis", "name", "reason", "before", "now", "accrued")


def _row(one: Driver) -> dict[str, object]:
    return {
        **{name: getattr(one, name) for name in DIRECT},
        "change": one.change,
        **one.effects,
        "state": one.state or None,
    }


def _trace_row(one: Traced) -> dict[str, object]:
    idle = [
        {"meter": meter, "unit": unit, "quantity": amount}
        for (meter, unit), amount in one.idle.items()
    ]
    return vars(one) | {"idle": idle, "quiet": [vars(team) for team in one.quiet]}
