"""What lots paid of charges: as the charges say themselves, or as a contract's rule has it.

An element of ContractApplied states a cost, or a quantity of credits, which is worth what the
contract says a credit costs. A lot that applies by a rule (``applies_to``) pays of each time's
charges the part that its ledger has for them: what lies beyond the lot is not paid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.integers import EDGE_SCALE, WHOLE, share, total, units, whole
from trueup.reconcile.draws import REFUND
from trueup.reconcile.ledger import OVERAGE, POOLED
from trueup.reconcile.leg import LegRun
from trueup.reconcile.lot_names import credit_price, lots_by_name
from trueup.reconcile.overdrawn import elements
from trueup.reconcile.pools import Pool
from trueup.reconcile.terms import FUNDING, Terms

_WHOLE = pa.decimal128(38, 0)
PRICES = pa.schema(
    [
        pa.field("lot", pa.string()),
        pa.field("lot_unit", pa.string()),
        pa.field("lot_currency", pa.string()),
        pa.field("price_num", _WHOLE),  # of a unit of the lot, in the lot's currency
        pa.field("price_den", _WHOLE),
    ]
)
TIMES = pa.schema(
    [
        pa.field("paid_at", pa.timestamp("us", tz="UTC")),
        pa.field("gives_back", pa.bool_()),  # of charges that draw, or of those that give back
        pa.field("left_num", _WHOLE),  # the part of these charges of that time that no lot paid
        pa.field("left_den", _WHOLE),
    ]
)


def paid_by_name(run: LegRun) -> ir.Table | None:
    """By charge (``paid_id``) what all lots together ``paid`` that it names; see ``payments``."""
    found = payments(run)
    if found is None:
        return None
    return found.group_by("paid_id").aggregate(unpriced=_.unpriced.max(), paid=total(_.paid))


def payments(run: LegRun) -> ir.Table | None:
    """By charge (``paid_id``) and name what a ``lot`` of the funding layer ``paid``, in 10^-18.

    ``unpriced`` says that a part is not known: credits without a price, in another unit, or of a
    pool whose lots differ in price. None where no charge names a lot.
    """
    lots = lots_by_name(term for term in run.terms if term.layer == FUNDING)
    named = sorted(lots.keys() & set(run.applied.column("commitment_id").to_pylist()))
    if not named:
        return None
    prices = run.engine.load(pa.Table.from_pylist([_price(n, lots[n]) for n in named], PRICES))
    found = elements(run.charge_files, named, run.engine)
    currency = run.charges.select(id="x_ChargeId", currency="BillingCurrency")
    t = found.join(prices, found.commitment_id == prices.lot).join(
        currency, found.charge_id == currency.id
    )
    same_unit = t.unit.isnull() | (t.unit.lower() == t.lot_unit.lower())
    priced = same_unit & t.price_num.notnull() & (t.currency == t.lot_currency)
    worth = share(
        units(t.quantity, 10**EDGE_SCALE),
        t.price_num.fill_null(whole(0)),
        t.price_den.fill_null(whole(1)),
    )
    paid = ibis.cases(
        (t.cost.notnull(), units(t.cost, 10**EDGE_SCALE)),
        (priced.fill_null(False), worth),  # noqa: FBT003  the value of the expression
        else_=ibis.null(WHOLE),
    ).cast(WHOLE)
    return (
        t.mutate(paid=paid)
        .group_by("lot", paid_id=_.charge_id)
        .aggregate(unpriced=_.paid.isnull().max(), paid=total(_.paid).fill_null(whole(0)))
    )


def _price(name: str, lot: Terms) -> dict[str, str | Decimal | None]:
    price = credit_price(lot)
    return {
        "lot": name,
        "lot_unit": lot.unit,
        "lot_currency": lot.currency,
        "price_num": None if price is None else Decimal(price.numerator),
        "price_den": None if price is None else Decimal(price.denominator),
    }


@dataclass(frozen=True)
class Ruled:
    """A pool of lots that a rule applies: which part of each time's charges it leaves unpaid."""

    lot: Terms  # whose rule it is
    names: tuple[str, ...]  # charges that name one of these say themselves what they drew
    left: dict[tuple[datetime, bool], Fraction]  # by time, and whether they give back
    unknown: str | None  # why it is not known


def paid_by_rule(pools: Iterable[Pool], currency: str | None) -> Iterator[Ruled]:
    """The pools of a currency whose rule charges met.

    Promotional lots in money are drawn by Credit charges, which lower what is billed themselves.
    """
    for pool in pools:
        lot = pool.ruled
        if lot is None or lot.layer != FUNDING or lot.currency != currency or lot.credits_the_bill:
            continue
        times = pool.pooled.times()
        if not times:
            continue
        unknown = pool.unknown or pool.unstated
        if pool.ledger is not None and min(times) < pool.ledger.since:
            unknown = f"its balance is known from {pool.ledger.since:%Y-%m-%d} on"
        yield Ruled(lot, pool.names, _left(pool) if pool.ledger else {}, unknown)


def _left(pool: Pool) -> dict[tuple[datetime, bool], Fraction]:
    """By time, of what charges drew by the rule, the part beyond; of what they gave back, too.

    Charges that name a lot themselves have no part in either.
    """
    whole: dict[tuple[datetime, bool], Fraction] = {}
    beyond: dict[tuple[datetime, bool], Fraction] = {}
    movements = pool.ledger.movements.values() if pool.ledger else ()
    for one in (one for moved in movements for one in moved):
        if one.by == POOLED:
            key = (one.at, one.kind == REFUND or (one.kind == OVERAGE and one.quantity < 0))
            whole[key] = whole.get(key, Fraction(0)) + abs(one.quantity)
            if one.kind == OVERAGE:
                beyond[key] = beyond.get(key, Fraction(0)) + abs(one.quantity)
    return {key: beyond.get(key, Fraction(0)) / size for key, size in whole.items()}


def times_table(ruled: Ruled) -> pa.Table:
    """The times of a pool, to join with pieces of charges."""
    rows = [
        {
            "paid_at": at,
            "gives_back": gives_back,
            "left_num": Decimal(of.numerator),
            "left_den": Decimal(of.denominator),
        }
        for (at, gives_back), of in sorted(ruled.left.items())
    ]
    return pa.Table.from_pylist(rows, TIMES)
