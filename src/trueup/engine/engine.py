"""What an engine must offer: scan, keep, collect. Everything else is Ibis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import ibis.expr.types as ir
import pyarrow as pa

from trueup.errors import UsageError


class Engine(Protocol):
    """A relational engine for one run."""

    name: str

    def scan(self, files: Sequence[Path], schema: pa.Schema) -> ir.Table:
        """The rows of Parquet files of one layout, read when needed; no files: no rows."""

    def load(self, rows: pa.Table) -> ir.Table:
        """A small table made in Python, for joining with."""

    def keep(self, expression: ir.Table) -> ir.Table:
        """Compute ``expression`` once and give a table that later steps can read repeatedly."""

    def collect(self, expression: ir.Table) -> pa.Table:
        """The rows of a small expression."""

    def chunks(self, expression: ir.Table) -> Iterator[pa.Table]:
        """The rows of an expression of any size, some at a time; read them all."""

    def count(self, kept: ir.Table) -> int:
        """How many rows a kept or loaded table has."""

    def close(self) -> None:
        """Leave nothing behind."""


@contextmanager
def open_engine(name: str) -> Iterator[Engine]:
    """The engine of that name for one run; UsageError names the ones there are."""
    pa.default_memory_pool().release_unused()  # what readers are done with, before it takes its own
    with closing(_engine_class(name)()) as engine:
        yield engine


def _engine_class(name: str) -> type[Engine]:
    if name == "duckdb":
        from trueup.engine.duckdb import DuckDBEngine

        return DuckDBEngine
    if name == "spark":
        from trueup.engine.spark import SparkEngine

        return SparkEngine
    raise UsageError(f"engine {name!r} is not known; choose duckdb or spark")
