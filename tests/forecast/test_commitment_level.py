"""The best level is the one that trying every level finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UsageError
from trueup.forecast.commitment_level import WEEK_HOURS, History, Hour, Prices, regret

FIRST = datetime(2026, 1, 5, tzinfo=UTC)
D = Decimal


def hours(*work: tuple[str, str]) -> list[Hour]:
    return [
        Hour(FIRST + timedelta(hours=number), D(steady), D(spot))
        for number, (steady, spot) in enumerate(work)
    ]


def hour_by_hour(given: list[Hour], prices: Prices, level: Fraction) -> Fraction:
    """The rule told as a story: the level serves steady work, then the other; the rest is bought."""
    spent = Fraction(0)
    for hour in given:
        steady, other = Fraction(hour.steady), Fraction(hour.interruptible)
        left = level - min(level, steady)
        spent += level * Fraction(prices.committed)
        spent += (steady - min(level, steady)) * Fraction(prices.on_demand)
        spot = prices.on_demand if prices.spot is None else prices.spot
        spent += (other - min(left, other)) * Fraction(spot)
    return spent


AMOUNTS = st.decimals(0, 12, places=1)
PRICES = st.tuples(st.decimals(0, 5, places=2), st.decimals(0, 5, places=2), st.integers(0, 4))


@given(
    st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=12),
    PRICES,
    st.sampled_from([D(1), D("0.5"), D("0.3")]),
)
def test_the_best_level_is_that_of_trying_all(
    work: list[tuple[Decimal, Decimal]],
    prices: tuple[Decimal, Decimal, int],
    step: Decimal,
) -> None:
    """Every multiple of the step up to all that was needed, in fractions; the least of equals."""
    committed, on_demand, quarters = prices
    spot = None if quarters == 0 else on_demand * quarters / 4
    given_hours = hours(*((str(steady), str(other)) for steady, other in work))
    rates = Prices(committed, on_demand, spot)
    history = History(given_hours, rates, step)
    most = max(steady + other for steady, other in work)
    levels = [step * number for number in range(int(most / step) + 2)]
    costs = {level: hour_by_hour(given_hours, rates, Fraction(level)) for level in levels}
    assert {level: Fraction(history.cost(level)) for level in levels} == costs
    least = min(costs.values())
    assert history.best == min(level for level, cost in costs.items() if cost == least)
    curve = history.curve(points=7)
    assert (history.best, history.cost(history.best)) in curve
    assert all(Fraction(cost) >= least for _, cost in curve)


def test_a_day_by_hand() -> None:
    """Two hours need 10, one 4. At 0.60 committed and 1.00 on demand, 10 costs 3 x 10 x 0.60 = 18.00,
    4 costs 7.20 + 12.00 = 19.20, nothing costs 24.00; 11 would waste 1.80 more.
    """
    history = History(hours(("10", "0"), ("4", "0"), ("10", "0")), Prices(D("0.6"), D(1)), D(1))
    costs = {level: f"{history.cost(D(level)):.2f}" for level in (0, 4, 10, 11)}
    assert costs == {0: "24.00", 4: "19.20", 10: "18.00", 11: "19.80"}
    assert history.best == 10


def test_interruptible_work_is_not_worth_a_commitment_dearer_than_spot() -> None:
    """4 steady and 6 at a spot price of 0.30: 4 are committed at 0.60, the rest stays at spot."""
    history = History(hours(("4", "6"), ("4", "6")), Prices(D("0.6"), D(1), D("0.3")), D(1))
    assert history.best == 4
    assert history.cost(D(4)) == D("8.4")  # 2 x (4 x 0.60 + 6 x 0.30)


def test_steady_weeks_leave_no_regret_and_a_changing_history_does() -> None:
    """Eight weeks of 5; then four of 2 and four of 8: what is best depends on the weeks that come."""
    prices = Prices(D("0.6"), D(1))
    even = History(hours(*[("5", "0")] * (8 * WEEK_HOURS)), prices, D(1))
    found = regret(even, D("0.8"), draws=50, seed=1)
    assert (found.low, found.high, found.cost) == (D(5), D(5), D(0))
    mixed = [("2", "0")] * (4 * WEEK_HOURS) + [("8", "0")] * (4 * WEEK_HOURS)
    found = regret(History(hours(*mixed), prices, D(1)), D("0.8"), draws=50, seed=1)
    assert (found.low, found.high) == (D(2), D(8))
    assert found.cost > 0


def test_what_cannot_be_planned_is_refused() -> None:
    with pytest.raises(UsageError, match="3 whole weeks"):
        regret(History(hours(*[("1", "0")] * 600), Prices(D(1), D(1)), D(1)), D("0.8"), 9, 1)
    with pytest.raises(UsageError, match="at least one hour"):
        History([], Prices(D(1), D(1)), D(1))
    with pytest.raises(UsageError, match="spot is not dearer"):
        Prices(D(1), D(1), D(2))
