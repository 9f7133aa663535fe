"""DuckDB copies files to Parquet as they are: nothing is checked, nothing is named anew."""

from __future__ import annotations

import duckdb

from benchmarks.contestants.arguments import Arguments, arguments


def run(told: Arguments) -> None:
    """Copy each file; JSON by ``read_json``, which finds its columns by itself."""
    with duckdb.connect(config={"temp_directory": str(told.out / "spill")}) as connection:
        for name in told.words:
            file = told.month / name
            source = f"read_json('{file}')" if name.endswith(".jsonl") else f"'{file}'"
            connection.execute(f"COPY (SELECT * FROM {source}) TO '{told.out}/{name}.parquet'")


if __name__ == "__main__":
    run(arguments())
