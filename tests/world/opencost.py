"""What pods held of the cluster's GPUs, as OpenCost answers ``/allocation`` hour by hour."""

from __future__ import annotations

import json
from decimal import Decimal

from tests.world.focus import text
from tests.world.ledger import HOUR
from tests.world.oci import Pod
from tests.world.recorded import Recorded

JSON = dict[str, object]


def _allocation(pod: Pod) -> tuple[str, JSON]:
    agent = pod.agent
    name = f"brackenmoor/{pod.node.name}/{agent.team}/{agent.name}"
    start, end = text(pod.start), text(pod.start + HOUR)
    used = Decimal(pod.gpus * pod.percent) / 100
    return name, {
        "name": name,
        "properties": {
            "cluster": "brackenmoor",
            "node": pod.node.name,
            "namespace": agent.team,
            "pod": f"{agent.name}-0",
            "labels": {"agent": agent.name, "team": agent.team, "cost_centre": agent.cost_centre},
        },
        "window": {"start": start, "end": end},
        "start": start,
        "end": end,
        "minutes": 60,
        "gpuCount": pod.gpus,
        "gpuHours": pod.gpus,
        "gpuRequestAverage": pod.gpus,
        "gpuUsageAverage": float(used),
        "totalCost": 0,
    }


def allocations(pods: list[Pod]) -> Recorded:
    """One set of allocations an hour."""
    data: dict[str, JSON] = {}
    for pod in sorted(pods, key=lambda one: one.start):
        name, allocation = _allocation(pod)
        data.setdefault(text(pod.start), {})[name] = allocation
    document = {"code": 200, "data": list(data.values())}
    return Recorded(json.dumps(document, separators=(",", ":")) + "\n", len(pods))
