"""How every command shows rows: columns for a person, JSON for a machine.

A person reads grouped figures, money with two decimals, and nothing wider than the terminal as long
as names can be shortened. A machine reads exact figures as plain text without trailing zeros,
instants as ISO 8601, and null where nobody has a name or nothing is known.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from shutil import get_terminal_size

NONE = "-"
GAP = 2
NAME_MIN = 12  # characters that a shortened name keeps


def to_json(value: object, indent: int | None = 2) -> str:
    """JSON of rows; amounts, instants and days are text, and nothing steers a terminal."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_text)
    return "\n".join(map(_shown, text.split("\n")))


def _shown(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in line)


def _text(value: object) -> str:
    from trueup.money import plain
    from trueup.period import iso

    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON")


def amount(value: Decimal | None) -> str:
    """Money, or anything that is counted like it: two decimals."""
    from trueup.report.numbers import money

    return NONE if value is None else money(value)


def quantity(value: Decimal | None) -> str:
    """At most four decimals."""
    from trueup.report import numbers

    return NONE if value is None else numbers.quantity(value)


def percent(value: Decimal | None) -> str:
    """A share of 1."""
    from trueup.report import numbers

    return NONE if value is None else numbers.percent(value)


def named(name: str | None, of: str = "team", reason: str | None = None) -> str:
    """A name; ``(nobody: idle)`` where no team or agent has one, ``(no model)`` of things."""
    if name is not None:
        return name
    nobody = "nobody" if of in ("team", "agent") else f"no {of}"
    known = "" if reason in (None, f"no_{of}") else f": {reason}".replace("_", " ")
    return f"({nobody}{known})"


def aligned(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: Collection[str] = (),
    names: Collection[str] = (),
) -> str:
    """Rows under their heads, in columns; those whose head is in ``right`` end together.

    On a terminal that is too narrow, cells of ``names`` (the first column) are shortened.
    """
    from trueup.model.display import legible
    from trueup.report.names import short

    lines = [list(head), *([legible(cell) for cell in row] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    if sys.stdout.isatty():
        columns = [at for at, name in enumerate(head) if name in (names or head[:1])]
        _narrow(widths, columns, get_terminal_size().columns)
    ends = [name in right for name in head]
    gap = " " * GAP
    return "\n".join(
        gap.join(
            (cell.rjust if end else cell.ljust)(width)
            for cell, width, end in zip(map(short, line, widths), widths, ends, strict=True)
        ).rstrip()
        for line in lines
    )


def _narrow(widths: list[int], columns: Sequence[int], room: int) -> None:
    """Make the widest of some columns narrower until all fit, or none of them can be."""
    while sum(widths) + GAP * (len(widths) - 1) > room:
        widest = max(columns, key=lambda at: widths[at])
        if widths[widest] <= NAME_MIN:
            return
        widths[widest] -= 1
