"""The parts a section of the page is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, Protocol, TypeVar

from trueup.report.action import Action
from trueup.report.html.view import Cell, Figure, Grid

ROWS_SHOWN = 12  # at once; what follows is folded away
ROWS_MAX = 60

Item_co = TypeVar("Item_co", covariant=True)
Item = TypeVar("Item")


class Listed(Protocol[Item_co]):
    """A table of the result, or a list of what was made from one."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Item_co]: ...


@dataclass(frozen=True)
class Block:
    """A table, a chart, several charts, a chart beside its table, things to do, or a remark."""

    kind: Literal["grid", "figure", "multiples", "beside", "actions", "note"]
    grids: Sequence[Grid] = ()
    figures: Sequence[Figure] = ()
    actions: Sequence[Action] = ()
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
    place = file if "/" in file else f"parquet/{file}"
    return f"and {count - shown:,} more in {place}.parquet" if count > shown else None


def listing(
    form: Grid,
    items: Listed[Item],
    cells: Callable[[Item], Sequence[Cell]],
    file: str,
    shown: int = ROWS_SHOWN,
    most: int = ROWS_MAX,
) -> list[Block]:
    """A table of items: the first in sight, the next folded away, the others only counted.

    ``form`` is the table without its rows, ``file`` the Parquet file that has them all, in
    ``parquet`` unless it names another folder. With nothing in sight the whole table is folded.
    """
    rows = [cells(item) for item in islice(items, most)]
    left = more(len(items), len(rows), file)
    if len(rows) <= shown:
        return [grid(replace(form, rows=rows, more=left))]
    said = f"{len(rows) - shown:,} more" if shown else f"{form.caption} ({len(rows):,})"
    folded = replace(form, rows=rows[shown:], more=left, folded=said)
    return [*([grid(replace(form, rows=rows[:shown]))] if shown else []), grid(folded)]
