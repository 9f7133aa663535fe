"""Forecasts of weeks that were made without knowing them: better than naive, honest intervals."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.forecast.backtest import scores, series, summed
from trueup.errors import UsageError
from trueup.forecast.backtest import backtest
from trueup.forecast.series import DAY, Series

pytest.importorskip("statsforecast", reason="trueup[forecast] is not installed")


def test_days_are_forecast_better_than_the_week_before_and_honestly() -> None:
    """Over 31 weeks of each kind of work: a lower error, and 70 to 90 of 100 days within."""
    found = scores("day", [1], 39)
    _, ratio, steps, sums = summed([score for each in found.values() for score in each])
    assert min(each.weeks for kind in found.values() for each in kind) >= 26
    assert ratio < 1
    assert 0.7 <= steps <= 0.9
    assert 0.7 <= sums <= 0.9


def test_hours_are_forecast_better_than_the_week_before_and_honestly() -> None:
    """The same for hours, a week ahead, of one kind of work over its last weeks."""
    found = backtest(series("customers", 1, 20, "hour"), 1, origins_max=4)
    assert found.ratio is not None
    assert found.ratio < 1
    assert 0.7 <= found.coverage <= 0.9


def test_a_backtest_compares_with_what_came() -> None:
    """Weeks of 70 a day, the last of 77: an error of 7 a day, and so for the week before."""
    values = np.array([70.0] * 56 + [77.0] * 7)
    found = backtest(Series("plan", None, DAY, datetime(2026, 1, 5, tzinfo=UTC), values), 1)
    assert (found.origins, found.weeks, found.ahead) == (1, 1, 7)
    assert found.error == pytest.approx(7, abs=0.01)
    assert found.naive == pytest.approx(7)
    assert (found.coverage, found.total_coverage) == (0, 0)


def test_a_backtest_needs_weeks_to_compare_with() -> None:
    """Eight weeks make a forecast and leave nothing to compare it with."""
    with pytest.raises(UsageError, match="needs 12"):
        backtest(Series("plan", None, DAY, datetime(2026, 1, 5, tzinfo=UTC), np.ones(56)), 4)


def test_a_week_that_is_not_known_whole_has_no_sum_to_compare() -> None:
    """Of the week that came one day is a hole: six days are compared, and no sum."""
    values = np.array([70.0] * 56 + [77.0] * 6 + [np.nan])
    found = backtest(Series("plan", None, DAY, datetime(2026, 1, 5, tzinfo=UTC), values), 1)
    assert found.error == pytest.approx(7, abs=0.01)
    assert (found.origins, found.coverage, found.total_coverage) == (1, 0, None)
