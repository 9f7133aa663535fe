"""Four providers asked through their SDKs: each alone and all side by side, in one process.

The answers come from the twin of the tests on loopback; each takes as long as over a network.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from unittest.mock import patch

from tests.twin.exchange import Answerer, Request, Response
from tests.twin.recordings import PROVIDERS, recorded_of, twin_of
from tests.twin.server import running
from tests.world import world

from benchmarks.contestants.arguments import Arguments, arguments
from trueup.fetch.feeds import Place
from trueup.fetch.landing import Landing
from trueup.fetch.providers import fetch_all
from trueup.period import Period

DAYS = 3


@dataclass(frozen=True)
class Late:
    """An answerer at the other end of a network."""

    answerer: Answerer
    seconds: float

    def __call__(self, request: Request) -> Response:
        sleep(self.seconds)
        return self.answerer(request)


def fetched(made: world.World, names: Sequence[str], folder: Path) -> float:
    """Seconds that fetching everything of those providers takes, into an empty landing."""
    period = Period(made.ledger.start, made.ledger.end)
    with TemporaryDirectory(dir=folder) as place:
        start = perf_counter()
        found = fetch_all(
            {name: twin_of(name).SETTINGS for name in names},
            period,
            Place(Landing.at(Path(place)), Path(place) / "fetched", made.ledger.as_of),
        )
        seconds = perf_counter() - start
    failures = [failure for one in found for failure in one.failures]
    if failures:
        raise ValueError(f"{failures[0]}")
    return seconds


def run(told: Arguments) -> None:
    """Write ``seconds.json``: for each name, and ``all``, the seconds of each round."""
    rounds, delay = int(told.words[0]), float(told.words[1])
    made = world.make(7, datetime(2026, 10, 1, tzinfo=UTC), DAYS)
    seconds: dict[str, list[float]] = {name: [] for name in (*PROVIDERS, "all")}
    with ExitStack() as stack:
        for name in PROVIDERS:
            variables = getattr(twin_of(name), "ENVIRONMENT", {})
            stack.enter_context(patch.dict(os.environ, variables))
        answerers = {
            twin_of(name).HOSTS: Late(recorded_of(name, made), delay) for name in PROVIDERS
        }
        stack.enter_context(running(answerers, told.out))
        for number in range(rounds + 1):  # the first imports the SDKs
            for name, known in seconds.items():
                taken = fetched(made, PROVIDERS if name == "all" else (name,), told.out)
                if number:
                    known.append(taken)
    (told.out / "seconds.json").write_text(json.dumps(seconds))


if __name__ == "__main__":
    run(arguments())
