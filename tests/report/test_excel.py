"""report.xlsx, read back with openpyxl."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.report.sample import make_outcome
from tests.report.sample_commitments import FORMULA, SCRIPT
from trueup.model.schema import BREAKS
from trueup.report import excel_made
from trueup.report.excel import SHEETS, WHERE_FOUND, write_excel
from trueup.report.result import Result


@pytest.fixture(scope="module")
def file(result: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return result.to_excel(tmp_path_factory.mktemp("excel") / "report.xlsx")


@pytest.fixture(scope="module")
def book(file: Path) -> Workbook:
    return openpyxl.load_workbook(file)


@pytest.fixture(scope="module")
def values(file: Path) -> Workbook:
    return openpyxl.load_workbook(file, data_only=True)


def header_of(sheet: Worksheet) -> tuple[int, dict[str, int]]:
    """The header's row and the columns by name: it is the first row below the totals."""
    for row in sheet.iter_rows(max_row=60):
        if row[0].font.color is not None and row[0].font.color.rgb == "FFFFFFFF":
            return row[0].row, {str(cell.value): cell.column for cell in row}
    raise AssertionError(sheet.title)


def column(sheet: Worksheet, name: str) -> list[object]:
    top, columns = header_of(sheet)
    return [sheet.cell(row, columns[name]).value for row in range(top + 1, sheet.max_row + 1)]


def summary(values: Workbook) -> dict[str, list[object]]:
    return {str(row[0]): list(row[1:3]) for row in values["Summary"].values if row[0] is not None}


def test_there_is_a_sheet_a_table(book: Workbook) -> None:
    """Summary first, then every table; those of later legs only where something was found."""
    found = {"burn", "runway"}  # the sample has commitments that burn
    titles = [title for name, title in SHEETS.items() if name in found | {*SHEETS} - WHERE_FOUND]
    assert book.sheetnames == ["Summary", *titles]


def test_only_our_own_totals_are_formulas(book: Workbook) -> None:
    """Every formula is in Summary or above a header, and none came from outside."""
    for sheet in book:
        below = 0 if sheet.title == "Summary" else header_of(sheet)[0]
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    assert sheet.title == "Summary" or cell.row < below
                    assert "HYPERLINK" not in str(cell.value)
                assert cell.hyperlink is None


def test_hostile_text_is_text(book: Workbook) -> None:
    """A name that begins with = or @ or + is a string cell with that very text."""
    sheet = book["Breaks"]
    assert FORMULA in column(sheet, "resource id")
    assert SCRIPT in column(sheet, "resource id")
    assert "@SUM(A1)" in column(sheet, "account id")
    assert "+1-2" in column(sheet, "model")
    top, columns = header_of(sheet)
    for row in range(top + 1, sheet.max_row + 1):
        assert sheet.cell(row, columns["resource id"]).data_type in ("s", "n")  # n: empty


def test_control_characters_are_gone(book: Workbook) -> None:
    """The hostile tool name keeps its printing characters only."""
    assert "tool[31mredevil" in column(book["Breaks"], "resource id")


def test_numbers_and_dates_have_real_formats(book: Workbook) -> None:
    """Amounts are numbers with two decimals, instants are dates, utilization is a percentage."""
    sheet = book["Commitments"]
    top, columns = header_of(sheet)
    cost = sheet.cell(top + 1, columns["committed cost"])
    assert (cost.value, cost.data_type) == (14880, "n")
    assert cost.number_format.startswith("#,##0.00")
    assert sheet.cell(top + 1, columns["utilization"]).number_format == "0.0%"
    breaks = book["Breaks"]
    top, columns = header_of(breaks)
    start = breaks.cell(top + 1, columns["period start"])
    assert start.value == datetime(2026, 10, 3, 7)  # noqa: DTZ001  # a sheet knows no zones
    assert start.number_format == "yyyy-mm-dd hh:mm"


def test_headers_are_frozen_and_filtered(book: Workbook) -> None:
    """Each table's header stays in sight and filters the rows below it."""
    for title in book.sheetnames[1:]:
        sheet = book[title]
        top, columns = header_of(sheet)
        assert sheet.freeze_panes == f"B{top + 1}", title
        assert sheet.auto_filter.ref.startswith(f"A{top}:"), title
        assert len(columns) == sheet.max_column


def test_summary_refers_to_the_sheets(book: Workbook, values: Workbook) -> None:
    """The money is formulas over the tables; the stored values are the hand-worked ones.

    EUR 23,901.00 committed, 21,129.75 used; drift over and under as in the terminal's summary.
    """
    formula = book["Summary"].cell(5, 2).value
    assert formula.startswith("=")
    assert "Commitments" in formula
    found = summary(values)
    assert found["Committed (benefit layer)"] == [23901, 230640]
    assert found["Used (benefit layer)"] == [21129.75, 202740]
    assert found["Drift, gross"] == [9433.75, 29528]
    assert found["Drift, net"] == [8533.75, 13016]
    assert found["Identity: difference (0 holds)"] == [0, 0]
    assert found["Rows in"][0] == 2603454
    assert any("15 digits" in label and "result.json" in label for label in found)


def test_breaks_are_in_a_controller_s_order(book: Workbook) -> None:
    """Class, leg, amount and currency first, the identity last, and no column lost."""
    columns = list(header_of(book["Breaks"])[1])
    assert columns[:4] == ["class", "leg", "amount", "currency"]
    assert columns[-1] == "id"
    assert sorted(columns) == sorted(name.replace("_", " ") for name in BREAKS.names)


