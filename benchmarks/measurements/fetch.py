"""Four providers side by side, against the slowest of them alone."""

from __future__ import annotations

import json

from benchmarks.bench import Bench
from benchmarks.goal import Figure
from benchmarks.measure import Ratio, program, run


def measure(bench: Bench) -> list[Figure]:
    """All of it happens in one process, where the twin is; see ``contestants.fetching``."""
    out = bench.place("fetch")
    rounds = bench.rounds
    run(program("benchmarks.contestants.fetching", out, out, rounds, bench.answer_seconds))
    seconds: dict[str, list[float]] = json.loads((out / "seconds.json").read_text())
    together = seconds.pop("all")
    slowest = [max(each[number] for each in seconds.values()) for number in range(rounds)]
    found = Ratio.of(together, slowest)
    alone = ", ".join(f"{name} {sorted(each)[rounds // 2]:.1f} s" for name, each in seconds.items())
    facts = [f"alone {alone}", f"all {sorted(together)[rounds // 2]:.1f} s"]
    return [Figure("fetch", found.middle, found.least, found.most, facts)]
