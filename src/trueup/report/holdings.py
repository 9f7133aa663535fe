"""Commitments as a person asks about them: what lies unused, what no bill shows, what runs out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from trueup.money import EXACT
from trueup.report.figures import ZERO, Row
from trueup.report.names import last_part, names_of, of_provider

if TYPE_CHECKING:
    from trueup.report.result import Result

EXPIRY_HORIZON = timedelta(days=60)
DAY = timedelta(days=1)
_PRECISION = 60


@dataclass(frozen=True)
class Unused:
    """A commitment of which something was paid for and not used."""

    name: str
    currency: str | None
    size: Decimal  # its unused cost
    utilization: Decimal | None
    worst_day: datetime | None
    worst: Decimal  # what was not used on that day


@dataclass(frozen=True)
class Held:
    """Some quantity of a commitment or lot, and its money where that is known."""

    name: str
    provider: str | None
    quantity: Decimal | None
    unit: str | None
    cost: Decimal | None
    currency: str | None
    at: datetime | None
    whole: bool = True  # False: the bill shows the commitment in other hours of the period

    @property
    def title(self) -> str:
        return of_provider(self.name, self.provider)


def is_benefit(row: Row) -> bool:
    """Say whether a commitment lowers the cost of charges, as one that names no layer does."""
    return row["layer"] in (None, "benefit")


def unused(result: Result) -> list[Unused]:
    """Commitments of the benefit layer with unused cost, per currency the largest first."""
    names, worst = names_of(result), _worst_days(result)
    found = [
        Unused(
            of_provider(names.get(row["commitment_id"], ""), row["provider"]),
            row["currency"],
            row["unused_cost"],
            row["utilization"],
            *worst.get((row["commitment_id"], row["currency"]), (None, ZERO)),
        )
        for row in result.commitments.rows()
        if is_benefit(row) and row["unused_cost"]
    ]
    return sorted(found, key=lambda item: (item.currency or "", -item.size))


def _worst_days(result: Result) -> dict[tuple[str, str], tuple[datetime, Decimal]]:
    """The day with the most unused cost per commitment and currency, of intervals up to a day."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from trueup.model.sums import sums_by

    keys = ["commitment_id", "currency", "day"]
    sums: dict[tuple[str, str, datetime], Decimal] = {}
    for batch in result.utilization.reader():
        start, end = batch["interval_start"], batch["interval_end"]
        columns = [batch["commitment_id"], batch["currency"], pc.floor_temporal(start, unit="day")]
        rows = pa.table([*columns, batch["unused_cost"]], names=[*keys, "unused"])
        daily = pc.less_equal(pc.subtract(end, start), pa.scalar(DAY, pa.duration("us")))
        for row in sums_by(rows.filter(daily), keys, ["unused"]).to_pylist():
            key = (row["commitment_id"], row["currency"], row["day"])
            sums[key] = EXACT.add(sums.get(key, ZERO), row["unused"] or ZERO)
    found: dict[tuple[str, str], tuple[datetime, Decimal]] = {}
    for (commitment, currency, day), cost in sorted(sums.items(), key=lambda item: -item[1]):
        if cost > 0:
            known = found.setdefault((commitment, currency), (day, cost))
            if known[1] == cost and day < known[0]:
                found[commitment, currency] = (day, cost)
    return found


def off_bill(result: Result) -> list[Held]:
    """What contracts commit and no bill of the period shows: known from the contract alone."""
    names = names_of(result)
    found = [
        Held(
            names.get(row["commitment_id"], ""),
            row["provider"],
            row["not_covered_quantity"],
            row["unit"],
            as_money(row, row["not_covered_quantity"]) if row["category"] == "Spend" else None,
            row["currency"],
            None,
            whole=row["status"] == "not_covered",
        )
        for row in result.commitments.rows()
        if is_benefit(row) and row["not_covered_quantity"]
    ]
    return sorted(found, key=lambda item: (item.currency or "", -(item.cost or ZERO)))


def as_money(row: Row, quantity: Decimal | None) -> Decimal | None:
    """What a quantity of a commitment or lot cost; None where nothing says so."""
    if quantity is None or row["unit"] == row["currency"]:
        return quantity
    price = row.get("cost_per_credit")
    with localcontext(prec=_PRECISION):
        return None if price is None else quantity * price


def _lots(result: Result, part: str) -> Iterator[Held]:
    names = names_of(result)
    for row in result.credits.rows():
        identifier = row["lot_id"] or row["commitment_id"] or ""
        yield Held(
            names.get(identifier) or last_part(identifier),
            row["provider"],
            row[part],
            row["unit"],
            as_money(row, row[part]),
            row["currency"],
            row["expires_at"],
        )


def expired(result: Result) -> list[Held]:
    """Lots that lost something when they expired."""
    return [lot for lot in _lots(result, "expired") if lot.quantity]


def expiring(result: Result) -> list[Held]:
    """Lots with something left, or of which it is not known, that expire soon after as_of."""
    return [
        lot
        for lot in _lots(result, "remaining")
        if lot.at is not None
        and result.as_of <= lot.at <= result.as_of + EXPIRY_HORIZON
        and (lot.quantity is None or lot.quantity > 0)
    ]


def balances(result: Result) -> list[Row]:
    """Commitments that pay for charges, each with its ``title``."""
    names = names_of(result)
    return [
        {**row, "title": of_provider(names.get(row["commitment_id"], ""), row["provider"])}
        for row in result.commitments.rows()
        if row["layer"] == "funding"
    ]
