"""Calls within calls: who repeats what another counted, whose agent and tool a call belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def nodes(connection: duckdb.DuckDBPyConnection, calls: str) -> None:
    """Make the temporary table ``node``: the calls that have a place in a trace, once each."""
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE node AS
        SELECT c.source_id, c.record, c.trace_id, c.span_id, c.parent_id, c.role, c.has_usage,
            c.agent, c.tool
        FROM {calls} c
        ANTI JOIN {calls}_duplicate d ON d.source_id = c.source_id AND d.record = c.record
        WHERE c.trace_id IS NOT NULL AND c.span_id IS NOT NULL
    """)


def mark_repeated(connection: duckdb.DuckDBPyConnection, calls: str) -> None:
    """List the calls of ``node`` whose usage one of their descendants carries too.

    - An inference around another inference (a framework's span around the SDK's) repeats it. One
      that lies below a tool call does not count: the tool made a call of its own.
    - Anything else (agent, workflow, plan, tool) repeats any inference below it.
    - Of nested agents that have usage and no inference below them, the innermost counts.
    """
    _mark(
        connection,
        calls,
        carriers="n.role = 'inference'",
        repeating="(n.role <> 'inference' OR NOT a.past_tool)",
    )
    _mark(connection, calls, carriers="n.role <> 'inference'", repeating="n.role <> 'inference'")


def _mark(
    connection: duckdb.DuckDBPyConnection, calls: str, *, carriers: str, repeating: str
) -> None:
    connection.execute(f"""
        INSERT INTO {calls}_repeated
        WITH RECURSIVE above(trace_id, span_id, past_tool) AS (
            SELECT n.trace_id, n.parent_id, false FROM node n
            ANTI JOIN {calls}_repeated r ON r.source_id = n.source_id AND r.record = n.record
            WHERE n.has_usage AND {carriers} AND n.parent_id IS NOT NULL
            UNION
            SELECT n.trace_id, n.parent_id, a.past_tool OR n.role = 'tool'
            FROM above a JOIN node n ON n.trace_id = a.trace_id AND n.span_id = a.span_id
            WHERE n.parent_id IS NOT NULL
        )
        SELECT DISTINCT n.source_id, n.record
        FROM node n JOIN above a ON a.trace_id = n.trace_id AND a.span_id = n.span_id
        ANTI JOIN {calls}_repeated r ON r.source_id = n.source_id AND r.record = n.record
        WHERE n.has_usage AND {repeating}
    """)


def inherit_agents(connection: duckdb.DuckDBPyConnection, calls: str) -> None:
    """Give every call without an agent that of its nearest ancestor which has one."""
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE inherited AS
        WITH RECURSIVE below(source_id, record, trace_id, span_id, agent) AS (
            SELECT source_id, record, trace_id, span_id, agent FROM node WHERE agent IS NOT NULL
            UNION
            SELECT n.source_id, n.record, n.trace_id, n.span_id, b.agent
            FROM below b JOIN node n ON n.trace_id = b.trace_id AND n.parent_id = b.span_id
            WHERE n.agent IS NULL
        )
        SELECT source_id, record, min(agent) AS agent FROM below GROUP BY ALL
    """)
    connection.execute(f"""
        UPDATE {calls} SET agent = i.agent FROM inherited i
        WHERE {calls}.agent IS NULL
            AND i.source_id = {calls}.source_id AND i.record = {calls}.record
    """)


def inherit_tools(connection: duckdb.DuckDBPyConnection, calls: str) -> None:
    """Give what a tool calls for itself that tool, once every call has its agent.

    An agent that is called as a tool is none: what it does is its own.
    """
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE inherited AS
        WITH RECURSIVE below(source_id, record, trace_id, span_id, agent, tool) AS (
            SELECT n.source_id, n.record, n.trace_id, n.span_id, c.agent, n.tool
            FROM node n JOIN {calls} c ON c.source_id = n.source_id AND c.record = n.record
            WHERE n.role = 'tool' AND n.tool IS NOT NULL
            UNION
            SELECT n.source_id, n.record, n.trace_id, n.span_id, b.agent, b.tool
            FROM below b JOIN node n ON n.trace_id = b.trace_id AND n.parent_id = b.span_id
            WHERE n.tool IS NULL AND coalesce(n.agent, b.agent) IS NOT DISTINCT FROM b.agent
        )
        SELECT source_id, record, min(tool) AS tool FROM below GROUP BY ALL
    """)
    connection.execute(f"""
        UPDATE {calls} SET tool = i.tool FROM inherited i
        WHERE {calls}.tool IS NULL
            AND i.source_id = {calls}.source_id AND i.record = {calls}.record
    """)


def tell_callers(connection: duckdb.DuckDBPyConnection, calls: str) -> None:
    """Tell in the tags of an agent's calls which agent called it, where that is one in the trace.

    Every call has its agent by now.
    """
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE caller AS
        SELECT c.trace_id, c.agent, min(p.agent) AS called_by
        FROM {calls} c JOIN {calls} p ON p.trace_id = c.trace_id AND p.span_id = c.parent_id
        WHERE c.agent <> p.agent
        GROUP BY ALL HAVING count(DISTINCT p.agent) = 1
    """)
    connection.execute(f"""
        UPDATE {calls} SET tags = json_merge_patch(
            coalesce(tags, '{{}}'), json_object('called_by', a.called_by))
        FROM caller a WHERE a.trace_id = {calls}.trace_id AND a.agent = {calls}.agent
    """)
