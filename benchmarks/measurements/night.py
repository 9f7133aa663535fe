"""The nightly job on a month, again after one day's bill has changed, and on that day alone.

A night's result is whole: its tables stand in the folder of results and, run by run, in the
workspace. What the changed day takes where it is all there is, and copying the month's tables
twice, is below any such night.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from benchmarks import exports
from benchmarks.bench import Bench
from benchmarks.goal import Figure
from benchmarks.measure import Ratio, Run, program, run

CHANGED_DAY = 17
PERIOD = "2026-10"
CONFIGURATION = """
[run]
period = "{period}"
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
    alone: list[Run] = []
    copies: list[Run] = []
    for number in range(bench.rounds):
        folder = _begun(bench)
        full.append(_job(folder))
        _change(folder / f"charges-{CHANGED_DAY:02}.parquet", number)
        night.append(_job(folder))
        copies.append(_copied(bench, folder / "out" / PERIOD / "parquet"))
        alone.append(_job(_of_one_day(_begun(bench), CHANGED_DAY)))
        print(f"  {_seconds(full, night, alone, copies)}", flush=True)
    of_full = [each.seconds for each in full]
    found = Ratio.of([each.seconds for each in night], of_full)
    least = Ratio.of([each.seconds for each in alone], of_full).middle
    twice = Ratio.of([2 * each.seconds for each in copies], of_full).middle
    facts = [
        _seconds(full, night, alone, copies),
        f"the day alone, where there is no other: {least:.2f} x",
        f"to copy the result's tables twice: {twice:.2f} x",
    ]
    return [Figure("night", found.middle, found.least, found.most, facts)]


def _begun(bench: Bench) -> Path:
    """A folder with a file a day, the configuration, and no workspace."""
    folder = bench.place("night")
    shutil.rmtree(folder)
    exports.days_of(bench.month(), folder)
    _configure(folder, PERIOD)
    return folder


def _configure(folder: Path, period: str) -> None:
    (folder / "trueup.toml").write_text(CONFIGURATION.format(period=period), encoding="utf-8")


def _of_one_day(folder: Path, day: int) -> Path:
    """The folder without the files of other days, of which nothing is asked: none is missed."""
    _configure(folder, f"{PERIOD}-{day:02}")
    for file in (*folder.glob("charges-*.parquet"), *folder.glob("usage-*.parquet")):
        if not file.stem.endswith(f"-{day:02}"):
            file.unlink()
    return folder


def _job(folder: Path) -> Run:
    return run(program("trueup", "run", "-c", folder / "trueup.toml"))


def _copied(bench: Bench, tables: Path) -> Run:
    """DuckDB copies the tables of a result as they are, once."""
    names = sorted(file.name for file in tables.glob("*.parquet"))
    place = bench.place("night-copies")
    return run(program("benchmarks.contestants.copying", tables, place, *names))


def _seconds(*runs: list[Run]) -> str:
    last = (each[-1].seconds for each in runs)
    said = "full {:.1f} s, night {:.1f} s, the day alone {:.1f} s, the tables' copy {:.1f} s"
    return said.format(*last)


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
