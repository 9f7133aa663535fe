"""What engines do at the edges: no files, the same step twice, a folder that was never written."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from trueup.engine.engine import _engine_class, open_engine
from trueup.engine.scratch import Scratch


def test_no_files_are_no_rows() -> None:
    """A table of their layout all the same."""
    schema = pa.schema([("currency", pa.string()), ("cost", pa.decimal128(38, 0))])
    with open_engine("duckdb") as engine:
        found = engine.collect(engine.scan([], schema))
    assert (found.num_rows, found.column_names) == (0, schema.names)


def test_what_is_kept_is_computed_once() -> None:
    """The same expression gives the same table, another one another."""
    with open_engine("duckdb") as engine:
        rows = engine.load(pa.table({"a": [1, 2]}))
        kept = engine.keep(rows.filter(rows.a > 1))
        assert engine.keep(rows.filter(rows.a > 1)) is kept
        other = engine.keep(rows.filter(rows.a > 0))
        assert (engine.count(kept), engine.count(other)) == (1, 2)


def test_a_shared_folder_is_removed_if_anything_was_written(tmp_path: Path) -> None:
    """Nothing was: there is nothing to remove. Else what is below the given folder goes."""
    Scratch(str(tmp_path)).close()
    scratch = Scratch(str(tmp_path))
    assert Path(scratch.written(pa.table({"a": [1]}), "rows.parquet")).exists()
    scratch.close()
    assert list(tmp_path.iterdir()) == []


def test_an_engine_is_found_by_its_name() -> None:
    """Spark's needs no Spark until it is opened."""
    assert [_engine_class(name).__name__ for name in ("duckdb", "spark")] == [
        "DuckDBEngine",
        "SparkEngine",
    ]
