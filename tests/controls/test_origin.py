"""Rows of landed files by number, whatever the file is."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trueup.controls.origin import Origin, origins, rows_of
from trueup.workspace.store import Store

TEXT = '\ufeffName;Cost\r\n"a;b";1,50\r\n"two\nlines";2.00\r\nc;\r\n'


def parquet() -> bytes:
    target = io.BytesIO()
    pq.write_table(
        pa.table({"Name": ["a;b", "two\nlines", "c"], "Cost": ["1,50", "2.00", None]}),
        target,
        row_group_size=2,
    )
    return target.getvalue()


@pytest.mark.parametrize(
    "content",
    [TEXT.encode(), gzip.compress(TEXT.encode()), parquet()],
    ids=["csv", "csv.gz", "parquet"],
)
def test_rows_are_read_by_number(tmp_path: Path, content: bytes) -> None:
    """1 is the first data row; a quoted field may hold the separator or a line's end; empty is none."""
    store = Store(tmp_path)
    digest = store.put(content)
    assert rows_of(store, digest, [1, 2, 3, 9]) == {
        1: {"Name": "a;b", "Cost": "1,50"},
        2: {"Name": "two\nlines", "Cost": "2.00"},
        3: {"Name": "c"},
    }


@pytest.mark.parametrize("content", [b'{"a": 1}\n{"a": 2}\n', b"[[commitment]]\nid = 1\n", b""])
def test_what_is_no_table_has_no_rows_to_show(tmp_path: Path, content: bytes) -> None:
    """JSON lines, TOML and an empty file are told by file and row alone."""
    store = Store(tmp_path)
    assert rows_of(store, store.put(content), [1]) == {}


def test_a_file_that_is_gone_shows_no_values(tmp_path: Path) -> None:
    """What is missing in the store is `verify`'s to name; the list goes on."""
    assert rows_of(Store(tmp_path), "0" * 64, [1]) == {}


def test_only_the_row_groups_that_hold_a_row_are_read(tmp_path: Path) -> None:
    """Row 3 is alone in the second group of two; row 1 stands in the first."""
    store = Store(tmp_path)
    digest = store.put(parquet())
    assert rows_of(store, digest, [3]) == {3: {"Name": "c"}}
    assert rows_of(store, digest, [1]) == {1: {"Name": "a;b", "Cost": "1,50"}}


def of_run(store: Store, *rows: dict[str, Any], sources: list[dict[str, Any]]) -> Any:
    """A workspace whose run kept these rows behind its breaks."""
    tables = {"break_rows": list(rows), "sources": sources}
    return SimpleNamespace(store=store, table=lambda _run, name: tables[name])


def test_a_break_is_told_by_its_rows(tmp_path: Path) -> None:
    """Row 2 of the bill with its values; a row without number, and one of no file, without."""
    store = Store(tmp_path)
    digest = store.put(TEXT.encode())
    place = {"break_id": "b", "side": "billed", "source_id": 1, "source_row": 2}
    workspace = of_run(
        store,
        place,
        {**place, "break_id": "c", "source_row": 1},
        {**place, "side": "contract", "source_id": 1, "source_row": 0},
        {**place, "side": "metered", "source_id": 7, "source_row": 5},
        sources=[
            {"kind": "charges", "source_id": 1, "source": "oct.csv", "sha256": digest},
            {"kind": "commitments", "source_id": 1, "source": "a table", "sha256": None},
        ],
    )
    values = {"Name": "two\nlines", "Cost": "2.00"}
    assert origins(workspace, "run-0001", "b") == [
        Origin("billed", "oct.csv", digest, 2, values),
        Origin("contract", "a table", None, 0, None),
        Origin("metered", "a source of the run", None, 5, None),
    ]


def test_a_break_without_rows_has_no_origin(tmp_path: Path) -> None:
    """A figure that no row tells, such as what is missing."""
    assert origins(of_run(Store(tmp_path), sources=[]), "run-0001", "b") == []
