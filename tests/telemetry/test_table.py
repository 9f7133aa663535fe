from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trueup.errors import ConfigurationError
from trueup.telemetry.usage import read_usage

TRACE = {
    "window_start": "TIMESTAMP",
    "input_tokens": "ContextTokens",
    "output_tokens": "GeneratedTokens",
}


def test_real_trace(shared_trace: Path) -> None:
    """8,819 real requests read completely; the sums are those of plain Python."""
    with shared_trace.open(newline="") as file:
        plain = list(csv.DictReader(file))
    found = read_usage(shared_trace, columns=TRACE, constants={"model": "m"})
    assert found.sources.rows()[0]["accepted"] == len(plain) == 8819
    totals: dict[str, Decimal] = {}
    for row in found.table.rows():
        totals[row["meter"]] = totals.get(row["meter"], Decimal(0)) + row["quantity"]
    assert totals == {
        "input_tokens": sum(int(row["ContextTokens"]) for row in plain),
        "output_tokens": sum(int(row["GeneratedTokens"]) for row in plain),
    }
    first = found.table.rows()[0]
    assert first["window_start"].isoformat() == "2023-11-16T18:17:03.979960+00:00"
    assert first["window_end"] == first["window_start"]
    assert (first["model"], first["unit"], first["capacity"]) == ("m", "Tokens", "busy")


def test_missing_column(tmp_path: Path) -> None:
    """A mapped column that is not there is an error with the columns that are."""
    path = tmp_path / "trace.csv"
    path.write_text("TIMESTAMP,Tokens\n2026-10-01 00:00:00,1\n")
    with pytest.raises(ConfigurationError, match=r"'Count'.*TIMESTAMP, Tokens"):
        read_usage(path, columns={"window_start": "TIMESTAMP", "input_tokens": "Count"})


@pytest.mark.parametrize(
    ("columns", "constants", "message"),
    [
        ({"input_tokens": "n"}, {}, "window_start"),
        ({"window_start": "t"}, {}, "meter"),
        ({"window_start": "t", "tokens": "n"}, {}, "'tokens' is no column"),
        ({"window_start": "t", "gpu": "n", "quantity": "n"}, {}, "cannot both"),
        ({"window_start": "t", "quantity": "n"}, {"metre": "gpu"}, "'metre' is no column"),
    ],
)
def test_maps_that_cannot_work(
    tmp_path: Path, columns: dict[str, str], constants: dict[str, str], message: str
) -> None:
    """A map without a time or a quantity, or with unknown names, says what is wrong."""
    path = tmp_path / "t.csv"
    path.write_text("t,n\n2026-10-01,1\n")
    with pytest.raises(ConfigurationError, match=message):
        read_usage(path, columns=columns, constants=constants)


def test_bad_cells(tmp_path: Path, reasons: Any) -> None:
    """A record with a cell that cannot be read is one reject and gives no rows at all."""
    path = tmp_path / "t.csv"
    path.write_text(
        "at,in,out\n"
        "2026-10-01 00:00:00,1,2\n"
        "noon,1,2\n"
        "2026-10-01 00:00:00,x,y\n"
        "2026-10-01 00:00:00,-1,2\n"
        "2026-10-01 00:00:00,0.1234567890123456789,2\n"
        "2026-10-01 00:00:00,,2\n"
        "2026-10-01 00:00:00,1,2,3\n"
    )
    mapped = {"window_start": "at", "input_tokens": "in", "output_tokens": "out"}
    found = read_usage(path, columns=mapped)
    assert reasons(found) == [
        (2, "at", "not a time; write 2026-10-03T14:00:00Z"),
        (3, "in", "not a plain number"),
        (4, "in", "negative"),
        (5, "in", "more than 18 decimals"),
        (7, None, "4 columns instead of 3"),
    ]
    rows = [(row["source_row"], row["meter"]) for row in found.table.rows()]
    assert rows == [(1, "input_tokens"), (1, "output_tokens"), (6, "output_tokens")]
    assert found.sources.rows()[0]["rows_in"] == 7


def test_usage_columns_as_they_are(tmp_path: Path) -> None:
    """Without a map, columns named like usage columns are taken; units and kinds are filled in."""
    path = tmp_path / "t.csv"
    path.write_text(
        "window_start,window_end,resource_id,meter,capacity,quantity,unit,session_id\n"
        "2026-10-03T14:00:00Z,2026-10-03T15:00:00Z,e1,gpu,,7200,GPU-Seconds,\n"
        "2026-10-03T14:00:00Z,2026-10-03T15:00:00Z,e1,gpu,busy,1.5,,s1\n"
        "2026-10-03T14:00:00Z,2026-10-03T15:00:00Z,e1,gpu,idle,1,,\n"
        "2026-10-03T14:00:00Z,2026-10-03T15:00:00Z,e1,horses,,1,,\n"
        "2026-10-03T14:00:00Z,2026-10-03T15:00:00Z,e1,gpu,,1,???,\n"
    )
    found = read_usage(path)
    rows = [(r["capacity"], r["quantity"], r["unit"], r["session_id"]) for r in found.table.rows()]
    assert rows == [
        ("allocated", 7200, "GPU-Seconds", None),
        ("busy", Decimal("1.5"), "GPU-Hours", "s1"),
    ]
    rejected = [(row["row_number"], row["column"]) for row in found.rejects.rows()]
    assert rejected == [(3, "capacity"), (4, "meter"), (5, "unit")]


