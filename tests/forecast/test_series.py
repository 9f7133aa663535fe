"""Hours and days are summed from intervals; what is not covered stays a hole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from trueup.errors import UsageError
from trueup.forecast.series import DAY, HOUR, Series, series_of

FIRST = datetime(2026, 1, 5, tzinfo=UTC)
HOLE = np.nan


def intervals(*rows: tuple[float, float, float | None]) -> pa.Table:
    """Start and end in hours after FIRST, and a quantity."""
    return pa.table(
        {
            "start": [FIRST + timedelta(hours=start) for start, _, _ in rows],
            "end": [FIRST + timedelta(hours=end) for _, end, _ in rows],
            "quantity": pa.array([quantity for _, _, quantity in rows], pa.float64()),
        }
    )


def days(*values: float) -> Series:
    return Series("plan", "USD", DAY, FIRST, np.array(values))


def test_intervals_add_up_to_the_hours_that_they_cover() -> None:
    """Half hours make whole hours; an hour of which one half is missing is not known."""
    halves = intervals((0, 0.5, 1), (0.5, 1, 2), (1, 1.5, 4), (2, 3, 5), (3, 3.5, 7))
    found = series_of("plan", "USD", HOUR, halves)
    np.testing.assert_array_equal(found.values, [1 + 2, HOLE, 5])
    assert (found.start, found.end, found.holes) == (FIRST, FIRST + 3 * HOUR, 1)


def test_what_is_not_known_is_no_zero() -> None:
    """An interval without a quantity covers nothing."""
    found = series_of("plan", "USD", HOUR, intervals((0, 1, 1), (1, 2, None), (2, 3, 0)))
    np.testing.assert_array_equal(found.values, [1, HOLE, 0])


def test_instants_add_to_hours_that_others_cover() -> None:
    """A draw at an instant counts in its hour and covers none."""
    found = series_of("lot", "USD", HOUR, intervals((0, 1, 0), (1, 2, 0), (0.5, 0.5, 3), (5, 5, 9)))
    np.testing.assert_array_equal(found.values, [3, 0])


def test_a_month_says_nothing_about_its_days() -> None:
    """An interval longer than the step is refused."""
    with pytest.raises(UsageError, match="intervals longer than day"):
        series_of("macc", "USD", DAY, intervals((0, 744, 100)))


def test_a_hole_takes_the_value_of_a_week_before() -> None:
    """In the first week that of a week after; the series itself keeps its holes."""
    series = days(1, HOLE, 3, 4, 5, 6, 7, 11, 12, HOLE, 14, 15, 16, 17)
    assert series.filled().tolist() == [1, 12, 3, 4, 5, 6, 7, 11, 12, 3, 14, 15, 16, 17]
    assert series.holes == 2


def test_a_history_begins_anew_after_a_long_hole() -> None:
    """Eight days in a row without figures cut the history; seven do not."""
    cut = days(1, 2, *[HOLE] * 8, 3, 4).recent()
    assert (cut.values.tolist(), cut.start) == ([3, 4], FIRST + 10 * DAY)
    assert len(days(1, 2, *[HOLE] * 7, 3, 4).recent().values) == 11


def test_a_history_begins_with_the_first_use() -> None:
    """Zeros before it say nothing; zeros after it do."""
    series = days(0, 0, 5, 0, 0).from_first_use()
    assert (series.values.tolist(), series.start) == ([5, 0, 0], FIRST + 2 * DAY)
