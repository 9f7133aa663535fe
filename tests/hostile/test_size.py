"""Bombs, lines and tables without end: memory is bounded by what is read, not by what it claims.

The short form takes lines of 50 MB and a limit in proportion; ``TRUEUP_HOSTILE=long`` (tox -e
hostile) takes a gigabyte, the limit of 2 GB, and ten thousand columns through the whole command.
"""

from __future__ import annotations

import gzip
import json
import os
from itertools import repeat
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.focus.bill import as_csv, row, write
from tests.hostile.measured import measured
from trueup.errors import SourceError
from trueup.focus import columnar
from trueup.focus.charges import read_charges
from trueup.telemetry import matrix, records
from trueup.telemetry.usage import read_usage

LONG = os.environ.get("TRUEUP_HOSTILE") == "long"
LINE_BYTES = 1_000_000_000 if LONG else 50_000_000
MEMORY_MAX = 2 << 30 if LONG else 900 << 20  # an idle command that reads a bill takes a third
WIDE = 10_000
BLOCK = b"x" * 1_000_000

LINES = {  # sentence -> option, name, what stands before the line, what behind it, what is said
    "a record of a bill": ("--charges", "l.csv", as_csv([row()]).encode(), b"\n", "8 MiB"),
    "a header": ("--charges", "l.csv", b"", b"\n", "its first record does not end"),
    "a line of spans": (
        "--usage",
        "l.jsonl",
        b'{"resourceSpans":[{"x":"',
        b'"}]}\n',
        "a line longer than 16 MiB",
    ),
    "an answer without series": (
        "--usage",
        "l.json",
        b'{"status":"success","data":{"result":[],"x":"',
        b'"}}',
        "ask for shorter windows",
    ),
    "rules": ("--rules", "l.toml", b'a = "', b'"', "longer than 16 MiB"),
}


