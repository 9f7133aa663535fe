"""Where the time of one reconciliation goes: per step of the engine, and per reader.

``python -m benchmarks.steps FOLDER`` reconciles the month in that folder (see ``data``) and prints
each place in trueup that made the engine work, with how often, how long, and how long of that Ibis
took to write the query. Steps are timed where they are called, so they add up to the whole.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from types import FrameType
from typing import Any

RULES = {"tolerance": [{"leg": "usage", "days": 0}]}
AS_OF = "2026-12-20"
PERIOD = "2026-10"
ENGINE_CALLS = ("keep", "collect", "load", "count")


class Steps:
    """Seconds by the clock and of the processor, calls and rows made, by name of step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.busy: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self.rows: dict[str, int] = defaultdict(int)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        start, busy = perf_counter(), process_time()
        yield
        self.seconds[name] += perf_counter() - start
        self.busy[name] += process_time() - busy
        self.calls[name] += 1

    def lines(self, least: float = 0.005) -> Iterator[str]:
        """A line for each step, the longest first; those under ``least`` of all in one."""
        whole = sum(self.seconds.values()) or 1
        rest = 0.0
        for name in sorted(self.seconds, key=lambda name: -self.seconds[name]):
            if self.seconds[name] < least * whole:
                rest += self.seconds[name]
                continue
            share = 100 * self.seconds[name] / whole
            times = f"{self.seconds[name]:9.2f} s {share:5.1f} % {self.busy[name]:8.2f} s cpu"
            yield f"{times} {self.calls[name]:4d} x {self.rows[name]:10,d} rows  {name}"
        yield f"{rest:9.2f} s {100 * rest / whole:5.1f} %          (all others)"


def place(frame: FrameType | None) -> str:
    """The two innermost functions of trueup above the engine, as module.function:line."""
    found: list[str] = []
    while frame is not None and len(found) < 2:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("trueup.") and not name.startswith("trueup.engine"):
            found.append(f"{name.removeprefix('trueup.')}.{frame.f_code.co_name}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(found)


def watch(steps: Steps, writing: Steps) -> None:
    """Time every call of the engine by where it was made, and Ibis's own part in it."""
    from trueup.engine.duckdb import DuckDBEngine

    def wrapped(kind: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(self: DuckDBEngine, *given: Any) -> Any:
            name = f"{kind:7} {place(sys._getframe(1))}"
            with steps.timed(name):
                result = call(self, *given)
            if kind == "keep":
                steps.rows[name] += counted(self, result)
            elif kind == "collect":
                steps.rows[name] += result.num_rows
            return result

        return timed

    counted = DuckDBEngine.count
    for kind in ENGINE_CALLS:
        setattr(DuckDBEngine, kind, wrapped(kind, getattr(DuckDBEngine, kind)))

    query = DuckDBEngine.query

    def query_timed(self: DuckDBEngine, expression: Any) -> str:
        with writing.timed("ibis compile"):
            return query(self, expression)

    setattr(DuckDBEngine, "query", query_timed)  # noqa: B010


def watch_readers(steps: Steps) -> None:
    """Time what the readers of charges and usage call, one within another where they nest."""
    from trueup.focus import columnar, intake, landing
    from trueup.telemetry import table, usage

    def wrapped(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            with steps.timed(name):
                return call(*given, **named)

        return timed

    def stepped(name: str, call: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def timed(*given: Any) -> Iterator[Any]:
            items = call(*given)
            while True:
                with steps.timed(name):
                    item = next(items, None)
                if item is None:
                    return
                yield item

        return timed

    batches = columnar.ParquetFile.batches
    places: tuple[tuple[Any, str], ...] = (
        (intake.Intake, "_take"),
        (intake.Intake, "write"),
        (landing.Landing, "all"),
        (table, "load_records"),
        (table, "_check_columns"),
        (table, "_refuse_units"),
        (table.TableReader, "read"),
        (usage, "_check_rejects"),
        (usage, "_source_row"),
        (usage, "_write_usage"),
    )
    for owner, name in places:
        setattr(owner, name, wrapped(f"{owner.__name__}.{name}", getattr(owner, name)))
    batches_timed = stepped("raw batches of Parquet (in a thread beside)", batches)
    columnar.ParquetFile.batches = batches_timed  # type: ignore[method-assign]


def main() -> None:
    """Reconcile once and print the steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    import trueup

    steps, writing, phases = Steps(), Steps(), Steps()
    readers = Steps()
    watch(steps, writing)
    watch_readers(readers)
    with phases.timed("read_charges"):
        charges = trueup.read_charges(folder / "charges.parquet")
    with phases.timed("read_commitments"):
        commitments = trueup.read_commitments(folder / "contracts.parquet")
    with phases.timed("read_usage"):
        usage = trueup.read_usage(folder / "usage.parquet")
    with phases.timed("reconcile"):
        trueup.reconcile(
            charges,
            commitments=commitments,
            usage=usage,
            period=PERIOD,
            rules=RULES,
            as_of=AS_OF,
        )
    print(f"{len(charges.table):,} charges, {len(usage.table):,} usage rows")
    print("Phases:", *phases.lines(0), sep="\n")
    print("Within the readers (nested steps overlap):", *readers.lines(0), sep="\n")
    print("Ibis writing queries:", *writing.lines(0), sep="\n")
    print("Engine calls within reconcile, by caller:", *steps.lines(), sep="\n")


if __name__ == "__main__":
    main()
