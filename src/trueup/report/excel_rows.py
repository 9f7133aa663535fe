"""Rows of a sheet written batch by batch, each distinct value of a column made into XML once.

They are the bytes that xlsxwriter makes of the same cells one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.compute as pc
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from trueup.model.table import Table
from trueup.report.distinct import told
from trueup.report.excel_layout import clean, letters

ROWS = 20_000  # of a batch at most
EARLIEST = datetime(1900, 3, 1, tzinfo=UTC)  # before it, Excel's calendar is a day off
EPOCH = datetime(1899, 12, 31, tzinfo=UTC)  # its day 1
DAY_SECONDS = 86_400
_ESCAPE = re.compile("(_x[0-9a-fA-F]{4}_)")  # what Excel would read as one character

Cells = tuple[str, ...]


def cell_value(value: object) -> str | float:
    """A known value as a cell holds it: a number, which instants are too, or text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal | int):
        return float(value)  # the file format has no decimals
    if not isinstance(value, datetime):
        return clean(str(value))
    if value < EARLIEST:
        return value.isoformat()
    since = value - EPOCH
    return since.days + (since.seconds + since.microseconds / 1e6) / DAY_SECONDS + 1


def cells_of(table: Table, forms: Sequence[Format]) -> Iterator[Cells]:
    """The rows of a table as XML, each cell from its style on; no text where it is not known."""
    for batch in table.reader():
        for start in range(0, len(batch), ROWS):
            part = batch.slice(start, ROWS)
            cells = [
                told(column, partial(_xml, style))
                for column, style in zip(part.columns, _styles(part, forms), strict=True)
            ]
            yield from zip(*cells, strict=True)


def _styles(batch: pa.RecordBatch, forms: Sequence[Format]) -> list[int]:
    """The numbers of styles, which are given in the order in which cells first use them."""
    first = [pc.index(column.is_valid(), value=True).as_py() for column in batch.columns]
    styles = dict.fromkeys(range(len(forms)), 0)
    for row, place in sorted(zip(first, styles, strict=True)):
        if row >= 0:
            styles[place] = forms[place]._get_xf_index()  # noqa: SLF001  nothing public gives it
    return list(styles.values())


def _xml(style: int, value: object) -> str:
    """The cell from its style on: what stands before it names the row."""
    held = cell_value(value)
    if not isinstance(held, str):
        return f'" s="{style}"><v>{held:.16G}</v></c>'
    space = ' xml:space="preserve"' if held != held.strip() else ""
    text = escape(_ESCAPE.sub(r"_x005F\1", held))
    return f'" s="{style}" t="inlineStr"><is><t{space}>{text}</t></is></c>'


class TableSheet(Worksheet):  # type: ignore[misc]  # the library has no types
    """A sheet of a workbook in constant memory."""

    def write_rows(self, first: int, rows: Iterable[Cells]) -> None:
        """Write ``cells_of`` a table below all that is written yet: a header of its columns."""
        self._write_single_row(first)
        starts: list[str] = []
        last = None
        for row, cells in enumerate(rows, start=first):
            starts = starts or [f'<c r="{letters(column)}' for column in range(len(cells))]
            number = row + 1
            text = "".join(
                [
                    f"{start}{number}{cell}"
                    for start, cell in zip(starts, cells, strict=True)
                    if cell
                ]
            )
            if text:
                self.fh.write(f'<row r="{number}">{text}</row>')
                last = row
        if last is not None:
            self._check_dimensions(last, 0)