def fill(file: IO[bytes] | gzip.GzipFile, before: bytes, behind: bytes) -> None:
    file.write(before)
    size = max(LINE_BYTES, 70_000_000 if b"status" in before else 0)
    file.writelines(repeat(BLOCK, size // len(BLOCK)))
    file.write(behind)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("sentence", LINES)
def test_a_line_without_end(sentence: str, packed: bool, tmp_path: Path) -> None:
    """It is refused with its remedy, and no more of it is held than a reader may."""
    option, name, before, behind, said = LINES[sentence]
    if packed and option == "--rules":
        pytest.skip("rules are never packed")
    if not LONG and packed != (sentence == "a record of a bill"):
        pytest.skip("the short form packs one of them alone")
    file = tmp_path / name
    with gzip.open(file, "wb", 1) if packed else file.open("wb") as target:
        fill(target, before, behind)
    bill = [] if option == "--charges" else ["--charges", str(write(tmp_path / "b.csv"))]
    done = measured(tmp_path, "reconcile", *bill, option, name)
    file.unlink()
    assert (done.code, "Traceback" in done.err) == (2, False), done.said
    assert said in done.err
    assert name in done.err
    assert done.memory_bytes < MEMORY_MAX


def test_a_document_that_unpacks_without_end(tmp_path: Path) -> None:
    """An allocation answer is one document: beyond the engine's memory it is refused."""
    file = tmp_path / "a.json"
    with gzip.open(file, "wb", 1) as target:
        target.write(b'{"code":200,"data":[{"x":"')
        target.writelines(repeat(BLOCK, max(LINE_BYTES, 200_000_000) // len(BLOCK)))
        target.write(b'"}]}')
    bill = str(write(tmp_path / "b.csv"))
    done = measured(tmp_path, "reconcile", "--charges", bill, "--usage", "a.json")
    assert (done.code, "Traceback" in done.err) == (2, False), done.said
    assert "ask for shorter windows" in done.err
    assert done.memory_bytes < MEMORY_MAX


def test_a_bill_that_packs_well_is_read(tmp_path: Path) -> None:
    """200,000 equal charges in 100 kB are no bomb: there is no limit to what a bill unpacks to."""
    header, line = as_csv([row()]).splitlines()
    file = tmp_path / "b.csv.gz"
    file.write_bytes(gzip.compress("\n".join([header, *[line] * 200_000, ""]).encode(), mtime=0))
    assert file.stat().st_size < 1_000_000
    assert len(read_charges(file).table) == 200_000


def bomb(file: Path, size: int) -> None:
    """A charge with one more column, whose only value is that many zeros."""
    columns = {name: pa.array([text]) for name, text in row().items()}
    table = pa.table(columns | {"x_w": pa.array(["0" * size])})
    pq.write_table(table, file, compression="zstd", use_dictionary=False)
    assert file.stat().st_size < 100_000


def test_parquet_that_unpacks_without_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few kilobytes are refused for what they say of themselves, or for what came of them."""
    file = tmp_path / "b.parquet"
    bomb(file, 9_000_000)
    with pytest.raises(SourceError, match="a value is longer than 8 MiB"):
        read_charges(file)
    monkeypatch.setattr(columnar, "UNPACKED_BYTES_FREE", 8 << 20)
    with pytest.raises(SourceError, match=r"x_w unpacks to 8 MiB, [\d,]+ times its size"):
        read_charges(file)


@pytest.mark.skipif(not LONG, reason="the long form alone packs 600 MB")
def test_a_large_bomb(tmp_path: Path) -> None:
    bomb(tmp_path / "b.parquet", 600_000_000)
    done = measured(tmp_path, "reconcile", "--charges", "b.parquet")
    assert (done.code, "Traceback" in done.err) == (2, False), done.said
    assert "times its size" in done.err
    assert done.memory_bytes < MEMORY_MAX


def test_wide_rows_are_read_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 rows of 1 MiB each, which pack well, are read, never more than 64 of them at once."""
    sizes = []
    checked = columnar._check_values

    def seen(batch: pa.RecordBatch) -> None:
        sizes.append(batch.num_rows)
        checked(batch)

    monkeypatch.setattr(columnar, "_check_values", seen)
    columns = {name: pa.array([text] * 100) for name, text in row().items()}
    wide = pa.array([f"{number}{'0' * (1 << 20)}" for number in range(100)])
    file = tmp_path / "b.parquet"
    pq.write_table(
        pa.table(columns | {"x_w": wide}), file, compression="zstd", use_dictionary=False
    )
    assert len(read_charges(file).table) == 100
    assert max(sizes) <= 64


def test_series_are_bounded_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many series are read however many they are; one that is too long is refused."""
    from tests.hostile.readers import START, answer_of

    monkeypatch.setattr(matrix, "PIECE_BYTES_MAX", matrix.CHUNK_BYTES * 2)
    samples = [[START + 60 * number, "1"] for number in range(200_000)]  # 3.6 MB
    file = tmp_path / "p.json"
    file.write_bytes(answer_of(samples))
    with pytest.raises(SourceError, match="ask for shorter windows"):
        read_usage(file)
    one = json.loads(answer_of(samples[:50_000]))  # 0.9 MB a series
    many = [
        {**one["data"]["result"][0], "metric": one["data"]["result"][0]["metric"] | {"gpu": gpu}}
        for gpu in "01234"
    ]
    file.write_text(json.dumps(one | {"data": one["data"] | {"result": many}}))
    assert read_usage(file).sources.rows()[0]["accepted"] == 250_000


def test_what_a_line_may_take_is_said_where_it_is_set() -> None:
    """docs/reference/formats.md names the bounds; a change of one changes the page."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "formats.md"
    text = page.read_text(encoding="utf-8")
    for bound in (records.OBJECT_BYTES, matrix.PIECE_BYTES_MAX, columnar.UNPACKED_BYTES_FREE):
        assert f"{bound >> 20} MiB" in text


def test_ten_thousand_columns(tmp_path: Path) -> None:
    """All are kept, with their names; the long form takes them through the whole command."""
    charge = row() | {f"x_c{number}": str(number) for number in range(WIDE)}
    file = write(tmp_path / "w.csv", charge)
    if not LONG:
        table = read_charges(file).table
        assert sum(name.startswith("x_c") for name in table.columns) == WIDE
        return
    done = measured(tmp_path, "reconcile", "--charges", "w.csv", "--out", "out", seconds_max=900)
    assert done.code == 0, done.said
    assert done.memory_bytes < MEMORY_MAX
