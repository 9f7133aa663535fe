"""Instants in expressions: UTC without a zone, since engines disagree on how they carry one."""

from __future__ import annotations

from datetime import UTC, datetime

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from trueup.period import Period

INSTANT = dt.Timestamp(scale=6)
QUARTER_SECONDS = 900
UNITS = {"months": "M", "days": "D", "hours": "h", "seconds": "s"}
ZONED = pa.timestamp("us", tz="UTC")


def instant(column: ir.Value) -> ir.Value:
    """A column of UTC instants, its zone taken off (the engines' sessions run in UTC)."""
    return column.cast(INSTANT)


def seconds(column: ir.Value) -> ir.Value:
    """An instant as whole seconds since 1970, for a key: DuckDB's own are of type double."""
    return column.epoch_seconds().cast(dt.Decimal(38, 0))


def lasting(**units: int) -> ir.IntervalScalar:
    """An interval, as ``lasting(hours=1)``: of months, days, hours or seconds.

    Not ``ibis.interval``, which fails where sqlglot's compiled form is installed beside Ibis 12.
    """
    [(unit, many)] = units.items()
    return ibis.literal(many).as_interval(UNITS[unit])


def quarter(column: ir.Value) -> ir.Value:
    """The quarter of an hour that an instant lies in: no zone's hours begin more finely."""
    past = column.epoch_seconds().cast("int64") % QUARTER_SECONDS
    return instant(column.truncate("s") - past.as_interval("s"))


def moment(value: datetime) -> ir.Value:
    """A literal instant."""
    return ibis.literal(value.astimezone(UTC).replace(tzinfo=None), type=INSTANT)


def within(start: ir.Value, end: ir.Value, period: Period | None) -> tuple[ir.Value, ir.Value]:
    """Start and end of what lies in the period; without one all does."""
    if period is None:
        return start, end
    return ibis.greatest(start, moment(period.start)), ibis.least(end, moment(period.end))


def zoned(rows: pa.Table) -> pa.Table:
    """Rows that leave an engine, their instants marked as UTC again."""
    fields = [
        pa.field(field.name, ZONED) if pa.types.is_timestamp(field.type) else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))


def unzoned(rows: pa.Table) -> pa.Table:
    """Rows that enter an engine, their UTC instants without the zone."""
    fields = [
        pa.field(field.name, pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))
