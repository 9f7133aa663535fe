"""What a commitment takes for one pricing unit of a SKU: by its rates, else as it was billed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.integers import total
from trueup.errors import UnitError
from trueup.model.rules import Rate
from trueup.money import EXACT
from trueup.reconcile.leg import LegRun
from trueup.reconcile.rated_lines import ONE, SKU, Benefit
from trueup.units import factor

ALWAYS = (datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))
Row = Mapping[str, Any]

RATES = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("commitment_id", *SKU)),
        pa.field("rate", pa.decimal128(38, 0)),  # of one pricing unit, in units of 10^-18
        pa.field("valid_from", pa.timestamp("us", tz="UTC")),
        pa.field("valid_to", pa.timestamp("us", tz="UTC")),
        pa.field("observed", pa.bool_()),  # taken from billed rows, which keep their own
    ]
)


@dataclass(frozen=True)
class Price:
    """A dated price of one pricing unit of a SKU, by contract."""

    commitment_id: str | None  # None: on demand
    sku: Row
    rate: Fraction
    valid_from: datetime
    valid_to: datetime

    def row(self) -> dict[str, Any]:
        return {
            "commitment_id": self.commitment_id,
            **{name: self.sku[name] for name in SKU},
            "rate": Decimal(round(self.rate * ONE)),
            "valid_from": self.valid_from,
            "valid_to": self.valid_to,
            "observed": False,
        }


def skus_of(lines: ir.Table, engine: Engine) -> list[dict[str, Any]]:
    """The distinct SKUs of lines, with their provider."""
    return list(engine.collect(lines.select("provider", *SKU).distinct()).to_pylist())


def stated(run: LegRun, skus: Sequence[Row]) -> Iterator[Price]:
    """Prices by contract: the rules' own first, then what providers state."""
    rates = run.asserted.get("provider_rates")
    said = rates.rows() if rates is not None else []
    for sku in skus:
        for rate in run.rules.rate:
            yield from _by_rule(rate, sku)
        for row in said:
            yield from _by_provider(row, sku)


def _by_rule(rate: Rate, sku: Row) -> Iterator[Price]:
    """A rate of the rules that speaks of a SKU in its own terms."""
    named = {"provider": "provider", "sku_id": "sku_id", "region_id": "region"}
    if not rate.match.keys() <= named.keys() or rate.currency != sku["currency"]:
        return
    for column, pattern in rate.match.items():
        if not re.search(pattern, sku[named[column]] or "", re.IGNORECASE):
            return
    size = _size(sku["unit"], rate.unit)
    if size is None:
        return
    start = _midnight(rate.valid_from, ALWAYS[0])
    end = _midnight(rate.valid_to, ALWAYS[1])
    yield Price(None, sku, Fraction(rate.price) * size, start, end)
    if rate.commitment_id is not None and rate.commitment_price is not None:
        price = Fraction(rate.commitment_price) * size
        yield Price(rate.commitment_id, sku, price, start, end)


def _by_provider(row: Row, sku: Row) -> Iterator[Price]:
    if row["provider"] != sku["provider"] or row["currency"] != sku["currency"]:
        return
    ids = {sku["sku_id"], sku["sku_price_id"]} - {None}
    words = (row["sku"] or "").split()
    named = row["sku_id"] in ids if row["sku_id"] else (sku["sku_meter"] in words)
    size = _size(sku["unit"], row["unit"])
    if not named or size is None or row["price"] is None:
        return
    yield Price(
        row["commitment_id"],
        sku,
        Fraction(row["price"]) * size,
        row["valid_from"] or ALWAYS[0],
        row["valid_to"] or ALWAYS[1],
    )


def _size(ours: str | None, theirs: str | None) -> Fraction | None:
    """How many of their units one of ours is; None where they cannot be compared."""
    if ours is None or theirs is None or ours.lower() == theirs.lower():
        return Fraction(1) if ours and theirs else None
    try:
        return factor(ours, theirs)
    except UnitError:
        return None


def _midnight(day: Any, otherwise: datetime) -> datetime:
    return otherwise if day is None else datetime.combine(day, time(), UTC)


def unambiguous(prices: Iterable[Price]) -> tuple[list[Price], int]:
    """Prices of which the SKU has one at a time, the first stated first; how many are left out.

    Two different prices for the same instants (tiers, say) cannot be told apart by these columns.
    """
    by_sku: dict[tuple[Any, ...], list[Price]] = {}
    for price in prices:
        key = (price.commitment_id, *(price.sku[name] for name in SKU))
        by_sku.setdefault(key, []).append(price)
    kept: list[Price] = []
    for some in by_sku.values():
        apart = _one_at_a_time(some)
        kept.extend(apart or ())
    return kept, sum(1 for some in by_sku.values() if _one_at_a_time(some) is None)


