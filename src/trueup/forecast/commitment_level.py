"""How much to commit: what every level would have cost over a history of hours, exactly.

A level is paid for in every hour, used or not. It serves steady work first, then work that may be
interrupted; steady work beyond it is bought on demand, the other at the spot price. The cost of a
level L over hours with steady work q and all work t = q + interruptible is

    hours x price x L + (on_demand - spot) x sum of max(0, q - L) + spot x sum of max(0, t - L),

which bends only at values of q and t and never bends down: the best level is where its slope
ceases to be negative, found without pricing any other.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from random import Random

from trueup.errors import UsageError
from trueup.money import EXACT, plain

NOTHING = Decimal(0)
WEEK_HOURS = 168
WEEKS_MIN = 4  # fewer say nothing about how weeks differ


@dataclass(frozen=True)
class Hour:
    """What was needed in an hour, in the commitment's unit, beyond what is in force already."""

    start: datetime
    steady: Decimal
    interruptible: Decimal = NOTHING


@dataclass(frozen=True)
class Prices:
    """Of a unit for an hour: committed, on demand, and spot where interruptible work has it."""

    committed: Decimal
    on_demand: Decimal
    spot: Decimal | None = None

    def __post_init__(self) -> None:
        if not self.committed >= 0 or not 0 <= self.of_interruptible <= self.on_demand:
            raise UsageError(
                f"prices committed {plain(self.committed)}, on demand {plain(self.on_demand)}, "
                f"spot {plain(self.of_interruptible)}: none is negative, and spot is not dearer "
                "than on demand"
            )

    @property
    def of_interruptible(self) -> Decimal:
        return self.on_demand if self.spot is None else self.spot


class Beyond:
    """Amounts in order, to say how many are beyond a level, and by how much together."""

    def __init__(self, amounts: Sequence[Decimal]) -> None:
        self.sorted = sorted(amounts)
        self._sums = [NOTHING, *accumulate(self.sorted, EXACT.add)]

    def count(self, level: Decimal) -> int:
        return len(self.sorted) - bisect_right(self.sorted, level)

    def excess(self, level: Decimal) -> Decimal:
        """The sum of max(0, amount - level)."""
        below = bisect_right(self.sorted, level)
        above = EXACT.subtract(self._sums[-1], self._sums[below])
        return EXACT.subtract(above, EXACT.multiply(level, Decimal(len(self.sorted) - below)))


class History:
    """Hours of use at given prices; ``step`` is the smallest amount that levels differ by."""

    def __init__(self, hours: Sequence[Hour], prices: Prices, step: Decimal) -> None:
        if not hours or step <= 0:
            raise UsageError("a plan needs the use of at least one hour, and a step above zero")
        self.hours = sorted(hours, key=lambda hour: hour.start)
        self.prices = prices
        self.step = step
        self._steady = Beyond([hour.steady for hour in hours])
        self._all = Beyond([EXACT.add(hour.steady, hour.interruptible) for hour in hours])

    def cost(self, level: Decimal) -> Decimal:
        """What the hours would have cost with so much committed."""
        prices = self.prices
        spot = prices.of_interruptible
        fee = EXACT.multiply(EXACT.multiply(level, Decimal(len(self.hours))), prices.committed)
        dearer = EXACT.multiply(EXACT.subtract(prices.on_demand, spot), self._steady.excess(level))
        return EXACT.add(EXACT.add(fee, dearer), EXACT.multiply(spot, self._all.excess(level)))

    @cached_property
    def best(self) -> Decimal:
        """The least level of least cost, a multiple of ``step``.

        The cost never bends down, so the best multiple is one of the two beside the best amount.
        """
        amounts = sorted({NOTHING, *self._steady.sorted, *self._all.sorted})
        at = bisect_left(amounts, 1, key=lambda amount: not self._falls(amount))
        steps = int(EXACT.divide_int(amounts[at], self.step))
        levels = [EXACT.multiply(self.step, Decimal(number)) for number in (steps, steps + 1)]
        return min(levels, key=self.cost)

    def _falls(self, level: Decimal) -> bool:
        """Whether committing more than this level costs less."""
        prices = self.prices
        spot = prices.of_interruptible
        saved = EXACT.add(
            EXACT.multiply(
                EXACT.subtract(prices.on_demand, spot), Decimal(self._steady.count(level))
            ),
            EXACT.multiply(spot, Decimal(self._all.count(level))),
        )
        return saved > EXACT.multiply(prices.committed, Decimal(len(self.hours)))

    def curve(self, points: int) -> list[tuple[Decimal, Decimal]]:
        """Levels from none to all that was ever needed with their costs, the best among them."""
        most = int(EXACT.divide_int(self._all.sorted[-1], self.step)) + 1
        steps = sorted({number * most // points for number in range(points + 1)})
        levels = sorted({self.best, *(EXACT.multiply(self.step, Decimal(each)) for each in steps)})
        return [(level, self.cost(level)) for level in levels]


@dataclass(frozen=True)
class Regret:
    """How the best level varies if other weeks had come: the middle share of draws of weeks.

    ``cost`` is the most that staying at the history's best level costs beyond the best of a draw,
    over that share of the draws, for as many hours as the draw has.
    """

    low: Decimal
    high: Decimal
    cost: Decimal


def regret(history: History, share: Decimal, draws: int, seed: int) -> Regret:
    """Draw as many whole weeks as the history has, with replacement, and plan for each draw.

    Raises UsageError for fewer than WEEKS_MIN whole weeks of hours.
    """
    hours = history.hours
    weeks = [
        hours[start : start + WEEK_HOURS]
        for start in range(0, len(hours) - WEEK_HOURS + 1, WEEK_HOURS)
    ]
    if len(weeks) < WEEKS_MIN:
        raise UsageError(
            f"{len(hours)} hours are {len(weeks)} whole weeks: how a level fares in other weeks "
            f"can be told from {WEEKS_MIN} on; the best level of these hours is known all the same"
        )
    dice = Random(seed)  # noqa: S311  no secret
    bests: list[Decimal] = []
    costs: list[Decimal] = []
    for _ in range(draws):
        drawn = [hour for _ in weeks for hour in dice.choice(weeks)]
        other = History(drawn, history.prices, history.step)
        bests.append(other.best)
        costs.append(EXACT.subtract(other.cost(history.best), other.cost(other.best)))
    out = int((1 - share) / 2 * draws)  # at either end
    bests.sort()
    costs.sort()
    return Regret(bests[out], bests[-1 - out], costs[int(share * draws) - 1])