def test_a_commitment_on_no_bill_is_beside_the_drift(tmp_path: Path) -> None:
    """A break of 930 from the contract alone is not in the drift of 5; 930 + 8 stand apart."""
    breaks = make_outcome().tables["breaks"].rows()[:2]
    breaks[0] |= {"class": "missing_in_billing", "leg": "commitment", "amount": Decimal(-930)}
    breaks[0] |= {"currency": "USD"}
    breaks[1] |= {"amount": Decimal(-5), "currency": "USD"}
    shared = {"category": "Spend", "unit": "USD", "currency": "USD", "layer": "benefit"}
    commitments = [
        {**shared, "commitment_id": "a", "not_covered_quantity": Decimal(930)},
        {**shared, "commitment_id": "b", "not_covered_quantity": Decimal(8)},
    ]
    outcome = make_outcome(breaks=breaks, commitments=commitments)
    path = Result(outcome).to_excel(tmp_path / "r.xlsx")
    found = summary(openpyxl.load_workbook(path, data_only=True))
    dollar = 1  # the second currency
    assert found["Drift: billed under"][dollar] == -5
    assert found["Drift, gross"][dollar] == 5
    assert found["Not on any bill"][dollar] == 938
    formulas = summary(openpyxl.load_workbook(path))
    assert '"missing_in_billing"' in str(formulas["Drift: billed under"][dollar])


def test_totals_never_add_currencies_or_layers(book: Workbook, values: Workbook) -> None:
    """There is a total row per currency, and per layer of the commitments."""
    assert [values["Breaks"].cell(row, 1).value for row in (1, 2)] == ["Total EUR", "Total USD"]
    assert values["Commitments"].cell(1, 1).value == "Total EUR, benefit layer"
    top, columns = header_of(book["Breaks"])
    assert top == 3
    total = book["Breaks"].cell(1, columns["amount"]).value
    assert total.startswith("=SUMIFS(")
    assert '"EUR"' in total


def test_one_currency_is_totalled_with_the_filter(tmp_path: Path) -> None:
    """With a single currency the total is SUBTOTAL, which follows what is filtered."""
    rows = [row for row in make_outcome().tables["breaks"].rows() if row["currency"] == "EUR"]
    path = Result(make_outcome(breaks=rows)).to_excel(tmp_path / "r.xlsx")
    sheet = openpyxl.load_workbook(path)["Breaks"]
    _, columns = header_of(sheet)
    assert sheet.cell(1, columns["amount"]).value.startswith("=SUBTOTAL(109,'Breaks'!")


def test_what_is_not_known_is_empty(book: Workbook) -> None:
    """An unpriced break's amount is an empty cell, never 0."""
    sheet = book["Breaks"]
    by_id = dict(zip(column(sheet, "id"), column(sheet, "amount"), strict=True))
    assert by_id["brk_0007a9f3c2"] is None
    assert by_id["brk_0004a9f3c2"] == 0  # timing: known to be nothing


@pytest.mark.parametrize(("most", "said"), [(1, True), (1_000, False)])
def test_the_summary_says_where_allocations_are_added_up(
    most: int, said: bool, result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel_made, "ALLOCATIONS_MAX", most)
    book = openpyxl.load_workbook(write_excel(result, tmp_path / "r.xlsx"))
    notes = [cell for row in book["Summary"].iter_rows(values_only=True) for cell in row if cell]
    assert any("(all others)" in str(note) for note in notes) == said


def test_long_tables_go_on_on_further_sheets(result: Result, tmp_path: Path) -> None:
    """With 50 rows a sheet, 60 breaks stand on two, and the totals count both."""
    path = write_excel(result, tmp_path / "r.xlsx", rows_max=50)
    book = openpyxl.load_workbook(path)
    assert "Breaks (2)" in book.sheetnames
    both = column(book["Breaks"], "id") + column(book["Breaks (2)"], "id")
    assert both == [row["id"] for row in result.breaks]
    _, columns = header_of(book["Breaks"])
    assert "'Breaks (2)'!" in book["Breaks"].cell(1, columns["amount"]).value
    assert book["Breaks"].max_row <= 51


def test_nothing_found_still_opens(empty_result: Result, tmp_path: Path) -> None:
    """Empty tables keep their headers."""
    book = openpyxl.load_workbook(empty_result.to_excel(tmp_path / "r.xlsx"))
    assert header_of(book["Breaks"])[0] == 1


def test_the_same_result_gives_the_same_bytes(result: Result, file: Path, tmp_path: Path) -> None:
    """No clock time and no random name is in the file; its date is the run's."""
    again = result.to_excel(tmp_path / "again.xlsx")
    assert again.read_bytes() == file.read_bytes()
    with ZipFile(file) as archive:
        assert b"2026-11-03T06:00:00Z" in archive.read("docProps/core.xml")


def test_a_spreadsheet_program_computes_the_same(
    file: Path, values: Workbook, tmp_path: Path
) -> None:
    """LibreOffice's recalculation of every formula gives the values that were stored."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("no LibreOffice here (apt-get install libreoffice-calc-nogui)")
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    form = "xlsx:Calc MS Excel 2007 XML"
    command = [office, profile, "--headless", "--convert-to", form, "--outdir", str(tmp_path)]
    subprocess.run([*command, str(file)], check=True, capture_output=True, timeout=180)
    computed = openpyxl.load_workbook(tmp_path / "report.xlsx", data_only=True)
    formulas = openpyxl.load_workbook(file)
    compared = 0
    for sheet in formulas:
        for row in sheet.iter_rows(max_row=30):
            for cell in row:
                if cell.data_type == "f":
                    stored = values[sheet.title].cell(cell.row, cell.column).value
                    found = computed[sheet.title].cell(cell.row, cell.column).value
                    assert found == pytest.approx(stored, abs=1e-6), (sheet.title, cell.coordinate)
                    compared += 1
    assert compared > 40