def _one_at_a_time(prices: Sequence[Price]) -> list[Price] | None:
    ordered = sorted(set_of(prices), key=lambda price: price.valid_from)
    for one, other in pairwise(ordered):
        if other.valid_from < one.valid_to:
            return None
    return ordered


def set_of(prices: Sequence[Price]) -> list[Price]:
    """Each price once."""
    found: dict[tuple[Any, ...], Price] = {}
    for price in prices:
        found.setdefault((price.rate, price.valid_from, price.valid_to), price)
    return list(found.values())


def observed(lines: ir.Table, engine: Engine) -> list[dict[str, Any]]:
    """What covered lines drew per pricing unit, by commitment and SKU."""
    covered = lines.filter(lines.covered_by.notnull() & (lines.drawn > 0))
    found = covered.group_by("covered_by", *SKU).aggregate(
        drawn=total(_.drawn), quantity=total(_.quantity)
    )
    return [
        {
            "commitment_id": row["covered_by"],
            **{name: row[name] for name in SKU},
            "rate": Decimal(round(Fraction(row["drawn"]) / Fraction(row["quantity"]) * ONE)),
            "valid_from": ALWAYS[0],
            "valid_to": ALWAYS[1],
            "observed": True,
        }
        for row in engine.collect(found).to_pylist()
        if row["quantity"]
    ]


def sized(rates: Sequence[Row], skus: Sequence[Row], benefit: Benefit) -> list[dict[str, Any]]:
    """Rates of a commitment's other sizes: in proportion to their units, within its family."""
    sizes = benefit.rule.sizes
    if sizes is None:
        return []
    column = {"SkuMeter": "sku_meter", "SkuId": "sku_id"}[sizes.column]

    def of(row: Row) -> tuple[str, Fraction, Any, Any] | None:
        found = re.search(sizes.pattern, row[column] or "")
        units = sizes.units.get(found["size"]) if found else None
        return (found["family"], units, row["region"], row["unit"]) if found and units else None

    per_unit = {}
    for row in rates:
        told = of(row)
        if told is not None and row["commitment_id"] == benefit.commitment_id:
            per_unit[(told[0], *told[2:])] = Fraction(row["rate"]) / told[1]
    known = {tuple(row[name] for name in SKU) for row in rates}
    found = []
    for sku in skus:
        told = of(sku)
        if told is None or tuple(sku[name] for name in SKU) in known:
            continue
        unit = per_unit.get((told[0], *told[2:]))
        if unit is not None and sku["provider"] == benefit.provider:
            found.append(
                {
                    "commitment_id": benefit.commitment_id,
                    **{name: sku[name] for name in SKU},
                    "rate": Decimal(round(unit * told[1])),
                    "valid_from": ALWAYS[0],
                    "valid_to": ALWAYS[1],
                    "observed": True,
                }
            )
    return found


def rate_table(run: LegRun, lines: ir.Table, benefits: Sequence[Benefit]) -> tuple[pa.Table, int]:
    """A dated rate per commitment and SKU, and how many could not be told apart."""
    skus = skus_of(lines, run.engine)
    prices, ambiguous = unambiguous(
        price for price in stated(run, skus) if price.commitment_id is not None
    )
    rows = [price.row() for price in prices]
    known = {(row["commitment_id"], *(row[name] for name in SKU)) for row in rows}
    rows.extend(
        row
        for row in observed(lines, run.engine)
        if (row["commitment_id"], *(row[name] for name in SKU)) not in known
    )
    for benefit in benefits:
        rows.extend(sized(rows, skus, benefit))
    return _table(rows), ambiguous


def price_table(run: LegRun, lines: ir.Table) -> tuple[pa.Table, int]:
    """A dated on-demand price per SKU by contract, and how many could not be told apart."""
    prices, ambiguous = unambiguous(
        price for price in stated(run, skus_of(lines, run.engine)) if price.commitment_id is None
    )
    return _table([price.row() for price in prices]), ambiguous


def _table(rows: Sequence[Row]) -> pa.Table:
    whole = {name: [row[name] for row in rows] for name in RATES.names}
    whole["rate"] = [EXACT.plus(rate) for rate in whole["rate"]]
    return pa.table(whole, schema=RATES)
