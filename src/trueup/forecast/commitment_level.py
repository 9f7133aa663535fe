"""How much to commit: what every level would have cost over a history of hours, exactly.

A level is paid for in every hour, used or not. It serves the work first on which it saves most,
then the next; what is beyond it is bought at its own price: on demand, or at the spot price where
it may be interrupted. With the work of each hour in layers, the dearest first, and t(i) the sum of
an hour's layers down to i, a level L costs

    hours x fee x L + sum over layers of (price(i) - price(i+1)) x sum of max(0, t(i) - L)

which never bends down: the best level is the first whose successor is not cheaper.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise
from math import lcm
from random import Random

from trueup.errors import UsageError

WEEK_HOURS = 168
WEEKS_MIN = 4  # fewer say nothing about how weeks differ


@dataclass(frozen=True)
class Layer:
    """Work of one price: how many parts of the commitment's unit each hour needed of it.

    ``price`` is what a part costs where the commitment does not serve it.
    """

    price: Fraction
    amounts: Sequence[int]


class Beyond:
    """Amounts in order, to say by how much they are beyond a level together."""

    def __init__(self, amounts: Sequence[int]) -> None:
        self.sorted = sorted(amounts)
        self._sums = [0, *accumulate(self.sorted)]

    def excess(self, level: int) -> int:
        """The sum of max(0, amount - level)."""
        below = bisect_right(self.sorted, level)
        return self._sums[-1] - self._sums[below] - level * (len(self.sorted) - below)


class Levels:
    """What levels cost over weeks of hours, each counted so many times.

    ``weeks`` has, for each week and layer, the hours' sums down to it; ``drops`` and ``fee`` are
    whole multiples of 1 / ``scale``.
    """

    def __init__(
        self, weeks: Sequence[Sequence[Beyond]], drops: Sequence[int], fee: int, step: int
    ) -> None:
        self.weeks = weeks
        self.drops = drops
        self.fee = fee
        self.step = step
        self.times: Mapping[int, int] = Counter(range(len(weeks)))

    def of(self, drawn: Sequence[int]) -> Levels:
        """The same for these weeks, by their numbers, however often each was drawn."""
        other = Levels(self.weeks, self.drops, self.fee, self.step)
        other.times = Counter(drawn)
        return other

    def cost(self, level: int) -> int:
        """What the weeks cost with ``level`` committed, in 1 / ``scale``."""
        whole = 0
        for week, times in self.times.items():
            beyond = self.weeks[week]
            paid = self.fee * level * len(beyond[0].sorted)
            bought = (d * each.excess(level) for d, each in zip(self.drops, beyond, strict=True))
            whole += times * (paid + sum(bought))
        return whole

    @cached_property
    def best(self) -> int:
        """The least level of least cost, a multiple of ``step``."""
        most = max(week[-1].sorted[-1] for week in self.weeks)
        numbers = range(-(-most // self.step))  # the last multiple serves everything

        def rises(number: int) -> bool:
            return self.cost((number + 1) * self.step) >= self.cost(number * self.step)

        return self.step * bisect_left(numbers, True, key=rises)  # noqa: FBT003  what to find


class History:
    """Hours of use at given prices: ``fee`` is what a part costs in each hour, committed.

    Levels are whole parts, multiples of ``step``. Raises UsageError for no hour, a step that is
    not above zero, or a negative price.
    """

    def __init__(self, layers: Sequence[Layer], fee: Fraction, step: int) -> None:
        ordered = sorted(layers, key=lambda layer: -layer.price)
        self.hours = len(ordered[0].amounts) if ordered else 0
        if not self.hours or step <= 0:
            raise UsageError("a plan needs the use of at least one hour, and a step above zero")
        if fee < 0 or ordered[-1].price < 0:
            raise UsageError("a plan needs prices of nought or more")
        prices = [layer.price for layer in ordered]
        self.scale = lcm(fee.denominator, *(price.denominator for price in prices))
        drops = [int((one - other) * self.scale) for one, other in pairwise([*prices, Fraction(0)])]
        columns = zip(*(layer.amounts for layer in ordered), strict=True)
        sums = list(zip(*(accumulate(hour) for hour in columns), strict=True))
        weeks = [
            [Beyond(column[start : start + WEEK_HOURS]) for column in sums]
            for start in range(0, self.hours, WEEK_HOURS)
        ]
        self.most = max(sums[-1])
        self.step = step
        self.levels = Levels(weeks, drops, int(fee * self.scale), step)

    @property
    def weeks(self) -> int:
        """How many whole weeks there are, from the first hour on."""
        return self.hours // WEEK_HOURS

    @property
    def best(self) -> int:
        """The least level of least cost, a multiple of ``step``."""
        return self.levels.best

    def cost(self, level: int) -> Fraction:
        """What the hours would have cost with so much committed."""
        return Fraction(self.levels.cost(level), self.scale)

    def served(self, level: int) -> int:
        """How much of the hours' work a level serves, together."""
        week_sums = (week[-1] for week in self.levels.weeks)
        return sum(each.excess(0) - each.excess(level) for each in week_sums)

    def curve(self, points: int) -> list[tuple[int, Fraction]]:
        """Levels from none to all that was ever needed with their costs, the best among them."""
        most = -(-self.most // self.step)
        steps = {self.step * (number * most // points) for number in range(points + 1)}
        return [(level, self.cost(level)) for level in sorted(steps | {self.best})]


@dataclass(frozen=True)
class Regret:
    """How the best level varies if other weeks had come: the middle share of draws of weeks.

    ``cost`` is the most that staying at the history's best level costs beyond the best of a draw,
    over that share of the draws, for as many hours as the draw has.
    """

    low: int
    high: int
    cost: Fraction


def regret(history: History, share: Fraction, draws: int, seed: int) -> Regret:
    """Draw as many whole weeks as the history has, with replacement, and plan for each draw.

    Raises UsageError for fewer than WEEKS_MIN whole weeks of hours.
    """
    if history.weeks < WEEKS_MIN:
        raise UsageError(
            f"{history.hours:,} hours are {history.weeks} whole weeks: how a level fares in other "
            f"weeks can be told from {WEEKS_MIN} on; the best level of these hours is known all "
            "the same"
        )
    dice = Random(seed)  # noqa: S311  no secret
    bests: list[int] = []
    costs: list[int] = []
    for _ in range(draws):
        other = history.levels.of(dice.choices(range(history.weeks), k=history.weeks))
        bests.append(other.best)
        costs.append(other.cost(history.best) - other.cost(other.best))
    out = int((1 - share) / 2 * draws)  # at either end
    bests.sort()
    costs.sort()
    worst = Fraction(costs[max(0, int(share * draws) - 1)], history.scale)
    return Regret(bests[out], bests[-1 - out], worst)
