"""Telemetry as files, in the format of whatever recorded it, and how to read each."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from tests.world import gcp, langfuse, litellm, opencost, otlp, prometheus, ptu
from tests.world.aws_bill import ACCOUNT
from tests.world.oci import PROVIDER as OCI
from tests.world.recorded import Recorded

if TYPE_CHECKING:
    from tests.world.world import World

DEVICE_STEP_S, CHIP_STEP_S = 900, 1800


@dataclass(frozen=True, eq=False)
class Source:
    """A file of telemetry: its format, and what has to be said to read it."""

    path: str
    format: str
    about: str
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)


SPANS = Source("telemetry/spans.jsonl.zst", "otlp", "Spans of the agents: tokens by the call.")
ENDPOINTS = Source(
    "telemetry/endpoints.json",
    "prometheus",
    "GPUs of the endpoints: held and busy, every 15 minutes.",
    constants={
        "provider": "aws",
        "account_id": ACCOUNT,
        "region_id": "us-east-1",
        "step": str(DEVICE_STEP_S),
    },
)
CHIPS = Source(
    "telemetry/chips.json.gz",
    "prometheus",
    "Duty cycle of the TPU chips, every 30 minutes.",
    constants={"provider": "gcp", "account_id": gcp.PROJECT, "step": str(CHIP_STEP_S)},
)
OBSERVATIONS = Source(
    "telemetry/observations.jsonl",
    "langfuse",
    "Observations of the planning tools: tokens by the call; no region is known.",
    columns={"tool": "tool", "team": "team", "cost_centre": "cost_centre"},
    constants={"provider": "gcp", "account_id": gcp.PROJECT},
)
SPEND_LOGS = Source(
    "telemetry/spend_logs.csv",
    "litellm",
    "Spend logs of the gateway: neither account nor region is known.",
    columns={"cost_centre": litellm.COST_CENTRE},
)
CLUSTER = Source(
    "telemetry/cluster.json.gz",
    "opencost",
    "What pods held of the cluster's GPUs.",
    constants={"provider": OCI},
)
PROVISIONED = Source(
    "telemetry/provisioned.csv",
    "table",
    "Provisioned units held, and the tokens made with them.",
    columns=ptu.COLUMNS,
    constants=ptu.CONSTANTS,
)
SOURCES = (SPANS, ENDPOINTS, CHIPS, OBSERVATIONS, SPEND_LOGS, CLUSTER, PROVISIONED)


def telemetry(world: World) -> dict[str, Recorded]:
    """Every file by path."""
    seed = world.ledger.seed
    chips = "kubernetes_io:node_accelerator_duty_cycle"
    return {
        SPANS.path: otlp.spans(seed, world.bedrock_calls),
        ENDPOINTS.path: prometheus.answer("DCGM_FI_DEV_GPU_UTIL", world.endpoints),
        CHIPS.path: prometheus.answer(chips, world.gcp.hours),
        OBSERVATIONS.path: langfuse.observations(seed, world.gcp.calls),
        SPEND_LOGS.path: litellm.spend_logs(seed, world.azure.calls),
        CLUSTER.path: opencost.allocations(world.pods),
        PROVISIONED.path: ptu.table(world.azure.held),
    }


def packed(path: str, recorded: Recorded) -> bytes:
    """The bytes of a file, compressed where its name says so."""
    plain = recorded.text.encode()
    if path.endswith(".zst"):
        return bytes(pa.Codec("zstd", compression_level=19).compress(plain, asbytes=True))
    if path.endswith(".gz"):
        return gzip.compress(plain, mtime=0)
    return plain
