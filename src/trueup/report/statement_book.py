"""statements.xlsx: what every unit bears, and a sheet for each team; totals are formulas.

Excel keeps 15 digits of a number; the exact figures are in the Parquet files beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.attribute.statement import SCALE, Statement
from trueup.model.spend_schema import JOURNAL, STATEMENTS
from trueup.money import minor_decimals
from trueup.report.excel import FORMATS, new_workbook
from trueup.report.excel_cells import write_value
from trueup.report.excel_layout import clean, letters
from trueup.report.figures import period_text

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

    from trueup.report.chargeback import Chargeback

SHEETS_MAX = 200  # of teams; all further teams share one
UNITS, ENTRIES, OTHERS = "Statements", "Journal", "Other teams"
TITLE_MAX = 31
LINE = ("kind", "provider", "about", "agent", "cost")
COST = letters(LINE.index("cost"))
_NOT_IN_TITLE = re.compile(r"[\[\]:*?/\\]")
_TAKEN = (UNITS, ENTRIES, OTHERS, "History")  # the last is Excel's own
_MONEY = frozenset({"usage", "unused", "unattributed", "exact", "rounding", "amount"})
Place = tuple[str, int]  # sheet and row of a statement's amount


def write_book(charged: Chargeback, path: Path, team: str | None = None) -> Path:
    """Write the workbook; of one team only its own sheet."""
    with new_workbook(path, charged.as_of) as workbook:
        book = _Book(workbook, charged)
        if team is not None:
            book.blocks(titles([team])[team], charged.of_team(team))
            return path
        sheets = _sheets([each for each in charged.units if each.level == "team"])
        book.units(_places(sheets))
        for title, some in sheets.items():
            book.blocks(title, some)
        if charged.has_accounts:
            book.entries()
    return path


class _Book:
    """The workbook while it is written."""

    def __init__(self, workbook: Workbook, charged: Chargeback) -> None:
        self.workbook = workbook
        self.charged = charged
        self.period = period_text(charged.start, charged.end)
        self.text = workbook.add_format({"num_format": FORMATS["text"], "valign": "top"})
        self.money = workbook.add_format({"num_format": FORMATS["money"]})
        self.sum = workbook.add_format({"num_format": FORMATS["money"], "bold": True, "top": 1})
        self.exact = workbook.add_format({"num_format": "#,##0.00################"})
        self.title = workbook.add_format({"bold": True, "font_size": 14})
        self.header = workbook.add_format(
            {"bold": True, "bg_color": "#1F3A4D", "font_color": "#FFFFFF"}
        )

    def sheet(self, title: str, widths: Sequence[int]) -> Worksheet:
        sheet = self.workbook.add_worksheet(title)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        return sheet

    def units(self, places: Mapping[tuple[str, ...], Place]) -> None:
        """Every unit of every level: a team's amount is its sheet's, a sum that of its teams."""
        columns = STATEMENTS.names
        sheet = self.sheet(UNITS, [14 if name in _MONEY else 20 for name in columns])
        self._head(sheet, 0, columns)
        sheet.freeze_panes(1, 0)
        rows = self.charged.statements.rows()
        for at, (each, row) in enumerate(zip(self.charged.units, rows, strict=True)):
            for column, name in enumerate(columns):
                form = self.money if name in _MONEY else self.text
                if name == "amount":
                    formula = _amount_of(places, self.charged.units, at)
                    sheet.write_formula(at + 1, column, formula, form, float(each.amount))
                else:
                    write_value(sheet, at + 1, column, row[name], form)
        sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)
        sheet.repeat_rows(0)

    def blocks(self, title: str, some: Sequence[Statement]) -> None:
        """Statements one below the other, each with its lines and what they add up to."""
        sheet = self.sheet(title, (16, 16, 48, 28, 26))
        for each, top in zip(some, _tops(some), strict=True):
            unit, centre, team = each.path
            sheet.write_string(top, 0, clean(team), self.title)
            about = f"{self.period} · {each.currency} · {centre} · {unit}"
            sheet.write_string(top + 1, 0, clean(about), self.text)
            self._head(sheet, top + 2, LINE)
            for at, line in enumerate(each.lines, start=top + 3):
                for column, name in enumerate(LINE):
                    form = self.exact if name == "cost" else self.text
                    write_value(sheet, at, column, getattr(line, name), form)
            self._sums(sheet, each, top + 3 + len(each.lines))

    def _sums(self, sheet: Worksheet, each: Statement, at: int) -> None:
        """Row by row, as a workbook that is streamed wants it."""
        minor = minor_decimals(each.currency)
        lines = f"=SUM({COST}{at - len(each.lines) + 1}:{COST}{at})"
        amount = f"=ROUND({COST}{at + 1}+{COST}{at + 2},{SCALE if minor is None else minor})"
        column = len(LINE) - 1
        sheet.write_string(at, column - 1, "exactly", self.text)
        sheet.write_formula(at, column, lines, self.exact, float(each.exact))
        sheet.write_string(at + 1, column - 1, "rounding", self.text)
        sheet.write_number(at + 1, column, float(each.rounding), self.exact)
        sheet.write_string(at + 2, column - 1, "amount", self.sum)
        sheet.write_formula(at + 2, column, amount, self.sum, float(each.amount))

    def entries(self) -> None:
        """The journal, as the CSV file has it."""
        names = JOURNAL.names
        sheet = self.sheet(ENTRIES, [40 if name == "text" else 16 for name in names])
        self._head(sheet, 0, names)
        for at, row in enumerate(self.charged.journal, start=1):
            for column, name in enumerate(names):
                value: Any = row[name]
                if isinstance(value, Decimal):
                    write_value(sheet, at, column, value or None, self.money)
                else:
                    write_value(sheet, at, column, value and str(value), self.text)

    def _head(self, sheet: Worksheet, at: int, names: Iterable[str]) -> None:
        for column, name in enumerate(names):
            sheet.write_string(at, column, name.replace("_", " "), self.header)


def titles(teams: Iterable[str]) -> dict[str, str]:
    """A name that a sheet may have for each team, no two the same in Excel's eyes."""
    found: dict[str, str] = {}
    taken = {each.lower() for each in _TAKEN}
    for team in teams:
        name = _NOT_IN_TITLE.sub("_", clean(team)).strip("'")[:TITLE_MAX] or "team"
        title, number = name, 1
        while title.lower() in taken:
            number += 1
            title = f"{name[: TITLE_MAX - len(str(number)) - 3]} ({number})"
        taken.add(title.lower())
        found[team] = title
    return found