def test_constants(tmp_path: Path) -> None:
    """Fixed values stand for columns the file has not."""
    path = tmp_path / "t.csv"
    path.write_text("t;n\n2026-10-01 00:00:00;3600\n")
    (row,) = read_usage(
        path,
        columns={"window_start": "t", "quantity": "n"},
        constants={"meter": "gpu", "unit": "GPU-Seconds", "capacity": "busy", "provider": "me"},
    ).table.rows()
    assert (row["meter"], row["unit"], row["capacity"], row["provider"]) == (
        "gpu",
        "GPU-Seconds",
        "busy",
        "me",
    )


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "parquet", "json"])
def test_frames_and_files(tmp_path: Path, kind: str) -> None:
    """Data frames, Parquet and JSON lines give the same rows."""
    data: dict[str, list[Any]] = {
        "t": ["2026-10-01T00:00:00Z", "2026-10-01T01:00:00Z"],
        "n": [1.5, 2.25],
    }
    source: Any = pa.table(data)
    if kind == "pandas":
        source = pd.DataFrame(data)
    elif kind == "polars":
        source = pl.DataFrame(data)
    elif kind == "parquet":
        source = tmp_path / "t.parquet"
        pq.write_table(pa.table(data), source)
    elif kind == "json":
        source = tmp_path / "t.jsonl"
        rows = zip(data["t"], data["n"], strict=True)
        source.write_text("".join(json.dumps({"t": t, "n": n}) + "\n" for t, n in rows))
    found = read_usage(source, columns={"window_start": "t", "gpu": "n"})
    assert [row["quantity"] for row in found.table.rows()] == [Decimal("1.5"), Decimal("2.25")]
    assert found.sources.rows()[0]["format"] == "table"


def test_typed_parquet(tmp_path: Path) -> None:
    """Timestamps and decimals with a type of their own are taken exactly."""
    path = tmp_path / "t.parquet"
    at = pd.Timestamp("2026-10-03T16:00:00+02:00")
    number = pa.array([Decimal("0.000000000000000001")], pa.decimal128(38, 18))
    pq.write_table(pa.table({"t": pa.array([at], pa.timestamp("ns", "UTC")), "n": number}), path)
    (row,) = read_usage(path, columns={"window_start": "t", "gpu": "n"}).table.rows()
    assert row["quantity"] == Decimal("0.000000000000000001")
    assert row["window_start"].isoformat() == "2026-10-03T14:00:00+00:00"


def test_long_json_numbers_are_exact(tmp_path: Path) -> None:
    """A JSON number of more digits than a binary float holds is taken digit by digit."""
    path = tmp_path / "t.jsonl"
    path.write_text('{"t": "2026-10-01", "n": 12345678901.123456789012345678}\n')
    (row,) = read_usage(path, columns={"window_start": "t", "gpu": "n"}).table.rows()
    assert row["quantity"] == Decimal("12345678901.123456789012345678")


def test_numbers_of_usage(tmp_path: Path) -> None:
    """usage_id is unique and follows sources, rows and meters, the same on every reading."""
    for name, text in (
        ("b.csv", "2026-10-02,5,6\n2026-10-01,7,8\n"),
        ("a.csv", "2026-10-02,1,2\n2026-10-01,3,4\n"),
    ):
        (tmp_path / name).write_text("t,i,o\n" + text)
    mapped = {"window_start": "t", "output_tokens": "o", "input_tokens": "i"}
    found = [read_usage(str(tmp_path / "*.csv"), columns=mapped).table.rows() for _ in range(2)]
    assert found[0] == found[1]
    assert [
        (row["usage_id"], row["source_id"], row["source_row"], row["quantity"]) for row in found[0]
    ] == [
        (0, 0, 1, 1),
        (1, 0, 1, 2),
        (2, 0, 2, 3),
        (3, 0, 2, 4),
        (4, 1, 1, 5),
        (5, 1, 1, 6),
        (6, 1, 2, 7),
        (7, 1, 2, 8),
    ]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.decimals(min_value=0, max_value=10**15, allow_nan=False, places=18),
        min_size=1,
        max_size=5,
    )
)
def test_quantities_are_exact(tmp_path: Path, numbers: list[Decimal]) -> None:
    """Whatever decimals the file writes are the quantities, to the last digit."""
    path = tmp_path / "t.csv"
    lines = [f"2026-10-01,{number:f}" for number in numbers]
    path.write_text("\n".join(["t,n", *lines]) + "\n")
    found = read_usage(path, columns={"window_start": "t", "gpu": "n"})
    assert [row["quantity"] for row in found.table.rows()] == numbers


def test_names_are_never_sql(tmp_path: Path) -> None:
    """Column names and values with quotes in them are names and values."""
    path = tmp_path / "t.csv"
    path.write_text('"it\'s ""t""",n\n2026-10-01,1\n')
    (row,) = read_usage(
        path,
        columns={"window_start": 'it\'s "t"', "gpu": "n"},
        constants={"team": "x'; DROP TABLE usage; --"},
    ).table.rows()
    assert row["team"] == "x'; DROP TABLE usage; --"
