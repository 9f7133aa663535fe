"""Calls as an OpenTelemetry collector writes their spans: JSON lines, in no particular order.

A session's hour is a trace: an agent's span that repeats the sum of its calls, a span per call,
one for each tool. Input includes what came from and went to a cache; counts are numbers or text;
reasoning is part of the output. Some responses come twice: a retry of the exporter, and a
stream's first count.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.world.dice import Dice
from tests.world.ledger import NOBODY, Call, Party
from tests.world.recorded import Recorded

PROVIDERS = {"aws": "aws.bedrock"}
JSON = dict[str, object]


@dataclass
class Spans:
    """A file in the making: its lines, how many spans they hold, and how many are refused."""

    lines: list[str]
    spans: int = 0
    rejected: int = 0


def nanos(at: datetime) -> str:
    return str(int(at.timestamp()) * 1_000_000_000)


def _attributes(values: Mapping[str, object]) -> list[JSON]:
    found: list[JSON] = []
    for key, value in values.items():
        if value is None:
            continue
        kind = "intValue" if isinstance(value, int) else "stringValue"
        found.append({"key": key, "value": {kind: value}})
    return found


def _usage(tokens: Mapping[str, int]) -> dict[str, object]:
    """Token attributes: input with the cached, output with the reasoning."""
    read, written = tokens.get("cache_read_tokens", 0), tokens.get("cache_write_tokens", 0)
    output = tokens.get("output_tokens", 0)
    values: dict[str, object] = {
        "gen_ai.usage.input_tokens": tokens.get("input_tokens", 0) + read + written,
        "gen_ai.usage.output_tokens": output,
        "gen_ai.usage.reasoning.output_tokens": output // 3,
    }
    if read:
        values["gen_ai.usage.cache_read.input_tokens"] = read
    if written:
        values["gen_ai.usage.cache_creation.input_tokens"] = written
    return values


def _span(trace: str, span: str, parent: str, start: datetime, seconds: int, name: str,
          values: Mapping[str, object]) -> JSON:  # fmt: skip
    return {
        "traceId": trace,
        "spanId": span,
        "parentSpanId": parent,
        "name": name,
        "startTimeUnixNano": nanos(start),
        "endTimeUnixNano": nanos(start + timedelta(seconds=seconds)),
        "attributes": _attributes(values),
    }


def _call_spans(dice: Dice, trace: str, parent: str, call: Call, file: Spans) -> list[JSON]:
    """A call's span, perhaps twice, and its tool's."""
    usage = _usage(call.tokens)
    if dice.percent(30):
        usage = {key: str(value) for key, value in usage.items()}
    session, _, tool, _, _ = call.party
    values: dict[str, object] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDERS[call.provider],
        "gen_ai.request.model": call.model,
        "gen_ai.response.id": f"resp-{dice.identifier(16)}",
        "gen_ai.conversation.id": session,
        "gen_ai.tool.name": tool,
        **usage,
    }
    name = f"chat {call.model}"
    spans = [_span(trace, dice.identifier(16), parent, call.at, 4, name, values)]
    if dice.percent(8):  # the exporter tried again
        spans.append(_span(trace, dice.identifier(16), parent, call.at, 4, name, values))
        file.rejected += 1
    elif dice.percent(8):  # a stream's first count
        partial = values | {"gen_ai.usage.output_tokens": 1}
        partial.pop("gen_ai.usage.reasoning.output_tokens")
        spans.append(_span(trace, dice.identifier(16), parent, call.at, 1, name, partial))
        file.rejected += 1
    if tool is not None:
        values = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "gen_ai.conversation.id": session,
        }
        name = f"execute_tool {tool}"
        spans.append(_span(trace, dice.identifier(16), parent, call.at, 2, name, values))
    return spans


def _trace(dice: Dice, calls: list[Call], file: Spans) -> list[JSON]:
    """The spans of what one session, or nobody known, called in an hour of an account."""
    trace, root = dice.identifier(32), dice.identifier(16)
    party = calls[0].party
    if party.agent is None:
        return [
            span
            for call in calls
            for span in _call_spans(dice, dice.identifier(32), "", call, file)
        ]
    total: dict[str, int] = defaultdict(int)
    for call in calls:
        for meter, count in call.tokens.items():
            total[meter] += count
    first = min(call.at for call in calls)
    values = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": party.agent,
        "gen_ai.conversation.id": party.session,
        **_usage(total),
    }
    spans = [_span(trace, root, "", first, 10, f"invoke_agent {party.agent}", values)]
    for call in calls:
        spans += _call_spans(dice, trace, root, call, file)
    return spans


def spans(seed: int, calls: list[Call]) -> Recorded:
    """The file of a list of calls, with a count and a line that cannot be read."""
    dice, file = Dice(seed, "spans"), Spans([])
    traces: dict[tuple[object, ...], list[Call]] = defaultdict(list)
    for call in calls:
        hour = call.at.replace(minute=0, second=0)
        traces[(call.account, call.region, hour, _whose(call.party))].append(call)
    for (account, region, _, _), members in traces.items():
        found = _trace(dice, members, file)
        file.spans += len(found)
        file.lines.append(_line(str(account), str(region), members[0].party, found))
    broken = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": "a few"}
    spoilt = _span("0" * 31 + "1", "0" * 15 + "1", "", calls[0].at, 1, "chat", broken)
    file.lines.append(_line(calls[0].account, calls[0].region, NOBODY, [spoilt]))
    file.lines.append('{"resourceSpans": "cut off by')
    file.spans += 2
    file.rejected += 2
    file.lines.sort(key=lambda line: line[-40:])
    return Recorded("\n".join(file.lines) + "\n", file.spans, file.rejected)


def _whose(party: Party) -> tuple[str | None, ...]:
    return (party.session, party.agent, party.team, party.cost_centre)


def _line(account: str, region: str, party: Party, spans: list[JSON]) -> str:
    resource = _attributes(
        {
            "service.name": party.agent or "notebook",
            "cloud.account.id": account,
            "cloud.region": region,
            "team": party.team,
            "cost_centre": party.cost_centre,
        }
    )
    scope = {"scope": {"name": "brackenmoor.agents"}, "spans": spans}
    document = {"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [scope]}]}
    return json.dumps(document, separators=(",", ":"))
