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
from tests.focus.bill import ROW, row

from trueup.focus import raw
from trueup.focus.by_value import ByValue
from trueup.focus.charges import read_charges
from trueup.model.dataset import Dataset

# What stands in a good bill, what is repaired, and what is at fault, for each kind of column.
TEXTS = ["", "NULL", "None", " null", " a ", "a", "b", "b,c", "ü\U0001f600", "x" * 300]
NUMBERS = ["1", "-2.50", "0.000000000000000001", "1e-3", "1E21", "1.1e-19", "+3", "1,0", "NaN", ""]
TIMES = ["2026-10-03T14:00:00Z", "2026-10-03", "10/3/2026", "2026-10-02T30:00:00Z", "soon", "NULL"]
OBJECTS = ['{"a": "b"}', "{'a': None}", "{}", "[1]", "{broken", '{"a": NaN}', "", " {} "]
KINDS = {
    "BilledCost": NUMBERS,
    "ListCost": NUMBERS,
    "ChargePeriodEnd": TIMES,
    "BillingPeriodStart": TIMES,
    "Tags": OBJECTS,
    "BillingCurrency": ["USD", "usd", " eur ", "", "dollars"],
    "ChargeCategory": ["Usage", "usage", "TAX", "none of these", ""],
    "ProviderName": TEXTS,
    "PublisherName": TEXTS,
    "ChargeDescription": TEXTS,
    "x_Own": TEXTS,
    "Own": TEXTS,
}
ARRAYS: dict[str, st.SearchStrategy[Any]] = {
    "BilledCost": st.sampled_from(
        [
            pa.array([Decimal("1.5"), Decimal(-2), Decimal("0.25")], pa.decimal128(9, 2)),
            pa.array([1.5, 1e-7, 0.1]),
            pa.array([1.5, float("nan"), None]),
            pa.array([7, -1, 0], pa.int16()),
            pa.array([Decimal(1), None, Decimal(3)], pa.decimal128(38, 20)),
        ]
    ),
    "ChargePeriodEnd": st.sampled_from(
        [
            pa.array(["2026-10-03 15:00"] * 3).cast(pa.timestamp("ms")),
            pa.array([datetime(2026, 10, 3, 15, tzinfo=UTC)] * 3, pa.timestamp("ns", "UTC")),
            pa.array([date(2026, 10, 4), date(2026, 10, 3), date(9999, 1, 1)]),
            pa.array(["2026-10-03 13:00", None, "2026-10-04"]).cast(pa.timestamp("us")),
        ]
    ),
    "Tags": st.sampled_from(
        [
            pa.array([[("a", "b")], [], None], pa.map_(pa.string(), pa.string())),
            pa.array([{"a": 1}, {"a": None}, None]),
            pa.array([1, 2, 3]),
        ]
    ),
    "SkuId": st.sampled_from([pa.array([1, 2, None]), pa.array([True, None, False])]),
}


def everything(dataset: Dataset) -> tuple[list[Any], ...]:
    """All that a reader says, names of sources left out."""
    sources = [{**one, "source": None} for one in dataset.sources.rows()]
    rejects = [{**one, "source": None} for one in dataset.rejects.rows()]
    return dataset.table.rows(), rejects, sources


def assert_both_ways_agree(*paths: Path) -> None:
    """At one go, and chunk by chunk, in which later ones repeat values of the first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ByValue, "rows", lambda _self, _chunk: None)
        by_row = everything(read_charges(*paths))
    assert everything(read_charges(*paths)) == by_row
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw, "CHUNK_ROWS", 2)
        assert everything(read_charges(*paths)) == by_row


@st.composite
def texts(draw: st.DrawFn) -> list[dict[str, str]]:
    """A bill as text: good rows, with up to two columns drawn from the lists above."""
    names = draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=2, unique=True))
    count = draw(st.integers(1, 5))
    drawn = [{name: draw(st.sampled_from(KINDS[name])) for name in names} for _ in range(count)]
    return [row(**one) for one in drawn]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_values_and_rows_read_the_same_cell(tmp_path: Path, name: str) -> None:
    """In each chunk one cell that is odd, beside a good row: the same charges, rejects and notes."""
    good = {name: "1", **row()}
    rows = [one for value in KINDS[name] for one in (good, row(**{name: value}))]
    path = tmp_path / "bill.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    assert_both_ways_agree(path)


@settings(deadline=None, max_examples=8)
@given(texts(), st.booleans())
def test_values_and_rows_read_the_same_text(rows: list[dict[str, str]], as_parquet: bool) -> None:
    """Whatever stands in a bill: equal charges, rejects, counts and notes, as CSV or Parquet."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bill"
        table = pa.Table.from_pylist(rows)
        if as_parquet:
            pq.write_table(table, path, row_group_size=2)
        else:
            pa_csv.write_csv(table, path)
        assert_both_ways_agree(path)


@settings(deadline=None, max_examples=8)
@given(st.data())
def test_values_and_rows_read_the_same_types(data: st.DataObject) -> None:
    """The same for the physical types of Parquet, in good rows and in faulty ones."""
    columns: dict[str, Any] = {name: pa.array([value] * 3) for name, value in ROW.items()}
    for name in data.draw(st.lists(st.sampled_from(sorted(ARRAYS)), min_size=1, unique=True)):
        columns[name] = data.draw(ARRAYS[name])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bill.parquet"
        pq.write_table(pa.table(columns), path, row_group_size=1)
        assert_both_ways_agree(path)


def test_chunks_may_say_one_thing_in_two_ways(tmp_path: Path) -> None:
    """JSON that stands as it is, that is repaired, and none that is new, beside costs that are."""
    tags = ["{'a': '2'}", '{"a": "2"}', "{'a': '2'}", "{'a': '2'}", '{"b": "1"}', "{'b': '1'}"]
    for order in (tags, tags[::-1], tags[:1] * 6, tags[1:2] * 6):
        rows = [row(Tags=each, BilledCost=str(cost)) for cost, each in enumerate(order)]
        path = tmp_path / "bill.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
        assert_both_ways_agree(path)


def test_bytes_and_views_are_text(tmp_path: Path) -> None:
    """As data frames and other writers keep text."""
    rows = pa.Table.from_pylist([row(), row(), row()])
    for kind in (pa.binary_view(), pa.string_view(), pa.binary(), pa.large_string()):
        values = [b"a", b"b", None] if "binary" in str(kind) else ["a", "b", None]
        extra = rows.append_column("x_Extra", pa.array(values, kind))
        path = tmp_path / "bill.parquet"
        pq.write_table(extra, path, row_group_size=1)
        assert_both_ways_agree(path)
        found = [one["x_Extra"] for one in read_charges(path).table.rows()]
        assert found == ["a", "b", None]


def test_a_good_chunk_is_read_by_its_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of a good file need no query of their own; one fault sends its chunk to it."""
    seen = []
    rows = ByValue.rows

    def watched(self: ByValue, chunk: pa.Table) -> pa.Table | None:
        found = rows(self, chunk)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(ByValue, "rows", watched)
    for value in ("1", "1,0"):
        path = tmp_path / value
        pq.write_table(pa.Table.from_pylist([row(), row(ListCost=value)]), path)
        read_charges(path)
    assert seen == [True, False]
