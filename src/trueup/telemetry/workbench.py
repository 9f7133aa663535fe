"""The tables readers append to, and what every reader needs to say about a source."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trueup.adapter.telemetry import UsageSource
from trueup.errors import ConfigurationError
from trueup.focus.repair import literal, quoted
from trueup.model.schema import INTERRUPTIBLE
from trueup.telemetry.macros import MACROS

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    Write = Callable[[pa.Table], None]  # takes rows of USAGE_COLUMNS, not necessarily all of them

VALUE_CHARACTERS_MAX = 200
HELD_DAYS_MAX = 366  # of one record: capacity is looked at hour by hour
TOO_LONG = f"lasts longer than {HELD_DAYS_MAX} days: cut it by the month"
IS_TOO_LONG = f"window_end > window_start + INTERVAL {HELD_DAYS_MAX} DAY"

# Usage columns that say where something ran, what it was and who caused it.
WHERE = ("provider", "account_id", "region_id", "resource_id", "model", "sku_id", "service_tier")
WHO = ("session_id", "agent", "tool", "team", "cost_centre", INTERRUPTIBLE)  # the last as a tag
YES, NO = ("true", "yes", "1"), ("false", "no", "0")

USAGE_COLUMNS = {
    "source_id": "INTEGER",
    "source_row": "BIGINT",
    "window_start": "TIMESTAMPTZ",
    "window_end": "TIMESTAMPTZ",
    **dict.fromkeys(WHERE, "VARCHAR"),
    "meter": "VARCHAR",
    "capacity": "VARCHAR",
    "quantity": "DECIMAL(38, 18)",
    "unit": "VARCHAR",
    **dict.fromkeys(WHO, "VARCHAR"),
    "tags": "VARCHAR",
}
REJECT_COLUMNS = {
    "source_id": "INTEGER",
    "source": "VARCHAR",
    "row_number": "BIGINT",
    "column": "VARCHAR",
    "reason": "VARCHAR",
    "value": "VARCHAR",
    "currency": "VARCHAR",
}


def create_table(connection: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str]) -> None:
    """Create a table unless it is there."""
    body = ", ".join(f"{quoted(column)} {kind}" for column, kind in columns.items())
    connection.execute(f"CREATE TABLE IF NOT EXISTS {quoted(name)} ({body})")


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the readers' tables and macros in a fresh connection."""
    create_table(connection, "usage", USAGE_COLUMNS)
    create_table(connection, "rejects", REJECT_COLUMNS)
    create_table(connection, "source_name", {"source_id": "INTEGER", "source": "VARCHAR"})
    create_table(connection, "source_note", {"source_id": "INTEGER", "note": "VARCHAR"})
    connection.execute(MACROS)


def insert_usage(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Append a query's rows to ``usage``; columns it does not give are null."""
    connection.execute(f"INSERT INTO usage BY NAME {query}")


def insert_rows(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> None:
    """Append rows to ``usage``; columns they do not have are null."""
    connection.register("given_rows", rows)
    insert_usage(connection, "SELECT * FROM given_rows")
    connection.unregister("given_rows")


def insert_rejects(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Append to ``rejects``: the query gives source_id, row_number, column, reason and value."""
    connection.execute(
        "INSERT INTO rejects BY NAME SELECT q.source_id, s.source, q.row_number, "
        'q."column", q.reason, '
        f"left(q.value, {VALUE_CHARACTERS_MAX}) AS value "
        f"FROM ({query}) q LEFT JOIN source_name s ON s.source_id = q.source_id"
    )


def count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    """The single number a query gives."""
    [(number,)] = connection.execute(query).fetchall()  # to its end: the next query may stream
    return int(number or 0)


def add_note(connection: duckdb.DuckDBPyConnection, source_id: int, note: str) -> None:
    """Say something about a source that a person wants to know."""
    connection.execute("INSERT INTO source_note VALUES (?, ?)", [source_id, note])


def row_of(this: str, source: str, record: str) -> str:
    """SQL text that names a record to the reader of a reject of source ``this``."""
    name = f"(SELECT s.source FROM source_name s WHERE s.source_id = {source})"
    return (
        f"CASE WHEN {this} = {source} THEN 'row ' || {record} "
        f"ELSE 'row ' || {record} || ' of ' || {name} END"
    )


def own_columns(source: UsageSource, allowed: tuple[str, ...]) -> dict[str, str]:
    """The caller's column map where a format takes only some; ConfigurationError for others."""
    for column in source.columns:
        if column not in allowed:
            raise ConfigurationError(
                f"{source.source}: columns: {column!r} cannot be mapped in this format; "
                f"it is one of {', '.join(allowed)}"
            )
    return dict(source.columns)


def text_list(values: tuple[str, ...] | list[str]) -> str:
    """Texts as an SQL list."""
    return f"[{', '.join(literal(value) for value in values)}]"
