"""How soon Python is back: after ``import trueup``, after ``trueup --help``."""

from __future__ import annotations

import sys

from benchmarks.bench import Bench
from benchmarks.goal import Figure
from benchmarks.measure import Program, alternated, program, ratio

ROUNDS = 15


def measure(bench: Bench) -> list[Figure]:
    """Many short runs in turn."""
    environment = program("trueup").environment
    runs = alternated(
        {
            "pass": Program([sys.executable, "-c", "pass"], environment),
            "import": Program([sys.executable, "-c", "import trueup"], environment),
            "help": program("trueup", "--help"),
        },
        ROUNDS,
        warm=bench.warm,
    )
    figures = []
    for name in ("import", "help"):
        found = ratio(runs, name, "pass")
        seconds = sorted(each.seconds for each in runs[name])[ROUNDS // 2]
        facts = [f"{1000 * seconds:.0f} ms"]
        figures.append(Figure(name, found.middle, found.least, found.most, facts))
    return figures
