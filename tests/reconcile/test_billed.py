"""Charges cut to the period: adjoining periods add up to the whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.engine.engine import open_engine
from trueup.period import Period
from trueup.reconcile.billed import in_period, part

START = datetime(2026, 10, 1, tzinfo=UTC)
MONTH = timedelta(days=31)


def parts_of(amount: int, cuts: list[int]) -> list[int]:
    """The parts of a monthly amount in the adjoining periods between the cuts (in hours)."""
    edges = [START, *(START + timedelta(hours=cut) for cut in cuts), START + MONTH]
    with open_engine("duckdb") as engine:
        rows = engine.load(
            pa.table(
                {
                    "start": pa.array([START], pa.timestamp("us", tz="UTC")),
                    "end": pa.array([START + MONTH], pa.timestamp("us", tz="UTC")),
                    "amount": pa.array([Decimal(amount)], pa.decimal128(38, 0)),
                }
            )
        )
        found = []
        for start, end in pairwise(edges):
            inside = in_period(rows, Period(start, end))
            found.append(engine.collect(inside.select(part=part(inside, inside.amount))))
    return [int(table.column("part")[0].as_py()) for table in found]


@given(
    st.integers(-(10**20), 10**20),
    st.lists(st.integers(1, 743), min_size=1, max_size=5, unique=True).map(sorted),
)
@settings(max_examples=20, deadline=None)
def test_adjoining_periods_add_up(amount: int, cuts: list[int]) -> None:
    """However a month is cut, the parts of a monthly charge sum to it."""
    assert sum(parts_of(amount, cuts)) == amount


def test_a_monthly_fee_by_its_days() -> None:
    """310.00 of a 31-day month is 10.00 in its first day, and 9.99 + 10.01 never happens."""
    assert parts_of(31000, [24]) == [1000, 30000]


def test_the_last_cent_falls_where_the_running_total_reaches_it() -> None:
    """One cent over a month: nothing in its first half, the cent in the second."""
    assert parts_of(1, [372]) == [0, 1]
