"""Changes to charges that a ledger has already: each in its place, so that the order stays."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.world.ledger import Charge, Ledger, Value

COSTS = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")


def with_values(charge: Charge, **more: Value) -> Charge:
    """The charge with some of its columns otherwise."""
    return Charge(charge.provider, charge.file, {**charge.values, **more})


def rewrite(ledger: Ledger, change: Callable[[Charge], Charge]) -> None:
    """Replace every charge of the ledger, also those before the period, by what it becomes."""
    ledger.charges[:] = [change(charge) for charge in ledger.charges]
    ledger.earlier[:] = [change(charge) for charge in ledger.earlier]


def amount(charge: Charge, column: str) -> Decimal:
    """A figure of the charge; raises TypeError where it states none."""
    value = charge.values.get(column)
    if not isinstance(value, Decimal):
        raise TypeError(f"{column} is {value!r}, no amount")
    return value


def at_price(charge: Charge, price: Decimal) -> Charge:
    """The charge as if a unit had cost so much: all its costs follow."""
    cost = amount(charge, "PricingQuantity") * price
    return with_values(charge, **dict.fromkeys(COSTS, cost))
