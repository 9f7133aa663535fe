"""ContractApplied, digit for digit."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trueup.focus.applied import APPLIED, applied_by_time
from trueup.period import Period

COST, QUANTITY = "ContractCommitmentAppliedCost", "ContractCommitmentAppliedQuantity"


def named(commitment: str) -> str:
    return f'"ContractCommitmentId":"{commitment}"'


def at(hour: int) -> datetime:
    return datetime(2026, 10, 3, hour, tzinfo=UTC)


def applied(
    folder: Path,
    texts: list[str | None],
    hours: tuple[int, int] = (14, 15),
    period: Period | None = None,
    status: str | None = None,
) -> dict[tuple[str, int], dict[str, Any]]:
    """The rows by commitment and hour of charges over ``hours``; costs are of two decimals."""
    instant, count = pa.timestamp("us", tz="UTC"), len(texts)
    rows = pa.table(
        {
            "ContractApplied": texts,
            "x_Provider": ["nimbus"] * count,
            "BillingCurrency": ["USD"] * count,
            "ChargeCategory": ["Usage"] * count,
            "CommitmentDiscountStatus": pa.array([status] * count, pa.string()),
            "ChargePeriodStart": pa.array([at(hours[0])] * count, instant),
            "ChargePeriodEnd": pa.array([at(hours[1])] * count, instant),
        }
    )
    pq.write_table(rows, folder / "rows.parquet")
    found = applied_by_time([folder / "rows.parquet"], period, 2).to_pylist()
    return {(row["commitment_id"], row["at"].hour): row for row in found}


def test_amounts_keep_every_digit(tmp_path: Path) -> None:
    """Amounts that no binary float holds are summed exactly; odd ones are counted."""
    unit = '"ContractCommitmentAppliedUnit":"Hours"'
    both = f'{{{named("c")},"{COST}":0.123456789012345678}},{{{named("d")},"{QUANTITY}":3,{unit}}}'
    texts = [
        f'{{"Elements":[{both}]}}',
        f'{{"Elements":[{{{named("c")},"{COST}":1}}]}}',
        f'{{"Elements":[{{{named("c")},"{COST}":"a lot"}}]}}',
        "not JSON",
        None,
    ]
    found = applied(tmp_path, texts)
    assert found["c", 14]["cost"] == Decimal("1.123456789012345678")
    assert found["c", 14]["unreadable"] == 1
    assert (found["d", 14]["quantity"], found["d", 14]["unit"]) == (3, "Hours")
    assert found["c", 14]["at"] == at(14)


@pytest.mark.parametrize(
    ("written", "amount"),
    [("8.5E0", "8.5"), ("-85e-1", "-8.5"), ("1E-18", "0.000000000000000001"), ('"2e3"', "2000")],
)
def test_an_exponent_is_read_exactly(tmp_path: Path, written: str, amount: str) -> None:
    """E notation is decimal text like any other."""
    found = applied(tmp_path, [f'{{"Elements":[{{{named("c")},"{COST}":{written}}}]}}'])
    assert found["c", 14]["cost"] == Decimal(amount)
    assert found["c", 14]["unreadable"] == 0


@pytest.mark.parametrize("written", ["1E-19", "1e20", "8.5E", '"E5"'])
def test_what_18_decimals_cannot_hold_is_counted(tmp_path: Path, written: str) -> None:
    """A number finer than 18 decimals, of more than 20 digits, or none at all is unreadable."""
    texts: list[str | None] = [f'{{"Elements":[{{{named("c")},"{COST}":{written}}}]}}']
    found = applied(tmp_path, texts)
    assert all(row["unreadable"] == 1 and row["cost"] is None for row in found.values())


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        # cents, cut off at running totals: 10.00 x 1/3 = 3.33, x 2/3 = 6.66
        ("10.00", {13: "3.33", 14: "3.33", 15: "3.34"}),
        ("-10.00", {13: "-3.33", 14: "-3.33", 15: "-3.34"}),
        # finer than the bill's own cents: the last part keeps what the others cannot show
        ("0.125", {13: "0.04", 14: "0.04", 15: "0.045"}),
    ],
)
def test_edges_of_the_period_split_by_time(
    tmp_path: Path, written: str, parts: dict[int, str]
) -> None:
    """13:00 to 16:00 with a period from 14:00 to 15:00: each hour a third, together the whole."""
    text = f'{{"Elements":[{{{named("c")},"{COST}":{written}}}]}}'
    found = applied(tmp_path, [text], (13, 16), Period(at(14), at(15)))
    assert {hour: row["cost"] for (_, hour), row in found.items()} == {
        hour: Decimal(part) for hour, part in parts.items()
    }


def test_quantities_are_split_to_18_decimals(tmp_path: Path) -> None:
    """10 over 3 hours: 10 x 1/3 and 10 x 2/3 cut off at 18 decimals, the rest in the last hour."""
    text = f'{{"Elements":[{{{named("c")},"{QUANTITY}":10}}]}}'
    found = applied(tmp_path, [text], (13, 16), Period(at(14), at(15)))
    assert [found["c", hour]["quantity"] for hour in (13, 14, 15)] == [
        Decimal("3.333333333333333333"),
        Decimal("3.333333333333333333"),
        Decimal("3.333333333333333334"),
    ]


def test_what_was_not_used_applied_nothing(tmp_path: Path) -> None:
    """A row of the unused rest names its commitment; only one of Used counts its 1."""
    text = f'{{"Elements":[{{{named("c")},"{COST}":1}}]}}'
    assert applied(tmp_path, [text], status="Unused") == {}
    assert applied(tmp_path, [text], status="Used")["c", 14]["cost"] == Decimal(1)


def test_a_charge_of_an_instant_is_not_lost(tmp_path: Path) -> None:
    """At 14:00, the start of the period, counts in it; at 15:00, its end, counts after it."""
    text = f'{{"Elements":[{{{named("c")},"{COST}":1}}]}}'
    for hour in (14, 15):
        found = applied(tmp_path, [text], (hour, hour), Period(at(14), at(15)))
        assert {key: row["cost"] for key, row in found.items()} == {("c", hour): Decimal(1)}


def test_no_files_applied_nothing() -> None:
    """A table of the same columns, without a row."""
    found = applied_by_time([], None, 2)
    assert (found.schema, found.num_rows) == (APPLIED, 0)
