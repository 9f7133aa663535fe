"""What a day lets expect is the middle of the days around it, and the limits are as by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from trueup.forecast.season import expectation

FIRST = date(2026, 10, 5)  # a Monday
D = Decimal


def days(*amounts: int) -> dict[date, Decimal]:
    return {FIRST + timedelta(number): D(amount) for number, amount in enumerate(amounts)}


def test_a_day_does_not_explain_itself() -> None:
    """The middle of seven times 90 and seven times 110 is 100, whatever the day itself brought.

    They lie 10 from it. The quartile (place 9 of 0 to 13) gives 10 / 0.6745 = 14.8258..., the
    decile (place 11) 10 / 1.2816 = 7.8027...; 4.5 times the larger is 66.7160...
    """
    usual = expectation(FIRST, days(1_000, *[90, 110] * 7))
    assert usual is not None
    assert usual.amount == 100
    assert f"{usual.low:.4f} {usual.high:.4f}" == "33.2839 166.7161"
    assert len(usual.days) == 14
    assert usual.is_unusual(D(1_000))
    assert not usual.is_unusual(D("166.71"))


@pytest.mark.parametrize(("others", "known"), [(13, False), (14, True)])
def test_too_few_days_let_nothing_be_expected(others: int, known: bool) -> None:
    """Thirteen other days are too few, fourteen are enough."""
    assert (expectation(FIRST, days(*[5] * (others + 1))) is not None) is known


def test_days_further_away_than_four_weeks_do_not_count() -> None:
    """Of 60 days after a day, the 28 next to it are compared with, which brought 7 each."""
    usual = expectation(FIRST, days(7, *[7] * 28, *[1_000] * 32))
    assert usual is not None
    assert (usual.amount, len(usual.days)) == (D(7), 28)


def test_a_weekend_is_compared_with_weekends() -> None:
    """Five weeks of 100 on workdays and 20 at weekends: a Sunday of 60 is three times a Sunday."""
    amounts = days(*[100, 100, 100, 100, 100, 20, 20] * 5)
    sunday = FIRST + timedelta(13)
    usual = expectation(sunday, amounts | {sunday: D(60)})
    assert usual is not None
    assert (usual.weekly, usual.amount) == (True, D(20))
    assert usual.is_unusual(D(60))
    monday = expectation(FIRST + timedelta(14), amounts)
    assert monday is not None
    assert monday.amount == 100


def test_a_series_of_mostly_nothing_has_wide_limits() -> None:
    """Of 20 other days 17 brought nothing and 3 brought 200: another 200 is not unusual."""
    usual = expectation(FIRST, days(200, *[0] * 17, 200, 200, 200))
    assert usual is not None
    assert usual.amount == 0
    assert not usual.is_unusual(D(200))


def test_other_unusual_days_do_not_widen_the_limits() -> None:
    """Three days of 300 among 30 of 90 to 110 leave the limits where they were."""
    alone = expectation(FIRST, days(300, *[90, 100, 110] * 10))
    among = expectation(FIRST, days(300, *[90, 100, 110] * 9, 300, 300, 300))
    assert alone is not None
    assert among is not None
    assert among.is_unusual(D(300))
    assert alone.amount == among.amount == 100
