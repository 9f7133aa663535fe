"""OpenCost ``/allocation`` answers: what a pod, controller or namespace held of GPUs.

``gpuHours`` is capacity held (``allocated``, GPU-Hours) from start to end; what was busy is
gpuHours x gpuUsageAverage / gpuRequestAverage where both are known. A quotient that does not end
within 18 decimals is rounded down there: it is a share, never matched to a bill. A record is one
allocation; one without GPUs is accepted and gives nothing. resource_id is ``providerID``, else
``node``; team the label ``team``, else the namespace; agent and session the labels of that name.
``columns`` maps usage columns to other properties or labels, looked at first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.adapter.telemetry import UsageSource
from trueup.errors import SourceError
from trueup.focus.repair import literal
from trueup.telemetry.calls import faults
from trueup.telemetry.otlp_attributes import shape
from trueup.telemetry.records import OBJECT_BYTES, documents, pointer, reading_json, unpacked_bytes
from trueup.telemetry.sample import sample
from trueup.telemetry.workbench import (
    IS_TOO_LONG,
    TOO_LONG,
    WHERE,
    WHO,
    count,
    insert_rejects,
    insert_usage,
    own_columns,
)

if TYPE_CHECKING:
    import duckdb

# Usage column -> JSON pointers below ``properties``.
PROPERTIES: dict[str, tuple[str, ...]] = {
    "resource_id": ("/providerID", "/node"),
    "account_id": ("/labels/account_id",),
    "region_id": ("/labels/region", "/labels/topology_kubernetes_io_region"),
    "session_id": ("/labels/session", "/labels/session_id"),
    "agent": ("/labels/agent",),
    "tool": ("/labels/tool",),
    "team": ("/labels/team", "/namespaceLabels/team", "/namespace"),
    "cost_centre": ("/labels/cost_centre", "/labels/cost_center"),
    "interruptible": ("/labels/interruptible",),
}
NUMBERS = ("gpuHours", "gpuUsageAverage", "gpuRequestAverage")
ONE = 10**18


class OpencostReader:
    """Reads allocation answers: one record is one allocation of one window."""

    name = "opencost"

    def recognises(self, source: UsageSource) -> bool:
        seen = sample(source.path, source.source)
        return seen.kind == "json" and {"code", "data"} <= seen.keys

    def read(self, source: UsageSource, connection: duckdb.DuckDBPyConnection) -> int:
        """Append usage and rejects; return how many allocations there are."""
        mapped = own_columns(source, (*WHERE, *WHO))
        seen = sample(source.path, source.source)
        size = max(OBJECT_BYTES, unpacked_bytes(source) + 1)
        table = documents(source, seen, size, skip_malformed=False)
        with reading_json(source):
            connection.execute(f"""
                CREATE OR REPLACE TEMP TABLE allocation AS
                SELECT e.key AS name, e.value AS value FROM (
                    SELECT unnest(map_entries(window_set)) AS e FROM (
                        SELECT unnest(from_json(json->'data', {shape(["MAP(VARCHAR, JSON)"])}))
                            AS window_set
                        FROM {table}
                    )
                )""")
        answers = count(
            connection, f"SELECT count(*) FROM {table} WHERE (json->'data') IS NOT NULL"
        )
        if not answers:
            raise SourceError(source.source, "an answer without data")
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE gpu_allocation AS {_query(source, mapped)}"
        )
        _append(connection)
        return count(connection, "SELECT count(*) FROM allocation")


def _property(names: tuple[str, ...]) -> str:
    if not names:
        return "CAST(NULL AS VARCHAR)"
    found = [
        f"nullif(json_extract_string(value, {literal('/properties' + name)}), '')" for name in names
    ]
    return f"coalesce({', '.join(found)})"


def _query(source: UsageSource, mapped: dict[str, str]) -> str:
    """SQL of the allocations with typed figures, who and where, and what is wrong."""
    place = []
    for column in (*WHERE, *WHO):
        own = pointer(mapped[column]) if column in mapped else None
        more = (own, f"/labels{own}") if own else ()
        place.append(f"{_property((*more, *PROPERTIES.get(column, ())))} AS {column}")
    texts = ", ".join(f"value->>'/{name}' AS {name}_text" for name in NUMBERS)
    values = ", ".join(f"exact_decimal({name}_text) AS {name}" for name in NUMBERS)
    return f"""
        SELECT *, {_faults()}, {_busy()} AS busy
        FROM (
            SELECT *, {values}, moment(start_text) AS window_start, moment(end_text) AS window_end
            FROM (
                SELECT {source.source_id} AS source_id, rowid + 1 AS record, name,
                    coalesce(value->>'/start', value->>'/window/start') AS start_text,
                    coalesce(value->>'/end', value->>'/window/end') AS end_text,
                    json_type(value) IS NOT DISTINCT FROM 'OBJECT' AS is_object,
                    {texts}, {", ".join(place)}
                FROM allocation
            )
        )"""


def _scaled(name: str) -> str:
    """SQL of a decimal as an integer of 10^-18."""
    return (
        f"(CAST(trunc({name}) AS HUGEINT) * {ONE}::HUGEINT "
        f"+ CAST(({name} - trunc({name})) * {ONE} AS HUGEINT))"
    )


def _busy() -> str:
    """SQL of the busy hours, hours x usage // request in steps that do not overflow, or null."""
    hours, usage, request = (_scaled(name) for name in NUMBERS)
    whole = f"{hours} // {request} * {usage}"
    rest = f"{hours} % {request} * {usage} // {request}"
    total = f"CAST({whole} + {rest} AS VARCHAR)"
    number = f"CAST(plain_number({total}, 18) AS DECIMAL(38, 18))"
    return f"TRY(CASE WHEN gpuUsageAverage >= 0 AND gpuRequestAverage > 0 THEN {number} END)"


def _faults() -> str:
    checks = [("", "NOT is_object", "'not an allocation'", "name")]
    checks += [
        (
            name,
            f"{name}_text IS NOT NULL AND {name} IS NULL",
            f"decimal_fault({name}_text)",
            f"{name}_text",
        )
        for name in NUMBERS
    ]
    checks += [
        ("gpuHours", "gpuHours < 0", "'negative'", "gpuHours_text"),
        (
            "start",
            "gpuHours > 0 AND window_start IS NULL",
            "coalesce(instant_fault(start_text), 'no time')",
            "start_text",
        ),
        (
            "end",
            "gpuHours > 0 AND window_end IS NULL",
            "coalesce(instant_fault(end_text), 'no time')",
            "end_text",
        ),
        ("end", "window_end < window_start", "'ends before it starts'", "end_text"),
        ("end", IS_TOO_LONG, literal(TOO_LONG), "end_text"),
    ]
    return faults(checks)


def _append(connection: duckdb.DuckDBPyConnection) -> None:
    place = ", ".join((*WHERE, *WHO))
    for capacity, amount in (("allocated", "gpuHours"), ("busy", "busy")):
        insert_usage(
            connection,
            f"SELECT source_id, record AS source_row, window_start, window_end, {place}, "
            f"'gpu' AS meter, '{capacity}' AS capacity, {amount} AS quantity, "
            "'GPU-Hours' AS unit FROM gpu_allocation "
            f"WHERE fault IS NULL AND gpuHours > 0 AND {amount} IS NOT NULL",
        )
    insert_rejects(
        connection,
        "SELECT source_id, record AS row_number, nullif(fault_column, '') AS \"column\", "
        "fault AS reason, fault_value AS value FROM gpu_allocation WHERE fault IS NOT NULL",
    )


reader = OpencostReader()
