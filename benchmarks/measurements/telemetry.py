"""OTLP spans to usage rows, against DuckDB's own reading of the same JSON."""

from __future__ import annotations

from benchmarks import exports
from benchmarks.bench import Bench
from benchmarks.goal import Figure
from benchmarks.measure import alternated, program, ratio


def measure(bench: Bench) -> list[Figure]:
    """A tenth of the rows: a span says what takes a dozen cells elsewhere."""
    month = bench.month(bench.rows // 10)
    file = exports.spans_of(month)
    out = bench.place("telemetry")
    runs = alternated(
        {
            "trueup": program("benchmarks.contestants.reader", month, out, "usage", file.name),
            "read_json": program("benchmarks.contestants.copying", month, out, file.name),
        },
        bench.rounds,
        warm=bench.warm,
    )
    found = ratio(runs, "trueup", "read_json")
    facts = [
        f"{bench.rows // 10:,} rows of usage",
        f"{file.stat().st_size / 1e6:,.0f} MB of JSON",
        f"{min(each.seconds for each in runs['trueup']):.1f} s",
    ]
    return [Figure("otlp", found.middle, found.least, found.most, facts)]
