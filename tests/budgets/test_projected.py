from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from trueup.budgets.projection import Days
from trueup.job.budgets import projected

MONDAY = date(2026, 8, 3)


def days(count: int) -> Days:
    """Ten a day, two on Sundays."""
    dates = [MONDAY + timedelta(days=number) for number in range(count)]
    return [(day, Decimal(2 if day.weekday() == 6 else 10)) for day in dates]


def at(day: date, hour: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@pytest.mark.parametrize("count", [70, 21])
def test_what_is_to_come_follows_the_week(count: int) -> None:
    """A week of 6 x 10 + 2 = 62, with the forecaster (70 days) and by weekdays (21 days)."""
    first = MONDAY + timedelta(days=count)
    found = projected(days(count), at(first), at(first + timedelta(days=7)))
    assert found is not None
    assert abs(found - 62) <= 1


def test_only_what_is_still_to_come_counts() -> None:
    """From Monday's noon to Tuesday's end: 5 + 10 = 15."""
    first = MONDAY + timedelta(days=70)
    found = projected(days(70), at(first, 12), at(first + timedelta(days=2)))
    assert found is not None
    assert abs(found - 15) <= Decimal("0.5")


def test_without_the_forecaster_weekdays_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its library is an extra: without it the mean of 28 days is exact here, 62.00."""
    for name in ("statsforecast", "statsforecast.models"):
        monkeypatch.setitem(sys.modules, name, None)
    from trueup.forecast.forecaster import _models

    _models.cache_clear()
    first = MONDAY + timedelta(days=70)
    assert projected(days(70), at(first), at(first + timedelta(days=7))) == Decimal("62.00")
    _models.cache_clear()


def test_no_history_no_forecast() -> None:
    """Without a day nothing is expected, and with thirteen neither."""
    assert projected([], at(MONDAY), at(MONDAY + timedelta(days=7))) is None
    first = MONDAY + timedelta(days=13)
    assert projected(days(13), at(first), at(first + timedelta(days=7))) is None
