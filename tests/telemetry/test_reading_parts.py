"""Telemetry files that are empty, cut, of another kind, or mapped in a way they cannot be."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import pyarrow as pa
import pytest

from trueup.adapter.telemetry import UsageSource
from trueup.errors import ConfigurationError, IntegrityError, SourceError
from trueup.focus.session import session
from trueup.model.columns import AMOUNT
from trueup.telemetry import matrix, usage, usage_by_value
from trueup.telemetry.records import OBJECT_BYTES, load_records, reading_json, stage_documents
from trueup.telemetry.usage import read_usage
from trueup.telemetry.usage_by_value import UsageByValue
from trueup.telemetry.usage_file import UsageFile
from trueup.telemetry.workbench import own_columns, prepare

FIELDS = {"id": ("id", "request_id")}
HOUR = {"window_start": "2026-10-01T00:00:00Z", "meter": "requests"}


def source(path: Path, content: bytes, **given: Any) -> UsageSource:
    path.write_bytes(content)
    return UsageSource(1, path.name, path, **given)


# --- records and documents ---


def test_a_file_of_blanks_has_no_records(tmp_path: Path) -> None:
    """The table is there with its columns, and nothing is staged."""
    blank = source(tmp_path / "a.jsonl", b" \n\n")
    with duckdb.connect() as connection:
        assert load_records(connection, blank, FIELDS) == 0
        assert connection.execute("SELECT * FROM records").fetchall() == []
        assert [row[0] for row in connection.execute("DESCRIBE records").fetchall()] == [
            "record",
            "id",
        ]
        assert stage_documents(connection, blank, "anything", lambda table: table) == 0


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes of nothing that a reader knows."""
    with duckdb.connect() as connection, pytest.raises(SourceError, match="neither JSON, CSV nor"):
        load_records(connection, source(tmp_path / "a.bin", b"\x01\x00\x02\x00"), FIELDS)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            duckdb.InvalidInputException('"maximum_object_size" of 16 bytes exceeded'),
            f"a line longer than {OBJECT_BYTES >> 20} MiB: write fewer records in a line",
        ),
        (
            duckdb.InvalidInputException("Malformed JSON at byte 3\nof the file"),
            "cannot be read as JSON: Malformed JSON at byte 3",
        ),
        (
            duckdb.OutOfMemoryException("failed to allocate"),
            "a document too large to be read at once: ask for shorter windows",
        ),
    ],
)
def test_what_the_engine_cannot_read_is_said_in_one_line(
    tmp_path: Path, error: Exception, said: str
) -> None:
    """With what to do, where that is known."""
    given = source(tmp_path / "a.jsonl", b"{}")
    with pytest.raises(SourceError) as caught, reading_json(given):
        raise error
    assert str(caught.value) == f"a.jsonl: {said}"


# --- tables ---


def test_a_column_that_only_a_later_record_has_is_found(tmp_path: Path) -> None:
    """The first records lack it; one that none has is named with those there are."""
    lines = [HOUR | {"n": 1} for _ in range(300)] + [HOUR | {"n": 2, "who": "ml"}]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    columns = {"window_start": "window_start", "meter": "meter", "quantity": "n", "team": "who"}
    found = read_usage(path, format="table", columns=columns)
    assert [row["team"] for row in found.table.rows()][-2:] == [None, "ml"]
    with pytest.raises(
        ConfigurationError, match="team is mapped to 'whom', which the file has not"
    ):
        read_usage(path, format="table", columns=columns | {"team": "whom"})


def by_value(meters: list[str], **columns: pa.Array) -> pa.Table | None:
    """What is metered by records of these columns."""
    reader = cast("UsageByValue", SimpleNamespace(_meters=meters))
    rows = len(next(iter(columns.values())))
    return UsageByValue._metered(
        reader, {"source_row": pa.array(range(1, rows + 1)), **columns}, rows
    )


def amounts(*values: int | None) -> pa.Array:
    return pa.array([None if value is None else Decimal(value) for value in values], AMOUNT)


def test_a_meter_that_the_file_does_not_state_has_no_rows() -> None:
    """Of two records the first states both meters, the second one; of tool calls none speaks."""
    found = by_value(
        ["input_tokens", "output_tokens", "tool_calls"],
        input_tokens=amounts(1, 2),
        output_tokens=amounts(3, None),
    )
    assert found is not None
    rows = [(row["source_row"], row["meter"], row["quantity"]) for row in found.to_pylist()]
    assert rows == [(1, "input_tokens", 1), (1, "output_tokens", 3), (2, "input_tokens", 2)]


def test_records_in_a_unit_that_is_none_are_read_one_by_one() -> None:
    """The chunk is not taken by its values: one of its records may be no good."""
    unit = pa.array(["Tokens", "of nothing at all!"])
    assert by_value(["input_tokens"], input_tokens=amounts(1, 2), unit=unit) is None
    assert by_value(["tool_calls"], input_tokens=amounts(1, 2)) is None


@pytest.mark.parametrize(
    ("array", "strange"),
    [
        (amounts(None, None), False),
        (amounts(1, None), False),
        (amounts(1, -1), True),
        (pa.array([None], pa.timestamp("us")), False),
        (pa.array([253_402_300_800_000_000], pa.timestamp("us")), True),  # the year 10000
    ],
)
def test_what_no_reader_would_take_is_strange(array: pa.Array, strange: bool) -> None:
    """A negative quantity, a year of five digits; nothing at all is neither."""
    assert usage_by_value._is_strange(array) is strange


