"""Cells read back as openpyxl reads them: every kind of value, and text that is only text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest

from trueup.model.table import Table
from trueup.report.excel import new_workbook
from trueup.report.excel_cells import rows_of, write_cell, write_value

SCHEMA = pa.schema(
    [
        ("who", pa.string()),
        ("known", pa.bool_()),
        ("rows", pa.int64()),
        ("cost", pa.decimal128(38, 18)),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)
AT = datetime(2026, 10, 25, 1, 30, 0, 250_000, tzinfo=UTC)
ROWS = [
    dict.fromkeys(SCHEMA.names),
    {"who": "a", "known": True, "rows": 0, "cost": Decimal("-0.5"), "at": AT},
    {"who": "a", "known": False, "rows": None, "cost": None, "at": AT},
]


def read_back(path: Path, table: Table) -> list[tuple[object, ...]]:
    with new_workbook(path, AT) as workbook:
        sheet, form = workbook.add_worksheet(), workbook.add_format()
        dates = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for row, cells in enumerate(rows_of(table)):
            for column, value in enumerate(cells):
                write_cell(sheet, row, column, value, dates if column == 4 else form)
    return list(openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True))


def test_cells_hold_numbers_instants_and_text(tmp_path: Path) -> None:
    """What is not known is an empty cell; a day has 86,400 s, of which Excel keeps milliseconds."""
    at = datetime(2026, 10, 25, 1, 30, 0, 250_000)  # noqa: DTZ001  Excel knows no zones
    assert read_back(tmp_path / "a.xlsx", Table.from_rows(SCHEMA, ROWS)) == [
        (None, None, None, None, None),
        ("a", "yes", 0, -0.5, at),
        ("a", "no", None, None, at),
    ]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("=1+1", "=1+1"),
        ("https://example.com", "https://example.com"),
        ("a & <b>", "a & <b>"),
        (" before and after ", " before and after "),
        ("\x1b[31mred", "[31mred"),
        ("<r><t>=1</t></r>", "<r><t>=1</t></r> "),  # else xlsxwriter's own markup
        ("<r>" + "x" * 32_760 + "</r>", "<r>" + "x" * 32_760 + "</r "),  # of 32,767 characters
        ("<r>" + "x" * 32_760 + "</r>more", "<r>" + "x" * 32_760 + "</r "),
        ("\U0001f600" * 20_000, "\U0001f600" * 16_383),  # two of the 32,767 units each
        ("1900-02-28", "1900-02-28"),
    ],
)
def test_text_is_text(tmp_path: Path, said: str, kept: str) -> None:
    path = tmp_path / "a.xlsx"
    with new_workbook(path, AT) as workbook:
        write_value(workbook.add_worksheet(), 0, 0, said, workbook.add_format())
    cell = openpyxl.load_workbook(path).worksheets[0]["A1"]
    assert (cell.value, cell.data_type) == (kept, "s")


def test_an_instant_that_the_calendar_of_excel_has_wrong_is_text(tmp_path: Path) -> None:
    """Excel counts a 29 February 1900 that never was."""
    row = dict.fromkeys(SCHEMA.names) | {"at": datetime(1900, 2, 28, tzinfo=UTC)}
    [cells] = read_back(tmp_path / "a.xlsx", Table.from_rows(SCHEMA, [row]))
    assert cells[4] == "1900-02-28T00:00:00+00:00"
