"""Langfuse observations, as JSON lines, CSV or Parquet, in snake_case or camelCase.

Only observations of type GENERATION and EMBEDDING carry usage; of nested ones the innermost
counts. The kinds of tokens in ``usage_details`` do not overlap: ``input`` is without cached tokens,
``output`` without ``output_reasoning_tokens`` and the like, which are therefore added, unless
``total`` shows that they are inside. Of several versions of an observation (same id and project)
the latest ``event_ts``, else ``updated_at``, counts; the others are duplicates. An observation of
type AGENT gives its name to those below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.adapter.telemetry import UsageSource
from trueup.telemetry import call_tree
from trueup.telemetry.calls import (
    drop_duplicates,
    emit_calls,
    faults,
    is_staged,
    stage_records,
)
from trueup.telemetry.records import RECORDS
from trueup.telemetry.sample import sample
from trueup.telemetry.workbench import text_list

if TYPE_CHECKING:
    import duckdb

CALLS = "langfuse_call"

FIELDS: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "project": ("project_id", "projectId"),
    "trace": ("trace_id", "traceId"),
    "parent": ("parent_observation_id", "parentObservationId"),
    "kind": ("type",),
    "name": ("name",),
    "start_text": ("start_time", "startTime"),
    "end_text": ("end_time", "endTime"),
    "known_text": ("event_ts", "eventTs", "updated_at", "updatedAt"),
    "usage_text": (
        "usage_details",
        "usageDetails",
        "provided_usage_details",
        "providedUsageDetails",
        "usage",
    ),
    "user_name": ("user_id", "userId"),
    "environment": ("environment",),
}
WHERE_WHO: dict[str, tuple[str, ...]] = {
    "provider": ("provider",),
    "model": ("provided_model_name", "providedModelName", "model"),
    "session_id": ("session_id", "sessionId"),
}
CACHE_READ = (
    "input_cached_tokens",
    "cache_read_input_tokens",
    "input_cache_read",
    "input_cache_read_tokens",
    "input_cached",
)
CACHE_WRITE = (
    "cache_creation_input_tokens",
    "input_cache_creation",
    "input_cache_creation_tokens",
    "cache_write_input_tokens",
    "input_cache_write",
)
REASONING = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")
OBSERVATION = {"usage_details", "usageDetails", "provided_usage_details", "providedUsageDetails"}
TRACED = {"trace_id", "traceId"}


class LangfuseReader:
    """Reads observations: one record is one version of an observation."""

    name = "langfuse"

    def recognises(self, source: UsageSource) -> bool:
        fields = sample(source.path, source.source).fields
        return (
            {"id", "type"} <= fields
            and bool(TRACED & fields)
            and bool(
                OBSERVATION & fields or {"parentObservationId", "parent_observation_id"} & fields
            )
        )

    def read(self, source: UsageSource, connection: duckdb.DuckDBPyConnection) -> int:
        """Stage one file; usage and duplicates follow in ``settle``. Returns records in."""
        return stage_records(connection, source, CALLS, FIELDS, WHERE_WHO, _calls())

    def settle(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Count every observation once and write usage and rejects."""
        if not is_staged(connection, CALLS):
            return
        drop_duplicates(connection, CALLS, ["span_id", "scope"], order="known_at DESC NULLS LAST")
        call_tree.nodes(connection, CALLS)
        call_tree.mark_repeated(connection, CALLS)
        call_tree.inherit_agents(connection, CALLS)
        call_tree.tell_callers(connection, CALLS)
        emit_calls(connection, CALLS)


def _key(names: tuple[str, ...]) -> str:
    return f"coalesce({', '.join(f'details[{name!r}]' for name in names)})"


def _extra(prefix: str, known: tuple[str, ...]) -> str:
    """SQL of the sum of all other kinds of tokens of a direction."""
    return (
        f"coalesce(list_sum([whole_number(e.value) FOR e IN map_entries(details) "
        f"IF starts_with(e.key, '{prefix}_') AND NOT list_contains({text_list(known)}, e.key)"
        "]), 0)"
    )


