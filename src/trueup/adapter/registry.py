"""Finds adapters by their entry points; translates what bills and telemetry call a provider."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points

from trueup.adapter.native import NativeExport
from trueup.adapter.provider import ProviderAdapter
from trueup.adapter.telemetry import TelemetryReader


@cache
def providers() -> dict[str, ProviderAdapter]:
    """All installed provider adapters by name, in alphabetical order."""
    found = {point.name: point.load() for point in entry_points(group="trueup.providers")}
    return dict(sorted(found.items()))


@cache
def telemetry_readers() -> dict[str, TelemetryReader]:
    """All installed telemetry readers by name, in alphabetical order."""
    found = {point.name: point.load() for point in entry_points(group="trueup.telemetry")}
    return dict(sorted(found.items()))


def native_exports() -> list[NativeExport]:
    """Every provider's exports in its own columns."""
    return [export for adapter in providers().values() for export in adapter.native]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()


def _begins(name: str, prefixes: Iterable[str]) -> bool:
    plain = f"{_plain(name)} "
    return any(plain.startswith(f"{_plain(prefix)} ") for prefix in prefixes)


def provider_of_bill(name: str | None) -> str | None:
    """The slug of the provider a bill names, or the name itself where no adapter claims it."""
    if name is None:
        return None
    for slug, adapter in providers().items():
        if _begins(name, (slug, *adapter.bill_names)):
            return slug
    return name


def provider_of_telemetry(name: str | None) -> str | None:
    """The slug of the provider telemetry names, or the name itself where no adapter claims it."""
    if name is None:
        return None
    for slug, adapter in providers().items():
        if _begins(name, (slug, *adapter.bill_names, *adapter.telemetry_names)):
            return slug
    return name
