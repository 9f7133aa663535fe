"""The whole reconciliation against rivals that write the same tables."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

from benchmarks.agree import KEYS, Difference, difference, must_agree
from benchmarks.bench import Bench
from benchmarks.goal import Figure
from benchmarks.measure import Run, alternated, program, ratio

EXACT = ("trueup", "polars")  # must agree with the hand-written SQL to the last digit


def measure(bench: Bench) -> list[Figure]:
    """The three tables by everyone, in turn."""
    month = bench.month()
    contestants = {
        name: program(f"benchmarks.contestants.{name}", month, bench.place(name))
        for name in ("scan", "sql", "trueup", "polars", "pandas")
    }
    contestants["trueup, all legs"] = program(
        "benchmarks.contestants.trueup", month, bench.place("everything"), "everything"
    )
    files = ("charges.parquet", "usage.parquet")
    contestants["copy"] = program(
        "benchmarks.contestants.copying", month, bench.place("copy"), *files
    )
    runs = alternated(contestants, bench.rounds, warm=bench.warm)
    for name in EXACT:
        must_agree(tuple(KEYS), bench.place("sql"), bench.place(name))
    off = [difference(table, bench.place("sql"), bench.place("pandas")) for table in KEYS]
    everything = ratio(runs, "trueup, all legs", "sql")
    floor = ratio(runs, "copy", "sql")
    figures = []
    for rival in ("sql", "scan"):
        found = ratio(runs, "trueup", rival)
        facts = [times(runs, "trueup"), times(runs, rival)]
        if rival == "sql":
            facts += [
                f"with all legs and tables {everything.middle:.2f} x",
                times(runs, "trueup, all legs"),
                f"only to copy both files, as landing them must: {floor.middle:.2f} x",
                times(runs, "copy"),
                "of which " + _laps(bench.place("trueup")),
            ]
        name = f"reconcile-{rival}"
        figures.append(Figure(name, found.middle, found.least, found.most, facts))
    for rival in ("pandas", "polars"):
        found = ratio(runs, rival, "trueup")
        facts = [times(runs, rival)]
        facts += [_off(each) for each in off if not each.same] if rival == "pandas" else ["exact"]
        name = f"reconcile-{rival}"
        figures.append(Figure(name, found.middle, found.least, found.most, facts))
    return figures


def times(runs: dict[str, list[Run]], name: str) -> str:
    """A contestant's median seconds, by the clock and of the processor, and its greatest peak."""
    seconds = median(each.seconds for each in runs[name])
    busy = median(each.cpu_seconds for each in runs[name])
    peak = max(each.peak_bytes for each in runs[name]) / 2**30
    return f"{name} {seconds:.1f} s ({busy:.1f} s of processor), {peak:.2f} GiB"


def _laps(place: Path) -> str:
    laps = json.loads((place / "steps.json").read_text(encoding="utf-8"))
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in laps.items())


def _off(found: Difference) -> str:
    return (
        f"{found.table}: {found.other:,} of {found.rows:,} rows differ, "
        f"together by {found.sum.normalize():E}"
    )
