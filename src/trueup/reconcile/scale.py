"""The scale of a run: how many decimals its amounts really use, and what each unit is counted in.

Nothing is rounded to a scale. It is the smallest that holds every value exactly, so that amounts
become whole numbers of 10^-scale and quantities whole numbers of their meter's base unit. What
cannot be counted together with the rest in 38 digits is not compared, and named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

LEAST_MONEY_DECIMALS = 2
FINE_MONEY_DECIMALS = 12  # of what is priced here: an hour of it may be far below the bill's last
FACTOR_LIMIT = 10**19  # engine.integers.units multiplies an 18-decimal fraction by the factor
PARTS_LIMIT = 10**28  # engine.integers.share divides by up to so many
UNITS_LIMIT = 10**20  # so many units, of whichever size, are shown with 18 decimals


def fine_scale(scale: int) -> int:
    """The decimals in which usage is priced beside a bill of so many."""
    return max(scale, FINE_MONEY_DECIMALS)


@dataclass(frozen=True)
class Counted:
    """Quantities of one unit and fineness: their factor to the base unit, and what they add up to.

    ``most`` is at least the sum of their magnitudes, in the unit.
    """

    meter: str
    factor: Fraction
    decimals: int
    most: int

    @property
    def parts(self) -> int:
        """Into how many parts a base unit is divided at least, so that each quantity is whole."""
        return lcm((self.factor / 10**self.decimals).denominator, self.factor.denominator)


@dataclass
class Tally:
    """What the quantities of meters that are counted alike come to, together."""

    size: int = 1  # parts of a base unit
    load: Fraction = Fraction(0)  # base units
    largest: Fraction = Fraction(1)  # factor
    smallest: Fraction = Fraction(1)

    def with_(self, one: Counted) -> Tally:
        return Tally(
            lcm(self.size, one.parts),
            self.load + one.most * one.factor,
            max(self.largest, one.factor),
            min(self.smallest, one.factor),
        )

    @property
    def fits(self) -> bool:
        return (
            self.largest * self.size < FACTOR_LIMIT
            and self.load * self.size < PARTS_LIMIT
            and self.load < UNITS_LIMIT * self.smallest
        )


def base_sizes(counted: Iterable[Counted]) -> tuple[dict[str, int], set[Counted]]:
    """Per meter, into how many parts a base unit is divided, and the quantities that do not fit.

    The coarser come first: of quantities that cannot all be counted exactly, the finest are left
    out. All token meters share one size, because tokens of every direction are added as a key.
    """
    tallies: dict[str, Tally] = defaultdict(Tally)
    left_out: set[Counted] = set()
    meters = set()
    for one in sorted(counted, key=lambda one: (one.parts, one.most)):
        meters.add(one.meter)
        more = tallies[_family(one.meter)].with_(one)
        if more.fits:
            tallies[_family(one.meter)] = more
        else:
            left_out.add(one)
    return {meter: tallies[_family(meter)].size for meter in meters}, left_out


def _family(meter: str) -> str:
    return "tokens" if meter.endswith("_tokens") else meter
