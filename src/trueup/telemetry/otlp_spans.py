"""OTLP traces: generative AI spans as calls.

- An inference span (chat, generate_content, text_completion, embeddings, or any span with usage
  and no operation name) gives a row per kind of token it states. ``input_tokens`` of the
  conventions includes what came from and went to a cache: it is taken off, and a span where that
  leaves less than nothing is rejected. Reasoning is part of the output already; how much of it is
  kept in the tags of its row.
- ``execute_tool`` gives one ``tool_calls``. Every other operation (agents, workflows, plans) may
  repeat its children's usage: see ``call_tree``.
- The same span twice, and the same response of the same provider twice (retries of an exporter,
  partial and final counts of a stream), count once: the one with most tokens, of equals the one
  that ended last, of equals the first in the files. A span that shares a response with one that
  it encloses is not a duplicate of it but repeats it.
- Spans without usage are accepted and give nothing; so are failed ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trueup.adapter.telemetry import UsageSource
from trueup.telemetry import call_tree
from trueup.telemetry import otlp_attributes as names
from trueup.telemetry.calls import (
    TOKENS,
    create_calls,
    drop_duplicates,
    emit_calls,
    faults,
    is_staged,
    not_whole,
)
from trueup.telemetry.records import stage_documents
from trueup.telemetry.workbench import own_columns

if TYPE_CHECKING:
    import duckdb

CALLS = "otlp_call"
INFERENCE = "'chat', 'generate_content', 'text_completion', 'embeddings'"

SPANS = [
    {
        **dict.fromkeys(
            ("traceId", "spanId", "parentSpanId", "startTimeUnixNano", "endTimeUnixNano"),
            "VARCHAR",
        ),
        "attributes": names.ATTRIBUTES,
    }
]
SCOPES = [{"spans": SPANS}]
RESOURCE_SPANS = [
    {
        "resource": {"attributes": names.ATTRIBUTES},
        "scopeSpans": SCOPES,
        "instrumentationLibrarySpans": SCOPES,
    }
]


def stage(source: UsageSource, connection: duckdb.DuckDBPyConnection) -> int:
    """Append a file's spans to the staged calls; return how many records it has."""
    create_calls(connection, CALLS)
    return stage_documents(connection, source, CALLS, lambda table: _calls(source, table))


def settle(connection: duckdb.DuckDBPyConnection) -> None:
    """Count every call once and write usage and rejects."""
    if not is_staged(connection, CALLS):
        return
    drop_duplicates(connection, CALLS, ["span_id", "trace_id"])
    call_tree.nodes(connection, CALLS)
    call_tree.mark_repeated(connection, CALLS)
    call_tree.inherit_agents(connection, CALLS)
    call_tree.inherit_tools(connection, CALLS)
    call_tree.tell_callers(connection, CALLS)
    drop_duplicates(
        connection,
        CALLS,
        ["response_id", "provider"],
        where="has_usage AND role = 'inference'",
    )
    emit_calls(connection, CALLS)


def _unnested(table: str, mapped: Mapping[str, str]) -> str:
    """SQL of a row per span in file order, and of one for each line that has none to read."""
    return f"""
        SELECT * EXCLUDE (s), s IS NULL OR sp IS NULL AS broken,
            {names.unpacked("sp.attributes", *names.LISTS)}
        FROM (
            SELECT *, unnest(CASE WHEN s IS NULL THEN [NULL] ELSE s.spans END) AS sp
            FROM (
                SELECT {names.of_resource(tuple(names.MAPPABLE), mapped)}, shown,
                    unnest(CASE WHEN r IS NULL THEN [NULL] ELSE list_concat(
                        r.scopeSpans, r.instrumentationLibrarySpans) END) AS s
                FROM (
                    {names.resources(table, "resourceSpans", RESOURCE_SPANS)}
                )
            )
        )"""


