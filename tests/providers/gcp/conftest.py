"""One twin and one connection for all tests of this provider; each test says who answers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from tests.twin import gcp
from tests.twin.exchange import Answerer, Request, Response
from tests.twin.faults import Fault
from tests.twin.gcp_tables import Tables
from tests.twin.server import running
from tests.world import world
from tests.world.world import World

pytest.importorskip("google.cloud.bigquery", reason="the provider's SDK is not installed")

from trueup.adapter.feed import Answer, Export, Feed, Row
from trueup.fetch.asking import Asker
from trueup.fetch.feeds import Place, exported, fetched, normalised
from trueup.fetch.landing import Landing
from trueup.period import Period
from trueup.providers.gcp.client import Connection, connect
from trueup.providers.gcp.connector import connector

START = datetime(2026, 10, 1, tzinfo=UTC)
WAITS_MAX = 50
SOURCES: dict[str, Feed | Export] = {one.name: one for one in connector().sources}


@cache
def world_of(seed: int) -> World:
    """Three days of a seed."""
    return world.make(seed, START, 3)


@dataclass
class Stage:
    """The twin as one test has it: who answers, with which faults, what was asked."""

    folder: Path = Path()
    answerer: Answerer | None = None
    tables: Tables | None = None
    faults: list[Fault] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=lambda: dict(gcp.SETTINGS))
    connection: Connection | None = None

    def play(self, seed: int) -> World:
        """Let the world of a seed answer."""
        made = world_of(seed)
        self.close()
        self.tables = Tables(made.ledger)
        self.answerer = gcp.answerer(made, self.tables)
        return made

    def close(self) -> None:
        if self.tables is not None:
            self.tables.engine.close()

    def answer(self, request: Request) -> Response:
        self.asked.append(request)
        if self.answerer is None:
            self.play(1)
        answerer = self.answerer
        assert answerer is not None
        for fault in self.faults:
            answerer = fault.over(answerer)
        return answerer(request)

    def asker(self, name: str) -> Asker:
        self.connection = self.connection or connect(self.settings, offline=True)
        return Asker(
            "gcp",
            connector(),
            self.connection,
            self.settings,
            Period(START, START.replace(day=4)),
            START.replace(day=6),
            SOURCES[name].operations,
        )

    def fetch(self, name: str) -> list[Answer]:
        feed = SOURCES[name]
        assert isinstance(feed, Feed)
        return fetched(feed, self.asker(name))

    def rows(self, name: str) -> list[Row]:
        feed = SOURCES[name]
        assert isinstance(feed, Feed)
        return normalised(feed, self.fetch(name), self.asker(name))

    def files(self, folder: Path | None = None) -> list[Path]:
        export = SOURCES["billing-export"]
        assert isinstance(export, Export)
        place = (folder or self.folder) / "fetched"
        place.mkdir(parents=True, exist_ok=True)
        landing = Landing.at((folder or self.folder) / "landing")
        return exported(export, self.asker(export.name), Place(landing, place, START))

    def count(self, part: str) -> int:
        """How many requests had this in their method, host, path or query."""
        return sum(
            part in f"{one.method} {one.host}{one.path}?{one.query_text}" for one in self.asked
        )


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stage that the running twin answers for, with clients that were made once."""
    stage = Stage()
    folder = tmp_path_factory.mktemp("authority")
    with (
        running({gcp.HOSTS: lambda request: stage.answer(request)}, folder),  # noqa: PLW0108  it is replaced
        patch.dict(os.environ, gcp.ENVIRONMENT),
    ):
        stage.connection = connect(stage.settings, offline=True)
        yield stage


@pytest.fixture
def stage(served: Stage, tmp_path: Path) -> Iterator[Stage]:
    """The twin of seed 1 without faults, asked nothing yet."""
    vars(served).update(vars(Stage(tmp_path, connection=served.connection)))
    yield served
    served.close()
    served.tables = served.answerer = None


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody sleeps; for how long they would have."""
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        assert len(waited) < WAITS_MAX, "something waits and asks without end"

    monkeypatch.setattr(time, "sleep", wait)
    return waited
