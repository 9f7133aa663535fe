from __future__ import annotations

import bz2
import gzip
import io
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.focus.bill import as_csv, row, write

from trueup.errors import SourceError
from trueup.focus import delimited
from trueup.focus.charges import read_charges
from trueup.focus.landing import Landed
from trueup.focus.raw import ROW
from trueup.model.dataset import Dataset


def zstd(content: bytes) -> bytes:
    packed = pa.compress(content, codec="zstd", asbytes=True)
    assert isinstance(packed, bytes)
    return packed


def counts(dataset: Dataset) -> tuple[int, int, int]:
    (found,) = dataset.sources.rows()
    return found["rows_in"], found["accepted"], found["rejected"]


def faults(dataset: Dataset) -> list[tuple[int, str | None, str]]:
    return [(r["row_number"], r["column"], r["reason"]) for r in dataset.rejects.rows()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("lineterminator", ["\n", "\r\n"])
def test_delimiters_and_line_ends_are_seen_in_the_header(
    tmp_path: Path, delimiter: str, lineterminator: str
) -> None:
    """Comma, semicolon, tab and bar, with either line end, read the same."""
    values = row(ChargeDescription="a, b; c")
    path = write(
        tmp_path / "b.csv", values, values, delimiter=delimiter, lineterminator=lineterminator
    )
    rows = read_charges(path).table.rows()
    assert [r["ChargeDescription"] for r in rows] == ["a, b; c"] * 2


def test_byte_order_mark_blank_lines_and_quoted_lines(tmp_path: Path) -> None:
    """A BOM is no part of the first name, blank lines are no rows, a value may hold line ends."""
    header, line = as_csv([row()]).splitlines()
    quoted = line.replace("an hour", '"an\n\nhour"')
    path = tmp_path / "b.csv"
    path.write_bytes(f"\ufeff\n{header}\n\n{quoted}\n\n\n{line}\n\n".encode())
    dataset = read_charges(path)
    assert [(r["x_SourceRow"], r["ChargeDescription"]) for r in dataset.table.rows()] == [
        (1, "an\n\nhour"),
        (2, "an hour"),
    ]


@pytest.mark.parametrize("pack", [gzip.compress, zstd, bz2.compress], ids=["gzip", "zstd", "bz2"])
def test_packed_files_are_known_by_content(tmp_path: Path, pack: object) -> None:
    """The name says nothing: a packed file called .csv is unpacked, a plain one called .gz is not."""
    assert callable(pack)
    text = as_csv([row()] * 3).encode()
    (tmp_path / "packed.csv").write_bytes(pack(text))
    (tmp_path / "plain.csv.gz").write_bytes(text)
    assert len(read_charges(tmp_path / "packed.csv").table) == 3
    assert len(read_charges(tmp_path / "plain.csv.gz").table) == 3


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
@pytest.mark.parametrize("rows", [3, 20_000])
def test_a_cut_archive_is_an_error_that_names_it(tmp_path: Path, pack: object, rows: int) -> None:
    """Whether the cut is met in the header or after thousands of rows, the file is named."""
    assert callable(pack)
    lines = [row(SkuId=str(number * 7919 % 100_003)) for number in range(rows)]
    packed = pack(as_csv(lines).encode())
    path = tmp_path / "b.csv.gz"
    path.write_bytes(packed[: len(packed) - len(packed) // 4])
    with pytest.raises(SourceError, match="damaged or cut") as caught:
        read_charges(path)
    assert caught.value.source == str(path)


def test_malformed_rows_are_rejected_with_their_number(tmp_path: Path) -> None:
    """Too few and too many columns are rejects; the rows around them keep their numbers."""
    header, line = as_csv([row()]).splitlines()
    path = tmp_path / "b.csv"
    path.write_text(f"{header}\n{line}\na,b\n\n{line}\n{line},more\n{line}\n", encoding="utf-8")
    dataset = read_charges(path)
    assert [r["x_SourceRow"] for r in dataset.table.rows()] == [1, 3, 5]
    assert faults(dataset) == [
        (2, None, "2 columns instead of 21: the record is cut short"),
        (4, None, "22 columns instead of 21"),
    ]
    assert counts(dataset) == (5, 3, 2)


def test_text_that_is_not_utf8_is_rejected_and_the_rest_is_read(tmp_path: Path) -> None:
    """Latin-1 bytes reject their rows, well-formed or not; a real U+FFFD elsewhere is text."""
    header, line = as_csv([row()]).splitlines()
    latin = line.replace("an hour", "caf\u00e9").encode("latin-1")
    lines = [
        header.encode(),
        line.encode(),
        latin,
        b"\xff,x",
        line.replace("an", "\ufffd").encode(),
    ]
    (tmp_path / "b.csv").write_bytes(b"\n".join(lines) + b"\n")
    dataset = read_charges(tmp_path / "b.csv")
    assert [r["x_SourceRow"] for r in dataset.table.rows()] == [1, 4]
    assert dataset.table.rows()[1]["ChargeDescription"] == "\ufffd hour"
    assert faults(dataset) == [
        (2, None, "not valid UTF-8"),
        (3, None, "2 columns instead of 21: the record is cut short"),
    ]
    assert [r["value"] for r in dataset.rejects.rows()] == ["caf\ufffd", "\ufffd,x"]


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(share=st.floats(0.3, 0.999))
def test_a_file_cut_anywhere_loses_no_row_before_the_cut(tmp_path: Path, share: float) -> None:
    """Rows before the cut are accepted, the cut one is at most one reject, never silent nonsense."""
    values = row(ChargeDescription='two\nlines, "quoted"', Tags='{"a": "b"}')
    text = as_csv([values] * 4)
    header, body = text.split("\n", 1)
    record = len(body) // 4
    keep = int(len(body) * share)
    path = tmp_path / "b.csv"
    path.write_text(f"{header}\n{body[:keep]}", encoding="utf-8", newline="")
    dataset = read_charges(path)
    whole, rest = divmod(keep, record)
    rows_in, accepted, rejected = counts(dataset)
    assert accepted >= whole
    assert rejected <= 1
    assert rows_in == whole + (rest > 0)
    assert [r["x_SourceRow"] for r in dataset.table.rows()][:whole] == list(range(1, whole + 1))


def test_a_quote_left_open_is_a_reject_whatever_it_swallowed(tmp_path: Path) -> None:
    """In the last column the record is complete but for its end; in an earlier one it is short."""
    header, line = as_csv([row(ProviderName="a, b", Tags="")]).splitlines()
    reason = "a quote is opened and not closed: the file was cut"
    quoted = line.removesuffix(",") + ',"'
    for cut in (quoted, quoted + "{", line.replace("an hour", '"an hour').replace('"a, b"', "")):
        path = tmp_path / "b.csv"
        path.write_text(f"{header}\n{line}\n{cut}", encoding="utf-8")
        dataset = read_charges(path)
        assert counts(dataset) == (2, 1, 1)
        assert [fault[0] for fault in faults(dataset)] == [2]
        assert faults(dataset)[0][2] == reason
        assert "end of file" not in str(dataset.rejects.rows()[0]["value"])


def test_a_header_alone_is_a_bill_without_charges(tmp_path: Path) -> None:
    """No rows, no rejects, no error; with and without a line end."""
    for end in ("\n", ""):
        path = tmp_path / "b.csv"
        path.write_text(as_csv([row()]).splitlines()[0] + end, encoding="utf-8")
        assert counts(read_charges(path)) == (0, 0, 0)


def test_a_hundred_thousand_bad_rows_are_rejected_quickly(tmp_path: Path) -> None:
    """Half malformed, half unreadable: 100,000 rejects in order, in seconds, not minutes."""
    header, good = as_csv([row()]).splitlines()
    _, bad = as_csv([row(BilledCost="x")]).splitlines()
    path = tmp_path / "b.csv"
    path.write_text("\n".join([header, *["short,row", bad] * 50_000, good]), encoding="utf-8")
    started = time.monotonic()
    dataset = read_charges(path)
    assert time.monotonic() - started < 30
    assert counts(dataset) == (100_001, 1, 100_000)
    numbers = dataset.rejects.to_arrow()["row_number"].to_pylist()
    assert numbers == list(range(1, 100_001))
    assert dataset.table.rows()[0]["x_SourceRow"] == 100_001


def test_more_rows_than_a_block_keep_their_numbers_and_sum(tmp_path: Path) -> None:
    """60,000 rows over several blocks, every 1,000th malformed: numbers and sum come out right."""
    header, line = as_csv([row(BilledCost="0.01", ChargeDescription="x" * 150)]).splitlines()
    lines = ["a,b" if number % 1000 == 0 else line for number in range(1, 60_001)]
    path = tmp_path / "b.csv"
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    dataset = read_charges(path)
    assert path.stat().st_size > 8 << 20
    table = dataset.table.to_arrow()
    wanted = [number for number in range(1, 60_001) if number % 1000]
    assert table["x_SourceRow"].to_pylist() == wanted
    assert sum(table["BilledCost"].to_pylist()) == Decimal("599.40")  # 59,940 rows of 0.01
    assert dataset.rejects.to_arrow()["row_number"].to_pylist() == list(range(1000, 60_001, 1000))


def test_a_quote_that_swallows_the_file_is_an_error_with_its_place(tmp_path: Path) -> None:
    """A record of more than 8 MiB is a quote gone wrong: the error says after which row."""
    header, line = as_csv([row()]).splitlines()
    path = tmp_path / "b.csv"
    path.write_text(f'{header}\n{line}\n"' + "x\n" * (9 << 20), encoding="utf-8")
    with pytest.raises(SourceError, match="longer than 8 MiB"):
        read_charges(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"PK\x03\x04rest", "zip"),
        ("BilledCost\n".encode("utf-16"), "UTF-16"),
        (b"\x7fELF\x00\x00", "neither Parquet nor text"),
        (b"PAR1 and no more", "not a complete Parquet file"),
        (b'{"a": 1}\n', "not a FOCUS Cost and Usage file"),
        (b"\x1f\x8b", "damaged or cut"),
    ],
)
def test_what_is_no_table_is_an_error_that_names_the_file(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """Empty, packed otherwise, binary, cut or simply something else: each says what it is."""
    path = tmp_path / "b.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=reason) as caught:
        read_charges(path)
    assert caught.value.source == str(path)


def test_a_cut_parquet_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    """A Parquet file without its end, or with damaged pages, is named."""
    path = tmp_path / "b.parquet"
    pq.write_table(pa.table({name: [value] * 50 for name, value in row().items()}), path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match="not a complete Parquet file"):
        read_charges(path)
    path.write_bytes(content[:4] + b"\xff" * 600 + content[604:])
    with pytest.raises(SourceError, match="damaged or cut"):
        read_charges(path)


def test_a_file_whose_only_record_is_not_closed_has_no_rows(tmp_path: Path) -> None:
    """The quote swallows the end of the file: one record is refused, and nothing is read."""
    header = as_csv([row()]).splitlines()[0]
    (tmp_path / "b.csv").write_text(f'{header}\nUSD,"an hour\n', encoding="utf-8")
    dataset = read_charges(tmp_path / "b.csv")
    assert counts(dataset) == (1, 0, 1)
    [(number, _column, reason)] = faults(dataset)
    assert (number, reason.partition(":")[0]) == (1, "a quote is opened and not closed")


def test_broken_text_in_a_refused_record_breaks_no_other(tmp_path: Path) -> None:
    """The second record is Latin-1 and has a column too many: it is refused once, the others read."""
    header, line = as_csv([row()]).splitlines()
    body = f"{header}\n{line}\n".encode() + f"{line},caf\u00e9\n".encode("latin-1") + line.encode()
    (tmp_path / "b.csv").write_bytes(body)
    dataset = read_charges(tmp_path / "b.csv")
    assert counts(dataset) == (3, 2, 1)
    [(number, _column, reason)] = faults(dataset)
    assert number == 2
    assert "columns instead of" in reason


def test_a_file_that_has_become_shorter_is_read_to_its_end() -> None:
    """Its header was longer than all that is left."""
    file = io.BytesIO(b"one,two")
    delimited._skip(file.read, 100)
    assert file.read() == b""


def test_what_the_parser_gives_up_on_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For another reason than a record that does not end: its own words are kept."""

    def gives_up(*_given: object, **_options: object) -> None:
        raise pa.ArrowInvalid("CSV parser got out of sync")

    path = write(tmp_path / "b.csv", row())
    monkeypatch.setattr(pa_csv, "open_csv", gives_up)
    with pytest.raises(SourceError, match="CSV parser got out of sync") as caught:
        read_charges(path)
    assert caught.value.source == str(path)


def test_a_block_without_a_good_record_is_passed_over(tmp_path: Path) -> None:
    """A batch of no rows comes between two: the records behind it keep their numbers."""
    path = write(tmp_path / "b.csv", row(SkuId="a"), row(SkuId="b"))
    file = delimited.DelimitedFile(Landed(str(path), path, "", 0))
    parsed = delimited._Records._parsed

    def with_empty(self: delimited._Records) -> Iterator[pa.RecordBatch]:
        for batch in parsed(self):
            yield batch.slice(0, 1)
            yield batch.slice(0, 0)
            yield batch.slice(1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited._Records, "_parsed", with_empty)
        found = pa.Table.from_batches(file.batches(lambda *_: None))
    assert found[ROW].to_pylist() == [1, 2]
