"""A table and its split are written side by side; what fails there is raised here."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import trueup
from tests.focus.bill import row, write
from trueup.errors import IntegrityError
from trueup.model.schema import REJECTS, USAGE
from trueup.model.split import SplitWriter
from trueup.model.table_file import TableFile
from trueup.model.table_files import TableFiles


def usage(first: int, rows: int) -> pa.Table:
    numbers = pa.array(range(first, first + rows), pa.int64())
    columns = {each.name: pa.nulls(rows, each.type) for each in USAGE}
    return pa.table(columns | {"usage_id": numbers}, schema=USAGE)


def test_both_have_every_row_in_the_order_of_writing(tmp_path: Path) -> None:
    files = TableFiles(tmp_path, "usage", USAGE)
    for first in range(0, 50, 10):
        files.write(usage(first, 10))
    table = files.table(keep=None)
    assert table.to_arrow()["usage_id"].to_pylist() == list(range(50))
    assert table.split is not None
    facts = pa.concat_tables(pq.read_table(file) for file in table.split.facts)
    assert facts["usage_id"].to_pylist() == list(range(50))


def test_a_kind_without_a_split_has_its_rows_alone(tmp_path: Path) -> None:
    table = TableFiles(tmp_path, "rejects", REJECTS).table(keep=None)
    assert (len(table), table.split) == (0, None)


@pytest.mark.parametrize("writer", [TableFile, SplitWriter])
@pytest.mark.parametrize("end", [lambda files: files.write(usage(9, 1)), TableFiles.close])
def test_a_failure_on_the_way_is_raised_once_and_the_files_end(
    writer: type,
    end: Callable[[TableFiles], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full disk stops the reading at the next chunk, or at the end; closing again is quiet."""

    def full(*_given: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "write", full)
    files = TableFiles(tmp_path, "usage", USAGE)
    files.write(usage(0, 1))
    monkeypatch.undo()
    with pytest.raises(OSError, match="No space left"):
        end(files)
    files.close()


def test_files_that_lack_a_row_are_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk that never reached the file, and nobody said so."""
    monkeypatch.setattr(TableFile, "write", lambda *_given: None)
    files = TableFiles(tmp_path, "usage", USAGE)
    files.write(usage(0, 3))
    with pytest.raises(IntegrityError, match="3 rows were to be written, but it has 0"):
        files.table(keep=None)


def test_a_full_disk_ends_the_reading_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread's error reaches who reads the bill; the folder of the dataset is gone."""

    def full(*_given: Any) -> None:
        raise OSError(28, "No space left on device")

    bill = write(tmp_path / "bill.csv", row(), row())
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr(SplitWriter, "write", full)
    with pytest.raises(OSError, match="No space left"):
        trueup.read_charges(bill)
    assert list(scratch.iterdir()) == []
