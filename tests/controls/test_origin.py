"""Rows of landed files by number, whatever the file is."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trueup.controls.origin import rows_of
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
