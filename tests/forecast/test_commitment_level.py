"""The best level is the one that trying every level finds."""

from __future__ import annotations

from fractions import Fraction
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UsageError
from trueup.forecast.commitment_level import WEEK_HOURS, History, Layer, regret

F = Fraction


def hour_by_hour(layers: list[Layer], fee: Fraction, level: int) -> Fraction:
    """The rule told as a story: the level serves the dearest work first; the rest is bought."""
    spent = F(0)
    ordered = sorted(layers, key=lambda layer: layer.price, reverse=True)
    for hour in range(len(layers[0].amounts)):
        left = level
        spent += level * fee
        for layer in ordered:
            served = min(left, layer.amounts[hour])
            left -= served
            spent += (layer.amounts[hour] - served) * layer.price
    return spent


PRICES = st.fractions(0, 5, max_denominator=12)


@st.composite
def given_layers(draw: st.DrawFn) -> list[Layer]:
    hours = draw(st.integers(1, 12))
    amounts = st.lists(st.integers(0, 40), min_size=hours, max_size=hours)
    prices = draw(st.lists(PRICES, min_size=1, max_size=3))
    return [Layer(price, draw(amounts)) for price in prices]


@given(given_layers(), PRICES, st.integers(1, 7))
def test_the_best_level_is_that_of_trying_all(
    layers: list[Layer], fee: Fraction, step: int
) -> None:
    """Every multiple of the step up to all that was needed; the least of equals."""
    history = History(layers, fee, step)
    most = max(map(sum, zip(*(layer.amounts for layer in layers), strict=True)))
    levels = range(0, most + step, step)
    costs = {level: hour_by_hour(layers, fee, level) for level in levels}
    assert {level: history.cost(level) for level in levels} == costs
    least = min(costs.values())
    assert history.best == min(level for level, cost in costs.items() if cost == least)
    curve = history.curve(points=7)
    assert (history.best, history.cost(history.best)) in curve
    assert all(cost >= least for _, cost in curve)


def test_a_day_by_hand() -> None:
    """Two hours need 10, one 4. At 0.60 committed and 1.00 on demand, 10 costs 3 x 10 x 0.60 = 18.00,
    4 costs 7.20 + 12.00 = 19.20, nothing costs 24.00; 11 would waste 1.80 more.
    """
    history = History([Layer(F(1), [10, 4, 10])], F("0.6"), 1)
    costs = {level: history.cost(level) for level in (0, 4, 10, 11)}
    assert costs == {0: F("24.00"), 4: F("19.20"), 10: F("18.00"), 11: F("19.80")}
    assert history.best == 10


def test_interruptible_work_is_not_worth_a_commitment_dearer_than_spot() -> None:
    """4 steady and 6 at a spot price of 0.30: 4 are committed at 0.60, the rest stays at spot."""
    history = History([Layer(F("0.3"), [6, 6]), Layer(F(1), [4, 4])], F("0.6"), 1)
    assert history.best == 4
    assert history.cost(4) == F("8.4")  # 2 x (4 x 0.60 + 6 x 0.30)


def test_steady_weeks_leave_no_regret_and_a_changing_history_does() -> None:
    """Eight weeks of 5; then four of 2 and four of 8: what is best depends on the weeks that come."""
    even = History([Layer(F(1), [5] * (8 * WEEK_HOURS))], F("0.6"), 1)
    found = regret(even, F("0.8"), draws=50, seed=1)
    assert (found.low, found.high, found.cost) == (5, 5, F(0))
    mixed = History([Layer(F(1), [2] * (4 * WEEK_HOURS) + [8] * (4 * WEEK_HOURS))], F("0.6"), 1)
    found = regret(mixed, F("0.8"), draws=50, seed=1)
    assert (found.low, found.high) == (2, 8)
    # Four weeks of eight are 8: fewer than the 60 % that would pay for 8, so that 2 is best. In a
    # draw of n weeks of 8 it costs n x 168 x 6 x 1.00 beyond, where 8 would cost 8 x 168 x 6 x 0.60:
    # (n - 4.8) x 1008 too much. The most of 80 % of the draws has n = 5 or 6.
    assert mixed.best == 2
    assert found.cost in (F("201.6"), F("1209.6"))


def test_a_year_takes_seconds() -> None:
    """8,760 hours of two layers, 200 draws of their 52 weeks."""
    amounts = [hour * 7919 % 1009 for hour in range(8760)]
    history = History([Layer(F(1), amounts), Layer(F("0.3"), amounts)], F("0.6"), 1)
    begun = perf_counter()
    found = regret(history, F("0.8"), draws=200, seed=1)
    assert found.low <= history.best <= found.high
    assert perf_counter() - begun < 10


def test_what_cannot_be_planned_is_refused() -> None:
    with pytest.raises(UsageError, match="3 whole weeks"):
        regret(History([Layer(F(1), [1] * 600)], F(1), 1), F("0.8"), 9, 1)
    with pytest.raises(UsageError, match="at least one hour"):
        History([], F(1), 1)
    with pytest.raises(UsageError, match="nought or more"):
        History([Layer(F(-1), [1])], F(1), 1)
