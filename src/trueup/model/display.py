"""How a table looks to a person: plain text for a terminal, HTML for a notebook.

Figures are exact: no rounding, no exponent. Text from outside is never markup and never a
terminal control sequence.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from trueup.model.table import Table

MONEY_COLUMNS = frozenset(
    {
        "committed_cost",
        "used_cost",
        "unused_cost",
        "purchased_cost",
        "billed_cost",
        "effective_cost",
        "cost",
        "cost_per_credit",
        "amount",
    }
)
MONEY_DECIMALS = 2
TEXT_WIDTH_MAX = 36  # characters of one terminal cell; the notebook wraps instead
NOTEBOOK_TEXT_MAX = 300
UNKNOWN = "-"


def plain(value: Decimal, decimals_min: int = 0) -> str:
    """Return the exact decimal text: no exponent, trailing zeros cut down to ``decimals_min``."""
    text = format(value, "f")
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0").ljust(decimals_min, "0")
    if value == 0:
        whole = "0"
    return f"{whole}.{fraction}" if fraction else whole


def instant(value: datetime) -> str:
    """Return a UTC instant as ISO 8601, with a fraction only where there is one."""
    moment = value.astimezone(UTC).replace(tzinfo=None)
    return f"{moment.isoformat()}Z"


def legible(text: str, length_max: int | None = None) -> str:
    """Return text in which every character that does not print is written as an escape.

    That covers terminal control sequences, direction overrides and what XML cannot carry.
    """
    if length_max is not None and len(text) > length_max:
        text = f"{text[: length_max - 1]}…"
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in text)


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii") if sign != "\xa0" else " "


def is_money(column: str, schema: pa.Schema) -> bool:
    """Say whether a column holds an amount of the row's currency.

    The identity's columns are money without saying so in their names: there, every decimal is.
    """
    if not pa.types.is_decimal(schema.field(column).type):
        return False
    return column in MONEY_COLUMNS or {"allocated", "unattributed"} <= set(schema.names)


def cell(value: object, money: bool = False) -> str:
    """Return the text of one value; what is not known is a dash."""
    if value is None:
        return UNKNOWN
    if isinstance(value, Decimal):
        return plain(value, MONEY_DECIMALS if money else 0)
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return legible(str(value))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind) or pa.types.is_integer(kind))


def _cells(table: Table) -> tuple[list[str], list[list[str]]]:
    money = {name: is_money(name, table.schema) for name in table.columns}
    rows = [
        [cell(row[name], money[name]) for name in table.columns] for row in table.head().to_pylist()
    ]
    shown = [
        index
        for index, name in enumerate(table.columns)
        if not rows or name in ("currency", "unit") or any(row[index] != UNKNOWN for row in rows)
    ]
    return [table.columns[index] for index in shown], [[row[i] for i in shown] for row in rows]


def _closing(table: Table, shown: int, columns_shown: int) -> str:
    count = len(table)
    said = []
    if count > shown:
        said.append(f"{count - shown:,} more rows")
    if columns_shown < len(table.columns):
        said.append(f"{len(table.columns) - columns_shown} columns without a value not shown")
    if count == 0:
        said.append("no rows")
    return "; ".join(said)


def table_text(table: Table, width: int = 0) -> str:
    """Return the first rows for a terminal, numbers to the right, and how many more there are.

    ``width`` 0 lets the table be as wide as its cells: nothing is ever cut out of a number.
    """
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    names, rows = _cells(table)
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in names:
        right = _is_number(table.schema.field(name).type)
        grid.add_column(
            Text(name), justify="right" if right else "left", no_wrap=True, overflow="ignore"
        )
    for row in rows:
        grid.add_row(*(Text(_cut(text)) for text in row))
    wide = width or sum(max(map(len, column)) + 3 for column in zip(names, *rows, strict=True)) + 8
    target = StringIO()
    Console(file=target, width=max(wide, 20), color_system=None, legacy_windows=False).print(grid)
    lines = [line.rstrip() for line in target.getvalue().splitlines()]
    return "\n".join(filter(None, [*lines, _closing(table, len(rows), len(names))]))


def _cut(text: str) -> str:
    """Cut long text in its middle: identifiers differ at their ends."""
    if len(text) <= TEXT_WIDTH_MAX or text.replace(".", "").lstrip("-").isdigit():
        return text
    half = (TEXT_WIDTH_MAX - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def table_html(table: Table) -> str:
    """Return the first rows for a notebook; every text is escaped."""
    names, rows = _cells(table)
    right = [_is_number(table.schema.field(name).type) for name in names]

    def row_of(tag: str, texts: list[str]) -> str:
        parts = (
            f'<{tag} style="text-align:{"right" if to_right else "left"}">'
            f"{escape(text[:NOTEBOOK_TEXT_MAX])}</{tag}>"
            for text, to_right in zip(texts, right, strict=True)
        )
        return f"<tr>{''.join(parts)}</tr>"

    body = "".join(row_of("td", row) for row in rows)
    closing = escape(_closing(table, len(rows), len(names)))
    return (
        f'<table style="font-variant-numeric:tabular-nums"><thead>{row_of("th", names)}</thead>'
        f"<tbody>{body}</tbody></table>" + (f"<p>{closing}</p>" if closing else "")
    )
