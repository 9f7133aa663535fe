"""What is still to come: an estimate from the days that are known, weekday by weekday."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

Days = Sequence[tuple[date, Decimal]]  # whole days in UTC and what each cost, none left out
# What the time from one instant to another will cost, by the days before; None where they tell
# too little. A better forecaster is given in place of ``weekday_mean``.
Projection = Callable[[Days, datetime, datetime], Decimal | None]

DAYS_MAX, DAYS_MIN = 28, 14  # each weekday four times, at least twice
_DAY, _TICK = timedelta(days=1), timedelta(microseconds=1)
CENT = Decimal("0.01")  # an estimate has no more digits than that


def weekday_mean(days: Days, start: datetime, end: datetime) -> Decimal | None:
    """Each day to come costs what its weekday cost on average of the last 28 days.

    A part of a day costs its share of it.
    """
    if len(days) < DAYS_MIN:
        return None
    last = days[-DAYS_MAX:]
    mean = {}
    for weekday in range(7):
        costs = [Fraction(cost) for day, cost in last if day.weekday() == weekday]
        mean[weekday] = sum(costs, Fraction(0)) / len(costs)
    whole = Fraction(0)
    at = start
    while at < end:
        day = at.astimezone(UTC).date()
        following = min(end, datetime.combine(day + _DAY, time(), UTC))
        whole += mean[day.weekday()] * Fraction((following - at) // _TICK, _DAY // _TICK)
        at = following
    return (Decimal(whole.numerator) / Decimal(whole.denominator)).quantize(CENT)
