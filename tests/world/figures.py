"""Exact figures as answers state them: text, or nothing where a figure is not known."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from tests.world.focus import text
from tests.world.ledger import ZERO

Row = dict[str, object]
WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)


def exact(value: Fraction) -> Decimal:
    """A fraction as a decimal; raises ValueError where it has none."""
    found = WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))
    if Fraction(found) != value:
        raise ValueError(f"{value} is no finite decimal")
    return found


def rounded(value: Fraction) -> Decimal:
    """A fraction at 18 decimals, rounded half to even."""
    found = round(value * 10**18)
    return Decimal(found).scaleb(-18, context=WIDE)


def known(value: Decimal | None) -> str | None:
    """A figure as text; one that is not known stays so."""
    return None if value is None else text(value)


def total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, ZERO)


def ratio(part: Decimal, whole: Decimal) -> str:
    """The quotient at 18 decimals, rounded half to even."""
    found = WIDE.divide(part, whole)
    return text(found.quantize(Decimal(1).scaleb(-18), context=WIDE))
