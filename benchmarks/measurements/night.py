"""The nightly job on a month, and again after one day's bill has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from benchmarks import exports
from benchmarks.bench import Bench
from benchmarks.goal import Figure
from benchmarks.measure import Ratio, Run, program, run

CHANGED_DAY = 17
CONFIGURATION = """
[run]
period = "2026-10"
as_of = 2026-12-20T00:00:00Z

[[charges]]
paths = ["charges-*.parquet"]

[[commitments]]
paths = ["contracts.parquet"]

[[usage]]
paths = ["usage-*.parquet"]

[[rules.tolerance]]
leg = "usage"
days = 0
"""


def measure(bench: Bench) -> list[Figure]:
    """Each round begins with an empty workspace."""
    full: list[Run] = []
    night: list[Run] = []
    month = bench.month()
    for number in range(bench.rounds):
        folder = bench.place("night")
        shutil.rmtree(folder)
        exports.days_of(month, folder)
        (folder / "trueup.toml").write_text(CONFIGURATION, encoding="utf-8")
        job = program("trueup", "run", "-c", folder / "trueup.toml")
        full.append(run(job))
        _change(folder / f"charges-{CHANGED_DAY:02}.parquet", number)
        night.append(run(job))
        print(f"  full {full[-1].seconds:.1f} s, night {night[-1].seconds:.1f} s", flush=True)
    found = Ratio.of([each.seconds for each in night], [each.seconds for each in full])
    facts = [f"full {full[-1].seconds:.1f} s, night {night[-1].seconds:.1f} s"]
    return [Figure("night", found.middle, found.least, found.most, facts)]


def _change(file: Path, number: int) -> None:
    """The day's bill comes again, one charge a cent dearer."""
    changed = file.with_suffix(".new")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        cost = f"EffectiveCost + CASE WHEN r = {number + 1} THEN 0.01 ELSE 0 END"
        connection.execute(
            f"""COPY (SELECT * EXCLUDE (r) REPLACE (({cost})::DECIMAL(24, 10) AS EffectiveCost)
                FROM (SELECT row_number() OVER () AS r, * FROM '{file}'))
            TO '{changed}' (FORMAT parquet, COMPRESSION zstd)"""
        )
    changed.replace(file)
