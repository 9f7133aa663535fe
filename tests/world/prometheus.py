"""Samples of accelerators as answers of a Prometheus range query."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

from tests.world.capacity import Hour, Sample, Site
from tests.world.ledger import Party
from tests.world.recorded import Recorded

JSON = dict[str, object]


def _series(hours: Iterable[Hour]) -> dict[tuple[Site, int, Party], list[Sample]]:
    """Samples by what the labels of a series say: site, device, and who works on it."""
    found: dict[tuple[Site, int, Party], list[Sample]] = defaultdict(list)
    for hour in hours:
        for sample in hour.samples:
            found[(hour.site, sample.device, sample.party)].append(sample)
    return found


def _who(party: Party) -> dict[str, str]:
    labels = {
        "session": party.session,
        "agent": party.agent,
        "team": party.team,
        "cost_centre": party.cost_centre,
    }
    return {name: value for name, value in labels.items() if value is not None}


def _labels(metric: str, site: Site, device: int, party: Party) -> dict[str, str]:
    if site.meter == "gpu":
        own = {
            "gpu": str(device),
            "UUID": f"GPU-{site.told}-{device}",
            "device": f"nvidia{device}",
            "modelName": "NVIDIA L4",
            "endpoint": site.told,
        }
    else:
        own = {
            "make": "cloud-tpu",
            "model": site.kind.lower().replace(" ", "-"),
            "accelerator_id": f"{site.told}/{device}",
            "tpu_topology": "2x2",
            "resource_id": site.told,
        }
    return {"__name__": metric, **own, **_who(party)}


def answer(metric: str, hours: Sequence[Hour]) -> Recorded:
    """The answer of a range query for a metric, on one line as a server gives it."""
    result: list[JSON] = []
    for (site, device, party), samples in _series(hours).items():
        values = [[int(sample.at.timestamp()), str(sample.percent)] for sample in samples]
        result.append({"metric": _labels(metric, site, device, party), "values": values})
    document = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    samples_count = sum(len(hour.samples) for hour in hours)
    return Recorded(json.dumps(document, separators=(",", ":")) + "\n", samples_count)
