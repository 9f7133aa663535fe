"""Amounts with their currency, exact sums and penny-exact shares.

Nothing here rounds. A result that does not fit the precision (100 significant digits, far more
than the 38 that a column holds) raises ``decimal.Inexact`` instead of being cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import (
    Clamped,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Rounded,
    Subnormal,
    Underflow,
)
from fractions import Fraction
from functools import cache
from math import lcm

from trueup.errors import CurrencyMismatch, UsageError

EXACT = Context(
    prec=100,
    traps=[
        Clamped,
        DivisionByZero,
        Inexact,
        InvalidOperation,
        Overflow,
        Rounded,
        Subnormal,
        Underflow,
    ],
)

Weight = int | Decimal | Fraction


@dataclass(frozen=True)
class Money:
    """An exact amount in one currency; amounts of two currencies never add or compare.

    ``amount`` is a finite Decimal (or an int): a float raises UsageError, because a binary
    fraction is not the number that was written.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", _decimal(self.amount))
        if not self.currency:
            raise UsageError("an amount needs its currency, for example Money(Decimal('1'), 'USD')")

    def __add__(self, other: Money) -> Money:
        return Money(EXACT.add(self.amount, self._same(other)), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(EXACT.subtract(self.amount, self._same(other)), self.currency)

    def __mul__(self, factor: int | Decimal) -> Money:
        return Money(EXACT.multiply(self.amount, _decimal(factor)), self.currency)

    __rmul__ = __mul__

    def __neg__(self) -> Money:
        return Money(EXACT.minus(self.amount), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __str__(self) -> str:
        return f"{plain(self.amount, 2)} {self.currency}"

    def allocate(self, weights: Sequence[Weight], scale: int) -> list[Money]:
        """Share the amount as ``allocate`` does, keeping the currency."""
        return [Money(part, self.currency) for part in allocate(self.amount, weights, scale)]

    def _same(self, other: Money) -> Decimal:
        if not isinstance(other, Money):
            raise UsageError(f"{other!r} has no currency: only Money adds to or compares with it")
        if other.currency != self.currency:
            raise CurrencyMismatch(
                f"{self} and {other} are of different currencies: convert one by an explicit rate"
            )
        return other.amount


def _decimal(value: object) -> Decimal:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if not isinstance(value, Decimal):
        raise UsageError(f"{value!r} is not an exact number: write it as Decimal('...')")
    if not value.is_finite():
        raise UsageError(f"{value} is not a number that can be added")
    return value


def allocate(total: Decimal, weights: Sequence[Weight], scale: int) -> list[Decimal]:
    """Share ``total`` by ``weights`` in units of 10^-scale, so that the parts sum to ``total``.

    The method is the largest remainder: every part is the floor of its exact share of |total|,
    the units left over go one each to the largest remainders, ties in the order given; then the
    sign is put back. So every part is less than one unit away from its exact share, a larger
    weight never gets the smaller part of a positive total, and a weight of zero gets nothing.

    Raises UsageError where ``total`` has more than ``scale`` decimals, a weight is negative, or
    the weights sum to zero while there is something to share.
    """
    total = _decimal(total)
    units = _units(total, scale)
    shares = _integers(weights)
    whole = sum(shares)
    if whole == 0:
        if units:
            raise UsageError(f"{plain(total)} cannot be shared: all weights are zero")
        return [_part(0, scale)] * len(shares)
    floors, remainders = [], []
    for share in shares:
        floor, remainder = divmod(units * share, whole)
        floors.append(floor)
        remainders.append(remainder)
    left = units - sum(floors)
    for index in sorted(range(len(shares)), key=lambda at: (-remainders[at], at))[:left]:
        floors[index] += 1
    sign = -1 if total < 0 else 1
    return [_part(sign * count, scale) for count in floors]


def _units(total: Decimal, scale: int) -> int:
    if scale < 0:
        raise UsageError(f"scale {scale}: the number of decimals cannot be negative")
    exact = abs(Fraction(total)) * Fraction(10) ** scale
    if exact.denominator != 1:
        raise UsageError(f"{plain(total)} has more than {scale} decimals: share it at its scale")
    return exact.numerator


def _integers(weights: Sequence[Weight]) -> list[int]:
    """The weights as integers in the same proportions."""
    exact = [w if isinstance(w, Fraction) else Fraction(_decimal(w)) for w in weights]
    for weight in exact:
        if weight < 0:
            raise UsageError(f"weight {weight}: a share cannot be negative")
    common = lcm(*(weight.denominator for weight in exact))
    return [int(weight * common) for weight in exact]


def _part(units: int, scale: int) -> Decimal:
    digits = tuple(int(digit) for digit in str(abs(units)))
    return Decimal((int(units < 0), digits, -scale))


@cache
def minor_decimals(currency: str) -> int | None:
    """How many decimals the minor unit of a currency has by ISO 4217: 2 for EUR, 0 for JPY.

    None where the standard knows no such currency, or no minor unit of it (gold, credits, tokens).
    """
    from iso4217 import Currency

    try:
        found: int | None = Currency(currency).exponent
    except ValueError:
        return None
    return found


def decimals(value: Decimal) -> int:
    """How many decimals a finite number has, trailing zeros dropped: 1.50 has one, 100 none."""
    _, digits, exponent = _decimal(value).as_tuple()
    if not isinstance(exponent, int) or not any(digits):
        return 0
    zeros = next(at for at, digit in enumerate(reversed(digits)) if digit)
    return max(0, -(exponent + zeros))


def plain(value: Decimal, places: int = 0) -> str:
    """Plain text without exponent: trailing zeros dropped, but at least ``places`` decimals.

    No digit is lost, and zero has no sign: ``plain(Decimal("1E+3"), 2)`` is ``1000.00``.
    """
    value = _decimal(value)
    if not value:
        value = Decimal(0)
    text = f"{value:f}"
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0").ljust(places, "0")
    return f"{whole}.{fraction}" if fraction else whole
