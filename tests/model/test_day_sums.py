"""Sums of a table by the days in which its rows start."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa

from trueup.model.day_sums import by_day
from trueup.model.spend_schema import SPEND


def test_a_day_of_a_zone_counts_and_what_is_longer_does_not() -> None:
    """Where clocks go back a day has 25 hours: 5 + 7 = 12; 26 hours are no day."""

    def row(start: int, end: tuple[int, int], cost: int) -> dict[str, object]:
        day, hour = end
        return {
            "start": datetime(2026, 10, start, 4, tzinfo=UTC),
            "end": datetime(2026, 10, day, hour, tzinfo=UTC),
            "cost": Decimal(cost),
        }

    rows = [row(24, (25, 4), 5), row(24, (25, 5), 7), row(24, (25, 6), 100), row(25, (26, 4), 3)]
    given = pa.Table.from_pylist(rows, schema=SPEND)
    found = by_day(given.to_reader(), [], ["cost"])
    assert {each["day"].day: each["cost"] for each in found.to_pylist()} == {24: 12, 25: 3}
