"""Programs run one after another in turn, each in a process of its own: how long, how much memory.

Contestants alternate: every round runs each of them once, so that what the machine does meanwhile
falls on all. A ratio is taken within a round; its median is reported, with the least and the
greatest.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from time import perf_counter

import psutil

ROOT = Path(__file__).parents[1]
SAMPLE_SECONDS = 0.02
SHOWN_OF_ERROR = 4_000


class ContestantFailed(Exception):
    """A program that did not end well, with the end of what it said."""


@dataclass(frozen=True)
class Program:
    """A command; ``environment`` is added to this process's."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One run: seconds by the clock and of the processor, and the most memory at one time."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Ratio:
    """Ours to theirs, over rounds."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
        values = [mine / other for mine, other in zip(ours, theirs, strict=True)]
        return cls(median(values), min(values), max(values))


def program(
    module: str, *words: object, python: str = sys.executable, **environment: str
) -> Program:
    """``python -m module words``, with this repository's packages before installed ones."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    command = [python, "-m", module, *map(str, words)]
    return Program(command, {"PYTHONPATH": path, **environment})


def run(wanted: Program) -> Run:
    """Run a program to its end; its children's memory counts with its own."""
    environment = {**os.environ, **wanted.environment}
    with subprocess.Popen(
        wanted.command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        start, busy = perf_counter(), _busy()
        watched = _Memory(process.pid)
        while True:
            try:
                _said, error = process.communicate(timeout=SAMPLE_SECONDS)
                break
            except subprocess.TimeoutExpired:
                watched.look()
        seconds = perf_counter() - start
    if process.returncode:
        text = error.decode(errors="replace")[-SHOWN_OF_ERROR:]
        raise ContestantFailed(f"{' '.join(wanted.command)}: {text}")
    return Run(seconds, _busy() - busy, watched.peak_bytes)


def _busy() -> float:
    """Processor seconds of all children that have ended: one runs at a time."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Memory:
    """What a process and its children hold; the kernel's own high mark of the process, too."""

    def __init__(self, number: int) -> None:
        self.peak_bytes = 0
        self._process = psutil.Process(number)

    def look(self) -> None:
        try:
            family = [self._process, *self._process.children(recursive=True)]
            now = sum(each.memory_info().rss for each in family)
            self.peak_bytes = max(self.peak_bytes, now, self._high_mark())
        except (psutil.NoSuchProcess, OSError):
            return  # it ended between two looks

    def _high_mark(self) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0


def alternated(
    contestants: Mapping[str, Program], rounds: int, *, warm: bool
) -> dict[str, list[Run]]:
    """Every contestant's runs; ``warm``: a round before, which fills the page cache, is dropped."""
    runs: dict[str, list[Run]] = {name: [] for name in contestants}
    for number in range(rounds + warm):
        for name, wanted in contestants.items():
            found = run(wanted)
            said = f"{name:24} {found.seconds:9.2f} s {found.cpu_seconds:9.2f} s cpu"
            print(f"  {said} {found.peak_bytes / 2**30:6.2f} GiB", flush=True)
            if number or not warm:
                runs[name].append(found)
    return runs


def ratio(runs: Mapping[str, Sequence[Run]], ours: str, theirs: str) -> Ratio:
    """Seconds of one contestant to another's, within each round."""
    return Ratio.of([each.seconds for each in runs[ours]], [each.seconds for each in runs[theirs]])
