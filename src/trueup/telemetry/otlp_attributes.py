"""How OTLP spells what trueup wants to know: attribute names and their aliases, as SQL.

Names: OpenTelemetry semantic conventions for generative AI and for resources, and what SDKs wrote
before them. Of several names of one thing the first that is present counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from trueup.focus.repair import literal

VALUE = dict.fromkeys(("stringValue", "intValue", "doubleValue", "boolValue"), "VARCHAR")
ATTRIBUTES = [{"key": "VARCHAR", "value": VALUE}]

OPERATION = ("gen_ai.operation.name",)
PROVIDER = ("gen_ai.provider.name", "gen_ai.system")
MODEL = ("gen_ai.response.model", "gen_ai.request.model")
RESPONSE = ("gen_ai.response.id",)
TIER = (
    "gen_ai.openai.response.service_tier",
    "openai.response.service_tier",
    "gen_ai.response.service_tier",
    "gen_ai.openai.request.service_tier",
    "openai.request.service_tier",
    "gen_ai.request.service_tier",
)
INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
CACHE_READ = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.input_tokens.cached",
    "gen_ai.usage.cache_read_tokens",
)
CACHE_WRITE = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation_tokens",
    "gen_ai.usage.cache_write_tokens",
)
REASONING = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.output_tokens.reasoning",
    "gen_ai.usage.reasoning_tokens",
)
DEPLOYMENT = ("gen_ai.deployment.id", "gen_ai.deployment.name", "gen_ai.deployment")
RESOURCE = ("cloud.resource_id",)
ACCOUNT = ("cloud.account.id",)
REGION = ("cloud.region",)
SESSION = ("gen_ai.conversation.id", "session.id")
AGENT = ("gen_ai.agent.name",)
TOOL = ("gen_ai.tool.name",)
TEAM = ("team", "team.id")
COST_CENTRE = ("cost_centre", "cost_center")
MAY_STOP = ("interruptible",)

# Usage columns whose attribute the caller may name: it is looked at before the usual ones.
MAPPABLE = {
    "provider": PROVIDER,
    "account_id": ACCOUNT,
    "region_id": REGION,
    "resource_id": RESOURCE,
    "model": MODEL,
    "service_tier": TIER,
    "session_id": SESSION,
    "agent": AGENT,
    "tool": TOOL,
    "team": TEAM,
    "cost_centre": COST_CENTRE,
    "interruptible": MAY_STOP,
}


LISTS = ("ks", "vs")  # names and texts of a span's or point's attributes, side by side
RESOURCE_LISTS = ("rks", "rvs")


def shape(layout: object) -> str:
    """A JSON layout as the engine's from_json takes it."""
    return literal(json.dumps(layout))


def unpacked(attributes: str, keys: str, values: str) -> str:
    """SQL columns with the names and the texts of a list of attributes, side by side."""
    value = "x.value.intValue, x.value.stringValue, x.value.doubleValue, x.value.boolValue"
    return (
        f"[x.key FOR x IN {attributes}] AS {keys}, "
        f"[coalesce({value}) FOR x IN {attributes}] AS {values}"
    )


def first_of(names: Sequence[str], lists: tuple[str, str] = LISTS) -> str:
    """SQL of the first attribute found, name by name."""
    keys, values = lists
    found = [f"{values}[list_position({keys}, {literal(name)})]" for name in names]
    return f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]


def own_first(column: str, mapped: Mapping[str, str]) -> tuple[str, ...]:
    """The names of a usage column's attribute, the caller's before the usual ones."""
    own = (mapped[column],) if column in mapped else ()
    return (*own, *MAPPABLE[column])


def resources(table: str, key: str, layout: object) -> str:
    """SQL of each resource ``r`` of the documents with its attributes; ``shown`` is what is none.

    ``key`` is where a document has its resources, in this ``layout``.
    """
    return f"""
        SELECT r, shown, {unpacked("r.resource.attributes", *RESOURCE_LISTS)}
        FROM (
            SELECT unnest(CASE WHEN found IS NULL THEN [NULL] ELSE found END) AS r,
                CASE WHEN found IS NULL THEN left(json, 200) END AS shown
            FROM (
                SELECT json, from_json(json->{literal(key)}, {shape(layout)}) AS found FROM {table}
            )
        )"""


def of_resource(columns: Sequence[str], mapped: Mapping[str, str]) -> str:
    """SQL columns ``r_...`` of what a resource's attributes rks and rvs say, once per resource.

    ``r_named`` is by the caller's own name of ``resource_id``.
    """
    found = {name: first_of(own_first(name, mapped), RESOURCE_LISTS) for name in columns}
    found["deployment"] = first_of(DEPLOYMENT, RESOURCE_LISTS)
    own = mapped.get("resource_id")
    found["named"] = first_of((own,), RESOURCE_LISTS) if own else "NULL"
    return ", ".join(f"{text} AS r_{name}" for name, text in found.items())


def of_item(column: str, mapped: Mapping[str, str]) -> str:
    """SQL of what the attributes ks and vs of a span or point say, else those of its resource."""
    return f"coalesce({first_of(own_first(column, mapped), LISTS)}, r_{column})"


def tier_of(text: str) -> str:
    """SQL of a service tier in trueup's words; what only says "automatic" is not known."""
    return (
        f"CASE lower({text}) WHEN 'auto' THEN NULL WHEN 'default' THEN 'standard' "
        f"WHEN 'on_demand' THEN 'standard' ELSE lower({text}) END"
    )
