"""Samples of accelerators, added up by the hour, exactly.

Shares are integers of 10^-18, times integers of microseconds: the sum of an hour is exact, and a
sample whose busy time has more than 18 decimals of a second is rejected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.focus.repair import literal
from trueup.model.schema import REPEATS
from trueup.telemetry.calls import is_staged
from trueup.telemetry.workbench import (
    WHERE,
    WHO,
    create_table,
    insert_rejects,
    insert_usage,
    row_of,
)

if TYPE_CHECKING:
    import duckdb

SERIES = "prometheus_series"
SAMPLES = "prometheus_sample"
PLACE = (*WHERE, *WHO)
SENTINEL = "9223372036854775794"

SERIES_COLUMNS = {
    "source_id": "INTEGER",
    "series": "BIGINT",
    "name": "VARCHAR",
    "meter": "VARCHAR",  # null: a metric that measures no capacity
    "whole": "INTEGER",  # what "all of it" is written as: 100 or 1
    "preference": "INTEGER",
    "is_slice": "BOOLEAN",
    "line": "VARCHAR",  # all labels but the metric's name: the same for the same accelerator
    **dict.fromkeys(PLACE, "VARCHAR"),
}
SAMPLE_COLUMNS = {
    "source_id": "INTEGER",
    "record": "BIGINT",
    "series": "BIGINT",
    "taken": "BIGINT",  # microseconds since 1970
    "text": "VARCHAR",
}
MICROS = 1_000_000
HOUR = 3600 * MICROS
STEP_MAX = 24 * HOUR  # a sample is spread over no more hours than that
ONE = 10**18
UNITS = "CASE r.meter WHEN 'gpu' THEN 'GPU-Seconds' ELSE 'TPU-Chip-Seconds' END"


def create_samples(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that files are staged in."""
    create_table(connection, SERIES, SERIES_COLUMNS)
    create_table(connection, SAMPLES, SAMPLE_COLUMNS)
    create_table(connection, "prometheus_step", {"source_id": "INTEGER", "step": "BIGINT"})


def set_step(connection: duckdb.DuckDBPyConnection, source_id: int, known: str | None) -> None:
    """Note a source's step in microseconds: the known seconds, else the commonest gap.

    One that is none, or that would say more than a sample can know, is not noted.
    """
    connection.execute(
        f"""
        INSERT INTO prometheus_step
        SELECT {source_id}, CASE WHEN step BETWEEN 1 AND {STEP_MAX} THEN step END
        FROM (SELECT coalesce(
            TRY_CAST(TRY_CAST(? AS DECIMAL(28, 6)) * 1000000 AS BIGINT),
            (SELECT gap FROM (
                SELECT taken - lag(taken) OVER (PARTITION BY series ORDER BY taken) AS gap
                FROM {SAMPLES} WHERE source_id = {source_id}
            ) WHERE gap > 0 GROUP BY gap ORDER BY count(*) DESC, gap LIMIT 1)
        ) AS step)""",
        [known],
    )


