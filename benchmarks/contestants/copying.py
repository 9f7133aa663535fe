"""DuckDB copies one file to Parquet as it is: nothing is checked, nothing is named anew."""

from __future__ import annotations

import duckdb

from benchmarks.contestants.arguments import Arguments, arguments


def run(told: Arguments) -> None:
    """Copy the file; JSON by ``read_json``, which finds its columns by itself."""
    [name] = told.words
    file = told.month / name
    source = f"read_json('{file}')" if name.endswith(".jsonl") else f"'{file}'"
    with duckdb.connect(config={"temp_directory": str(told.out / "spill")}) as connection:
        connection.execute(f"COPY (SELECT * FROM {source}) TO '{told.out}/copy.parquet'")


if __name__ == "__main__":
    run(arguments())
