"""One twin for all tests of a module; who answers is set by each test."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.providers.oci.stage import Stage
from tests.twin import oci as twin
from tests.twin.server import running

pytest.importorskip("oci", reason="the provider's SDK is not installed")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stage that the running twin answers for."""
    stage = Stage()
    folder = tmp_path_factory.mktemp("authority")
    with running({twin.HOSTS: lambda request: stage.answer(request)}, folder):  # noqa: PLW0108  it is replaced
        yield stage


@pytest.fixture
def stage(served: Stage, tmp_path: Path) -> Stage:
    """The twin as it is without faults."""
    vars(served).update(vars(Stage(tmp_path)))
    return served


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody sleeps; for how long they would have."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited
