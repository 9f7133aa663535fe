"""OTLP metrics: token counters as usage.

Read are sums (counters) of these names; data points of other metrics are accepted and give nothing:

- ``claude_code.token.usage`` with ``type`` input (uncached), cacheRead, cacheCreation, output;
- ``gen_ai.client.inference.usage.*``, whose input includes the cached tokens, which are taken off
  where the same series states them for the same moment.

A record is a data point of a sum. Delta points are added as they are. Of cumulative points the
difference to the one before is taken, series by series over all files; a value that falls or a
new start time is a reset, and the first point counts from its own start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trueup.adapter.telemetry import UsageSource
from trueup.focus.repair import literal
from trueup.model.schema import REPEATS
from trueup.telemetry import otlp_attributes as names
from trueup.telemetry.calls import faults, is_staged
from trueup.telemetry.records import stage_documents
from trueup.telemetry.workbench import (
    create_table,
    insert_rejects,
    insert_usage,
    own_columns,
    row_of,
)

if TYPE_CHECKING:
    import duckdb

POINTS = "otlp_point"
BY_TYPE = "claude_code.token.usage"
PREFIX = "gen_ai.client.inference.usage."
METERS = {
    f"{BY_TYPE}:input": "input_tokens",
    f"{BY_TYPE}:cacheRead": "cache_read_tokens",
    f"{BY_TYPE}:cacheCreation": "cache_write_tokens",
    f"{BY_TYPE}:output": "output_tokens",
    f"{PREFIX}input_tokens": "input_tokens",
    f"{PREFIX}cache_read.input_tokens": "cache_read_tokens",
    f"{PREFIX}cache_write.input_tokens": "cache_write_tokens",
    f"{PREFIX}cache_creation.input_tokens": "cache_write_tokens",
    f"{PREFIX}output_tokens": "output_tokens",
}

WHERE_WHO = (
    "provider",
    "account_id",
    "region_id",
    "resource_id",
    "model",
    "session_id",
    "agent",
    "team",
    "cost_centre",
    "interruptible",
)
POINT_COLUMNS = {
    "source_id": "INTEGER",
    "record": "BIGINT",
    "metric": "VARCHAR",
    "meter": "VARCHAR",
    "series": "VARCHAR",
    "temporality": "VARCHAR",
    "started": "TIMESTAMPTZ",
    "taken": "TIMESTAMPTZ",
    "amount": "BIGINT",
    **dict.fromkeys(WHERE_WHO, "VARCHAR"),
    "fault_column": "VARCHAR",
    "fault": "VARCHAR",
    "fault_value": "VARCHAR",
}

NUMBERS = ("startTimeUnixNano", "timeUnixNano", "asInt", "asDouble")
SUM = {
    "dataPoints": [{"attributes": names.ATTRIBUTES, **dict.fromkeys(NUMBERS, "VARCHAR")}],
    "aggregationTemporality": "VARCHAR",
}
RESOURCE_METRICS = [
    {
        "resource": {"attributes": names.ATTRIBUTES},
        "scopeMetrics": [{"metrics": [{"name": "VARCHAR", "sum": SUM}]}],
    }
]


def stage(source: UsageSource, connection: duckdb.DuckDBPyConnection) -> int:
    """Append a file's data points to the staged ones; return how many records it has."""
    create_table(connection, POINTS, POINT_COLUMNS)
    return stage_documents(connection, source, POINTS, lambda table: _points(source, table))


def settle(connection: duckdb.DuckDBPyConnection) -> None:
    """Turn the staged points of all files into usage and rejects."""
    if not is_staged(connection, POINTS):
        return
    connection.execute(_difference_query())
    insert_usage(
        connection,
        "SELECT source_id, record AS source_row, started AS window_start, taken AS window_end, "
        f"{', '.join(WHERE_WHO)}, meter, 'busy' AS capacity, amount AS quantity, "
        "'Tokens' AS unit FROM difference WHERE copy = 1 AND amount >= 0",
    )
    insert_rejects(
        connection,
        'SELECT source_id, record AS row_number, fault_column AS "column", fault AS reason, '
        f"fault_value AS value FROM {POINTS} WHERE fault IS NOT NULL",
    )
    insert_rejects(
        connection,
        'SELECT source_id, record AS row_number, metric AS "column", '
        "'less than the cached tokens it includes' AS reason, amount::VARCHAR AS value "
        "FROM difference WHERE copy = 1 AND amount < 0",
    )
    insert_rejects(
        connection,
        'SELECT source_id, record AS row_number, NULL AS "column", '
        f"{literal(REPEATS)} || {row_of('d.source_id', 'of_source', 'of_record')} AS reason, "
        "metric AS value FROM difference d WHERE copy > 1",
    )


