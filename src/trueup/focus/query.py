"""A query over the view ``raw``, bound once and run over one table after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


class Query:
    """What it says of each table, all of which have the same columns, in the tables' order.

    Binding takes longer than a few thousand rows.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        self._connection = connection
        self._sql = sql
        self._bound: duckdb.DuckDBPyRelation | None = None

    def read(self, raw: pa.Table) -> pa.Table:
        """The rows that the query makes of a table."""
        self._connection.register("raw", raw)
        try:
            if self._bound is None:
                self._bound = self._connection.sql(self._sql)
            return self._bound.to_arrow_table()
        finally:
            self._connection.unregister("raw")
