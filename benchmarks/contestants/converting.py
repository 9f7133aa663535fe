"""DuckDB makes the numbers of FOCUS of a CUR 2.0 file by the adapter's query, in one statement.

These alone are what the reader, too, has the query make of every record. Nothing is checked; a
binary float is rounded to ten decimals.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.contestants.arguments import Arguments, arguments
from trueup.adapter.native import lacking
from trueup.focus.columns import CHARGES
from trueup.focus.repair import MACROS, quoted
from trueup.model.columns import AMOUNT
from trueup.providers.aws.cur import cur

NUMBER = "DECIMAL(18, 10)"
AS_IT_STANDS = f"CREATE MACRO number(t {NUMBER}) AS t, (t VARCHAR) AS CAST(t AS {NUMBER})"


def run(told: Arguments) -> None:
    """Convert each file."""
    with duckdb.connect(config={"temp_directory": str(told.out / "spill")}) as connection:
        connection.execute(f"SET TimeZone = 'UTC'; {MACROS}; {AS_IT_STANDS}")
        for name in told.words:
            convert(connection, told.month / name, told.out / f"{name}.parquet")


def convert(connection: duckdb.DuckDBPyConnection, file: Path, out: Path) -> None:
    """One file to one of Parquet; the connection knows the macros of ``repair`` and ``number``."""
    stored = connection.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
    cells = [f"{_read(name, kind)} AS {quoted(name)}" for name, kind, *_ in stored]
    missing = lacking(cur.optional, [name for name, *_ in stored])
    cells += [f"NULL AS {quoted(name)}" for name in missing]
    connection.execute(
        f"CREATE OR REPLACE VIEW export AS SELECT file_row_number AS record, {', '.join(cells)} "
        f"FROM read_parquet('{file}', file_row_number = true)"
    )
    query = cur.sql.replace("exact_decimal(", "number(")
    made = {name for name, *_ in connection.execute(f"DESCRIBE {query}").fetchall()}
    numbers = [each.name for each in CHARGES if each.type == AMOUNT and each.name in made]
    connection.execute(
        f"COPY (SELECT record, {', '.join(numbers)} FROM ({query})) TO '{out}' (FORMAT parquet)"
    )


def _read(name: str, kind: str) -> str:
    """A column as the query takes it: numbers are numbers already, maps are JSON."""
    if kind == "DOUBLE":
        return f"CAST({quoted(name)} AS {NUMBER})"
    if kind.startswith("MAP"):
        return f"CAST(to_json({quoted(name)}) AS VARCHAR)"
    return quoted(name)


if __name__ == "__main__":
    run(arguments())