def _sheets(teams: Sequence[Statement]) -> dict[str, list[Statement]]:
    """The statements of each sheet; the first teams by name have one of their own."""
    names = sorted({each.path[-1] for each in teams})
    known = titles(names[:SHEETS_MAX])
    found: dict[str, list[Statement]] = {}
    for each in sorted(teams, key=lambda each: (each.path[-1], each.currency, each.path)):
        found.setdefault(known.get(each.path[-1], OTHERS), []).append(each)
    return found


def _tops(some: Sequence[Statement]) -> list[int]:
    """The row on which each statement begins: three heads, lines, three sums and a gap."""
    tops = [0]
    for each in some:
        tops.append(tops[-1] + len(each.lines) + 8)
    return tops[:-1]


def _places(sheets: Mapping[str, Sequence[Statement]]) -> dict[tuple[str, ...], Place]:
    return {
        (each.currency, *each.path): (title, top + len(each.lines) + 6)
        for title, some in sheets.items()
        for each, top in zip(some, _tops(some), strict=True)
    }


def _amount_of(places: Mapping[tuple[str, ...], Place], units: Sequence[Statement], at: int) -> str:
    """A team's amount is on its sheet; a unit's is that of the teams below it, row by row."""
    each = units[at]
    place = places.get((each.currency, *each.path))
    if place is not None:
        title, row = place
        return "='{}'!${}${}".format(title.replace("'", "''"), COST, row)
    last = at
    while last + 1 < len(units) and _is_below(units[last + 1], each):
        last += 1
    amounts, levels = (
        "${0}${1}:${0}${2}".format(letters(STATEMENTS.names.index(name)), at + 3, last + 2)
        for name in ("amount", "level")
    )
    return f'=SUMIFS({amounts},{levels},"team")'


def _is_below(one: Statement, other: Statement) -> bool:
    depth = len(other.path)
    return (one.currency, one.path[:depth]) == (other.currency, other.path) and (
        len(one.path) > depth
    )
