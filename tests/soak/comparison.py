"""Whether two lives end with the same figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from trueup.evidence import OF_THE_RUN

SHOWN_MAX = 20


@dataclass
class Compared:
    """How many figures two folders of results hold, and which differ."""

    figures: int = 0
    differing: list[str] = field(default_factory=list)


def compared(one: Path, other: Path) -> Compared:
    """Every value of every table of every month, without the tables that tell of the run itself."""
    found = Compared()
    ours, theirs = tables_of(one), tables_of(other)
    for name in sorted(ours.keys() | theirs.keys()):
        rows, other_rows = ours.get(name), theirs.get(name)
        if rows is None or other_rows is None or len(rows) != len(other_rows):
            lengths = [None if some is None else len(some) for some in (rows, other_rows)]
            found.differing.append(f"{name}: rows {lengths}")
            continue
        for number, (row, other_row) in enumerate(zip(rows, other_rows, strict=True)):
            found.figures += sum(is_figure(value) for value in row.values())
            for column in row.keys() | other_row.keys():
                if row.get(column) != other_row.get(column):
                    both = f"{row.get(column)!r:.80} and {other_row.get(column)!r:.80}"
                    found.differing.append(f"{name} row {number} {column}: {both}")
    return found


def tables_of(out: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of every Parquet table and of every table of ``result.json``, by month and name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(out.glob("*/parquet/*.parquet")):
        if path.stem not in OF_THE_RUN:
            found[f"{path.parts[-3]} {path.name}"] = pq.read_table(path).to_pylist()
    for path in sorted(out.glob("*/result.json")):
        said = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        head = {key: value for key, value in said.items() if not isinstance(value, list)}
        found[f"{path.parts[-2]} result.json"] = [head]
        for name, rows in said.items():
            if isinstance(rows, list) and name not in OF_THE_RUN:
                found[f"{path.parts[-2]} result.json {name}"] = rows
    return found


def is_figure(value: object) -> bool:
    """Whether a value is a number: typed, or as text as ``result.json`` writes it."""
    if isinstance(value, str):
        return value.lstrip("-").replace(".", "", 1).isdigit()
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def lines(differing: list[str]) -> Iterator[str]:
    """The first of what differs, and how many more."""
    yield from differing[:SHOWN_MAX]
    if len(differing) > SHOWN_MAX:
        yield f"and {len(differing) - SHOWN_MAX:,} more"
