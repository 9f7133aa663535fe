from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.telemetry.usage import read_usage
from trueup.telemetry.usage_by_value import UsageByValue

# What stands in a good table, what has a default, and what is at fault, by usage column.
TEXTS = {
    "window_start": ["2026-10-01T00:00:00Z", "1790812800", "1790812800000", "", "soon"],
    "window_end": ["2026-10-01T01:00:00Z", "", "NULL", "2026-09-30", "later"],
    "quantity": ["1", " 2.50 ", "1e-3", "0", "-1", "many", "", "NULL"],
    "input_tokens": ["1", "12.0", "", "-1", "many"],
    "output_tokens": ["7", "None", ""],
    "meter": ["gpu", "requests", "storage", "", "GPU"],
    "capacity": ["busy", "allocated", "", "idle"],
    "unit": ["GPU-Hours", "Calls", "", "1000 Tokens", "n/a"],
    "tags": ['{"a": 1}', "{'a': None}", "", "[1]"],
    "team": ["red", " red", "NULL", "", "ü"],
    "provider": ["Example", "example", ""],
}
GOOD = {name: values[0] for name, values in TEXTS.items()}
ARRAYS: dict[str, list[Any]] = {
    "window_start": [
        pa.array(["2026-10-01"] * 2).cast(pa.timestamp("us")),
        pa.array([datetime(2026, 10, 1, tzinfo=UTC), None], pa.timestamp("ms", "UTC")),
        pa.array([date(2026, 10, 1), date(2026, 10, 2)]),
        pa.array([253402300800000000, 0], pa.timestamp("us")),  # the first instant of year 10000
        pa.array([1790812800, 1790812801]),
    ],
    "quantity": [
        pa.array([Decimal("1.5"), Decimal(0)], pa.decimal128(18, 6)),
        pa.array([Decimal("1.5"), Decimal(-1)], pa.decimal128(18, 6)),
        pa.array([1, None]),
        pa.array([0.1, 1e-7]),
    ],
    "team": [pa.array([1, None]), pa.array([{"a": 1}, None]), pa.array([True, False])],
}


def assert_both_ways_agree(path: Path, **how: Any) -> None:
    def everything() -> tuple[list[Any], ...]:
        found = read_usage(path, format="table", **how)
        return found.table.rows(), found.rejects.rows(), found.sources.rows()

    by_value = everything()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UsageByValue, "rows", lambda _self, _chunk, _connection: None)
        assert by_value == everything()


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, str]]:
    """Up to five records, with up to two columns drawn from the lists above."""
    several = draw(st.booleans())
    left_out = {"meter", "quantity"} if several else {"input_tokens", "output_tokens"}
    left_out |= draw(st.sets(st.sampled_from(["window_end", "capacity", "unit", "tags", "team"])))
    names = sorted(set(TEXTS) - left_out)
    drawn = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    return [
        {name: GOOD[name] for name in names}
        | {name: draw(st.sampled_from(TEXTS[name])) for name in drawn}
        for _ in range(draw(st.integers(1, 5)))
    ]


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_values_and_rows_read_the_same_cell(tmp_path: Path, name: str) -> None:
    """One cell that is odd beside a good record: the same usage, rejects and notes."""
    left_out = (
        {"meter", "quantity"} if name.endswith("_tokens") else {"input_tokens", "output_tokens"}
    )
    good = {column: value for column, value in GOOD.items() if column not in left_out}
    for number, value in enumerate(TEXTS[name]):
        path = tmp_path / str(number)
        pq.write_table(pa.Table.from_pylist([good, {**good, name: value}]), path)
        assert_both_ways_agree(path, columns={column: column for column in good})


@settings(deadline=None, max_examples=15)
@given(
    tables(),
    st.booleans(),
    st.sampled_from([{}, {"team": "NULL"}, {"unit": "no unit at all"}, {"provider": "Example"}]),
)
def test_values_and_rows_read_the_same_text(
    rows: list[dict[str, str]], as_parquet: bool, constants: dict[str, str]
) -> None:
    """Whatever stands in a table: equal usage, rejects, counts and notes, as CSV or Parquet."""
    columns = {name: f"my {name}" for name in rows[0]}
    table = pa.Table.from_pylist([{columns[name]: v for name, v in one.items()} for one in rows])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "usage"
        if as_parquet:
            pq.write_table(table, path, row_group_size=2)
        else:
            pa_csv.write_csv(table, path)
        assert_both_ways_agree(path, columns=columns, constants=constants)


@settings(deadline=None, max_examples=15)
@given(st.fixed_dictionaries({}, optional={n: st.sampled_from(a) for n, a in ARRAYS.items()}))
def test_values_and_rows_read_the_same_types(drawn: dict[str, Any]) -> None:
    """The same for the physical types of Parquet, in good rows and in faulty ones."""
    names = ("window_start", "quantity", "meter", "team")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "usage.parquet"
        pq.write_table(pa.table({n: drawn.get(n, pa.array([GOOD[n]] * 2)) for n in names}), path)
        assert_both_ways_agree(path)


def test_a_good_chunk_is_read_by_its_values(tmp_path: Path) -> None:
    """Two records, of two meters and of one: three rows, with no query over the records."""
    path = tmp_path / "usage.parquet"
    table = {"window_start": ["2026-10-01", "2026-10-02"], "output_tokens": ["2", None]}
    pq.write_table(pa.table({**table, "input_tokens": ["1", "3"]}), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trueup.telemetry.records.RawRecords.load", None)
        rows = read_usage(path).table.rows()
    assert [(one["source_row"], one["meter"], one["quantity"]) for one in rows] == [
        (1, "input_tokens", 1),
        (1, "output_tokens", 2),
        (2, "input_tokens", 3),
    ]
    assert [one["usage_id"] for one in rows] == [0, 1, 2]
