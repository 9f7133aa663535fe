"""Tables of the result: few rows in memory, many in a file, the same either way."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pyarrow as pa
import pytest

from trueup.engine.engine import Engine, open_engine
from trueup.reconcile import result_table as module
from trueup.reconcile.result_table import result_table

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string()), ("cost", pa.decimal128(38, 18))])
ROWS = 7


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "spark":
        request.getfixturevalue("spark")
    with open_engine(str(request.param)) as opened:
        yield opened


@pytest.mark.parametrize("memory_rows", [ROWS - 1, ROWS])
def test_rows_are_the_same_wherever_they_are(
    engine: Engine, memory_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The costs are units of 10^-18, to the last of 38 digits, in the order asked for."""
    monkeypatch.setattr(module, "MEMORY_ROWS", memory_rows)
    units = [10**37 + number for number in range(ROWS)]
    rows = engine.load(
        pa.table(
            {
                "cost": pa.array(map(Decimal, units), pa.decimal128(38, 0)),
                "name": pa.array(["a", None, "c", "d", "e", "f", "g"]),
                "id": pa.array(range(ROWS), pa.int64()),
            }
        )
    )
    table = result_table(rows.order_by(rows.id.desc()), SCHEMA, engine)
    assert [file.exists() for file in table.files] == [True] * (memory_rows < ROWS)
    found = table.to_arrow()
    assert found.schema == SCHEMA
    assert found["id"].to_pylist() == list(reversed(range(ROWS)))
    assert found["name"].to_pylist() == ["g", "f", "e", "d", "c", None, "a"]
    exact = [f"{str(each)[:-18]}.{str(each)[-18:]}" for each in reversed(units)]
    assert [str(each) for each in found["cost"].to_pylist()] == exact
    files = table.files
    del table
    assert not any(file.exists() for file in files)


def test_no_rows_are_a_table(engine: Engine) -> None:
    rows = engine.load(
        pa.table(
            {
                name: pa.array([], kind)
                for name, kind in (
                    ("id", pa.int64()),
                    ("name", pa.string()),
                    ("cost", pa.decimal128(38, 0)),
                )
            }
        )
    )
    assert result_table(rows, SCHEMA, engine).to_arrow() == SCHEMA.empty_table()