def _difference_query() -> str:
    """SQL of the table ``difference``: what each point adds, and which points are copies."""
    return f"""
        CREATE OR REPLACE TEMP TABLE difference AS
        WITH numbered AS (
            SELECT *, row_number() OVER same AS copy,
                first_value(source_id) OVER same AS of_source,
                first_value(record) OVER same AS of_record
            FROM {POINTS} WHERE fault IS NULL AND meter IS NOT NULL
            WINDOW same AS (
                PARTITION BY metric, meter, series, started, taken ORDER BY source_id, record
            )
        ), stepped AS (
            SELECT *, lag(amount) OVER line AS amount_before, lag(taken) OVER line AS taken_before,
                lag(started) OVER line AS started_before
            FROM numbered
            WINDOW line AS (
                PARTITION BY metric, meter, series, copy ORDER BY taken, source_id, record
            )
        ), added AS (
            SELECT * REPLACE (
                CASE WHEN continues THEN amount - amount_before ELSE amount END AS amount,
                CASE WHEN continues THEN taken_before ELSE coalesce(started, taken) END AS started
            )
            FROM (
                SELECT *, coalesce(temporality = 'cumulative' AND amount >= amount_before
                    AND started IS NOT DISTINCT FROM started_before, false) AS continues
                FROM stepped
            )
        ), cached AS (
            SELECT series, taken, sum(amount) AS amount FROM added
            WHERE copy = 1 AND metric LIKE {literal(PREFIX + "cache%")} GROUP BY ALL
        )
        SELECT a.* REPLACE (CAST(a.amount - CASE
            WHEN a.metric = {literal(PREFIX + "input_tokens")} THEN coalesce(c.amount, 0)
            ELSE 0 END AS BIGINT) AS amount)
        FROM added a LEFT JOIN cached c ON c.series = a.series AND c.taken = a.taken"""


def _points(source: UsageSource, table: str) -> str:
    """SQL that turns a file's documents into data points, in file order."""
    mapped = own_columns(source, WHERE_WHO)

    def attribute(column: str) -> str:
        value = names.of_item(column, mapped)
        return f"coalesce({names.first_of(('model',))}, {value})" if column == "model" else value

    found = ", ".join(f"{attribute(column)} AS {column}" for column in WHERE_WHO)
    kind = names.first_of(("type",))
    meters = " ".join(f"WHEN {literal(k)} THEN {literal(v)}" for k, v in METERS.items())
    matters = "NOT broken AND meter IS NOT NULL"
    return f"""
        SELECT *, {_faults(matters)}
        FROM (
            SELECT broken, shown, metric,
                CASE CASE WHEN metric = {literal(BY_TYPE)} THEN metric || ':' || {kind}
                    ELSE metric END {meters} END AS meter,
                CAST(to_json(list_sort([z[1] || '=' || coalesce(z[2], '') FOR z IN list_zip(
                    list_concat(rks, ks), list_concat(rvs, vs))])) AS VARCHAR) AS series,
                CASE temporality WHEN '1' THEN 'delta' WHEN '2' THEN 'cumulative'
                    WHEN 'AGGREGATION_TEMPORALITY_DELTA' THEN 'delta'
                    WHEN 'AGGREGATION_TEMPORALITY_CUMULATIVE' THEN 'cumulative' END AS temporality,
                temporality AS temporality_text,
                nano_instant(p.startTimeUnixNano) AS started, nano_instant(p.timeUnixNano) AS taken,
                p.timeUnixNano AS time_text, coalesce(p.asInt, p.asDouble) AS amount_text,
                whole_number(amount_text) AS amount,
                {found}
            FROM ({_unnested(table, mapped)})
        )"""


def _unnested(table: str, mapped: Mapping[str, str]) -> str:
    """SQL of a row per data point in file order, and of one for each line that has none to read."""
    return f"""
        SELECT *, broken_line OR p IS NULL AS broken,
            {names.unpacked("p.attributes", *names.LISTS)}
        FROM (
            SELECT * EXCLUDE (m), m.name AS metric, m.sum.aggregationTemporality AS temporality,
                unnest(CASE WHEN broken_line THEN [NULL] ELSE m.sum.dataPoints END) AS p
            FROM (
                SELECT {names.of_resource(WHERE_WHO, mapped)}, shown, rks, rvs,
                    r IS NULL AS broken_line,
                    unnest(CASE WHEN r IS NULL THEN [NULL]
                        ELSE flatten([s.metrics FOR s IN r.scopeMetrics]) END) AS m
                FROM (
                    {names.resources(table, "resourceMetrics", RESOURCE_METRICS)}
                )
            )
        )"""


def _faults(matters: str) -> str:
    return faults(
        [
            ("resourceMetrics", "broken", "'not a JSON document with resourceMetrics'", "shown"),
            (
                "asInt",
                f"{matters} AND amount IS NULL",
                "whole_number_fault(amount_text)",
                "amount_text",
            ),
            (
                "timeUnixNano",
                f"{matters} AND taken IS NULL",
                "'not a time in nanoseconds since 1970'",
                "time_text",
            ),
            (
                "aggregationTemporality",
                f"{matters} AND temporality IS NULL",
                "'neither delta nor cumulative'",
                "temporality_text",
            ),
        ]
    )
