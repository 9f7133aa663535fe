"""One month in parts, each in a process of its own, one after another: what a cluster would take.

The parts are contiguous hours: matching, utilization and shares are by hour, so that the parts'
tables together must be those of the whole month, to the last digit, which is checked. The critical
path is the slowest part and the merge, as if each part had a machine like this one to itself;
bringing the rows to their parts is measured beside it, in seconds and bytes. The figure is by
seconds of the processor: parts run one after another, on a machine that others use meanwhile.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from benchmarks.agree import KEYS, must_agree
from benchmarks.bench import Bench
from benchmarks.contestants.partition import tables_of
from benchmarks.goal import Figure
from benchmarks.measure import Run, program, run

PARTITION = "benchmarks.contestants.partition"


@dataclass(frozen=True)
class Parted:
    """One month in so many parts: their runs, the split, the merge, and what was moved."""

    parts: list[Run]
    split: Run
    merge: Run
    moved: dict[str, int]

    @property
    def critical(self) -> float:
        return max(each.seconds for each in self.parts) + self.merge.seconds

    @property
    def critical_cpu(self) -> float:
        return max(each.cpu_seconds for each in self.parts) + self.merge.cpu_seconds

    def said(self, alone: Run) -> str:
        """Every number behind the figure, in words; in brackets seconds of the processor."""
        seconds = ", ".join(f"{each.seconds:.1f} ({each.cpu_seconds:.1f})" for each in self.parts)
        memory = max(each.peak_bytes for each in self.parts) / 2**30
        rows = self.moved["rows"]
        gain, gain_cpu = alone.seconds / self.critical, alone.cpu_seconds / self.critical_cpu
        return (
            f"in {len(self.parts)}: {seconds} s (each at most {memory:.2f} GiB), merge "
            f"{self.merge.seconds:.1f} ({self.merge.cpu_seconds:.1f}) s, critical path "
            f"{self.critical:.1f} ({self.critical_cpu:.1f}) s = {gain:.2f} "
            f"({gain_cpu:.2f}) x; split {self.split.seconds:.1f} "
            f"({self.split.cpu_seconds:.1f}) s, moving {rows:,} rows: "
            f"{self.moved['parquet'] / rows:.0f} bytes a row as Parquet with every column, "
            f"{self.moved['arrow'] / rows:.0f} as Arrow with what keys and figures need"
        )


def measure(bench: Bench) -> list[Figure]:
    """Undivided, then in every number of parts; the figure is that of the most parts."""
    month = bench.month()
    whole = bench.place("scale-out-whole")
    alone = run(program("benchmarks.contestants.trueup", month, whole))
    print(f"  {'undivided':24} {alone.seconds:9.2f} s", flush=True)
    undivided = f"{alone.seconds:.1f} ({alone.cpu_seconds:.1f}) s"
    facts = [
        "seconds by the clock, and in brackets of the processor",
        f"undivided: {undivided}, {alone.peak_bytes / 2**30:.2f} GiB",
    ]
    gains = []
    for count in bench.parts:
        found = _parted(month, bench.place(f"scale-out-{count}"), count)
        must_agree(tuple(KEYS), bench.place(f"scale-out-{count}") / "tables", whole)
        gains.append(alone.cpu_seconds / found.critical_cpu)
        facts.append(found.said(alone))
        print(f"  {facts[-1]}", flush=True)
    return [Figure("scale-out", gains[-1], min(gains), max(gains), facts)]


def _parted(month: Path, folder: Path, count: int) -> Parted:
    rmtree(folder)
    split = run(program(PARTITION, month, folder, "split", count, 0))
    parts = [
        run(
            program(
                PARTITION, folder / f"month-{part}", tables_of(folder, part), "part", part, count
            )
        )
        for part in range(count)
    ]
    merge = run(program(PARTITION, folder, folder / "tables", "merge", count, 0))
    return Parted(parts, split, merge, json.loads((folder / "moved.json").read_text()))
