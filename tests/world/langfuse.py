"""Calls as Langfuse observations: input excludes the cached, agents stand above generations."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from tests.world.dice import Dice
from tests.world.ledger import Call
from tests.world.recorded import Recorded


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _usage(call: Call) -> dict[str, int]:
    """Kinds of tokens that do not overlap; thinking stands beside the visible output."""
    output = call.tokens["output_tokens"]
    thinking = output // 4
    found = {
        "input": call.tokens["input_tokens"],
        "output": output - thinking,
        "output_reasoning_tokens": thinking,
    }
    if "cache_read_tokens" in call.tokens:
        found["input_cached_tokens"] = call.tokens["cache_read_tokens"]
    return found | {"total": sum(found.values())}


def observations(seed: int, calls: list[Call]) -> Recorded:
    """An agent's observation and a generation below it for each call; some in two versions."""
    dice = Dice(seed, "observations")
    lines: list[str] = []
    rejected = 0
    for call in sorted(calls, key=lambda one: one.at):
        party = call.party
        trace, parent = dice.identifier(32), dice.identifier(16)
        common: dict[str, object] = {
            "trace_id": trace,
            "project_id": "brackenmoor",
            "environment": "production",
            "start_time": _time(call.at),
            "session_id": party.session,
            "team": party.team,
            "cost_centre": party.cost_centre,
        }
        generation: dict[str, object] = {
            "id": dice.identifier(16),
            **common,
            "type": "GENERATION",
            "name": "generate",
            "end_time": _time(call.at + timedelta(seconds=6)),
            "provided_model_name": call.model.lower().replace(" ", "-"),
            "tool": party.tool,
            "usage_details": _usage(call),
            "event_ts": _time(call.at + timedelta(seconds=7)),
        }
        if party.agent is not None:
            generation["parent_observation_id"] = parent
            agent = {"id": parent, **common, "type": "AGENT", "name": party.agent}
            agent["end_time"] = generation["end_time"]
            agent["event_ts"] = generation["event_ts"]
            lines.append(json.dumps(agent, separators=(",", ":")))
        if dice.percent(6):  # what was known while the answer still came in
            early = generation | {"usage_details": {"input": 1, "output": 1, "total": 2}}
            early["event_ts"] = _time(call.at + timedelta(seconds=1))
            rejected += 1
            lines.append(json.dumps(early, separators=(",", ":")))
        lines.append(json.dumps(generation, separators=(",", ":")))
    return Recorded("\n".join(lines) + "\n", len(lines), rejected)
