"""LiteLLM's spend logs and daily spend tables, as CSV, JSON lines or Parquet.

``prompt_tokens`` includes the cached tokens, which stand in columns of their own (daily tables) or
in ``metadata`` (``usage_object``, ``additional_usage_values``): they are taken off. Of rows with
the same request_id (daily tables: id) the one with most tokens counts. A row answered from the
proxy's own cache (``cache_hit``), and one that fetches a stored response again (``RETRIEVALS``:
it repeats the tokens of the first, under an id of its own), cost nothing at the provider and give
no usage; a failed request without tokens gives none either. A call of an MCP tool gives one
``tool_calls``. API keys are never taken over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.adapter.telemetry import UsageSource
from trueup.focus.repair import literal
from trueup.telemetry.calls import (
    drop_duplicates,
    emit_calls,
    faults,
    is_staged,
    not_whole,
    stage_records,
)
from trueup.telemetry.records import RECORDS
from trueup.telemetry.sample import sample
from trueup.telemetry.workbench import add_note, count, text_list

if TYPE_CHECKING:
    import duckdb

CALLS = "litellm_call"

FIELDS: dict[str, tuple[str, ...]] = {
    "request_id": ("request_id", "id"),
    "start_text": ("startTime", "start_time", "date"),
    "end_text": ("endTime", "end_time"),
    "day_text": ("date",),
    "call_type": ("call_type",),
    "status": ("status",),
    "cache_hit": ("cache_hit",),
    "metadata": ("metadata",),
    "prompt_text": ("prompt_tokens",),
    "output_text": ("completion_tokens",),
    "cache_read_text": ("cache_read_input_tokens",),
    "cache_write_text": ("cache_creation_input_tokens",),
    "user_name": ("user", "user_id"),
    "end_user": ("end_user",),
}
WHERE_WHO: dict[str, tuple[str, ...]] = {
    "provider": ("custom_llm_provider",),
    "model": ("model",),
    "service_tier": ("service_tier",),
    "session_id": ("session_id",),
    "agent": ("agent_id",),
    "tool": ("mcp_namespaced_tool_name",),
    "team": ("team_id",),
}
NESTED = ("usage_object", "additional_usage_values")
CACHE_READ = ("cache_read_input_tokens", "prompt_tokens_details/cached_tokens")
CACHE_WRITE = ("cache_creation_input_tokens", "prompt_tokens_details/cache_creation_tokens")
REASONING = ("completion_tokens_details/reasoning_tokens",)
RETRIEVALS = ("get_responses", "aget_responses")  # call types, as LiteLLM writes them
IS_HIT = "coalesce(lower(cache_hit) = 'true', false)"
IS_RETRIEVAL = f"coalesce(list_contains({text_list(RETRIEVALS)}, call_type), false)"


class LitellmReader:
    """Reads spend logs: one record is one row."""

    name = "litellm"

    def recognises(self, source: UsageSource) -> bool:
        fields = sample(source.path, source.source).fields
        return {"prompt_tokens", "completion_tokens", "spend"} <= fields and bool(
            {"request_id", "api_requests", "custom_llm_provider"} & fields
        )

    def read(self, source: UsageSource, connection: duckdb.DuckDBPyConnection) -> int:
        """Stage one file; usage and duplicates follow in ``settle``. Returns records in."""
        rows = stage_records(connection, source, CALLS, FIELDS, WHERE_WHO, _calls())
        for condition, what in (
            (IS_HIT, "were answered from the proxy's cache"),
            (f"{IS_RETRIEVAL} AND NOT {IS_HIT}", "fetch a stored response again"),
        ):
            found = count(connection, f"SELECT count(*) FROM {RECORDS} WHERE {condition}")
            if found:
                add_note(connection, source.source_id, f"{found} rows {what} and give no usage")
        return rows

    def settle(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Count every request once and write usage and rejects."""
        if is_staged(connection, CALLS):
            drop_duplicates(connection, CALLS, ["response_id"])
            emit_calls(connection, CALLS)