def settle(connection: duckdb.DuckDBPyConnection) -> None:
    """Write usage and rejects of all samples staged; the same sample twice counts once."""
    if not is_staged(connection, SAMPLES):
        return
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE metered_series AS
        SELECT *, dense_rank() OVER (ORDER BY meter, line) AS line_id,
            min(preference) OVER (PARTITION BY meter, line) AS best
        FROM {SERIES} WHERE meter IS NOT NULL OR name IS NULL""")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE held AS {_held_query()}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE part AS {_parts_query()}")
    for capacity, amount, decimals in (("allocated", "micros", 6), ("busy", "work", 18)):
        insert_usage(connection, _usage_query(capacity, amount, decimals))
    kept = row_of("h.source_id", "h.of_source", "h.of_record")
    insert_rejects(
        connection,
        'SELECT h.source_id, h.record AS row_number, r.name AS "column", '
        f"h.fault || CASE h.fault WHEN {literal(REPEATS)} THEN {kept} ELSE '' END AS reason, "
        "h.text AS value FROM held h JOIN metered_series r "
        "ON r.source_id = h.source_id AND r.series = h.series WHERE h.fault IS NOT NULL",
    )


def _held_query() -> str:
    """SQL of a row per sample: how long it holds the accelerator, its share, what is wrong.

    Of equal samples of a series the first in the files is the last in the window's order: only it
    holds anything up to the next one's time.
    """
    return f"""
        WITH ordered AS (
            SELECT s.*, lead(taken) OVER line AS taken_next,
                lead(s.source_id) OVER line AS of_source, lead(record) OVER line AS of_record
            FROM {SAMPLES} s
            JOIN metered_series r ON r.source_id = s.source_id AND r.series = s.series
            WINDOW line AS (
                PARTITION BY r.line_id, r.preference
                ORDER BY taken, s.source_id DESC, record DESC
            )
        ), stepped AS (
            SELECT o.*, r.name, r.whole, r.is_slice, r.preference = r.best AS counts, p.step,
                least(p.step, coalesce(taken_next - taken, p.step)) AS micros,
                CASE WHEN text <> '{SENTINEL}' THEN exact_decimal(trim(text)) END AS share
            FROM ordered o
            JOIN metered_series r ON r.source_id = o.source_id AND r.series = o.series
            JOIN prometheus_step p ON p.source_id = o.source_id
        ), scaled AS (
            SELECT *, least(micros, {HOUR} - taken % {HOUR}) AS first_micros,
                CASE WHEN share BETWEEN 0 AND whole THEN CAST(trunc(share) AS HUGEINT)
                    * {ONE}::HUGEINT + CAST((share - trunc(share)) * {ONE} AS HUGEINT) END
                    AS scaled
            FROM stepped
        )
        SELECT source_id, record, series, taken, micros, scaled, whole, counts,
            {_faults()} AS fault, text, of_source, of_record
        FROM scaled"""


def _faults() -> str:
    exact = f"{MICROS} * whole"
    cases = {
        "name IS NULL": "'no metric name; give constants={''metric'': ...}'",
        "taken_next = taken": literal(REPEATS),
        "NOT counts": "NULL",
        "is_slice": "'a slice of a GPU: query the metric of the whole GPU'",
        "taken IS NULL": "'not a time in seconds since 1970'",
        "step IS NULL": (
            "'a single sample and no step, or one of over a day; give constants={''step'': ...}'"
        ),
        f"text = '{SENTINEL}'": "'the exporter had no value'",
        "share IS NULL": "decimal_fault(trim(text))",
        "scaled IS NULL": "'not between 0 and ' || whole",
        f"scaled * micros % ({exact}) <> 0 OR scaled * first_micros % ({exact}) <> 0": (
            "'busy time of more than 18 decimals'"
        ),
    }
    return f"CASE {' '.join(f'WHEN {test} THEN {reason}' for test, reason in cases.items())} END"


def _parts_query() -> str:
    """SQL of what each series held and did by hour: split in time where it runs over the end.

    Only the few samples that run over the end of an hour are spread over several.
    """
    return f"""
        SELECT source_id, series, hour, min(record) AS record, sum(ends - starts) AS micros,
            sum(scaled * (ends - starts) // ({MICROS} * whole)) AS work
        FROM (
            SELECT source_id, record, series, scaled, whole, hour,
                greatest(taken, hour * {HOUR}) AS starts,
                least(taken + micros, (hour + 1) * {HOUR}) AS ends
            FROM (
                SELECT *, unnest(range(taken // {HOUR}, (taken + micros - 1) // {HOUR} + 1)) AS hour
                FROM held WHERE fault IS NULL AND counts
                    AND taken // {HOUR} <> (taken + micros - 1) // {HOUR}
                UNION ALL
                SELECT *, taken // {HOUR} AS hour FROM held WHERE fault IS NULL AND counts
                    AND taken // {HOUR} = (taken + micros - 1) // {HOUR}
            )
        )
        GROUP BY ALL"""


def _usage_query(capacity: str, amount: str, decimals: int) -> str:
    """SQL of the usage of one capacity: per hour and labels, integers made decimals exactly."""
    place = ", ".join(f"r.{name}" for name in PLACE)
    return f"""
        SELECT * EXCLUDE (total),
            CAST(plain_number(CAST(total AS VARCHAR), {decimals}) AS DECIMAL(38, 18)) AS quantity
        FROM (
            SELECT p.source_id, min(p.record) AS source_row,
                make_timestamptz(p.hour * {HOUR}) AS window_start,
                make_timestamptz((p.hour + 1) * {HOUR}) AS window_end,
                {place}, r.meter, '{capacity}' AS capacity,
                CAST(sum(p.{amount}) AS HUGEINT) AS total, {UNITS} AS unit
            FROM part p
            JOIN metered_series r ON r.source_id = p.source_id AND r.series = p.series
            GROUP BY p.source_id, p.hour, {place}, r.meter
        )"""
