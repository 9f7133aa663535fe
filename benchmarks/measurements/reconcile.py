"""The whole reconciliation against rivals that write the same tables."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.agree import KEYS, Difference, difference
from benchmarks.bench import Bench
from benchmarks.environment import python_of
from benchmarks.goal import Figure
from benchmarks.measure import Run, alternated, program, ratio

EXACT = ("trueup", "polars")  # must agree with the hand-written SQL to the last digit


class Disagreement(Exception):
    """Contestants whose answers must be the same gave different ones."""


def measure(bench: Bench) -> list[Figure]:
    """The tables by everyone, then the matching table alone against datacompy."""
    return [*_whole(bench), *_matching(bench)]


def _whole(bench: Bench) -> list[Figure]:
    month = bench.month()
    contestants = {
        name: program(f"benchmarks.contestants.{name}", month, bench.place(name))
        for name in ("scan", "sql", "trueup", "polars", "pandas")
    }
    contestants["trueup, all legs"] = program(
        "benchmarks.contestants.trueup", month, bench.place("everything"), "everything"
    )
    runs = alternated(contestants, bench.rounds)
    for name in EXACT:
        _must_agree(bench, name, tuple(KEYS))
    off = [_difference(bench, "pandas", table) for table in KEYS]
    everything = ratio(runs, "trueup, all legs", "sql")
    figures = []
    for rival in ("sql", "scan"):
        found = ratio(runs, "trueup", rival)
        facts = [_times(runs, "trueup"), _times(runs, rival)]
        if rival == "sql":
            facts += [
                f"with all legs and tables {everything.middle:.2f} x",
                _times(runs, "trueup, all legs"),
                "of which " + _laps(bench.place("trueup")),
            ]
        name = f"reconcile-{rival}"
        figures.append(Figure(name, found.middle, found.least, found.most, facts))
    for rival in ("pandas", "polars"):
        found = ratio(runs, rival, "trueup")
        facts = [_times(runs, rival)]
        facts += [_off(each) for each in off if not each.same] if rival == "pandas" else ["exact"]
        name = f"reconcile-{rival}"
        figures.append(Figure(name, found.middle, found.least, found.most, facts))
    return figures


def _matching(bench: Bench) -> list[Figure]:
    month = bench.month()
    python = python_of("datacompy", bench.folder)
    ours, theirs = bench.place("trueup-matching"), bench.place("datacompy")
    runs = alternated(
        {
            "trueup": program("benchmarks.contestants.trueup", month, ours, "matching"),
            "datacompy": program("benchmarks.contestants.datacompy", month, theirs, python=python),
        },
        bench.rounds,
    )
    for name in ("trueup-matching", "datacompy"):
        _must_agree(bench, name, ("matching",))
    found = ratio(runs, "datacompy", "trueup")
    facts = [_times(runs, "trueup"), _times(runs, "datacompy")]
    return [Figure("matching-datacompy", found.middle, found.least, found.most, facts)]


def _difference(bench: Bench, name: str, table: str) -> Difference:
    return difference(table, bench.place("sql"), bench.place(name))


def _must_agree(bench: Bench, name: str, tables: tuple[str, ...]) -> None:
    for table in tables:
        found = _difference(bench, name, table)
        if not found.same:
            raise Disagreement(f"{name} and the SQL: {found}")


def _times(runs: dict[str, list[Run]], name: str) -> str:
    seconds = sorted(each.seconds for each in runs[name])
    peak = max(each.peak_bytes for each in runs[name]) / 2**30
    return f"{name} {seconds[len(seconds) // 2]:.1f} s, {peak:.2f} GiB"


def _laps(place: Path) -> str:
    laps = json.loads((place / "steps.json").read_text(encoding="utf-8"))
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in laps.items())


def _off(found: Difference) -> str:
    return (
        f"{found.table}: {found.other:,} of {found.rows:,} rows differ, "
        f"together by {found.sum.normalize():E}"
    )
