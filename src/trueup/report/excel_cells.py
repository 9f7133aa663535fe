"""What cells of a workbook hold: numbers, which instants are too, and text that is only text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from trueup.report.distinct import told
from trueup.report.excel_layout import clean

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

    from trueup.model.table import Table

EARLIEST = datetime(1900, 3, 1, tzinfo=UTC)  # before it, Excel's calendar is a day off
EPOCH = datetime(1899, 12, 31, tzinfo=UTC)  # its day 0
DAY_SECONDS = 86_400

Held = str | float


def held(value: object) -> Held:
    """A known value as a cell holds it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal | int):
        return float(value)  # the file format has no decimals
    if not isinstance(value, datetime):
        return clean(str(value))
    if value < EARLIEST:
        return value.isoformat()
    since = value - EPOCH
    days = since.days + 1  # Excel counts a 29 February 1900, too
    return days + (since.seconds + since.microseconds / 1e6) / DAY_SECONDS


def rows_of(table: Table) -> Iterator[tuple[Held | None, ...]]:
    """The rows of a table as cells hold them; None where a value is not known."""
    for batch in table.reader():
        yield from zip(*(told(column, held, None) for column in batch.columns), strict=True)


def write_cell(sheet: Worksheet, row: int, column: int, value: Held | None, form: Format) -> None:
    """Write what a cell holds; what is not known stays an empty cell."""
    if isinstance(value, str):
        sheet.write_string(row, column, value, form)
    elif value is not None:
        sheet.write_number(row, column, value, form)


def write_value(sheet: Worksheet, row: int, column: int, value: object, form: Format) -> None:
    """Write one value, whatever it is."""
    write_cell(sheet, row, column, None if value is None else held(value), form)
