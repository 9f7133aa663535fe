"""Spend, metered quantities and utilization by day, as far as runs know them whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

DAY = timedelta(days=1)
NOTHING = Decimal(0)
WHO = ("provider", "model", "meter", "agent", "team")
# What one-off charges are (fees, taxes, credits) has no season: only the cost of use is expected.
OF_USE = ("idle", "no_rule", "missing_in_usage", "unverified_capacity", "unused")
ALLOCATED = "allocated"
COMMITMENT = ("provider", "commitment_id")

Key = tuple[str | None, ...]
Scope = Mapping[str, str | None]
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Daily:
    """Tables of days: ``day``, names, figures. What lasts longer than a day is in none of them.

    ``days`` are the whole UTC days that the runs' periods hold, up to the clock of each.
    """

    days: tuple[date, ...]
    spend: pa.Table  # day, currency, *WHO, cost; a day whose cost is not known whole has a null
    activity: pa.Table  # day, unit, capacity, *WHO, quantity
    utilization: pa.Table  # day, currency, *COMMITMENT, used, committed, unused cost

    @cached_property
    def totals(self) -> dict[str | None, list[Decimal]]:
        """What use cost on each day, by currency."""
        found = series(self.spend, ("currency",), "cost")
        return {code: list(on(self.days, amounts).values()) for (code,), amounts in found.items()}


def daily(
    spans: Iterable[Span],
    spend: pa.RecordBatchReader,
    activity: pa.RecordBatchReader,
    utilization: pa.RecordBatchReader,
) -> Daily:
    """Sum result tables by day, batch by batch; ``spans`` are the periods, each cut at its clock."""
    return Daily(
        tuple(sorted({day for span in spans for day in whole_days(*span)})),
        _by_day(spend, "start", ("currency", *WHO), ("cost",)),
        _by_day(activity, "start", ("unit", "capacity", *WHO), ("quantity",)),
        _by_day(
            utilization,
            "interval_start",
            ("currency", *COMMITMENT),
            ("used_quantity", "committed_quantity", "unused_cost"),
        ),
    )


def whole_days(start: datetime, end: datetime) -> list[date]:
    """The UTC days that lie wholly in a half-open interval."""
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if day < start:
        day += DAY
    found = []
    while day + DAY <= end:
        found.append(day.date())
        day += DAY
    return found


def _by_day(
    reader: pa.RecordBatchReader, start: str, names: Sequence[str], figures: Sequence[str]
) -> pa.Table:
    import pyarrow as pa

    parts = [_summed(_of_days(batch, start, names, figures), names, figures) for batch in reader]
    empty = _summed(_of_days(reader.schema.empty_table(), start, names, figures), names, figures)
    return _summed(pa.concat_tables([empty, *parts]), names, figures)


def _of_days(
    rows: pa.RecordBatch | pa.Table, start: str, names: Sequence[str], figures: Sequence[str]
) -> pa.Table:
    """Rows of at most a day that are about use, with the day in which they begin."""
    import pyarrow as pa
    import pyarrow.compute as pc

    end = start.replace("start", "end")
    wanted = pc.less_equal(
        pc.subtract(rows.column(end), rows.column(start)), pa.scalar(DAY, pa.duration("us"))
    )
    if "reason" in rows.schema.names and "cost" in figures:
        reason = rows.column("reason")
        of_use = pc.or_(pc.is_null(reason), pc.is_in(reason, pa.array(OF_USE)))
        wanted = pc.and_(wanted, of_use)
    kept = (pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows).filter(
        wanted
    )
    day = kept[start].cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
    return kept.select([*names, *figures]).append_column("day", day)


def _summed(rows: pa.Table, names: Sequence[str], figures: Sequence[str]) -> pa.Table:
    """Sums by day and names; null where one of the figures is."""
    import pyarrow.compute as pc

    keep_null = pc.ScalarAggregateOptions(skip_nulls=False, min_count=0)
    sums = rows.group_by(["day", *names], use_threads=False).aggregate(
        [(figure, "sum", keep_null) for figure in figures]
    )
    sums = sums.rename_columns(
        [
            name.removesuffix("_sum") if name.removesuffix("_sum") in figures else name
            for name in sums.schema.names
        ]
    )
    return sums.select(["day", *names, *figures]).cast(
        rows.select(["day", *names, *figures]).schema
    )


def series(
    rows: pa.Table, names: Sequence[str], figure: str
) -> dict[Key, dict[date, Decimal | None]]:
    """A figure by day for each combination of names, of those whose last name is known."""
    import pyarrow.compute as pc

    found: dict[Key, dict[date, Decimal | None]] = {}
    named = rows.filter(pc.is_valid(rows[names[-1]]))
    for row in _summed(named, names, [figure]).to_pylist():
        found.setdefault(tuple(row[name] for name in names), {})[row["day"]] = row[figure]
    return found


def on(days: Iterable[date], amounts: Mapping[date, Decimal | None]) -> dict[date, Decimal]:
    """A series on days: nothing where it has no row, no entry where it is not known whole."""
    found = {day: amounts.get(day, NOTHING) for day in days}
    return {day: amount for day, amount in found.items() if amount is not None}


def within(rows: pa.Table, scope: Scope, days: Iterable[date] | None = None) -> pa.Table:
    """The rows that a scope names, of some days."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, value in scope.items():
        column = rows[name]
        rows = rows.filter(pc.is_null(column) if value is None else pc.equal(column, value))
    if days is not None:
        rows = rows.filter(pc.is_in(rows["day"], pa.array(list(days), pa.date32())))
    return rows
