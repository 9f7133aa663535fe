"""What engines do at the edges: no files, the same step twice, a folder that was never written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from duckdb import IOException, OutOfMemoryException

from trueup.engine import duckdb
from trueup.engine.duckdb import DuckDBEngine
from trueup.engine.engine import _engine_class, open_engine
from trueup.engine.scratch import Scratch
from trueup.errors import UsageError


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
        assert engine.keep(rows.filter(rows.a > 1)).op() is kept.op()
        other = engine.keep(rows.filter(rows.a > 0))
        assert (engine.count(kept), engine.count(other)) == (1, 2)


def test_a_table_goes_after_the_last_expression_that_reads_it() -> None:
    """The next step finds its room free; what is read through another expression stays."""

    def names(engine: DuckDBEngine) -> list[str]:
        found = engine.backend.con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1")
        return [name for (name,) in found.fetchall()]

    with open_engine("duckdb") as engine:
        assert isinstance(engine, DuckDBEngine)
        rows = engine.load(pa.table({"a": [1, 2, 3]}))
        kept = engine.keep(rows.filter(rows.a > 1))
        later = kept.mutate(b=kept.a + 1)
        gone, stays = rows.op().name, kept.op().name
        assert names(engine) == sorted([gone, stays])
        del rows, kept
        last = engine.keep(later.filter(later.b > 3))
        assert names(engine) == sorted([stays, last.op().name])
        assert engine.collect(later).to_pylist() == [{"a": 2, "b": 3}, {"a": 3, "b": 4}]


def test_tables_beyond_a_share_of_the_memory_go_to_a_file() -> None:
    """A million whole numbers are 8 MB, more than a quarter of 16 MB; what follows is beside."""
    engine = DuckDBEngine("16MB")
    rows = engine.load(pa.table({"a": range(1_000_000)}))
    kept = engine.keep(rows.filter(rows.a % 2 == 1))
    later = engine.keep(kept.mutate(b=kept.a * 2))
    places = [each.op().namespace.catalog for each in (rows, kept, later)]
    assert places == [duckdb.MEMORY, duckdb.FILE, duckdb.FILE]
    assert engine.count(kept) == 500_000
    total = engine.collect(later.aggregate(total=later.b.sum()))
    assert total.to_pylist() == [{"total": 2 * 500_000**2}]  # odd numbers up to 2n add up to n^2
    del kept, rows  # there is room again
    assert engine.keep(later.limit(1)).op().namespace.catalog == duckdb.MEMORY
    folder = Path(engine._scratch.name)
    assert "packed.duckdb" in {file.name for file in folder.iterdir()}
    engine.close()
    assert not folder.exists()


def test_queries_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least lately asked is forgotten; the others are not planned again."""
    monkeypatch.setattr(duckdb, "_compiled", {})
    monkeypatch.setattr(duckdb, "COMPILED_MAX", 2)
    with open_engine("duckdb") as engine:
        rows = engine.load(pa.table({"a": [1, 2, 3]}))
        for least in (0, 1, 0, 2, 2):
            engine.collect(rows.filter(rows.a > least))
    queries = [query for _, query in duckdb._compiled.values()]
    assert [query.splitlines()[-1].split()[-1] for query in queries] == ["0", "2"]


def test_no_progress_of_duckdb_is_printed() -> None:
    """Of itself it prints some where a program is no script, as in a notebook."""
    asked = """if True:
        from pathlib import Path
        from trueup.engine.duckdb import DuckDBEngine
        from trueup.focus.session import session
        bar = "SELECT current_setting('enable_progress_bar')"
        engine = DuckDBEngine()
        print(engine.backend.con.execute(bar).fetchall())
        engine.close()
        with session(Path("none")) as connection:
            print(connection.execute(bar).fetchall())
    """
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True)
    assert told.stdout == b"[(False,)]\n" * 2


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


def test_too_little_memory_is_said_with_its_remedy() -> None:
    """2,000,000 texts in one value do not fit 16 MB, and cannot go to disk: 200,000 do."""
    engine = DuckDBEngine("16MB")
    rows = engine.load(pa.table({"number": range(2_000_000)}))
    every = rows.aggregate(every=rows.number.cast("string").collect())
    for call in (engine.keep, engine.collect, lambda asked: list(engine.chunks(asked))):
        with pytest.raises(UsageError, match="limit, 16MB: set TRUEUP_MEMORY_LIMIT higher"):
            call(every)


@pytest.mark.parametrize(
    "limit", ["", "0", "0GB", "-1", "none", "unlimited", "1000", "1e9", "200%"]
)
def test_what_is_no_memory_limit_is_refused(limit: str) -> None:
    """Some of them DuckDB would read as its default, without a word."""
    with pytest.raises(UsageError, match="is no limit: give a size, as 4GB"):
        DuckDBEngine(limit)


@pytest.mark.parametrize("limit", ["0.5GB", "512 MiB", "80%", "100tb"])
def test_sizes_and_shares_are_memory_limits(limit: str) -> None:
    DuckDBEngine(limit).close()


@pytest.mark.parametrize(
    "error",
    [
        IOException(f"IO Error: could not write: {os.strerror(errno.ENOSPC)}"),
        OutOfMemoryException("This limit was set by 'max_temp_directory_size'"),
    ],
)
def test_a_full_disk_is_said_with_its_remedy(error: Exception) -> None:
    """The file says so, or the engine, which takes no more than there is for what it spills."""
    engine = DuckDBEngine()
    told = r"no space left on the disk for the engine, in /.*: make room there, or set TMPDIR"
    with pytest.raises(UsageError, match=told), engine._enough_room():
        raise error


def test_another_error_of_the_disk_is_what_it_is() -> None:
    engine = DuckDBEngine()
    with pytest.raises(IOException, match="permission"), engine._enough_room():
        raise IOException("permission denied")
