"""What each step of a run gave: the rows behind every keep, collect and count, by call site."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

import trueup
from trueup.engine.duckdb import DuckDBEngine
from trueup.engine.instants import zoned
from trueup.engine.spark import SparkEngine

SOURCE = Path(trueup.__file__).parent
STEPS = ("keep", "collect", "count")

Row = tuple[Any, ...]


@dataclass(frozen=True, order=True)
class Site:
    """A call of an engine's method: the file below src/trueup, the function, the method."""

    file: str
    function: str
    method: str
    line: int


@dataclass(frozen=True)
class Step:
    """What one call gave: the columns, and the rows as a multiset."""

    columns: tuple[str, ...]
    rows: Counter[Row]

    @classmethod
    def of(cls, table: pa.Table) -> Step:
        columns = tuple(sorted(table.column_names))
        lists = [table.column(name).to_pylist() for name in columns]
        return cls(columns, Counter(zip(*lists, strict=True) if columns else ()))


@dataclass
class Recording:
    """The steps of a run in the order of each call site."""

    steps: dict[Site, list[Step]] = field(default_factory=dict)

    def add(self, site: Site, step: Step) -> None:
        self.steps.setdefault(site, []).append(step)


@contextmanager
def recorded() -> Iterator[Recording]:
    """Note every step that either engine takes meanwhile for the code of src/trueup."""
    recording = Recording()
    with ExitStack() as stack:
        for engine in (DuckDBEngine, SparkEngine):
            for name in STEPS:
                own = getattr(engine, name)
                stack.enter_context(patch.object(engine, name, _noting(recording, name, own)))
        yield recording


def _noting(recording: Recording, name: str, own: Any) -> Any:
    def noted(engine: Any, given: Any) -> Any:
        found = own(engine, given)
        site = _site(sys._getframe(1), name)
        if site is not None:
            recording.add(site, Step.of(_rows(engine, name, found)))
        return found

    return noted


def _site(frame: Any, method: str) -> Site | None:
    path, line = Path(frame.f_code.co_filename), frame.f_lineno
    while frame.f_code.co_name.startswith("<"):  # a comprehension stands in its function
        frame = frame.f_back
    if not path.is_relative_to(SOURCE):
        return None
    return Site(path.relative_to(SOURCE).as_posix(), frame.f_code.co_name, method, line)


def _rows(engine: Any, method: str, found: Any) -> pa.Table:
    if method == "count":
        return pa.table({"count": [found]})
    if method == "collect":
        return found
    if isinstance(engine, SparkEngine):  # its files, without another job
        return zoned(pq.read_table(engine._scratch.path(found.get_name())))
    return zoned(engine.backend.con.sql(f"FROM {found.op().name}").to_arrow_table())


def differences(one: Recording, other: Recording, numbered: frozenset[str]) -> list[str]:
    """In which steps two recordings differ; ``numbered`` columns only up to other numbers."""
    lines = [
        f"{site}: only on one engine" for site in sorted(one.steps.keys() ^ other.steps.keys())
    ]
    for site in sorted(one.steps.keys() & other.steps.keys()):
        mine, theirs = one.steps[site], other.steps[site]
        if len(mine) != len(theirs):
            lines.append(f"{site}: {len(mine)} and {len(theirs)} times")
        for number, (left, right) in enumerate(zip(mine, theirs, strict=False)):
            said = _difference(left, right, numbered)
            if said:
                lines.append(f"{site}, call {number}: {said}")
    return lines


def _difference(one: Step, other: Step, numbered: frozenset[str]) -> str | None:
    if one.columns != other.columns:
        return f"columns {sorted({*one.columns} ^ {*other.columns})}"
    named = [place for place, name in enumerate(one.columns) if name in numbered]
    plain = [place for place, name in enumerate(one.columns) if name not in numbered]
    left, right = (_projected(step.rows, plain) for step in (one, other))
    if left != right:
        mine, theirs = list((left - right).items())[:2], list((right - left).items())[:2]
        return f"{[one.columns[place] for place in plain]}: {mine} against {theirs}"
    for place in named:
        parts = [_partition(step.rows, place, plain) for step in (one, other)]
        if parts[0] != parts[1]:
            return f"{one.columns[place]!r} puts other rows together"
    return None


def _projected(rows: Mapping[Row, int], places: Sequence[int]) -> Counter[Row]:
    found: Counter[Row] = Counter()
    for row, times in rows.items():
        found[tuple(row[place] for place in places)] += times
    return found


def _partition(
    rows: Mapping[Row, int], place: int, plain: Sequence[int]
) -> Counter[tuple[bool, frozenset[tuple[Row, int]]]]:
    """For each number its rows, without the number: what a bijection of numbers leaves as it is."""
    parts: dict[Any, Counter[Row]] = {}
    for row, times in rows.items():
        inside = parts.setdefault(row[place], Counter())
        inside[tuple(row[one] for one in plain)] += times
    return Counter((number is None, frozenset(part.items())) for number, part in parts.items())


def call_sites(folders: Sequence[str]) -> set[tuple[str, str, str, range]]:
    """Every call of keep, collect or count on an engine below folders of src/trueup, by AST."""
    found = set()
    for folder in folders:
        for path in sorted((SOURCE / folder).rglob("*.py")):
            file = path.relative_to(SOURCE).as_posix()
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for function in ast.walk(tree):
                if isinstance(function, ast.FunctionDef):
                    found |= {
                        (file, function.name, method, range(first, last + 1))
                        for method, first, last in _calls(function)
                    }
    return found


def _calls(function: ast.FunctionDef) -> Iterator[tuple[str, int, int]]:
    """The calls of a function's own body, functions within it apart."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            continue
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in STEPS
            and ast.unparse(node.func.value).endswith("engine")
        ):
            yield node.func.attr, node.lineno, node.end_lineno or node.lineno
        waiting += ast.iter_child_nodes(node)
