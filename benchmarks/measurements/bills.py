"""Bills of two forms to the common model, against copying the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks import exports
from benchmarks.bench import Bench
from benchmarks.goal import Figure
from benchmarks.measure import Program, Ratio, Run, alternated, program, ratio


def measure(bench: Bench) -> list[Figure]:
    """FOCUS and CUR 2.0."""
    month = bench.month()
    forms = {"focus": month / "charges.parquet", "cur": exports.cur_of(month)}
    figures = []
    for form, file in forms.items():
        contestants = _contestants(month, bench.place(f"bill-{form}"), file.name)
        runs = alternated(contestants, bench.rounds, warm=bench.warm)
        found = ratio(runs, "trueup", "copy")
        peak = max(each.peak_bytes for each in runs["trueup"]) / 2**30
        facts = [f"{min(each.seconds for each in runs['trueup']):.1f} s, {peak:.2f} GiB"]
        facts.append(f"{_busy(runs['trueup'], runs['copy']).middle:.2f} x by processor seconds")
        start = ratio(runs, "start", "copy").middle
        facts.append(f"to read one row of it: {start:.2f} x")
        least = ratio(runs, "landing", "copy")
        busy = _busy(runs["landing"], runs["copy"]).middle
        facts.append(
            f"the same tables by hand: {least.middle:.2f} x ({least.least:.2f} to "
            f"{least.most:.2f}), {busy:.2f} x by them"
        )
        figures.append(Figure(f"bill-{form}", found.middle, found.least, found.most, facts))
    return figures


def _contestants(month: Path, out: Path, name: str) -> dict[str, Program]:
    """The reader, also of one row, a copy, and what makes the same tables by hand."""
    first = exports.first_of(month / name)
    return {
        "trueup": program("benchmarks.contestants.reader", month, out, "charges", name),
        "copy": program("benchmarks.contestants.copying", month, out, name),
        "start": program("benchmarks.contestants.reader", month, out, "charges", first.name),
        "landing": program("benchmarks.contestants.landing", month, out, name),
    }


def _busy(ours: Sequence[Run], theirs: Sequence[Run]) -> Ratio:
    """The processor's seconds, which hang less on what else a machine does."""
    return Ratio.of([each.cpu_seconds for each in ours], [each.cpu_seconds for each in theirs])
