"""Savings plans for the twin: the world has none."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from tests.twin.azure_reservations import Plan

PLANS = (
    Plan(
        "5d10",
        "compute-2026",
        Decimal("3.25"),
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2027, 3, 1, tzinfo=UTC),
        {
            date(2026, 10, 1): Decimal("80.5"),
            date(2026, 10, 2): Decimal(100),
            date(2026, 10, 3): Decimal("12.34"),
        },
    ),
    Plan(
        "5d11",
        "late-2026",
        Decimal("1.10"),
        datetime(2026, 10, 2, 18, tzinfo=UTC),
        datetime(2027, 10, 2, 18, tzinfo=UTC),
        {date(2026, 10, 2): Decimal(50), date(2026, 10, 3): Decimal(75)},
    ),
)
