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
    """Measure what was asked for; the figures are also kept as JSON."""
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
    bench = replace(
        size,
        folder=given.folder.resolve(),
        rows=given.rows or size.rows,
        rounds=given.rounds or size.rounds,
        sizes=tuple(given.sizes or size.sizes),
    )
    bench.folder.mkdir(parents=True, exist_ok=True)
    load = getloadavg()[0]
    figures: list[Figure] = []
    for name in given.only or MEASUREMENTS:
        print(f"{name}: {bench.rows:,} rows", flush=True)
        module = import_module(f"benchmarks.measurements.{name.replace('-', '_')}")
        figures += module.measure(bench)
    write(bench, figures, given.out or bench.folder, load)
    return figures


def write(bench: Bench, figures: Sequence[Figure], out: Path, load: float) -> None:
    """Print the table; write it, the picture and the figures themselves."""
    out.mkdir(parents=True, exist_ok=True)
    known = goals()
    size = f"{bench.rows:,} rows a side, rounds: {bench.rounds}; {machine()}"
    said = f"{size}. Load of the machine before the run: {load:.1f}.\n\n"
    text = said + table(figures, known)
    print(text)
    (out / "figures.inc").write_text(text, encoding="utf-8")
    (out / "figures.json").write_text(json.dumps([asdict(each) for each in figures], indent=1))
    from benchmarks.picture import draw

    draw(figures, known, out / "figures.svg")


if __name__ == "__main__":
    main()
