"""Calls of models and tools, whatever recorded them: counted once, then written as usage.

Spans, log lines and observations are all staged as *calls*: who called which model where and when,
and how many tokens of each kind. Readers stage one file at a time; what is a duplicate or a
repetition is decided when all files are in, because exports overlap and traces run over their ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trueup.adapter.telemetry import UsageSource
from trueup.focus.repair import literal
from trueup.model.schema import REPEATS
from trueup.telemetry.records import Fields, load_records
from trueup.telemetry.workbench import (
    WHERE,
    WHO,
    create_table,
    insert_rejects,
    insert_usage,
    own_columns,
    row_of,
)

if TYPE_CHECKING:
    import duckdb

TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")

CALL_COLUMNS = {
    "source_id": "INTEGER",
    "record": "BIGINT",
    "scope": "VARCHAR",  # within which span_id is unique, where that is not everywhere
    "trace_id": "VARCHAR",
    "span_id": "VARCHAR",
    "parent_id": "VARCHAR",
    "response_id": "VARCHAR",
    "role": "VARCHAR",  # inference | tool | other
    "window_start": "TIMESTAMPTZ",
    "window_end": "TIMESTAMPTZ",
    "known_at": "TIMESTAMPTZ",  # orders versions of the same call
    **dict.fromkeys(WHERE, "VARCHAR"),
    **dict.fromkeys(TOKENS, "BIGINT"),  # input without what came from or went to a cache
    "reasoning_tokens": "BIGINT",  # of output_tokens, where told
    "has_usage": "BOOLEAN",
    **dict.fromkeys(WHO, "VARCHAR"),
    "tags": "VARCHAR",
    "fault_column": "VARCHAR",
    "fault": "VARCHAR",  # why the record is rejected, else null
    "fault_value": "VARCHAR",
}

REASONED = """CASE WHEN c.reasoning_tokens BETWEEN 0 AND c.output_tokens THEN json_merge_patch(
    coalesce(c.tags, '{}'), json_object('reasoning_tokens', c.reasoning_tokens)) ELSE c.tags END"""
TOTAL = " + ".join(f"coalesce({name}, 0)" for name in TOKENS)


def create_calls(connection: duckdb.DuckDBPyConnection, calls: str) -> None:
    """Create the staging table ``calls`` and the lists of what does not count in it."""
    create_table(connection, calls, CALL_COLUMNS)
    create_table(
        connection,
        f"{calls}_duplicate",
        {
            "source_id": "INTEGER",
            "record": "BIGINT",
            "of_source": "INTEGER",
            "of_record": "BIGINT",
        },
    )
    create_table(connection, f"{calls}_repeated", {"source_id": "INTEGER", "record": "BIGINT"})


def stage_records(
    connection: duckdb.DuckDBPyConnection,
    source: UsageSource,
    calls: str,
    fields: Fields,
    where_who: Fields,
    query: str,
) -> int:
    """Stage a file of one record per call; return how many records it has.

    ``query`` gives the CALL_COLUMNS but for the source from RECORDS, which has the ``fields`` and
    all of WHERE and WHO: ``where_who`` says by which names, the caller's own go first.
    """
    create_calls(connection, calls)
    mapped = own_columns(source, (*WHERE, *WHO))
    who = {
        name: (*((mapped[name],) if name in mapped else ()), *where_who.get(name, ()))
        for name in (*WHERE, *WHO)
    }
    rows = load_records(connection, source, {**fields, **who})
    columns = ", ".join(name for name in CALL_COLUMNS if name != "source_id")
    connection.execute(
        f"INSERT INTO {calls} BY NAME SELECT {source.source_id} AS source_id, {columns} "
        f"FROM ({query})"
    )
    return rows


def is_staged(connection: duckdb.DuckDBPyConnection, calls: str) -> bool:
    """Whether any file was staged under this name."""
    query = "SELECT 1 FROM information_schema.tables WHERE table_name = ?"
    return bool(connection.execute(query, [calls]).fetchall())


def not_whole(column: str, text: str, value: str) -> tuple[str, str, str, str]:
    """The check that a text, where there is one, was read as a whole number."""
    return column, f"{text} IS NOT NULL AND {value} IS NULL", f"whole_number_fault({text})", text


def faults(checks: Sequence[tuple[str, str, str, str]]) -> str:
    """SQL columns fault_column, fault and fault_value of the first check that fails.

    A check is (column as the file calls it, condition, reason, value), the last three in SQL.
    """
    parts = []
    for target, index in (("fault_column", 0), ("fault", 2), ("fault_value", 3)):
        cases = " ".join(
            f"WHEN {check[1]} THEN {literal(check[0]) if index == 0 else check[index]}"
            for check in checks
        )
        parts.append(f"CASE {cases} END AS {target}")
    return ", ".join(parts)


def drop_duplicates(
    connection: duckdb.DuckDBPyConnection,
    calls: str,
    keys: Sequence[str],
    *,
    order: str = f"{TOTAL} DESC, window_end DESC NULLS LAST",
    where: str = "true",
) -> None:
    """Keep one of all calls that agree in every key; the others become duplicates of it.

    The one kept is the first by ``order``; of equals the first in the files. Calls whose first key
    is null, with a fault, or already dropped are left alone.
    """
    columns = ", ".join(keys)
    same = " AND ".join(f"c.{key} IS NOT DISTINCT FROM k.{key}" for key in keys)
    connection.execute(f"""
        INSERT INTO {calls}_duplicate
        WITH candidate AS (
            SELECT c.* FROM {calls} c
            ANTI JOIN {calls}_duplicate d ON d.source_id = c.source_id AND d.record = c.record
            ANTI JOIN {calls}_repeated r ON r.source_id = c.source_id AND r.record = c.record
            WHERE c.fault IS NULL AND c.{keys[0]} IS NOT NULL AND {where}
        ), twice AS (
            SELECT {columns} FROM candidate GROUP BY ALL HAVING count(*) > 1
        ), ranked AS (
            SELECT c.source_id, c.record,
                first_value(c.source_id) OVER best AS of_source,
                first_value(c.record) OVER best AS of_record
            FROM candidate c JOIN twice k ON {same}
            WINDOW best AS (
                PARTITION BY {", ".join(f"c.{key}" for key in keys)}
                ORDER BY {order}, c.source_id, c.record
            )
        )
        SELECT * FROM ranked WHERE (source_id, record) <> (of_source, of_record)
    """)


def emit_calls(connection: duckdb.DuckDBPyConnection, calls: str) -> None:
    """Write the usage rows and the rejects of all calls staged under this name."""
    counted = f"""
        FROM {calls} c
        ANTI JOIN {calls}_duplicate d ON d.source_id = c.source_id AND d.record = c.record
        WHERE c.fault IS NULL"""
    shared = ", ".join(
        f"c.{name}" for name in ("source_id", "window_start", "window_end", *WHERE, *WHO)
    )
    for meter in TOKENS:
        tags = REASONED if meter == "output_tokens" else "c.tags"
        insert_usage(
            connection,
            f"SELECT {shared}, {tags} AS tags, c.record AS source_row, {literal(meter)} AS meter, "
            f"'busy' AS capacity, c.{meter} AS quantity, 'Tokens' AS unit {counted} "
            f"AND c.{meter} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {calls}_repeated r "
            "WHERE r.source_id = c.source_id AND r.record = c.record)",
        )
    insert_usage(
        connection,
        f"SELECT {shared}, c.tags, c.record AS source_row, 'tool_calls' AS meter, "
        f"'busy' AS capacity, 1 AS quantity, 'Calls' AS unit {counted} AND c.role = 'tool'",
    )
    insert_rejects(
        connection,
        'SELECT source_id, record AS row_number, fault_column AS "column", fault AS reason, '
        f"fault_value AS value FROM {calls} WHERE fault IS NOT NULL",
    )
    kept = row_of("d.source_id", "d.of_source", "d.of_record")
    insert_rejects(
        connection,
        'SELECT d.source_id, d.record AS row_number, NULL AS "column", '
        f"{literal(REPEATS)} || {kept} AS reason, "
        "coalesce(c.response_id, c.span_id) AS value "
        f"FROM {calls}_duplicate d JOIN {calls} c "
        "ON c.source_id = d.source_id AND c.record = d.record",
    )
