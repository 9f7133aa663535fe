"""How a table looks to a person: plain text for a terminal, HTML for a notebook.

Figures are exact: no rounding, no exponent. Text from outside is never markup and never a
terminal control sequence.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING

import pyarrow as pa

from trueup.money import plain

if TYPE_CHECKING:
    from trueup.model.table import Table

_WHEN = ("before", "after", "delta")
MONEY_COLUMNS = frozenset(
    {
        "committed_cost",
        "used_cost",
        "unused_cost",
        "purchased_cost",
        "billed_cost",
        "effective_cost",
        "effective_cost_in_period",
        "cost",
        "cost_per_credit",
        "amount",
        "net_amount",
        *(f"{cost}_{when}" for cost in ("effective", "billed") for when in _WHEN),
    }
)
_COMPARED = frozenset({"billed", "expected", "difference"})  # money in these, else a quantity
_OF_MONEY = frozenset({"claim_id", "pricing_currency"})  # a column that only such a table has
MONEY_DECIMALS = 2
TEXT_WIDTH_MAX = 36  # characters of one terminal cell; the notebook wraps instead
NOTEBOOK_TEXT_MAX = 300
UNKNOWN = "-"
WIDTH_MAX = 10_000
GAP = 3  # spaces between two columns

# What a terminal has room for first, and what it can do without.
FIRST = (
    *("commitment_id", "lot_id", "class", "source", "currency", "amount", "cost"),
    *("used_cost", "unused_cost", "utilization", "committed_cost", "billed", "allocated"),
    *("unused", "unattributed", "remaining", "team", "agent", "rows_in", "accepted", "rejected"),
    *("interval_start", "period_start", "resource_id", "unit", "expected"),
)
LAST = (
    *("status", "region_id", "account_id", "layer", "provisional", "leg", "name", "category"),
    *("type", "purchased_cost", "source_id", "quantity_basis", "overage_quantity"),
    *("unused_off_bill_quantity", "unused_off_bill_cost"),
    *("not_covered_quantity", "interval_end", "period_end", "id", "rule", "priced_by"),
    *("opening", "rows_billed", "rows_metered", "size_bytes", "explanation", "tags", "sha256"),
)


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


def legible_lines(text: str) -> str:
    """The same of each line of a text."""
    return "\n".join(map(legible, text.split("\n")))


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii") if sign != "\xa0" else " "


def is_money(column: str, schema: pa.Schema) -> bool:
    """Say whether a column holds an amount of the row's currency.

    In an identity, of costs or of an invoice, every decimal is money without saying so in its
    name; in claims and conversions what is compared is.
    """
    if not pa.types.is_decimal(schema.field(column).type):
        return False
    names = set(schema.names)
    if column in MONEY_COLUMNS or (column in _COMPARED and names & _OF_MONEY):
        return True
    return "difference" in names and not names & {"unit", *_OF_MONEY}


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
    """The names and texts of the first rows; a column without any value there is left out."""
    money = [is_money(name, table.schema) for name in table.columns]
    columns = {
        name: [cell(value, of_money) for value in column.to_pylist()]
        for name, of_money, column in zip(table.columns, money, table.head().columns, strict=True)
    }
    empty = len(table) == 0
    shown = {name: texts for name, texts in columns.items() if empty or set(texts) != {UNKNOWN}}
    return list(shown), [list(row) for row in zip(*shown.values(), strict=True)]


def _closing(table: Table, shown: int, hidden: list[str]) -> str:
    count = len(table)
    said = []
    if count > shown:
        said.append(f"{count - shown:,} more row{'s' if count - shown > 1 else ''}")
    if count == 0:
        said.append("no rows")
    elif hidden:
        said.append(
            f"{len(hidden)} more column{'s' if len(hidden) > 1 else ''}: {', '.join(hidden)}"
        )
    return "; ".join(said)


def table_text(table: Table, width: int | None = None) -> str:
    """Return the first rows for a terminal, numbers to the right, and how many more there are.

    ``width`` is that of the terminal unless given. Where a row is wider, the columns that say
    least are left out and named below; a number is never cut.
    """
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    names, rows = _fitting(*_cells(table), width or get_terminal_size((120, 24)).columns)
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in names:
        right = _is_number(table.schema.field(name).type)
        grid.add_column(
            Text(name), justify="right" if right else "left", no_wrap=True, overflow="crop"
        )
    for row in rows:
        grid.add_row(*(Text(text) for text in row))
    target = StringIO()
    Console(file=target, width=WIDTH_MAX, color_system=None, legacy_windows=False).print(grid)
    lines = [line.rstrip() for line in target.getvalue().splitlines()]
    hidden = [name for name in table.columns if name not in names]
    closing = wrap(_closing(table, len(rows), hidden), max(width or 0, 80))
    return "\n".join([*lines, *closing])


def _fitting(
    names: list[str], rows: list[list[str]], width: int
) -> tuple[list[str], list[list[str]]]:
    """The columns that fit, in their own order: FIRST is given room first, LAST last."""
    from rich.cells import cell_len

    texts = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    columns = {
        name: [_cut(text) for text in column] for name, column in zip(names, texts, strict=True)
    }
    widths = {name: max(map(cell_len, [name, *columns[name]])) + GAP for name in names}
    room = width
    shown: set[str] = set()
    for name in sorted(names, key=_importance):
        if widths[name] <= room or not shown:
            shown.add(name)
            room -= widths[name]
    kept = [name for name in names if name in shown]
    return kept, [list(row) for row in zip(*(columns[name] for name in kept), strict=True)]


def _importance(name: str) -> int:
    if name in FIRST:
        return FIRST.index(name)
    return len(FIRST) + (1 + LAST.index(name) if name in LAST else 0)


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
    hidden = [name for name in table.columns if name not in names]
    closing = escape(_closing(table, len(rows), hidden))
    return (
        f'<table style="font-variant-numeric:tabular-nums"><thead>{row_of("th", names)}</thead>'
        f"<tbody>{body}</tbody></table>" + (f"<p>{closing}</p>" if closing else "")
    )