def _where_who(mapped: Mapping[str, str]) -> str:
    """SQL columns of who called and where.

    A resource's cloud.resource_id is where the caller runs: a span's own, or a deployment, is
    better; what the caller says it is, is best.
    """
    columns = {name: names.of_item(name, mapped) for name in names.MAPPABLE}
    named = [mapped["resource_id"]] if "resource_id" in mapped else []
    options = [*(names.first_of((one,)) for one in named), "r_named"]
    options += [names.first_of(each) for each in (names.MAPPABLE["resource_id"], names.DEPLOYMENT)]
    options += ["r_deployment", "r_resource_id"]
    columns["resource_id"] = f"coalesce({', '.join(options)})"
    columns["service_tier"] = names.tier_of(columns["service_tier"])
    return ", ".join(f"{value} AS {name}" for name, value in columns.items())


def _calls(source: UsageSource, table: str) -> str:
    """SQL that turns a file's documents into calls, in file order."""
    mapped = own_columns(source, tuple(names.MAPPABLE))
    texts = {
        "response_id": names.RESPONSE,
        "operation": names.OPERATION,
        "input_text": names.INPUT,
        "cache_read_text": names.CACHE_READ,
        "cache_write_text": names.CACHE_WRITE,
        "output_text": names.OUTPUT,
        "reasoning_text": names.REASONING,
    }
    found = ", ".join(f"{names.first_of(options)} AS {name}" for name, options in texts.items())
    return f"""
        SELECT *, {_counts()}, {_faults()}
        FROM (
            SELECT *, {_whole_numbers()},
                coalesce(input_text, output_text, cache_read_text, cache_write_text)
                    IS NOT NULL AS has_usage,
                CASE WHEN operation = 'execute_tool' THEN 'tool'
                    WHEN operation IN ({INFERENCE}) THEN 'inference'
                    WHEN operation IS NULL AND has_usage THEN 'inference'
                    ELSE 'other' END AS role
            FROM (
                SELECT broken, shown, nullif(sp.traceId, '') AS trace_id,
                    nullif(sp.spanId, '') AS span_id, nullif(sp.parentSpanId, '') AS parent_id,
                    sp.startTimeUnixNano AS start_text, sp.endTimeUnixNano AS end_text,
                    nano_instant(start_text) AS window_start,
                    coalesce(nano_instant(end_text), window_start) AS window_end,
                    NULL AS known_at, NULL AS sku_id, NULL AS scope, NULL AS tags,
                    {_where_who(mapped)}, {found}
                FROM ({_unnested(table, mapped)})
            )
        )"""


def _whole_numbers() -> str:
    return ", ".join(
        f"whole_number({name}_text) AS {name}_count"
        for name in ("input", "cache_read", "cache_write", "output")
    )


def _counts() -> str:
    return (
        "input_count - coalesce(cache_read_count, 0) - coalesce(cache_write_count, 0) "
        f"AS {TOKENS[0]}, cache_read_count AS {TOKENS[1]}, "
        f"cache_write_count AS {TOKENS[2]}, output_count AS {TOKENS[3]}, "
        "whole_number(reasoning_text) AS reasoning_tokens"
    )


def _faults() -> str:
    checks = [
        ("resourceSpans", "broken", "'not a JSON document with resourceSpans'", "shown"),
    ]
    checks += [
        not_whole(column, f"{text}_text", f"{text}_count")
        for column, text in (
            (names.INPUT[0], "input"),
            (names.CACHE_READ[0], "cache_read"),
            (names.CACHE_WRITE[0], "cache_write"),
            (names.OUTPUT[0], "output"),
        )
    ]
    matters = "(has_usage OR role = 'tool')"
    checks += [
        (
            names.INPUT[0],
            f"{TOKENS[0]} < 0",
            "'less than the cached tokens it includes'",
            "input_text",
        ),
        (
            "startTimeUnixNano",
            f"{matters} AND window_start IS NULL",
            "'not a time in nanoseconds since 1970'",
            "start_text",
        ),
        (
            "endTimeUnixNano",
            f"{matters} AND window_end < window_start",
            "'ends before it starts'",
            "end_text",
        ),
    ]
    return faults(checks)
