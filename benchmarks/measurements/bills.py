"""Bills of two forms to the common model, against copying the same columns."""

from __future__ import annotations

from benchmarks import exports
from benchmarks.bench import Bench
from benchmarks.goal import Figure
from benchmarks.measure import alternated, program, ratio


def measure(bench: Bench) -> list[Figure]:
    """FOCUS and CUR 2.0."""
    month = bench.month()
    forms = {"focus": month / "charges.parquet", "cur": exports.cur_of(month)}
    figures = []
    for form, file in forms.items():
        out = bench.place(f"bill-{form}")
        runs = alternated(
            {
                "trueup": program(
                    "benchmarks.contestants.reader", month, out, "charges", file.name
                ),
                "copy": program("benchmarks.contestants.copying", month, out, file.name),
            },
            bench.rounds,
            warm=bench.warm,
        )
        found = ratio(runs, "trueup", "copy")
        peak = max(each.peak_bytes for each in runs["trueup"]) / 2**30
        facts = [f"{min(each.seconds for each in runs['trueup']):.1f} s, {peak:.2f} GiB"]
        figures.append(Figure(f"bill-{form}", found.middle, found.least, found.most, facts))
    return figures
