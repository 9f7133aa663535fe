"""The matching table alone, against datacompy, which is made for that."""

from __future__ import annotations

from benchmarks.agree import must_agree
from benchmarks.bench import Bench
from benchmarks.environment import python_of
from benchmarks.goal import Figure
from benchmarks.measure import alternated, program, ratio
from benchmarks.measurements.reconcile import times


def measure(bench: Bench) -> list[Figure]:
    """The rival runs in an environment of its own."""
    month = bench.month()
    python = python_of("datacompy", bench.folder)
    ours, theirs = bench.place("trueup-matching"), bench.place("datacompy")
    runs = alternated(
        {
            "trueup": program("benchmarks.contestants.trueup", month, ours, "matching"),
            "datacompy": program("benchmarks.contestants.datacompy", month, theirs, python=python),
        },
        bench.rounds,
        warm=bench.warm,
    )
    must_agree(("matching",), ours, theirs)
    found = ratio(runs, "datacompy", "trueup")
    facts = [times(runs, "trueup"), times(runs, "datacompy")]
    return [Figure("matching-datacompy", found.middle, found.least, found.most, facts)]
