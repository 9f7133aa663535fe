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
    """Sum result tables by day; ``spans`` are the periods that they hold, each cut at its clock."""
    from trueup.model.day_sums import by_day

    used = ("used_quantity", "committed_quantity", "unused_cost")
    names = ("currency", *COMMITMENT)
    return Daily(
        tuple(sorted({day for span in spans for day in whole_days(*span)})),
        by_day(spend, ("currency", *WHO), ("cost",)),
        by_day(activity, ("unit", "capacity", *WHO), ("quantity",)),
        by_day(utilization, names, used, start="interval_start"),
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


def series(
    rows: pa.Table, names: Sequence[str], figure: str
) -> dict[Key, dict[date, Decimal | None]]:
    """A figure by day for each combination of names, of those whose last name is known."""
    import pyarrow.compute as pc

    from trueup.model.day_sums import summed

    found: dict[Key, dict[date, Decimal | None]] = {}
    named = rows.filter(pc.is_valid(rows[names[-1]]))
    for row in summed(named, names, [figure]).to_pylist():
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
