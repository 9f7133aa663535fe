"""One twin and one connection for all tests of this provider; each test says who answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from tests.twin import aws
from tests.twin.exchange import Answerer, Request, Response
from tests.twin.server import Twin, running
from tests.world import world
from tests.world.world import World

from trueup.adapter.feed import Answer, Export, Feed, Row
from trueup.fetch.asking import Asker
from trueup.fetch.feeds import Place, exported, fetched, normalised
from trueup.fetch.landing import Landing
from trueup.period import Period
from trueup.providers.aws.client import Connection, connect
from trueup.providers.aws.connector import connector

START = datetime(2026, 10, 1, tzinfo=UTC)
AT = START.replace(day=6)
SOURCES: dict[str, Feed | Export] = {
    **{feed.name: feed for feed in connector().feeds},
    **{export.name: export for export in connector().exports},
}


@dataclass
class Cloud:
    """The twin as one test has it: who answers, what was asked, how long was waited."""

    twin: Twin
    connection: Connection
    answers: Answerer | None = None
    slept: list[float] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=lambda: dict(aws.SETTINGS))
    period: Period = field(default_factory=lambda: Period(START, START.replace(day=4)))
    at: datetime = AT

    def serve(self, request: Request) -> Response:
        assert self.answers is not None
        return self.answers(request)

    def asker(self, name: str) -> Asker:
        return Asker(
            "aws",
            connector(),
            self.connection,
            self.settings,
            self.period,
            self.at,
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

    def files(self, folder: Path) -> list[Path]:
        export = SOURCES["export"]
        assert isinstance(export, Export)
        (folder / "fetched").mkdir(parents=True, exist_ok=True)
        place = Place(Landing.at(folder / "landing"), folder / "fetched", self.at)
        return exported(export, self.asker("export"), place)

    def asked(self, words: str) -> int:
        """How many requests had these words in their host, path, query, target or body."""
        return sum(words in _said(request) for request in self.twin.asked)


def _said(request: Request) -> str:
    target = request.headers.get("x-amz-target", "")
    return f"{request.host}{request.path}?{request.query_text} {target} {request.body.decode()}"


@pytest.fixture(scope="session")
def running_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A twin, and clients that were made once: that is slow."""
    pytest.importorskip("boto3")
    held: list[Cloud] = []

    def answered(request: Request) -> Response:
        return held[0].serve(request)

    folder = tmp_path_factory.mktemp("twin")
    with (
        running({aws.HOSTS: answered}, folder) as twin,
        patch.dict(os.environ, aws.ENVIRONMENT),
    ):
        held.append(Cloud(twin, connect({}, offline=False)))
        yield held[0]


@pytest.fixture
def cloud(running_cloud: Cloud, worlds: Callable[[int], World]) -> Iterator[Cloud]:
    """The twin of seed 1, asked nothing yet; sleeping is written down instead of done."""
    running_cloud.twin.asked.clear()
    mine = Cloud(running_cloud.twin, running_cloud.connection, aws.answerer(worlds(1)))
    running_cloud.answers = mine.serve
    with patch("time.sleep", mine.slept.append):
        yield mine


@pytest.fixture(scope="session")
def worlds() -> Callable[[int], World]:
    """The world of three days of a seed, made once."""
    made: dict[int, World] = {}

    def of(seed: int) -> World:
        if seed not in made:
            made[seed] = world.make(seed, START, 3)
        return made[seed]

    return of
