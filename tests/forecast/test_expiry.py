"""What lapses at an expiry, and the last day to change that, by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from trueup.forecast.expiry import Balance, busiest_day, last_day, left, money
from trueup.forecast.forecaster import Estimate, Forecaster
from trueup.forecast.series import DAY, Series

pytest.importorskip("statsforecast", reason="trueup[forecast] is not installed")

FIRST = datetime(2026, 1, 5, tzinfo=UTC)
D = Decimal


@pytest.fixture(scope="module")
def steady() -> Forecaster:
    """A week of 200 a day once, then 30 weeks of 100: models learn from the last 26."""
    return Forecaster(Series("lot", "credits", DAY, FIRST, np.array([200.0] * 7 + [100.0] * 210)))


def test_the_least_use_leaves_the_most() -> None:
    """Of 1,000 with 700 (600 to 1,100) to come, 300 (0 to 400) are left: at 0.30 each 90 (0, 120)."""
    lapses = left(D(1000), Estimate(D(700), D(600), D(1100)))
    assert list(lapses) == [300, 0, 400]
    assert list(money(lapses, D("0.30")) or ()) == [90, 0, 120]
    assert money(lapses, None) is None


def test_the_busiest_week_shows_what_burn_is_possible() -> None:
    """Seven days in a row of 200, across weeks of the calendar: 200 a day."""
    assert busiest_day(np.array([100.0] * 10 + [200.0] * 7 + [100.0] * 10)) == 200


def test_the_last_day_counts_back_from_the_expiry(steady: Forecaster) -> None:
    """9,000 - 100 x D <= 200 x (60 - D) holds until D = 30: the 30th day from now."""
    end = steady.series.end
    balance = Balance(D(9000), end + timedelta(days=60))
    assert last_day(steady, balance) == end + timedelta(days=30)


def test_no_change_is_needed_where_use_takes_it_all(steady: Forecaster) -> None:
    """60 days of 100 use 5,900 up."""
    assert last_day(steady, Balance(D(5900), steady.series.end + timedelta(days=60))) is None


def test_no_day_is_left_where_even_the_busiest_burn_is_too_slow(steady: Forecaster) -> None:
    """60 days of 200 are 12,000: of 12,001 one lapses whatever is done."""
    assert last_day(steady, Balance(D(12001), steady.series.end + timedelta(days=60))) is None
    assert last_day(steady, Balance(D(12000), steady.series.end + timedelta(days=60))) is not None