def _calls() -> str:
    return f"""
        SELECT *, {_faults()},
            CAST(nullif(plain_input + CASE WHEN inside THEN 0 ELSE extra_input END, 0)
                AS BIGINT) AS input_tokens,
            nullif(cache_read, 0) AS cache_read_tokens,
            nullif(cache_write, 0) AS cache_write_tokens,
            nullif(thought, 0) AS reasoning_tokens,
            CAST(nullif(plain_output + CASE WHEN inside THEN 0 ELSE extra_output END, 0)
                AS BIGINT) AS output_tokens,
            coalesce(input_tokens, cache_read_tokens, cache_write_tokens, output_tokens)
                IS NOT NULL AS has_usage
        FROM (
            SELECT *, coalesce(whole_number({_key(("input", "promptTokens"))}), 0)
                    AS plain_input,
                coalesce(whole_number({_key(("output", "completionTokens"))}), 0)
                    AS plain_output,
                whole_number({_key(CACHE_READ)}) AS cache_read,
                whole_number({_key(CACHE_WRITE)}) AS cache_write,
                {_extra("input", CACHE_READ + CACHE_WRITE)} AS extra_input,
                {_extra("output", ())} AS extra_output,
                whole_number({_key(REASONING)}) AS thought,
                coalesce(whole_number({_key(("total", "totalTokens"))}) = plain_input
                    + plain_output + coalesce(cache_read, 0) + coalesce(cache_write, 0),
                    false) AS inside,
                [e FOR e IN map_entries(details) IF e.value IS NOT NULL
                    AND regexp_matches(e.key, '^(input|output|promptT|completionT|cache_)')
                    AND NOT contains(lower(e.key), 'cost')
                    AND whole_number(e.value) IS NULL] AS unreadable
            FROM ({_values()})
        )"""


def _values() -> str:
    return f"""
        SELECT record, project AS scope, trace AS trace_id, id AS span_id, parent AS parent_id,
            NULL AS response_id, start_text, end_text, known_text, usage_text,
            CASE upper(kind) WHEN 'GENERATION' THEN 'inference' WHEN 'EMBEDDING' THEN 'inference'
                ELSE 'other' END AS role,
            moment(start_text) AS window_start,
            CASE WHEN end_text IS NULL THEN moment(start_text) ELSE moment(end_text) END
                AS window_end,
            moment(known_text) AS known_at, provider, account_id, region_id, resource_id, model,
            sku_id, service_tier, session_id,
            coalesce(agent, CASE WHEN upper(kind) = 'AGENT' THEN name END) AS agent,
            tool, team, cost_centre, interruptible,
            CASE WHEN coalesce(user_name, environment) IS NOT NULL THEN json_merge_patch(
                '{{}}', json_object('user', user_name, 'environment', environment)) END AS tags,
            role = 'inference' AS carries,
            CASE WHEN carries THEN json_object_text(usage_text) END AS usage_json,
            coalesce(from_json(usage_json, '"MAP(VARCHAR, VARCHAR)"'), MAP {{}}) AS details
        FROM {RECORDS}"""


def _faults() -> str:
    return faults(
        [
            (
                "usage_details",
                "carries AND usage_text IS NOT NULL AND usage_json IS NULL",
                "'not a JSON object'",
                "usage_text",
            ),
            (
                "usage_details",
                "len(unreadable) > 0",
                "unreadable[1].key || ' is ' || whole_number_fault(unreadable[1].value)",
                "usage_text",
            ),
            (
                "start_time",
                "carries AND window_start IS NULL",
                "coalesce(instant_fault(start_text), 'no time')",
                "start_text",
            ),
            ("end_time", "carries AND window_end IS NULL", "instant_fault(end_text)", "end_text"),
            (
                "end_time",
                "carries AND window_end < window_start",
                "'ends before it starts'",
                "end_text",
            ),
            (
                "event_ts",
                "known_text IS NOT NULL AND known_at IS NULL",
                "instant_fault(known_text)",
                "known_text",
            ),
        ]
    )


reader = LangfuseReader()
