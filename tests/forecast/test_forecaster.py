"""Forecasts repeat what is steady, refuse what is short, and know how unruly a history is."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from trueup.errors import MissingDependency, UsageError
from trueup.forecast import forecaster
from trueup.forecast.forecaster import Forecaster, expected
from trueup.forecast.series import DAY, HOUR, Series, series_of

pytest.importorskip("statsforecast", reason="trueup[forecast] is not installed")

FIRST = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
WEEK = [10.0, 20, 30, 40, 50, 0, 0]  # 150
D = Decimal


def days(*values: float) -> Series:
    return Series("plan", "USD", DAY, FIRST, np.array(values))


def test_what_never_changes_goes_on() -> None:
    """Equal weeks are forecast as they were, without doubt, over any number of days."""
    found = Forecaster(days(*WEEK * 10)).steps(17)
    np.testing.assert_allclose(found.expected, (WEEK * 3)[:17], atol=1e-3)
    np.testing.assert_allclose(found.high - found.low, 0, atol=1e-3)


@pytest.mark.parametrize(
    ("values", "most"),
    [
        ([240.0] * 60 + [239.0], 245),
        ([240.0] * 42 + [230.0] * 19, 270),
        (([146.4] * 5 + [183.6] * 2) * 8 + [150.0], 200),
        ([0.0] * 57 + [10.0, 12.0, 0.0, 10.0], 250),
    ],
)
def test_the_first_surprise_after_steady_weeks_is_no_endless_one(
    values: list[float], most: float
) -> None:
    """A commitment that was used alike for weeks: its interval stays near what it used."""
    found = Forecaster(days(*values)).steps(28)
    assert np.isfinite(found.high).all()
    assert found.high.max() < most
    assert (
        Forecaster(days(*values)).until(FIRST + timedelta(days=len(values) + 20)).high < most * 20
    )


def test_a_sum_until_an_instant_counts_the_last_day_in_part() -> None:
    """Ten weeks of 24 a day; until noon of the third day 24 + 24 + 12 are expected."""
    series = Series.of("team", "USD", FIRST, [D(24)] * 70)
    found = expected(series, series.end + timedelta(days=2, hours=12))
    assert [round(each, 3) for each in found] == [60, 60, 60]
    assert list(expected(series, series.end)) == [0, 0, 0]


def test_a_fifth_of_surprises_stays_outside() -> None:
    """Noise of known size, drawn apart from trueup: about 80 of 100 days that follow are within."""
    dice = np.random.default_rng(3)
    inside = []
    for _ in range(12):
        drawn = 100 + dice.normal(0, 10, 38 * 7)
        found = Forecaster(days(*drawn[: 30 * 7])).steps(8 * 7)
        came = drawn[30 * 7 :]
        inside.append(((found.low <= came) & (came <= found.high)).mean())
    assert 0.74 <= np.mean(inside) <= 0.88  # a normal's 80 %, and the root of time for later weeks


def test_no_forecast_is_below_zero() -> None:
    """A wild history around little use has a low end of zero."""
    dice = np.random.default_rng(1)
    found = Forecaster(days(*np.maximum(dice.normal(1, 5, 70), 0))).steps(28)
    assert found.low.min() == 0
    assert found.expected.min() >= 0


def test_a_forecast_from_an_earlier_day_sees_nothing_later() -> None:
    """A changed future changes neither the forecast nor its interval."""
    dice = np.random.default_rng(2)
    past = dice.normal(100, 10, 84)
    one, other = (Forecaster(days(*past, *[later] * 28)) for later in (0.0, 1e6))
    np.testing.assert_array_equal(one.steps(28, 84), other.steps(28, 84))
    assert one.total(28, 84) == other.total(28, 84)


@pytest.mark.parametrize(("step", "count"), [(DAY, 55), (HOUR, 8 * 168 - 1)])
def test_seven_weeks_are_too_short(step: timedelta, count: int) -> None:
    """Less than eight whole weeks is refused, and it is said how much there is."""
    with pytest.raises(UsageError, match="is 7 whole weeks: too short for a forecast, which needs"):
        Forecaster(Series("plan", "USD", step, FIRST, np.ones(count)))


def test_the_real_trace_is_too_short(shared_data: Path) -> None:
    """57 minutes of real requests cover no hour as a whole, and no forecast is made of them."""
    with (shared_data / "azure-llm-inference-trace-code.csv").open() as file:
        minutes = Counter(
            (row["TIMESTAMP"][:16], int(row["ContextTokens"]) + int(row["GeneratedTokens"]))
            for row in csv.DictReader(file)
        )
    starts = [datetime.fromisoformat(minute).replace(tzinfo=UTC) for minute, _ in minutes]
    windows = sorted(set(starts))
    rows = pa.table(
        {
            "start": [*windows, *starts],
            "end": [*(each + timedelta(minutes=1) for each in windows), *starts],
            "quantity": [
                *[0.0] * len(windows),
                *(tokens * n for (_, tokens), n in minutes.items()),
            ],
        }
    )
    assert timedelta(minutes=50) < windows[-1] - windows[0] < HOUR
    with pytest.raises(UsageError, match="covers no whole hour: too short for a forecast"):
        Forecaster(series_of("trace", "Tokens", HOUR, rows))
    by_minute = [
        float(sum(t * n for (m, t), n in minutes.items() if m == str(w)[:16])) for w in windows
    ]
    with pytest.raises(UsageError, match="is 0 whole weeks: too short"):
        Forecaster(Series("trace", "Tokens", HOUR, windows[0], np.array(by_minute)))


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "statsforecast.models", None)
    forecaster._models.cache_clear()
    with pytest.raises(MissingDependency, match=r"trueup\[forecast\]"):
        Forecaster(days(*WEEK * 10))
    forecaster._models.cache_clear()
