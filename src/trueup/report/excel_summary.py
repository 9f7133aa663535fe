"""The workbook's first sheet: the money per currency, as formulas over the other sheets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING

from trueup.report import excel_made, figures, holdings
from trueup.report.excel_layout import SheetPlan, clean, sum_if
from trueup.report.summary import state

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

    from trueup.report.result import Result

DIGITS_NOTE = (
    "Excel keeps 15 digits of a number. The exact figures, to the last digit, are in the Parquet "
    "files and, where they do not grow with hours and rows, in result.json; this workbook is for "
    "reading."
)
LAYERS_NOTE = (
    "Commitments here are the benefit layer (what lowers a row's cost). Funding and agreements "
    "count the same money again: on the Commitments sheet each layer has totals of its own."
)
UNKNOWN_NOTE = (
    "An empty cell in a column of figures is one that is not known or does not apply; it is not "
    "zero, and no sum holds it. In the Parquet files it is null."
)
FOLDED_NOTE = (
    "Allocations has the costliest rows of each currency; the others are added up without their "
    "session, as (all others). All rows are in allocations.parquet."
)
OFF_BILL_NOTE = (
    "Not on any bill is known from contracts alone: it stands outside drift and identity. Drift "
    "is therefore without the breaks of class missing_in_billing and leg commitment, which are on "
    "the Breaks sheet and in its totals."
)
ZERO = Decimal(0)


def write_summary(
    workbook: Workbook,
    result: Result,
    plans: Mapping[str, SheetPlan],
    formats: Mapping[str, Format],
    bold: Mapping[str, Format],
) -> None:
    """Write the sheet; every amount is a formula with its value stored beside it."""
    sheet = workbook.add_worksheet("Summary")
    title = workbook.add_format({"bold": True, "font_size": 16})
    wrapped = workbook.add_format({"text_wrap": True, "valign": "top", "font_color": "#52616B"})
    codes = figures.currencies(result)
    right = workbook.add_format({"bold": True, "bg_color": "#EEF2F5", "align": "right"})
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, max(len(codes), 1), 20)
    period = figures.period_text(result.start, result.end)
    sheet.write_string(0, 0, f"trueup: {period} (UTC)", title)
    sheet.write_string(
        1, 0, f"{state(result)}, as of {result.as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    )
    why = figures.not_compared(result)
    if why is not None:
        sheet.write_string(2, 0, f"Bill and telemetry were not compared: {clean(why)}.")
    sheet.write_string(3, 0, "Never added to one another:", bold["text"])
    for column, code in enumerate(codes, start=1):
        sheet.write_string(3, column, clean(code), right)
    row = 4
    for label, values in _lines(result, plans, codes).items():
        sheet.write_string(row, 0, label)
        for column, (formula, value) in enumerate(values, start=1):
            form = formats["share"] if label.startswith("Utilization") else formats["money"]
            if value is not None:
                sheet.write_formula(row, column, f"={formula}", form, float(value))
            else:
                sheet.write_string(row, column, "not known", formats["text"])
        row += 1
    row = _controls(sheet, result, plans, row + 1, formats, bold)
    row += 1
    folded = len(result.allocations) > excel_made.ALLOCATIONS_MAX
    notes = (DIGITS_NOTE, LAYERS_NOTE, UNKNOWN_NOTE, OFF_BILL_NOTE)
    for note in (*notes, FOLDED_NOTE) if folded else notes:
        row += 1
        sheet.set_row(row, 48)
        sheet.merge_range(row, 0, row, max(len(codes), 3), note, wrapped)
    sheet.freeze_panes(4, 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


Cell = tuple[str, Decimal | None]


def _lines(
    result: Result, plans: Mapping[str, SheetPlan], codes: list[str]
) -> dict[str, list[Cell]]:
    benefit = figures.benefit_by_currency(result)
    drift = figures.drift_by_currency(result)
    identity = {row["currency"]: row for row in result.identity.rows()}
    off_bill = dict.fromkeys(codes, ZERO)
    for held in holdings.off_bill(result):
        if held.currency in off_bill and held.cost is not None:
            off_bill[held.currency] += held.cost
    lines: dict[str, list[Cell]] = {}
    for code in codes:
        item = benefit.get(code, figures.Commitments())
        for label, column, total in (
            ("Committed", "committed_cost", item.committed),
            ("Used", "used_cost", item.used),
            ("Unused", "unused_cost", item.unused),
        ):
            formula = _benefit_formula(plans["commitments"], column, code)
            lines.setdefault(f"{label} (benefit layer)", []).append((formula, total.known))
        breaks = drift.get(code, figures.Drift())
        over = sum_if(plans["breaks"], "amount", ">0", currency=code)
        under = _under_formula(plans["breaks"], code)
        for label, formula, value in (
            ("Drift: billed over", over, breaks.over),
            ("Drift: billed under", under, breaks.under),
            ("Drift, gross", f"{over}-({under})", breaks.gross),
            ("Drift, net", f"{over}+({under})", breaks.net),
            ("Not on any bill", _off_bill_formula(plans["commitments"], code), off_bill[code]),
        ):
            lines.setdefault(label, []).append((formula, value))
        row = identity.get(code, dict.fromkeys(result.identity.columns))
        for label, name in (
            ("Effective cost billed", "billed"),
            ("= allocated", "allocated"),
            ("+ unused", "unused"),
            ("+ unattributed", "unattributed"),
        ):
            formula = sum_if(plans["identity"], name, currency=code)
            lines.setdefault(label, []).append((formula, row[name]))
        parts = (sum_if(plans["identity"], name, currency=code) for name in _IDENTITY)
        lines.setdefault("Identity: difference (0 holds)", []).append(
            ("-".join(f"({part})" for part in parts), row["difference"])
        )
    return lines


def _benefit_formula(plan: SheetPlan, column: str, code: str, **where: str) -> str:
    """A commitment that names no layer is of the benefit layer."""
    parts = [sum_if(plan, column, currency=code, **where)]
    parts += [sum_if(plan, column, currency=code, layer=layer, **where) for layer in _OTHER_LAYERS]
    return "-".join(f"({part})" for part in parts)


def _off_bill_formula(plan: SheetPlan, code: str) -> str:
    """What is not covered of commitments that count money, in the currency they are billed in."""
    return _benefit_formula(plan, "not_covered_quantity", code, unit=code, category="Spend")


def _under_formula(plan: SheetPlan, code: str) -> str:
    """Breaks below zero, without those of commitments that are on no bill."""
    of_contracts = {"leg": "commitment", "class": "missing_in_billing"}
    parts = [sum_if(plan, "amount", "<0", currency=code, **where) for where in ({}, of_contracts)]
    return "-".join(f"({part})" for part in parts)


_OTHER_LAYERS = ("funding", "agreement")
_IDENTITY = ("billed", "allocated", "unused", "unattributed")


def _controls(
    sheet: Worksheet,
    result: Result,
    plans: Mapping[str, SheetPlan],
    row: int,
    formats: Mapping[str, Format],
    bold: Mapping[str, Format],
) -> int:
    read, accepted, rejected = figures.rows_in_and_out(result)
    sheet.write_string(row, 0, "Rows", bold["text"])
    for label, name, value in (
        ("Rows in", "rows_in", read),
        ("= accepted", "accepted", accepted),
        ("+ rejected", "rejected", rejected),
    ):
        row += 1
        formula = "+".join(f"SUM({cells})" for cells in plans["sources"].ranges(name))
        sheet.write_string(row, 0, label)
        sheet.write_formula(row, 1, f"={formula}", formats["count"], value)
    return row
