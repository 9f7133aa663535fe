"""Calls as LiteLLM's spend logs: prompt tokens include the cached, which metadata states."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta

from tests.world.dice import Dice
from tests.world.ledger import NOBODY, Call
from tests.world.recorded import Recorded

COLUMNS = [
    "request_id",
    "call_type",
    "spend",
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "startTime",
    "endTime",
    "model",
    "model_group",
    "custom_llm_provider",
    "user",
    "metadata",
    "cache_hit",
    "request_tags",
    "team_id",
    "organization_id",
    "session_id",
    "status",
    "mcp_namespaced_tool_name",
    "agent_id",
]
COST_CENTRE = "organization_id"  # the company's own use of this column


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _row(dice: Dice, call: Call) -> dict[str, str]:
    cached = call.tokens.get("cache_read_tokens", 0)
    prompt = call.tokens["input_tokens"] + cached
    completion = call.tokens["output_tokens"]
    party = call.party
    metadata = {
        "attempted_retries": 0,
        "usage_object": {"prompt_tokens_details": {"cached_tokens": cached}},
    }
    return {
        "request_id": f"chatcmpl-{dice.identifier(16)}",
        "call_type": "acompletion",
        "spend": "0.0",
        "total_tokens": str(prompt + completion),
        "prompt_tokens": str(prompt),
        "completion_tokens": str(completion),
        "startTime": _time(call.at),
        "endTime": _time(call.at + timedelta(seconds=3)),
        "model": f"{call.provider}/{call.model}",
        "model_group": call.model,
        "custom_llm_provider": call.provider,
        "metadata": json.dumps(metadata),
        "cache_hit": "False",
        "request_tags": "[]",
        "status": "success",
        "session_id": party.session or "",
        "agent_id": party.agent or "",
        "mcp_namespaced_tool_name": party.tool or "",
        "team_id": party.team or "",
        COST_CENTRE: party.cost_centre or "",
    }


def spend_logs(seed: int, calls: list[Call]) -> Recorded:
    """The calls, and rows that must not count: answered from the cache, failed, twice, spoilt."""
    dice = Dice(seed, "spend logs")
    rows: list[dict[str, str]] = []
    rejected = 2
    for call in sorted(calls, key=lambda one: one.at):
        rows.append(_row(dice, call))
        if dice.percent(4):
            rows.append(dict(rows[-1]))
            rejected += 1
        if dice.percent(4):
            rows.append(_row(dice, call) | {"cache_hit": "True"})
        if dice.percent(4):
            nothing = {"prompt_tokens": "0", "completion_tokens": "0", "metadata": "{}"}
            rows.append(_row(dice, call) | nothing | {"status": "failure"})
    spoilt = _row(dice, calls[0])
    rows.insert(3, spoilt | {"prompt_tokens": "many", "request_id": "chatcmpl-spoilt-1"})
    rows.insert(7, spoilt | {"startTime": "soon", "request_id": "chatcmpl-spoilt-2"})
    tokens = {"input_tokens": 900, "output_tokens": 250}
    direct = Call(calls[0].at, "anthropic", "", "", "wren-direct", NOBODY, tokens)
    rows.append(_row(dice, direct))  # a vendor whose bill is not part of the run
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return Recorded(buffer.getvalue(), len(rows), rejected)
