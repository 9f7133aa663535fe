"""What a meter's unit and capacity are where a table does not say."""

from __future__ import annotations

from trueup.model.schema import METERS

UNITS = {
    **{meter: "Tokens" for meter in METERS if meter.endswith("_tokens")},
    "gpu": "GPU-Hours",
    "tpu_chip": "TPU-Chip-Hours",
    "instance": "Hours",
    "vcpu": "vCPU-Hours",
    "requests": "Requests",
    "tool_calls": "Calls",
    "api_calls": "Calls",
}
ALLOCATED = ("gpu", "tpu_chip", "instance", "vcpu")


def capacity(meter: str) -> str:
    """Whether a meter holds capacity or counts work."""
    return "allocated" if meter in ALLOCATED else "busy"
