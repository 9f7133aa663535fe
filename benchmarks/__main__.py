"""``python -m benchmarks``: measure, compare with the goals, write a table and a picture."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib import import_module
from os import getloadavg
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.goal import Figure, goals
from benchmarks.table import machine, table

MEASUREMENTS = (
    "reconcile",
    "matching",
    "growth",
    "scale-out",
    "night",
    "telemetry",
    "bills",
    "fetch",
    "start",
    "report",
)
SIZES = {
    "small": Bench(
        Path(),
        rows=20_000,
        rounds=1,
        sizes=(10_000, 20_000),
        parts=(1, 2),
        warm=False,
        answer_seconds=0.05,
    ),
    "full": Bench(
        Path(), rows=10_000_000, rounds=3, sizes=(1_000_000, 5_000_000, 10_000_000, 50_000_000)
    ),
}


def main(arguments: Sequence[str] | None = None) -> list[Figure]:
    """Measure what was asked for; each measurement is written when it ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, metavar="NAME")
    parser.add_argument("--rows", type=int, help="of each side, in place of the size's")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--sizes", type=int, nargs="+", help="of the growth")
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"))
    parser.add_argument("--out", type=Path, help="folder of the table and the picture")
    given = parser.parse_args(arguments)
    size = SIZES[given.size]
    rounds = given.rounds or size.rounds
    bench = replace(
        size,
        folder=given.folder.resolve(),
        rows=given.rows or size.rows,
        rounds=rounds,
        warm=size.warm and rounds > 1,
        sizes=tuple(given.sizes or size.sizes),
    )
    bench.folder.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    for name in given.only or MEASUREMENTS:
        print(f"{name}: {bench.rows:,} rows", flush=True)
        said = f"{bench.rows:,} rows, rounds: {bench.rounds}, load {getloadavg()[0]:.1f}"
        module = import_module(f"benchmarks.measurements.{name.replace('-', '_')}")
        figures += [replace(each, run=said) for each in module.measure(bench)]
        write(figures, given.out or bench.folder)
    return figures


def write(measured: Sequence[Figure], out: Path) -> None:
    """Print the table; write it, the picture and the figures themselves.

    Figures of goals that were not measured now stay as an earlier run of the folder left them, if
    they are of this machine and these versions.
    """
    out.mkdir(parents=True, exist_ok=True)
    known = goals()
    kept = out / "figures.json"
    here = machine()
    rows = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else []
    found = {row["goal"]: Figure(**row) for row in rows if row.get("machine") == here}
    found |= {each.goal: replace(each, machine=here) for each in measured}
    figures = [found[name] for name in known if name in found]
    text = f"{here}.\n\n{table(figures, known)}"
    print(text, flush=True)
    (out / "figures.inc").write_text(text, encoding="utf-8")
    kept.write_text(json.dumps([asdict(each) for each in figures], indent=1), encoding="utf-8")
    from benchmarks.picture import draw

    draw(figures, known, out / "figures.svg")


if __name__ == "__main__":
    main()
