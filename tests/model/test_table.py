"""A table in memory and on disk, and the ways out of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trueup.errors import IntegrityError
from trueup.model.dataset import Dataset
from trueup.model.schema import ALLOCATIONS, BURN_DOWN, REJECTS, SOURCES, USAGE
from trueup.model.table import Table

ROWS = [
    {"team": f"team-{n}", "currency": "USD", "cost": Decimal(n) / 8, "agent": None}
    for n in range(25)
]


def on_disk(folder: Path) -> Table:
    whole = Table.from_rows(ALLOCATIONS, ROWS).to_arrow()
    files = [folder / "a.parquet", folder / "b.parquet"]
    pq.write_table(whole.slice(0, 20), files[0])
    pq.write_table(whole.slice(20), files[1])
    return Table(ALLOCATIONS, files=files)


def test_memory_and_disk_hold_the_same_rows(tmp_path: Path) -> None:
    """Two files read as one table: 25 rows, in file order, equal to those in memory."""
    table = on_disk(tmp_path)
    assert len(table) == 25
    assert table.rows() == Table.from_rows(ALLOCATIONS, ROWS).rows() == list(table)
    assert table.rows()[3]["cost"] == Decimal("0.375")


def test_a_missing_key_is_null() -> None:
    """A row that lacks a column's key has null there, not zero."""
    table = Table.from_rows(ALLOCATIONS, [{"team": "x"}])
    assert table.rows()[0]["cost"] is None


def test_the_first_rows_need_not_the_rest(tmp_path: Path) -> None:
    """`head(22)` crosses from the first file into the second and stops there."""
    head = on_disk(tmp_path).head(22)
    assert head.column("team").to_pylist() == [f"team-{n}" for n in range(22)]


def test_decimals_and_instants_come_out_exact() -> None:
    """Arrow, pandas and polars give the same 18 decimals and the same instant."""
    cost = Decimal("1.000000000000000001")
    day = datetime(2026, 10, 1, tzinfo=UTC)
    table = Table.from_rows(BURN_DOWN, [{"used_quantity": cost, "day": day}])
    frame = table.to_pandas()
    assert frame["used_quantity"][0] == cost
    assert frame["day"][0] == pd.Timestamp(day)
    assert table.to_polars()["used_quantity"][0] == cost
    assert table.to_arrow()["day"][0].as_py() == day


def test_other_libraries_take_it_by_the_capsule_interface(tmp_path: Path) -> None:
    """Polars and Arrow read the table without knowing its class."""
    table = on_disk(tmp_path)
    assert pl.DataFrame(table).height == 25
    assert pa.RecordBatchReader.from_stream(table).read_all().num_rows == 25


def test_it_prints_in_a_terminal_and_in_a_notebook() -> None:
    """Both forms show the first rows and count the rest."""
    table = Table.from_rows(ALLOCATIONS, ROWS)
    assert "team-0" in repr(table)
    assert "15 more rows" in repr(table)
    assert table._repr_html_().startswith("<table")  # what a notebook calls


def test_columns_are_selected_in_the_order_asked_for(tmp_path: Path) -> None:
    """In memory and on disk, the rows are the same, with these columns in this order."""
    schema = pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.int64())])
    memory = Table.from_rows(schema, [{"a": 1, "b": "x", "c": 3}, {"a": 2, "b": "y", "c": 4}])
    pq.write_table(memory.to_arrow(), tmp_path / "t.parquet")
    for table in (memory, Table(schema, files=[tmp_path / "t.parquet"])):
        chosen = table.select(["c", "a"])
        assert chosen.columns == ["c", "a"]
        assert [list(row.items()) for row in chosen] == [
            [("c", 3), ("a", 1)],
            [("c", 4), ("a", 2)],
        ]


def test_a_source_that_does_not_add_up_is_no_dataset() -> None:
    """3 rows in, 1 accepted and 1 rejected: one is nowhere."""
    row = {"source_id": 1, "source": "a.csv", "kind": "usage", "rows_in": 3, "accepted": 1}
    for rejected, sound in ((2, True), (1, False)):
        sources = Table.from_rows(SOURCES, [row | {"rejected": rejected}])
        made = Dataset("usage", Table.from_rows(USAGE, []), sources, Table.from_rows(REJECTS, []))
        if sound:
            assert made.checked() is made
            continue
        with pytest.raises(IntegrityError, match=r"a.csv: 3 rows in, but 1 accepted \+ 1 rejected"):
            made.checked()
