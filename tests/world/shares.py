"""Splits an amount by weights to the last unit, in plain integers."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from tests.world.ledger import IDLE, Party

Sharer = Party | str  # a party, or IDLE


def _order(sharer: Sharer) -> tuple[object, ...]:
    """Nothing before any text, field by field; idle capacity after everyone."""
    if isinstance(sharer, str):
        return (1,)
    return (0, *((part is not None, part or "") for part in sharer))


def split(amount: int, weights: Mapping[Sharer, int]) -> dict[Sharer, int]:
    """Largest remainder: floors first, the left-over units one each by remainder descending."""
    total = sum(weights.values())
    size, sign = abs(amount), (-1 if amount < 0 else 1)
    shares = {sharer: size * weight // total for sharer, weight in weights.items()}
    ranked = sorted(weights, key=lambda who: (-(size * weights[who] % total), _order(who)))
    for sharer in ranked[: size - sum(shares.values())]:
        shares[sharer] += 1
    return {sharer: sign * share for sharer, share in shares.items()}


def in_units(cost: Decimal, scale: int) -> int:
    """A cost as whole units of 10^-scale; raises ValueError where it is not one."""
    scaled = cost.scaleb(scale)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{cost} has more than {scale} decimals")
    return int(scaled)


def decimals(cost: Decimal) -> int:
    """How many decimals a figure needs, trailing zeros dropped."""
    exponent = cost.normalize().as_tuple().exponent
    return max(0, -int(exponent))


__all__ = ["IDLE", "Sharer", "decimals", "in_units", "split"]
