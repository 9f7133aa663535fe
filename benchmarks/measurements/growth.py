"""How time grows with rows, and what a memory limit costs.

Of the gigabyte that the engine may take it is told 850 MB: it holds more than it counts. The
hand-written SQL is told the gigabyte: it does not pass fifty million rows in 850 MB.
"""

from __future__ import annotations

from math import log
from statistics import linear_regression, median

from benchmarks.bench import Bench
from benchmarks.goal import Figure
from benchmarks.measure import Program, alternated, program, ratio

LIMITED, SQL_LIMITED, UNLIMITED = "850MB", "1GB", "16GB"


def measure(bench: Bench) -> list[Figure]:
    """The core and the hand-written SQL at each size; the largest also under a limit."""
    medians: dict[int, float] = {}
    by_hand: dict[int, float] = {}
    largest = max(bench.sizes)
    for rows in bench.sizes:
        named = {f"{rows:,}": _core(bench, rows, UNLIMITED), "SQL": _sql(bench, rows, UNLIMITED)}
        if rows == largest:
            named |= {f"{rows:,} in {LIMITED}": _core(bench, rows, LIMITED)}
            named |= {f"SQL in {SQL_LIMITED}": _sql(bench, rows, SQL_LIMITED)}
        runs = alternated(named, bench.rounds, warm=False)
        medians[rows] = median(each.seconds for each in runs[f"{rows:,}"])
        by_hand[rows] = median(each.seconds for each in runs["SQL"])
    limited = runs[f"{largest:,} in {LIMITED}"]
    peak = [each.peak_bytes / 2**30 for each in limited]
    sql = max(each.peak_bytes for each in runs[f"SQL in {SQL_LIMITED}"]) / 2**30
    slower = ratio(runs, f"{largest:,} in {LIMITED}", f"{largest:,}")
    exponent = _exponent(medians)
    facts = [f"{rows:,}: {seconds:.1f} s" for rows, seconds in medians.items()]
    facts += [f"SQL at {rows:,}: {seconds:.1f} s" for rows, seconds in by_hand.items()]
    facts.append(f"the SQL's own exponent: {_exponent(by_hand):.2f}")
    return [
        Figure("growth-exponent", exponent, exponent, exponent, facts),
        Figure(
            "growth-memory",
            max(peak),
            min(peak),
            max(peak),
            [f"{largest:,} rows a side", f"hand-written SQL in {SQL_LIMITED} holds {sql:.2f} GiB"],
        ),
        Figure("growth-limited", slower.middle, slower.least, slower.most),
    ]


def _core(bench: Bench, rows: int, limit: str) -> Program:
    out = bench.place(f"growth-{rows}-{limit}")
    return program(
        "benchmarks.contestants.trueup", bench.month(rows), out, TRUEUP_MEMORY_LIMIT=limit
    )


def _sql(bench: Bench, rows: int, limit: str) -> Program:
    """The hand-written SQL, which has neither Ibis nor trueup to load, under the same limit."""
    out = bench.place(f"growth-sql-{limit}")
    return program("benchmarks.contestants.sql", bench.month(rows), out, TRUEUP_MEMORY_LIMIT=limit)


def _exponent(seconds: dict[int, float]) -> float:
    points = [(log(rows), log(each)) for rows, each in seconds.items()]
    return linear_regression([x for x, _ in points], [y for _, y in points]).slope
