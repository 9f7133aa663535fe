"""Records the twin, as ``python -m tests.twin --out cassettes``: one case per provider."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from tests.twin.exchange import Answerer
from tests.twin.server import running
from tests.world.world import World
from trueup.fetch.cassette.case import record_case
from trueup.fetch.providers import Fetched
from trueup.period import Period
from trueup.testing.conformance import Case, write_golden

PROVIDERS = ("aws", "gcp", "azure", "oci")
KEY = b"the twin's ids are made up already"


def twin_of(provider: str) -> Any:
    """A provider's module of the twin: HOSTS, SETTINGS, ENVIRONMENT and ``answerer``."""
    return import_module(f"tests.twin.{provider}")


def recorded_of(provider: str, world: World) -> Answerer:
    """Who answers while a recording is made: only what stands in the world's own ledger."""
    more = {"machines": ()} if provider == "gcp" else {}
    answerer: Answerer = twin_of(provider).answerer(world, **more)
    return answerer


def record(world: World, provider: str, folder: Path) -> Fetched:
    """Record one provider's twin into a new folder, with its golden tables."""
    twin = twin_of(provider)
    ledger = world.ledger
    with (
        TemporaryDirectory() as place,
        running({twin.HOSTS: recorded_of(provider, world)}, Path(place)),
        patch.dict(os.environ, getattr(twin, "ENVIRONMENT", {})),
    ):
        fetched = record_case(
            provider,
            twin.SETTINGS,
            Period(ledger.start, ledger.end),
            folder,
            KEY,
            ledger.as_of,
            origin="synthetic",
            world_seed=ledger.seed,
        )
        if fetched.failures:
            raise RuntimeError(f"{provider}: {fetched.failures}")
    with TemporaryDirectory() as workspace:
        write_golden(Case(folder), Path(workspace))
    return fetched


def record_all(world: World, out: Path, case: str, providers: Iterable[str] = PROVIDERS) -> None:
    """Record every provider into ``out/<provider>/<case>``."""
    for provider in providers:
        record(world, provider, out / provider / case)
