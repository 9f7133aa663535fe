"""The parts a section of the page is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trueup.report.html.view import Figure, Grid


@dataclass(frozen=True)
class Block:
    """A table, a chart, several charts, a chart beside its table, or a remark."""

    kind: Literal["grid", "figure", "multiples", "beside", "note"]
    grids: Sequence[Grid] = ()
    figures: Sequence[Figure] = ()
    text: str = ""


@dataclass(frozen=True)
class Section:
    """One heading of the page and what stands under it."""

    anchor: str
    title: str
    lead: Sequence[str]
    blocks: Sequence[Block]


def grid(table: Grid) -> Block:
    """A table on its own."""
    return Block("grid", grids=[table])


def note(text: str) -> Block:
    """A remark."""
    return Block("note", text=text)


def more(count: int, shown: int, file: str) -> str | None:
    """The line under a table that was cut."""
    return f"and {count - shown:,} more in parquet/{file}.parquet" if count > shown else None