def test_no_rows_leave_no_trace_in_the_file(tmp_path: Path) -> None:
    """Rows are numbered on from the ones before."""
    file = UsageFile(tmp_path, {})
    rows = pa.table({"source_row": [1, 2]})
    file.write(rows.slice(0, 0))
    file.write(rows)
    file.write(rows.slice(0, 0))
    file.write(rows.slice(0, 1))
    file.close()
    keep = cast("Any", SimpleNamespace(name=str(tmp_path), cleanup=lambda: None))
    assert [row["usage_id"] for row in file.table(keep).rows()] == [0, 1, 2]


# --- counts that do not add up ---


@pytest.fixture
def connection(tmp_path: Path) -> Any:
    with session(tmp_path) as made:
        prepare(made)
        made.execute("CREATE TABLE written (source_id INTEGER, source_row BIGINT)")
        made.execute("INSERT INTO written VALUES (1, 1), (1, 3)")
        yield made


def row_of(connection: Any, rows_in: int, rejected: int) -> dict[str, Any]:
    item = SimpleNamespace(source=SimpleNamespace(source_id=1), rows_in=rows_in, format="table")
    item.landed = SimpleNamespace(source="a.csv", sha256="00", size_bytes=9)
    return usage._source_row(connection, cast("Any", item), rejected)


def test_a_source_adds_up(connection: Any) -> None:
    """3 records in, 1 rejected: 2 accepted."""
    assert row_of(connection, 3, 1)["accepted"] == 2


@pytest.mark.parametrize(
    ("rows_in", "rejected", "said"),
    [
        (3, 4, "3 records in, but 4 rejected and usage of record 3"),
        (2, 0, "2 records in, but 0 rejected and usage of record 3"),
    ],
)
def test_a_source_that_does_not_add_up_stops_the_reading(
    connection: Any, rows_in: int, rejected: int, said: str
) -> None:
    """More rejects than records, or usage of a record that is none."""
    with pytest.raises(IntegrityError, match=f"a.csv: {said}"):
        row_of(connection, rows_in, rejected)


@pytest.mark.parametrize(
    ("rejects", "said"),
    [
        ([(1, 2)], None),
        ([(1, 2), (1, 2)], "1 records were rejected twice and 0 both accepted and rejected"),
        ([(1, 3)], "0 records were rejected twice and 1 both accepted and rejected"),
    ],
)
def test_a_record_ends_in_one_place(
    connection: Any, rejects: list[tuple[int, int]], said: str | None
) -> None:
    """Records 1 and 3 made usage; the second may be rejected once."""
    for source_id, number in rejects:
        connection.execute(
            "INSERT INTO rejects (source_id, row_number) VALUES (?, ?)", [source_id, number]
        )
    if said is None:
        usage._check_rejects(connection)
        return
    with pytest.raises(IntegrityError, match=said):
        usage._check_rejects(connection)


# --- answers of range queries ---

SERIES = {"metric": {"pod": "p"}, "values": [[1_790_812_800, "1"], [1_790_812_860, "1"]]}


def answer(*series: dict[str, Any]) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": "matrix", "result": list(series)}}


def test_an_answer_without_a_series_has_no_samples(tmp_path: Path) -> None:
    """The query met nothing: a file without records, not one that is broken."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps(answer()), encoding="utf-8")
    found = read_usage(path, format="prometheus", constants={"metric": "gpu", "step": "60"})
    assert len(found.table) == 0
    assert [row["rows_in"] for row in found.sources.rows()] == [0]


@pytest.mark.parametrize("step", ["0", "1m", "-60", "1.5", "100000"])
def test_a_step_that_is_no_number_of_seconds_is_refused(tmp_path: Path, step: str) -> None:
    """Whole seconds, from 1 to 99999."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps(answer(SERIES)), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="a whole number of seconds is needed"):
        read_usage(path, format="prometheus", constants={"metric": "gpu", "step": step})


def test_a_column_that_a_format_does_not_take_is_refused(tmp_path: Path) -> None:
    """Times and values of a range query stand where they stand; who used it may be mapped."""
    given = source(tmp_path / "a.json", b"{}", columns={"team": "squad", "quantity": "value"})
    with pytest.raises(ConfigurationError, match=r"a.json: columns: 'quantity' cannot be mapped"):
        own_columns(given, ("team", "agent"))
    assert own_columns(given, ("team", "quantity")) == {"team": "squad", "quantity": "value"}


@pytest.mark.parametrize("text", ["[1]", "7", "[]"])
def test_what_is_no_answer_is_refused(tmp_path: Path, text: str) -> None:
    """A list, a number: an answer is an object that says success."""
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=r"^a\.json: "):
        matrix.split(tmp_path / "a.json", "a.json", tmp_path / "series.jsonl")


def test_a_series_at_the_very_beginning_is_a_piece_of_its_own() -> None:
    """Nothing comes before the first; the second begins where its own mark stands."""
    series = json.dumps(SERIES).encode()
    assert list(matrix._pieces(io.BytesIO(series + b"\n" + series))) == [series + b"\n", series]
    assert list(matrix._pieces(io.BytesIO(b"[" + series))) == [b"[", series]
