"""The scale of a run: how many decimals its amounts really use, and what each unit is counted in.

Nothing is rounded to a scale. It is the smallest that holds every value exactly, so that amounts
become whole numbers of 10^-scale and quantities whole numbers of their meter's base unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from trueup.errors import IntegrityError

LEAST_MONEY_DECIMALS = 2
FACTOR_LIMIT = 10**19  # engine.integers.units multiplies an 18-decimal fraction by the factor


@dataclass(frozen=True)
class Counted:
    """One unit as it occurs in a run: its factor to the base unit and the decimals used with it."""

    meter: str
    factor: Fraction
    decimals: int


def base_sizes(units: Iterable[Counted]) -> dict[str, int]:
    """Per meter, into how many parts a base unit is divided so that every quantity is whole.

    All token meters share one size, because tokens of every direction are added as a key.
    """
    units = list(units)
    sizes: dict[str, int] = {}
    for unit in units:
        denominator = (unit.factor / 10**unit.decimals).denominator
        family = _family(unit.meter)
        sizes[family] = lcm(sizes.get(family, 1), denominator, unit.factor.denominator)
    return {unit.meter: sizes[_family(unit.meter)] for unit in units}


def _family(meter: str) -> str:
    return "tokens" if meter.endswith("_tokens") else meter


def whole_factor(unit: Counted, size: int) -> int:
    """How many parts of a base unit one unit is; always a whole number, and one that fits."""
    parts = unit.factor * size
    if parts.denominator != 1 or parts >= FACTOR_LIMIT:
        raise IntegrityError(
            f"{unit.meter}: quantities with {unit.decimals} decimals in units of {unit.factor} "
            "base units are too fine to be counted exactly in 38 digits; "
            "give the source in a unit nearer to what it counts"
        )
    return parts.numerator
