"""Parts of reading by value: another case than the first, and what is not one."""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from inspect import GEN_CLOSED, getgeneratorstate
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pyarrow as pa
import pytest
from tests.focus.bill import as_csv, row
from tests.focus.test_invoices import DETAIL

from trueup.errors import SourceError
from trueup.focus import native_by_value
from trueup.focus.by_value import _first
from trueup.focus.charges import read_charges
from trueup.focus.columnar import _longest, _readable
from trueup.focus.intake import Intake
from trueup.focus.invoices import format_of
from trueup.focus.native_by_value import NativeByValue, Plan
from trueup.focus.query import Query
from trueup.focus.raw import RawStream, ahead
from trueup.model.columns import AMOUNT


def query(**answer: list[object]) -> Query:
    """A query that answers so, whatever it is asked."""
    read = pa.table({name: pa.array(values) for name, values in answer.items()})
    return cast("Query", SimpleNamespace(read=lambda _table: read))


TEXTS = {0: pa.array(["x", "y", "x"]), 1: pa.array(["1", "1", "1"])}


def texts(read: Query) -> dict[str, pa.Array] | None:
    return NativeByValue(Plan([], {}, []), cast("Any", None))._texts(TEXTS, 3, read)


def test_each_combination_is_read_once() -> None:
    """Of three rows two differ: the answers to these are spread over all three."""
    found = texts(query(record=[0, 1], kind=["a", None]))
    assert found is not None
    assert found["kind"].to_pylist() == ["a", None, "a"]


@pytest.mark.parametrize("records", [[0], [1, 0], [0, 0]])
def test_a_query_that_is_no_answer_per_record_is_not_taken(records: list[object]) -> None:
    """One lost, two exchanged, one twice: the engine takes the whole file instead."""
    assert texts(query(record=records, kind=["a"] * len(records))) is None


def test_decimals_are_spread_as_decimals() -> None:
    """Amounts need no dictionary, and no text in between."""
    amounts = pa.array([Decimal("1.50"), None], AMOUNT)
    spread = native_by_value._spread(amounts, pa.array([0, 1, 0]))
    assert spread.type == AMOUNT
    assert spread.to_pylist() == [Decimal("1.50"), None, Decimal("1.50")]


def test_the_first_column_that_says_something_counts() -> None:
    """Another name of a column fills the holes of the first; without holes it is not looked at."""
    first, full = pa.array(["a", None]), pa.array(["c", "d"])
    assert _first([first, full], 2).to_pylist() == ["a", "d"]
    assert _first([full, first], 2) is full
    assert _first([first], 2) is first
    assert _first([], 2).to_pylist() == [None, None]


def test_the_size_of_what_is_no_text_is_that_of_its_bytes() -> None:
    """Three numbers of eight bytes; the longest of two texts; of no text nothing."""
    assert _longest(pa.array([1, 2, 3])) == 8
    assert _longest(pa.array(["a", "abcd"])) == 4
    assert _longest(pa.array([None], pa.string())) == 0


def test_a_half_is_read_as_a_whole_float(tmp_path: Path) -> None:
    """The engine knows no halves."""
    assert _readable(pa.float16()) == pa.float32()
    assert _readable(pa.dictionary(pa.int8(), pa.float16())) == pa.float32()


TOTALS = "invoice_id,amount_due,currency\ni-1,10.00,USD\n"


def test_what_a_file_of_invoices_is(tmp_path: Path) -> None:
    """TOML by its name, a table of totals and Invoice Detail by their columns."""
    (tmp_path / "totals.csv").write_text(TOTALS, encoding="utf-8")
    (tmp_path / "detail.csv").write_text(as_csv([DETAIL]), encoding="utf-8")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert format_of("Mine.TOML", tmp_path / "absent") == "toml"
    assert format_of("totals.csv", tmp_path / "totals.csv") == "invoice-totals"
    assert format_of("detail.csv", tmp_path / "detail.csv") == "focus-1.4"
    with pytest.raises(SourceError):
        format_of("other.csv", tmp_path / "other.csv")


def tables(made: list[object], end: Exception | None = None) -> Generator[pa.Table]:
    """Three tables of one row; ``made`` tells what was made, and that the source was closed."""
    try:
        for number in range(3):
            made.append(number)
            yield pa.table({"number": [number]})
        if end is not None:
            raise end
    finally:
        made.append("closed")


def test_tables_come_in_their_order_and_the_source_ends_once() -> None:
    """All of them, then the source is closed."""
    made: list[object] = []
    assert [table["number"].to_pylist() for table in ahead(tables(made))] == [[0], [1], [2]]
    assert made == [0, 1, 2, "closed"]


def test_the_next_table_is_made_while_one_is_in_use() -> None:
    """Nobody has asked for the second, and it is under way."""
    begun = Event()

    def source() -> Generator[pa.Table]:
        yield pa.table({"number": [0]})
        begun.set()
        yield pa.table({"number": [1]})

    read = ahead(source())
    next(read)
    assert begun.wait(timeout=60)
    read.close()


def test_what_breaks_off_is_told_after_what_was_read() -> None:
    """The tables before the break are handed on, then the error is raised here."""
    read = ahead(tables([], SourceError("bill.csv", "damaged")))
    found = [next(read), next(read), next(read)]
    assert len(found) == 3
    with pytest.raises(SourceError, match="damaged"):
        next(read)


def test_a_source_that_is_left_early_is_closed() -> None:
    """Nobody wants the rest: no thread goes on, files of the source are closed."""
    made: list[object] = []
    source = tables(made)
    read = ahead(source)
    next(read)
    read.close()
    assert made == [0, 1, "closed"]


def test_a_reader_that_fails_closes_what_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only once nobody holds it any more: the error itself holds it."""
    held: list[Generator[pa.Table]] = []
    chunks = RawStream.chunks

    def kept(stream: RawStream) -> Generator[pa.Table]:
        held.append(chunks(stream))
        return held[0]

    monkeypatch.setattr(RawStream, "chunks", kept)
    monkeypatch.setattr(Intake, "write", Mock(side_effect=OSError("no space left")))
    bill = tmp_path / "bill.csv"
    bill.write_text(as_csv([row()]), encoding="utf-8")
    with pytest.raises(OSError, match="no space"):
        read_charges(bill)
    assert getgeneratorstate(held[0]) == GEN_CLOSED
