"""The result's tables, their order, and writers that write whole files and the same bytes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.report.sample import make_outcome, tables
from tests.report.sample_inputs import table_of
from trueup.errors import UsageError
from trueup.model.schema import RESULT_TABLES
from trueup.model.table import Table
from trueup.report.order import ordered
from trueup.report.result import Result


def test_breaks_come_by_money_at_stake_within_each_currency(result: Result) -> None:
    """Sizes fall within a currency, whatever their sign; unknown amounts come last in it."""
    for code in ("EUR", "USD"):
        amounts = [row["amount"] for row in result.breaks if row["currency"] == code]
        known = [abs(amount) for amount in amounts if amount is not None]
        assert known == sorted(known, reverse=True)
        assert amounts[: len(known)].count(None) == 0


def test_unused_is_by_cost_then_quantity(result: Result) -> None:
    """Only rows with something unused, the dearest first, per currency."""
    rows = result.unused.rows()
    assert rows
    assert all(row["unused_quantity"] > 0 for row in rows)
    assert rows[0]["currency"] == "EUR"
    assert rows[0]["unused_cost"] == Decimal(240)  # half of the daily 480
    costs = [row["unused_cost"] for row in rows if row["currency"] == "USD"]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] == 300 - 300 * Decimal("0.2")


def test_what_is_not_known_is_material(result: Result) -> None:
    """Of 60 breaks, those of 2,000 or more count, and the two without an amount."""
    rows = result.material_breaks(Decimal(2000)).rows()
    # (2300 - 37 i) is 2000 or more for i <= 8; every third is divided by 8, 4 is of class
    # timing (0), 7 has no amount, as 19.
    assert sorted(row["id"][4:8] for row in rows) == [
        "0001",
        "0002",
        "0005",
        "0007",
        "0008",
        "0019",
    ]
    assert len(result.material_breaks()) == 60


def test_the_order_of_rows_going_in_does_not_matter(tmp_path: Path) -> None:
    """The same rows in reverse give the same bytes in every file of the report."""
    rows = tables()
    backwards = {name: list(reversed(rows[name])) for name in rows if name != "notes"}
    one = Result(make_outcome()).write(tmp_path / "one")
    two = Result(make_outcome(**backwards)).write(tmp_path / "two")
    assert [path.name for path in one] == [path.name for path in two]
    for left, right in zip(one, two, strict=True):
        assert left.read_bytes() == right.read_bytes(), left.name


def test_write_leaves_every_file_and_nothing_else(result: Result, tmp_path: Path) -> None:
    """The folder holds the three reports and one Parquet file per table, no temporary file."""
    Result(result.outcome).write(tmp_path / "out")
    found = {path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*.*")}
    tables_written = {f"parquet/{name}.parquet" for name in RESULT_TABLES}
    assert found == {"result.json", "report.html", "report.xlsx"} | tables_written


def test_parquet_holds_the_exact_rows(result: Result, tmp_path: Path) -> None:
    """A table read back equals the table, types included."""
    for path in result.to_parquet(tmp_path):
        table = getattr(result, path.stem)
        back = pq.read_table(path)
        assert back.schema.equals(table.schema), path.name
        assert back.equals(table.to_arrow().combine_chunks()), path.name


def test_a_table_on_disk_is_ordered_as_one_in_memory(tmp_path: Path) -> None:
    """DuckDB and Arrow agree on the order of breaks and allocations, nulls and ties included."""
    for name in ("breaks", "allocations", "utilization"):
        memory = table_of(name, tables()[name])
        path = tmp_path / f"{name}.parquet"
        pq.write_table(memory.to_arrow(), path)
        disk = ordered(name, Table(memory.schema, files=[path]))
        assert disk.to_arrow().equals(ordered(name, memory).to_arrow()), name
        assert disk.to_arrow().schema.field(0).type == pa.string()


def test_a_failed_write_leaves_the_old_file(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When writing breaks off, the file from before is still there, whole, and nothing beside it."""
    path = tmp_path / "result.json"
    path.write_text("before", encoding="utf-8")

    def fail(_: object) -> str:
        message = "disk full"
        raise OSError(message)

    monkeypatch.setattr("trueup.report.json._dump", fail)
    with pytest.raises(OSError, match="disk full"):
        result.to_json(path)
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_named(result: Result, tmp_path: Path) -> None:
    """A folder that is really a file gives a UsageError with the path."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"file/result\.json: cannot be written"):
        result.to_json(tmp_path / "file" / "result.json")
