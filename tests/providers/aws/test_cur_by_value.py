"""CUR 2.0 read by the values of its columns, against its query over every record as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.focus.test_by_value import everything
from tests.providers.aws.test_cur import COVERED, FEE, LINE, NEGATION, line, plan, reserved
from tests.some import some

import trueup
from trueup.focus import raw
from trueup.focus.native_by_value import NativeByValue

RESERVATION = reserved(
    "RIFee",
    "3.00",
    reservation_total_reserved_normalized_units="64",
    reservation_unused_normalized_unit_quantity="32",
    reservation_unused_quantity="0.5",
    reservation_unused_amortized_upfront_fee_for_billing_period="0.25",
    reservation_unused_recurring_fee="1.5",
)
LINES = (
    *(COVERED, NEGATION, FEE, RESERVATION, plan("SavingsPlanUpfrontFee", "100")),
    *(line("Usage", "0.3"), line("Tax", "1"), line("EdpDiscount", "-0.1"), line("Other", "1")),
    reserved(
        "DiscountedUsage",
        "0",
        line_item_normalized_usage_amount="8",
        reservation_effective_cost="0.75",
    ),
    line("", "1"),
)
NUMBERS = [name for name in LINE if name.endswith(("cost", "amount", "rate"))] + [
    name for name in LINE if name.startswith(("reservation_", "savings_plan_")) and name[-1] != "n"
]
NUMBERS = [name for name in NUMBERS if not name.endswith("offering_type")]
TIMES = [name for name in LINE if name.endswith(("start_date", "end_date"))]
FLOATS = [0.0, -0.0, 0.1, 1e5, 123456789.25, 1 / 3, 2.5e-15, 1e-18, 1e19, None]
DOUBTFUL = [float("nan"), float("inf"), 1e20, 1e-19]


def as_text(lines: Sequence[Any]) -> dict[str, pa.Array]:
    return {name: pa.array([one[name] or None for one in lines], pa.string()) for name in LINE}


def as_typed(lines: Sequence[Any]) -> dict[str, pa.Array]:
    """As the provider writes Parquet: doubles, timestamps, maps."""
    columns = as_text(lines)
    for name in NUMBERS:
        columns[name] = columns[name].cast(pa.float64())
    for name in TIMES:
        texts = [one[name].removesuffix("Z") for one in lines]
        columns[name] = pa.array(map(datetime.fromisoformat, texts), pa.timestamp("ms"))
    maps = [[("product_name", "Amazon SageMaker"), ("gpu", str(len(one)))] for one in lines]
    columns["product"] = pa.array(maps, pa.map_(pa.string(), pa.string()))
    columns["resource_tags"] = pa.array(
        [[("user_team", one["line_item_unblended_cost"])] for one in lines],
        pa.map_(pa.string(), pa.string()),
    )
    return columns


def assert_both_ways_agree(columns: dict[str, pa.Array]) -> tuple[list[Any], ...]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "cur.parquet"
        pq.write_table(pa.table(columns), path, row_group_size=2)
        by_value = everything(trueup.read_charges(path))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(raw, "CHUNK_ROWS", 2)  # chunk by chunk: what is known stays known
            assert by_value == everything(trueup.read_charges(path))
            patch.setattr(NativeByValue, "records", lambda _self, _chunk: None)
            assert by_value == everything(trueup.read_charges(path))
    return by_value


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each chunk that is tried, whether it was read by its values."""
    found: list[bool] = []
    records = NativeByValue.records

    def watched(self: NativeByValue, chunk: pa.Table) -> pa.RecordBatch | None:
        batch = records(self, chunk)
        found.append(batch is not None)
        return batch

    monkeypatch.setattr(NativeByValue, "records", watched)
    return found


@pytest.mark.parametrize("columns", [as_text(LINES), as_typed(LINES)], ids=["text", "typed"])
def test_every_kind_of_line_is_the_same_both_ways(
    columns: dict[str, pa.Array], seen: list[bool]
) -> None:
    """Of eleven lines two have no known type: nine charges, two rejects, and no row of its own."""
    charges, rejects, _ = assert_both_ways_agree(columns)
    assert (len(charges), len(rejects)) == (9, 2)
    assert set(seen) == {True}


@settings(deadline=None, max_examples=4)
@given(st.data())
def test_every_number_is_the_same_both_ways(data: st.DataObject) -> None:
    """Up to three columns of drawn numbers, good ones, hard ones and some that are none."""
    columns = as_typed(LINES)
    for name in data.draw(st.lists(st.sampled_from(NUMBERS), max_size=3, unique=True)):
        drawn = st.sampled_from([*FLOATS, *FLOATS, *DOUBTFUL])
        values = data.draw(st.lists(drawn, min_size=len(LINES), max_size=len(LINES)))
        columns[name] = pa.array(values, pa.float64())
    assert_both_ways_agree(columns)


@pytest.mark.parametrize("value", DOUBTFUL)
def test_a_number_in_doubt_is_left_to_its_text(value: float, seen: list[bool]) -> None:
    """The chunk's query runs over texts, and the row is rejected with the text of the number."""
    columns = as_typed(LINES[:2])
    columns["line_item_unblended_cost"] = pa.array([1.5, value])
    charges, rejects, _ = assert_both_ways_agree(columns)
    assert (len(charges), len(rejects)) == (1, 1)
    assert set(seen) == {False}


ODD: dict[str, pa.Array] = {
    "line_item_usage_start_date": pa.array([date(2026, 10, 1), None]),
    "line_item_usage_end_date": pa.array([253402300800, 1796000000], pa.timestamp("s")),
    "bill_billing_period_start_date": pa.array([1, 2], pa.timestamp("ns", "UTC")),
    "line_item_unblended_cost": pa.array([Decimal("1.5"), Decimal(2)], pa.decimal128(38, 20)),
    "line_item_usage_amount": pa.array([1, None], pa.int64()),
    "pricing_public_on_demand_cost": pa.array([0.1, 2], pa.float32()),
    "line_item_unblended_rate": pa.array(["1e-3", "soon"]),
    "bill_payer_account_id": pa.array([111111111111, 2]),
    "line_item_resource_id": pa.array([" NULL", "None"]),
    "product": pa.array(["{'product_name': 'A', 'gpu': None}", "{broken"]),
    "resource_tags": pa.array([{"a": "1", "b": None}, None]),
    "line_item_line_item_type": pa.array([None, "Usage"], pa.string()),
    "bill_billing_period_end_date": pa.array([datetime(2026, 11, 1, tzinfo=UTC)] * 2),
}


@pytest.mark.parametrize("columns", some([as_typed, as_text], 1))
@pytest.mark.parametrize("name", sorted(ODD))
def test_a_column_of_another_type_is_the_same_both_ways(
    name: str, columns: Callable[[Sequence[Any]], dict[str, pa.Array]]
) -> None:
    """Whatever the file has in place of what the provider writes."""
    assert_both_ways_agree(columns(LINES[:2]) | {name: ODD[name]})


def test_absent_columns_are_the_same_both_ways(seen: list[bool]) -> None:
    """Only what an export must have: what is lacking is of no type, so that numbers stay typed."""
    columns = as_typed(LINES[:3])
    needed = [name for name in LINE if name.startswith(("bill_", "line_item_"))]
    assert_both_ways_agree({name: columns[name] for name in needed})
    assert set(seen) == {True}
