"""One twin for all tests of this provider: what answers is put in its place test by test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.providers.azure.plans import PLANS
from tests.twin import azure
from tests.twin.exchange import Answerer, Request, Response
from tests.twin.server import Twin, running
from tests.world import world
from tests.world.world import World

from trueup.adapter.feed import Feed
from trueup.fetch.asking import Asker
from trueup.fetch.feeds import Place, exported, fed
from trueup.fetch.landing import Landing
from trueup.fetch.providers import Fetched, fetch_one
from trueup.fetch.settings import connector_of
from trueup.period import Period

START = datetime(2026, 10, 1, tzinfo=UTC)
PERIOD = Period(START, datetime(2026, 10, 4, tzinfo=UTC))
AT = datetime(2026, 10, 5, tzinfo=UTC)


@cache
def world_of(seed: int) -> World:
    """Three days of a seed."""
    return world.make(seed, START, 3)


@dataclass
class Stage:
    """The running twin, and whose answers it gives."""

    folder: Path
    answerer: Answerer
    twin: Twin | None = None

    def answer(self, request: Request) -> Response:
        return self.answerer(request)

    @property
    def asked(self) -> list[Request]:
        assert self.twin is not None
        return self.twin.asked

    def fetch(
        self,
        answerer: Answerer | None = None,
        settings: Mapping[str, Any] = azure.SETTINGS,
        *,
        offline: bool = True,
    ) -> Fetched:
        """Everything the adapter fetches of three days; a second call finds the first's landing."""
        if answerer is not None:
            self.answerer = answerer
        return fetch_one("azure", settings, PERIOD, self.place(), offline=offline)

    def place(self) -> Place:
        """Where what is fetched goes."""
        folder = self.folder / "fetched"
        folder.mkdir(parents=True, exist_ok=True)
        return Place(Landing.at(self.folder / "landing"), folder, AT)

    def one(self, name: str, answerer: Answerer | None = None, *, offline: bool = True) -> str:
        """What one feed or the export gives, as text; it raises what a run would report."""
        self.answerer = answerer or self.answerer
        connector = connector_of("azure")
        connection = connector.connect(azure.SETTINGS, offline)
        source = next(one for one in connector.sources if one.name == name)
        asker = Asker("azure", connector, connection, azure.SETTINGS, PERIOD, AT, source.operations)
        with closing(connection):
            if isinstance(source, Feed):
                return fed(source, asker, self.place()).path.read_text(encoding="utf-8")
            paths = exported(source, asker, self.place())
        return "".join(path.read_text(encoding="utf-8") for path in paths)


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The twin of this session."""
    folder = tmp_path_factory.mktemp("twin")
    stage = Stage(folder, azure.answerer(world_of(7)))
    with running({azure.HOSTS: stage.answer}, folder) as started:
        stage.twin = started
        yield stage


@pytest.fixture
def stage(twin: Stage, tmp_path: Path) -> Stage:
    """The twin with nothing asked yet, answering from the world of seed 7."""
    twin.folder = tmp_path
    twin.answerer = azure.answerer(world_of(7))
    twin.asked.clear()
    return twin


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long would have been waited: nothing sleeps."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


Undisturbed = Callable[[str], str]


@pytest.fixture(scope="session")
def undisturbed(twin: Stage, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What a source gives when nothing goes wrong."""

    @cache
    def given(name: str) -> str:
        folder, twin.folder = twin.folder, tmp_path_factory.mktemp("undisturbed")
        found = twin.one(name, azure.answerer(world_of(7), PLANS))
        twin.folder = folder
        return found

    return given
