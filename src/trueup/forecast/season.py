"""What a day was to be expected to bring, by the days around it, and from where on it is unusual.

The day does not explain itself: it is compared with the other days of four weeks before and after
it. What is expected is a median of amounts that came, so an amount itself or the middle of two; the
limits are estimates. A spread is how far the upper (or lower) quartile or decile lies from the
middle, whichever says more, as of a normal distribution, so that neither a few unusual days nor
many days without anything make the limits narrow or wide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext

WINDOW = timedelta(days=28)
DAYS_MIN = 14  # other days; fewer tell nothing of what is usual
OF_WEEKDAY_MIN = 3  # other days of the same weekday
SEASON_GAIN = Decimal("0.7")  # of the distance to the middle: what a season has to leave at most
SPREADS = Decimal("4.5")  # beyond the middle: what is unusual
# (share of days below, distance from the middle of a normal distribution in standard deviations)
QUARTILE, DECILE = (Decimal("0.75"), Decimal("0.6745")), (Decimal("0.9"), Decimal("1.2816"))
DIGITS = 50


@dataclass(frozen=True)
class Expectation:
    """Of one day: what is usual, the estimated limits, and what they were taken from."""

    amount: Decimal
    low: Decimal
    high: Decimal
    days: tuple[date, ...]  # compared with
    weekly: bool  # whether the same weekday says more than all days

    def is_unusual(self, actual: Decimal) -> bool:
        return not self.low <= actual <= self.high


def expectation(day: date, amounts: Mapping[date, Decimal]) -> Expectation | None:
    """What ``amounts`` of other days let expect of ``day``; None where they are too few."""
    others = {
        other: amount
        for other, amount in amounts.items()
        if other != day and abs(other - day) <= WINDOW
    }
    if len(others) < DAYS_MIN:
        return None
    with localcontext(prec=DIGITS):
        level = median(list(others.values()))
        flat = [amount - level for amount in others.values()]
        weekdays: dict[int, list[date]] = defaultdict(list)
        for other in others:
            weekdays[other.weekday()].append(other)
        usual = _of_weekday(day, weekdays, others)
        seasonal = [
            amount - of_weekday
            for other, amount in others.items()
            if (of_weekday := _of_weekday(other, weekdays, others)) is not None
        ]
        weekly = usual is not None and len(seasonal) == len(flat) and _says_more(seasonal, flat)
        middle = usual if weekly and usual is not None else level
        left = seasonal if weekly else flat
        wide = SPREADS * max(_spread(left), _spread([-each for each in left]))
        return Expectation(middle, middle - wide, middle + wide, tuple(others), weekly)


def median(amounts: Sequence[Decimal]) -> Decimal:
    """The middle amount, of an even number the middle between two."""
    ordered = sorted(amounts)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _of_weekday(
    day: date, weekdays: Mapping[int, Sequence[date]], amounts: Mapping[date, Decimal]
) -> Decimal | None:
    same = [amounts[other] for other in weekdays.get(day.weekday(), ()) if other != day]
    return median(same) if len(same) >= OF_WEEKDAY_MIN else None


def _says_more(seasonal: Sequence[Decimal], flat: Sequence[Decimal]) -> bool:
    distance = sum(map(abs, flat))
    return sum(map(abs, seasonal)) < SEASON_GAIN * distance


def _spread(left: Sequence[Decimal]) -> Decimal:
    """How far amounts lie above the middle, in standard deviations of a normal distribution."""
    ordered = sorted(left)
    middle = median(ordered)
    return max(
        (ordered[int(share * (len(ordered) - 1))] - middle) / deviations
        for share, deviations in (QUARTILE, DECILE)
    )
