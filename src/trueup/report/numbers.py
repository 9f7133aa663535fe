"""Figures as a person reads them: grouped, rounded half-even, never zero for what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from trueup.model.display import legible
from trueup.money import plain

NOT_KNOWN = "not known"
_CENT = Decimal("0.01")
_PRECISION = 60  # digits: more than any DECIMAL(38, 18) and its sums need


def grouped(value: Decimal, decimals_min: int = 0) -> str:
    """Return the exact figure with a comma at every thousand."""
    text = plain(value, decimals_min)
    sign = "-" if text.startswith("-") else ""
    whole, dot, fraction = text.lstrip("-").partition(".")
    return f"{sign}{int(whole):,}{dot}{fraction}"


def money(value: Decimal | None) -> str:
    """Return an amount with two decimals; what rounds to nothing but is not says so."""
    if value is None:
        return NOT_KNOWN
    rounded = _rounded(value, _CENT)
    if rounded == 0 and value != 0:
        return "< 0.01" if value > 0 else "> -0.01"
    return grouped(rounded, 2)


def quantity(value: Decimal | None) -> str:
    """Return a quantity with at most four decimals, more where it would vanish."""
    if value is None:
        return NOT_KNOWN
    for step in (Decimal("0.0001"), Decimal("0.000001")):
        rounded = _rounded(value, step)
        if rounded != 0 or value == 0:
            return grouped(rounded)
    return grouped(value)


def exact(value: Decimal | None) -> str:
    """Return an amount to its last digit, with two decimals at least."""
    return NOT_KNOWN if value is None else grouped(value, 2)


def percent(value: Decimal | None) -> str:
    """Return a share of 1 in percent with one decimal; never 100 % or 0 % by rounding alone."""
    if value is None:
        return NOT_KNOWN
    hundredfold = _rounded(value * 100, Decimal("0.1"))
    if hundredfold == 100 and value < 1:
        return "> 99.9 %"
    if hundredfold == 0 and value > 0:
        return "< 0.1 %"
    return f"{plain(hundredfold, 1)} %"


def count(value: int, one: str, many: str | None = None) -> str:
    """Return a counted noun: ``1 row``, ``1,200 rows``."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def length(span: timedelta) -> str:
    """Return a length of time: ``5 hours``, ``31 days`` where it is whole days and several."""
    seconds = int(span.total_seconds())
    if seconds % 86_400 == 0 and seconds > 86_400:
        return count(seconds // 86_400, "day")
    if seconds % 3_600 == 0:
        return count(seconds // 3_600, "hour")
    return count(seconds // 60, "minute")


def day(at: datetime) -> str:
    """Return the UTC day of an instant without its year: ``3 Oct``."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b}"


def moment(at: datetime) -> str:
    """Return a UTC instant without its year: ``3 Oct 14:00``."""
    return f"{day(at)} {at.astimezone(UTC):%H:%M}"


def amount(value: Decimal | None, currency: str | None) -> str:
    """Return an amount behind its currency: ``USD 4.80``."""
    return f"{code(currency)} {money(value)}"


def code(currency: str | None) -> str:
    """Return a currency as a bill wrote it, harmless to a terminal."""
    return legible(currency, 11) if currency else "no currency"


def _rounded(value: Decimal, step: Decimal) -> Decimal:
    with localcontext(prec=_PRECISION):
        return value.quantize(step, rounding=ROUND_HALF_EVEN)