def _nested(paths: tuple[str, ...], column: str) -> str:
    """SQL of a count that stands in a column, else in the metadata."""
    found = [
        f"json_extract_string(details, {literal(f'/{place}/{path}')})"
        for place in NESTED
        for path in paths
    ]
    return f"coalesce({', '.join([column, *found])})"


def _calls() -> str:
    return f"""
        SELECT *, {_faults()},
            CASE WHEN is_free THEN NULL ELSE nullif(uncached, 0) END AS input_tokens,
            CASE WHEN is_free THEN NULL ELSE nullif(cache_read, 0) END AS cache_read_tokens,
            CASE WHEN is_free THEN NULL ELSE nullif(cache_write, 0) END AS cache_write_tokens,
            CASE WHEN is_free THEN NULL ELSE nullif(output, 0) END AS output_tokens,
            whole_number(reasoning_text) AS reasoning_tokens,
            coalesce(input_tokens, cache_read_tokens, cache_write_tokens, output_tokens)
                IS NOT NULL AS has_usage
        FROM (
            SELECT *, whole_number(prompt_text) AS prompt, whole_number(output_text) AS output,
                whole_number(read_text) AS cache_read, whole_number(write_text) AS cache_write,
                prompt - coalesce(cache_read, 0) - coalesce(cache_write, 0) AS uncached
            FROM ({_values()})
        )"""


def _values() -> str:
    return f"""
        SELECT record, NULL AS scope, NULL AS trace_id, NULL AS span_id, NULL AS parent_id,
            request_id AS response_id, start_text, end_text, prompt_text, output_text,
            CASE WHEN tool IS NOT NULL AND call_type = 'call_mcp_tool' THEN 'tool'
                ELSE 'inference' END AS role,
            moment(start_text) AS window_start,
            CASE WHEN end_text IS NOT NULL THEN moment(end_text)
                WHEN start_text = day_text THEN moment(start_text) + INTERVAL 1 DAY
                ELSE moment(start_text) END AS window_end,
            NULL AS known_at, provider, account_id, region_id, resource_id,
            CASE WHEN starts_with(model, provider || '/') THEN substr(model, length(provider) + 2)
                ELSE model END AS model,
            sku_id, service_tier, session_id, agent, tool, team, cost_centre,
            interruptible,
            CASE WHEN coalesce(user_name, end_user) IS NOT NULL THEN
                json_merge_patch('{{}}', json_object('user', user_name, 'end_user', end_user))
                END AS tags,
            {IS_HIT} OR {IS_RETRIEVAL} AS is_free,
            {_nested(CACHE_READ, "cache_read_text")} AS read_text,
            {_nested(CACHE_WRITE, "cache_write_text")} AS write_text,
            {_nested(REASONING, "CAST(NULL AS VARCHAR)")} AS reasoning_text
        FROM (SELECT *, CAST(json_object_text(metadata) AS JSON) AS details FROM {RECORDS})"""


def _faults() -> str:
    checks = [
        not_whole(column, text, value)
        for column, text, value in (
            ("prompt_tokens", "prompt_text", "prompt"),
            ("completion_tokens", "output_text", "output"),
            ("cache_read_input_tokens", "read_text", "cache_read"),
            ("cache_creation_input_tokens", "write_text", "cache_write"),
        )
    ]
    checks += [
        (
            "prompt_tokens",
            "uncached < 0",
            "'less than the cached tokens it includes'",
            "prompt_text",
        ),
        (
            "startTime",
            "window_start IS NULL",
            "coalesce(instant_fault(start_text), 'no time')",
            "start_text",
        ),
        ("endTime", "window_end IS NULL", "instant_fault(end_text)", "end_text"),
        ("endTime", "window_end < window_start", "'ends before it starts'", "end_text"),
    ]
    return faults(checks)


reader = LitellmReader()
