"""DuckDB, embedded: the default engine, with an explicit memory limit and its own scratch folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trueup.engine.instants import unzoned, zoned

MEMORY_LIMIT = os.environ.get("TRUEUP_MEMORY_LIMIT", "4GB")

# Products of HUGEINTs raise on overflow; `//` on HUGEINT is exact, on DECIMAL it would not be.
FUNCTIONS = (
    "CREATE OR REPLACE TEMP MACRO trueup_divide(a, b) AS"
    " (CAST(a AS HUGEINT) // CAST(b AS HUGEINT))::DECIMAL(38, 0)",
    "CREATE OR REPLACE TEMP MACRO trueup_units(x, f) AS"
    " (trunc(x)::HUGEINT * f::HUGEINT"
    " + ((x - trunc(x))::DECIMAL(19, 18) * f::DECIMAL(19, 0))::HUGEINT)::DECIMAL(38, 0)",
    "CREATE OR REPLACE TEMP MACRO trueup_decimals(x) AS"
    " CASE WHEN x IS NULL THEN NULL WHEN x = trunc(x) THEN 0"
    " ELSE length(rtrim(split_part(x::VARCHAR, '.', 2), '0')) END",
    "CREATE OR REPLACE TEMP MACRO trueup_digest(t) AS sha256(t)",
)


class DuckDBEngine:
    """One in-process database per run; it spills to a scratch folder that goes with it."""

    name = "duckdb"

    def __init__(self, memory_limit: str = MEMORY_LIMIT) -> None:
        self._scratch = TemporaryDirectory(prefix="trueup-duckdb-")
        self.backend = ibis.duckdb.connect(
            memory_limit=memory_limit,
            temp_directory=self._scratch.name,
            autoinstall_known_extensions=False,
            autoload_known_extensions=False,
        )
        for function in ("SET TimeZone = 'UTC'", *FUNCTIONS):
            self.backend.raw_sql(function)
        self._names = (f"kept_{number}" for number in count())

    def scan(self, files: Sequence[Path], schema: pa.Schema) -> ir.Table:
        if not files:
            return self.load(schema.empty_table())
        return self.backend.read_parquet([str(file) for file in files], union_by_name=True)

    def load(self, rows: pa.Table) -> ir.Table:
        name = next(self._names)
        self.backend.con.register(f"given_{name}", unzoned(rows))
        self._create(name, f"SELECT * FROM given_{name}")
        self.backend.con.unregister(f"given_{name}")
        return self._table(name)

    def keep(self, expression: ir.Table) -> ir.Table:
        name = next(self._names)
        self._create(name, self.backend.compile(expression))
        return self._table(name)

    def _create(self, name: str, query: str) -> None:
        self.backend.con.execute(f"CREATE TEMP TABLE {name} AS {query}")

    def _table(self, name: str) -> ir.Table:
        return self.backend.table(name, database=("temp", "main"))

    def collect(self, expression: ir.Table) -> pa.Table:
        return zoned(expression.to_pyarrow())

    def __enter__(self) -> DuckDBEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.backend.disconnect()
        self._scratch.cleanup()
