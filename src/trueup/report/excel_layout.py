"""Where the tables of the workbook stand: sheets, header rows, totals, widths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from trueup.model.display import is_money
from trueup.model.table import Table
from trueup.money import EXACT

TEXT_MAX = 32_767  # characters of one cell, as UTF-16 counts them
GROUPS_MAX = 40  # total rows above a table: one per currency, and layer where there are layers
_NOT_IN_XML = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)
LAYER, STEP = "layer", "step"  # the last step of a bridge is the sum of the others
# Columns whose values are never added to one another, where the table has the second one, too.
_PARTS = {LAYER: "commitment_id", "status": "claim_id"}
_NOT_TOTALLED = frozenset({"cost_per_credit"})  # a price, not an amount
_WIDTHS = {"money": 16, "quantity": 16, "count": 11, "share": 11, "instant": 17}
_TEXT_WIDTHS = {
    "commitment_id": 42,
    "resource_id": 42,
    "lot_id": 32,
    "source": 38,
    "explanation": 60,
    "text": 70,
    "remedy": 50,
    "reason": 34,
    "value": 34,
    "sha256": 66,
    "session": 26,
    "model": 24,
    "rule": 24,
    "class": 20,
    "subject": 34,
    "name": 26,
}


@dataclass
class Group:
    """One total row: a currency, and a part where parts of the table are not to be added.

    ``by`` is the column that tells the parts apart: the layer of a commitment, the status of a
    claim. A column of which no figure is known has no sum.
    """

    currency: str
    part: str | None = None
    by: str | None = None
    sums: dict[str, Decimal] = field(default_factory=dict)

    @property
    def label(self) -> str:
        part = f", {clean(self.part)}{' layer' if self.by == LAYER else ''}" if self.part else ""
        return f"Total {clean(self.currency)}{part}"

    @property
    def where(self) -> dict[str, str | None]:
        """The cells that a row of it has in the columns of its key."""
        return {"currency": self.currency} | ({self.by: self.part} if self.by else {})


@dataclass(frozen=True)
class SheetPlan:
    """A table's sheets with their rows, and the totals above the first of them."""

    sheets: list[tuple[str, int]]
    groups: list[Group]
    totalled: list[str]
    columns: list[str]

    @property
    def top(self) -> int:
        """The header's row on the first sheet, counted from 0."""
        return len(self.groups)

    def ranges(self, column: str) -> Iterator[str]:
        """The column's cells on every sheet of the table, as references from other sheets."""
        letter = letters(self.columns.index(column))
        for position, (sheet, count) in enumerate(self.sheets):
            first = (self.top if position == 0 else 0) + 2
            quoted = sheet.replace("'", "''")
            yield f"'{quoted}'!${letter}${first}:${letter}${first + max(count, 1) - 1}"


def letters(index: int) -> str:
    """The letters of a column counted from 0: A, B ... Z, AA."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def clean(text: str) -> str:
    """Text without control characters and direction overrides, no longer than a cell holds.

    xlsxwriter takes what stands in <r></r> for markup of its own: a space keeps it text.
    """
    text = _cut(_NOT_IN_XML.sub("", text), TEXT_MAX)
    if text.startswith("<r>") and text.endswith("</r>"):
        return _cut(text, TEXT_MAX - 1) + " "
    return text


def _cut(text: str, units: int) -> str:
    if len(text) <= units // 2:
        return text
    return text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", errors="ignore")


def quoted(text: str) -> str:
    """Text as a literal of a formula; wildcards of SUMIF mean themselves."""
    escaped = re.sub(r"([~*?])", r"~\1", clean(text))
    return '"' + escaped.replace('"', '""') + '"'


def column_width(name: str, kind: str) -> int:
    """A width in characters that shows most values of a column."""
    if kind != "text":
        return _WIDTHS[kind]
    return _TEXT_WIDTHS.get(name, 16)


def plan_sheets(title: str, table: Table, rows_max: int) -> SheetPlan:
    """Lay a table out over as many sheets as its rows need, at most ``rows_max`` on each."""
    groups, totalled = _totals(table)
    left = len(table)
    first = min(left, rows_max - len(groups))
    sheets = [(title, first)]
    left -= first
    while left > 0:
        count = min(left, rows_max)
        sheets.append((f"{title} ({len(sheets) + 1})", count))
        left -= count
    return SheetPlan(sheets, groups, totalled, table.columns)


def _totals(table: Table) -> tuple[list[Group], list[str]]:
    """The total rows of a table and their sums: never over two currencies or two layers."""
    import pyarrow as pa

    from trueup.model.sums import sums_by

    money = [
        name for name in table.columns if is_money(name, table.schema) and name not in _NOT_TOTALLED
    ]
    if "currency" not in table.columns or not money or STEP in table.columns:
        return [], []
    by = next((column for column, of in _PARTS.items() if {column, of} <= {*table.columns}), None)
    keys = ["currency", by] if by else ["currency"]
    found: dict[tuple[str | None, ...], Group] = {}
    for batch in table.reader():
        part = pa.Table.from_batches([batch.select([*keys, *money])])
        for row in sums_by(part, keys, money).to_pylist():
            if row["currency"] is None:
                continue
            key = tuple(row[name] for name in keys)
            group = found.setdefault(key, Group(row["currency"], row[by] if by else None, by))
            for name in money:
                if row[name] is not None:
                    group.sums[name] = EXACT.add(group.sums.get(name, Decimal(0)), row[name])
    order = sorted(found, key=lambda key: [part or "" for part in key])
    return [found[key] for key in order[:GROUPS_MAX]], money


def total_formula(plan: SheetPlan, name: str, group: Group) -> str:
    """The formula of one total: SUBTOTAL, which follows the filter, where all rows are its own."""
    if len(plan.groups) == 1 and len(plan.sheets) == 1:
        return f"=SUBTOTAL(109,{next(plan.ranges(name))})"
    return "=" + sum_if(plan, name, **group.where)


def sum_if(plan: SheetPlan, name: str, condition: str | None = None, **where: str | None) -> str:
    """SUMIFS over every sheet of a table; ``condition`` is one on the summed column itself."""
    terms = []
    criteria = {column: value for column, value in where.items() if value is not None}
    for position, summed in enumerate(plan.ranges(name)):
        parts = [summed]
        for column, value in criteria.items():
            parts += [list(plan.ranges(column))[position], quoted(value)]
        if condition:
            parts += [summed, f'"{condition}"']
        terms.append(f"SUMIFS({','.join(parts)})")
    return "+".join(terms)
