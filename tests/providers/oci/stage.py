"""Where a test asks the twin: with which faults, under which settings, into which folder."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.twin import oci as twin
from tests.twin.exchange import Answerer, Request, Response
from tests.twin.faults import Fault
from tests.world import world
from tests.world.world import World

from trueup.adapter.feed import Feed
from trueup.fetch.asking import Asker
from trueup.fetch.feeds import Place, exported, fed
from trueup.fetch.landing import Landing
from trueup.period import Period
from trueup.providers.oci.connector import connector

START = datetime(2026, 10, 1, tzinfo=UTC)


@cache
def made(seed: int) -> World:
    return world.make(seed, START, 3)


@dataclass
class Stage:
    """The twin of a three-day world."""

    folder: Path = Path()
    world: World = field(default_factory=lambda: made(7))  # see ``show``
    settings: dict[str, Any] = field(default_factory=lambda: dict(twin.SETTINGS))
    environment: dict[str, str] = field(default_factory=lambda: twin.ENVIRONMENT)
    faults: list[Fault] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.show(self.world)

    def show(self, shown: World) -> None:
        """Let the twin answer from another world."""
        self.world = shown
        self.answerer: Answerer = twin.answerer(shown)

    def answer(self, request: Request) -> Response:
        self.asked.append(request)
        answerer = self.answerer
        for fault in self.faults:
            answerer = fault.over(answerer)
        return answerer(request)

    @property
    def place(self) -> Place:
        place = Place(Landing.at(self.folder / "landing"), self.folder / "fetched", self.at)
        place.folder.mkdir(parents=True, exist_ok=True)
        return place

    @property
    def at(self) -> datetime:
        return self.world.ledger.as_of

    def connection(self) -> Any:
        with patch.dict(os.environ, self.environment):
            return connector().connect(self.settings, False)  # noqa: FBT003  the contract's order

    def asker(self, operations: Any) -> Asker:
        ledger = self.world.ledger
        period = Period(ledger.start, ledger.end)
        return Asker(
            "oci", connector(), self.connection(), self.settings, period, self.at, operations
        )

    def feed(self, name: str) -> Path:
        feed = feed_of(name)
        return fed(feed, self.asker(feed.operations), self.place).path

    def rows(self, name: str) -> list[dict[str, str]]:
        """What a feed gives, as its CSV file says."""
        with self.feed(name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def export(self) -> list[Path]:
        (export,) = connector().exports
        return exported(export, self.asker(export.operations), self.place)


def feed_of(name: str) -> Feed:
    (feed,) = (one for one in connector().feeds if one.name == name)
    return feed
