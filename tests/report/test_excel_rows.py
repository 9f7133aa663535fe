"""Rows written at once are, byte for byte, those that are written cell by cell."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import openpyxl
import pyarrow as pa
import pytest

from trueup.model.table import Table
from trueup.report import excel_rows
from trueup.report.excel import FORMATS, new_workbook, write_cell
from trueup.report.excel_rows import TableSheet, cells_of

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format

AS_OF = datetime(2026, 11, 2, tzinfo=UTC)
TEXTS = (
    "a & <b>",
    '"c"',
    "_x0041_",
    " before",
    "after ",
    "",
    "É",
    "\x1b[31m",
    "\U0001f600" * 20_000,
)
SCHEMA = pa.schema(
    [
        ("who", pa.string()),
        ("known", pa.bool_()),
        ("rows", pa.int64()),
        ("cost", pa.decimal128(38, 18)),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)
KINDS = ("text", "text", "count", "money", "instant")
NOTHING = dict.fromkeys(SCHEMA.names)
ROWS = [
    NOTHING,  # a row without a cell; the styles of the others are first used out of order
    NOTHING | {"at": datetime(2026, 10, 25, 1, 30, 0, 250_000, tzinfo=UTC)},
    NOTHING | {"cost": Decimal("-0.000000000000000001"), "rows": 0},
    NOTHING | {"cost": Decimal("12345678901234567.123456789012345678"), "known": True},
    *({"who": text, "known": False, "rows": 7, "cost": Decimal(1)} for text in TEXTS),
    {"who": "again", "at": datetime(1900, 2, 28, tzinfo=UTC)},
    {"who": "again", "at": datetime(1989, 9, 17, 23, 59, 59, 999_999, tzinfo=UTC)},
    NOTHING,
]


def formats(workbook: Workbook) -> list[Format]:
    made = {kind: workbook.add_format({"num_format": FORMATS[kind]}) for kind in KINDS}
    return [made[kind] for kind in KINDS]


def at_once(path: Path, table: Table) -> Path:
    """On two sheets, five rows on the first, below a header."""
    with new_workbook(path, AS_OF) as workbook:
        rows = cells_of(table, formats(workbook))
        for count in (5, len(ROWS)):
            sheet = workbook.add_worksheet(None, TableSheet)
            sheet.write_row(0, 0, SCHEMA.names)
            sheet.write_rows(1, islice(rows, count))
    return path


def cell_by_cell(path: Path, table: Table) -> Path:
    """The same, with nothing but what xlsxwriter offers."""
    with new_workbook(path, AS_OF) as workbook:
        forms = formats(workbook)
        rows = iter(table.rows())
        for count in (5, len(ROWS)):
            sheet = workbook.add_worksheet()
            sheet.write_row(0, 0, SCHEMA.names)
            for row, values in enumerate(islice(rows, count), start=1):
                for column, (value, form) in enumerate(zip(values.values(), forms, strict=True)):
                    write_cell(sheet, row, column, value, form)
    return path


@pytest.mark.parametrize("most", [2, 20_000])
def test_rows_are_as_xlsxwriter_writes_them(
    most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind of value and hostile text, in batches of two rows or in one, and no cells."""
    monkeypatch.setattr(excel_rows, "ROWS", most)
    table = Table.from_rows(SCHEMA, ROWS)
    ours, theirs = at_once(tmp_path / "a", table), cell_by_cell(tmp_path / "b", table)
    with ZipFile(ours) as one, ZipFile(theirs) as other:
        assert one.namelist() == other.namelist()
        assert [name for name in one.namelist() if one.read(name) != other.read(name)] == []


def test_text_like_markup_is_text(tmp_path: Path) -> None:
    """A text in <r> is what xlsxwriter would take for markup of its own."""
    text = "<r><t>=1</t></r>"
    table = Table.from_rows(SCHEMA, [{"who": text}])
    sheet = openpyxl.load_workbook(at_once(tmp_path / "a.xlsx", table)).worksheets[0]
    assert sheet["A2"].value == text
