"""A whole life: all its nights, one more for the whole year, and what can be said of them."""

from __future__ import annotations

import gc
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.cloud import clouds
from tests.soak.faults import Night
from tests.soak.life import KILLED, LOOKED_AT, Life, Told, size_bytes
from tests.soak.year import begun, clock_of
from tests.world.ledger import DAY
from trueup.workspace.verify import verify

# What a process may hold more at the end of its life: files, than after a month; memory, than after
# so many runs, since pools and caches of SDKs and engines fill for weeks.
FULL = 100
MEMORY_MB, FILES = 150, 10
GROWTH = 2.0  # the workspace's by the run, the last month against the first


@dataclass(frozen=True)
class Plan:
    """Which life: where it is kept, whom it asks, and what happens in its nights."""

    folder: Path
    seed: int
    providers: Sequence[str]
    nights: Sequence[Night]
    skipped: int = 0  # nights of the year before the first that is lived


@dataclass
class Story:
    """What a life came to."""

    told: list[Told]
    faults: Counter[str]
    seconds: float
    size_bytes: int  # of the workspace
    wrong: list[str] = field(default_factory=list)

    @property
    def rows(self) -> dict[str, str]:
        codes = Counter(one.exit_code for one in self.told)
        early, late = _ends(self.told)
        return {
            "nights with a run": f"{len({one.clock for one in self.told}):,}",
            "runs": f"{len(self.told):,}",
            "runs that were whole": f"{codes[0]:,}",
            "runs that were partial": f"{codes[3]:,}",
            "runs without any charges": f"{codes[2]:,}",
            "runs that were killed": f"{codes[KILLED]:,}",
            "seconds": f"{self.seconds:,.0f}",
            "seconds of a run, first month": f"{_mean([o.seconds for o in early]):.1f}",
            "seconds of a run, last month": f"{_mean([o.seconds for o in late]):.1f}",
            "memory at most, MB": f"{max(one.memory_mb for one in self.told):,.0f}",
            "memory after a month, MB": f"{_looked_at(early)[-1].memory_mb:,.0f}",
            f"memory after {FULL} runs, MB": f"{_looked_at(self.told[:FULL])[-1].memory_mb:,.0f}",
            "memory at the end, MB": f"{_looked_at(late)[-1].memory_mb:,.0f}",
            "open files after a month": f"{_looked_at(early)[-1].open_files}",
            "open files at the end": f"{_looked_at(late)[-1].open_files}",
            "workspace, MB": f"{self.size_bytes / 1e6:,.1f}",
            "kB a run, first month": f"{_grown(early):,.0f}",
            "kB a run, last month": f"{_grown(late):,.0f}",
        }


def lived(plan: Plan) -> Story:
    """Live a life to its end; progress goes to standard error."""
    gc.set_threshold(50_000, 20, 50)  # expressions are many small objects
    began = time.monotonic()
    faults: Counter[str] = Counter()
    with silence(), clouds(plan.providers, plan.folder / "authority") as cloud:
        life = Life(plan.folder, plan.seed, cloud)
        for number, night in enumerate(plan.nights, start=1):
            clock = clock_of(plan.skipped + number - 1)
            life.night(clock, night)
            faults["missed night"] += night.missed
            if number % 10 == 0:
                took = f"{time.monotonic() - began:,.0f} s, {len(life.wrong)} wrong"
                sys.stderr.write(f"{plan.folder.name}: {number} nights, {took}\n")
        for start in begun(clock):
            life.run(start, clock + DAY)
    faults.update(kind for one in life.told for kind in one.faults)
    seconds, size = time.monotonic() - began, size_bytes(life.workspace)
    return Story(life.told, faults, seconds, size, wrong_with(life))


@contextmanager
def silence() -> Iterator[None]:
    """Without what SDKs log of faults."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def wrong_with(life: Life) -> list[str]:
    """What a life did to its process and its workspace that it should not."""
    found = [*life.wrong]
    found += [f"{one.where}: {one.what}" for one in verify(life.workspace).differences]
    early, late = _ends(life.told)
    before, after = _looked_at(early)[-1], _looked_at(late)[-1]
    full = _looked_at(life.told[:FULL])[-1]
    if after.memory_mb > full.memory_mb + MEMORY_MB:
        found.append(f"memory grew from {full.memory_mb} to {after.memory_mb} MB")
    if after.open_files > before.open_files + FILES:
        found.append(f"open files grew from {before.open_files} to {after.open_files}")
    if _grown(late) > GROWTH * _grown(early):
        found.append(f"a run added {_grown(early):,.0f} kB at first, {_grown(late):,.0f} at last")
    return found


def _ends(told: Sequence[Told]) -> tuple[Sequence[Told], Sequence[Told]]:
    """The runs of the first and of the last month; of a short life, all."""
    return told[:35], told[-35:]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _looked_at(told: Sequence[Told]) -> list[Told]:
    """The runs after which everything was looked at; of every life the first."""
    return [one for one in told if one.workspace_bytes is not None]


def _grown(told: Sequence[Told]) -> float:
    """By how many kB the workspace grew with each run; 0 where it was looked at once only."""
    looked = _looked_at(told)
    more = (looked[-1].workspace_bytes or 0) - (looked[0].workspace_bytes or 0)
    return more / 1000 / max(1, LOOKED_AT * (len(looked) - 1))
