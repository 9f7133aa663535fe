"""Lots by the names that charges call them, and what a credit costs under each of these names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pyarrow as pa

from trueup.money import plain
from trueup.reconcile.terms import Terms


def credit_price(lot: Terms) -> Fraction | None:
    """What one unit of a lot costs: 1 of money itself; None where the contract does not say."""
    if lot.unit is not None and lot.unit == lot.currency:
        return Fraction(1)
    return None if lot.cost_per_credit is None else Fraction(lot.cost_per_credit)


def lots_by_name(lots: Iterable[Terms]) -> dict[str, Terms]:
    """Lots by the names that charges may call them: their own, else that of their pool.

    A pool's name is its first lot, less what its lots do not agree in: see ``in_common``.
    """
    lots = list(lots)
    return {name: in_common(some) for name, some in _pools(lots).items()} | {
        lot.commitment_id: lot for lot in lots
    }


def in_common(lots: Sequence[Terms]) -> Terms:
    """The first of the lots, without price, unit or currency where another lot has another one.

    Which of them paid is then a matter of the draw order: no price is true of all.
    """
    first = lots[0]
    units, currencies = ({getattr(lot, name) for lot in lots} for name in ("unit", "currency"))
    if len({(lot.unit, lot.currency, credit_price(lot)) for lot in lots}) == 1:
        return first
    return replace(
        first,
        cost_per_credit=None,
        unit=first.unit if len(units) == 1 else None,
        currency=first.currency if len(currencies) == 1 else None,
    )


def not_priced(lots: Iterable[Terms], applied: pa.Table) -> list[dict[str, Any]]:
    """A note of each pool that charges call by its name alone, and whose lots differ in price.

    ``applied`` are elements under ``focus.applied.APPLIED``; those that state a cost need no price.
    """
    lots = list(lots)
    elements: dict[str, int] = {}
    for row in applied.to_pylist():
        name = row["commitment_id"]
        elements[name] = elements.get(name, 0) + row["without_cost"]
    names, pools = lots_by_name(lots), _pools(lots)
    return [
        _note(name, elements[name], pools[name])
        for name in sorted(pools.keys() & elements.keys())
        if elements[name]
        and credit_price(names[name]) is None
        and any(credit_price(lot) is not None for lot in pools[name])
    ]


def _pools(lots: Iterable[Terms]) -> Mapping[str, list[Terms]]:
    found: dict[str, list[Terms]] = {}
    for lot in lots:
        if lot.pool is not None:
            found.setdefault(lot.pool, []).append(lot)
    return found


def _note(name: str, elements: int, lots: Sequence[Terms]) -> dict[str, Any]:
    prices = ", ".join(f"{lot.commitment_id} {_price(lot)}" for lot in lots)
    return {
        "code": "pool_of_several_prices",
        "subject": name,
        "text": f"{elements:,} elements of ContractApplied name the pool and no cost, and its "
        f"lots differ in price ({prices}): what these credits paid is not priced",
        "remedy": "have the charges name the lot (ContractCommitmentId) or state the cost "
        "(ContractCommitmentAppliedCost); if the lots cost the same, correct cost_per_credit, "
        "the unit and the currency in the contract",
    }


def _price(lot: Terms) -> str:
    if lot.unit is not None and lot.unit == lot.currency:
        return f"in {lot.unit}"
    if lot.cost_per_credit is None:
        return f"unknown per {lot.unit}"
    return f"{plain(lot.cost_per_credit, 2)} {lot.currency} per {lot.unit}"
