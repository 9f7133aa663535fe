"""report.xlsx: a sheet a table, real numbers and dates, totals that are formulas.

Excel keeps 15 digits of a number; the exact figures are in result.json and the Parquet files, and
the Summary sheet says so. Text from outside is always text: never a formula, never a link.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from trueup.model.display import is_money
from trueup.report.atomic import replacing
from trueup.report.excel_cells import rows_of, write_cell
from trueup.report.excel_layout import (
    SheetPlan,
    column_width,
    plan_sheets,
    total_formula,
)
from trueup.report.excel_made import NAMES, made

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

    from trueup.model.table import Table
    from trueup.report.result import Result

ROWS_MAX = 1_048_575  # of a sheet, its first row aside

# Utilization may be long: it is there for whoever filters; the Summary refers to the others.
SHEETS = {
    "commitments": "Commitments",
    "utilization": "Utilization",
    "causes": "Causes",
    "breaks": "Breaks",
    "break_states": "Break states",
    "claims": "Claims",
    "claim_lines": "Claim lines",
    "pending": "Pending",
    "credits": "Credits",
    "roll_forward": "Roll-forward",
    "agreements": "Agreements",
    "figures": "Figures",
    "invoices": "Invoices",
    "invoice_bridge": "Invoice bridge",
    "conversions": "Conversions",
    "restatements": "Restatements",
    "true_ups": "True-ups",
    "allocations": "Allocations",
    "session_costs": "Session costs",
    "drivers": "Drivers",
    "efficiency": "Efficiency",
    "anomalies": "Anomalies",
    "burn": "Burn",
    "runway": "Runway",
    "forecast": "Forecast",
    "plan": "Plan",
    "identity": "Identity",
    "billed_identity": "Billed identity",
    "unattributed_by_reason": "Unattributed",
    "control_totals": "Control totals",
    "buckets": "Buckets",
    "burn_down": "Burn-down",
    "straddling": "Straddling",
    "sources": "Sources",
    "rejects": "Rejects",
    "provider_utilization": "Provider utilization",
    "provider_balances": "Provider balances",
    "provider_rates": "Provider rates",
    "notes": "Notes",
}
# Of these a sheet is there where there is something on it.
WHERE_FOUND = frozenset(
    {
        *("causes", "break_states", "claims", "claim_lines", "roll_forward", "agreements"),
        *("figures", "invoices", "invoice_bridge", "conversions", "restatements", "true_ups"),
        *NAMES,
    }
)
# The columns that a controller reads first, of tables whose schema has another order.
_FIRST = {
    "breaks": (
        *("class", "leg", "amount", "currency", "provider", "commitment_id", "resource_id"),
        *("model", "meter", "account_id", "region_id", "period_start", "period_end", "billed"),
        *("expected", "unit", "explanation", "rule", "priced_by", "rows_billed", "rows_metered"),
        *("subject", "cause_id"),
    ),
    "causes": ("cause", "breaks", "amount", "net_amount", "currency", "explanation", "remedy"),
    "claims": (
        *("status", "amount", "currency", "provider", "commitment_id", "rule", "interval_start"),
        *("interval_end", "billed", "expected", "lines", "missing_evidence", "arithmetic"),
    ),
}
FORMATS = {
    "money": "#,##0.00;[Red]-#,##0.00",
    "quantity": "#,##0.00####",
    "count": "#,##0",
    "share": "0.0%",
    "instant": "yyyy-mm-dd hh:mm",
    "text": "@",
}


def write_excel(result: Result, path: Path, rows_max: int = ROWS_MAX) -> Path:
    """Write the workbook; sheets are streamed, so memory use does not grow with their rows."""
    with new_workbook(path, result.as_of) as workbook:
        _Book(workbook, result, rows_max).write()
    return path


@contextmanager
def new_workbook(path: Path, as_of: datetime) -> Iterator[Workbook]:
    """A workbook that takes text as text; it is there whole or not at all."""
    from xlsxwriter import Workbook

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "remove_timezone": True,
    }
    with replacing(path) as temporary, Workbook(str(temporary), options) as workbook:
        workbook.set_properties(
            {
                "title": "trueup",
                "author": "trueup",
                "created": as_of.astimezone(UTC).replace(tzinfo=None),
            }
        )
        workbook.set_calc_mode("auto")
        yield workbook


class _Book:
    """The workbook while it is written: its formats, and where each table's columns stand."""

    def __init__(self, workbook: Workbook, result: Result, rows_max: int) -> None:
        self.workbook = workbook
        self.result = result
        self.formats = {
            name: workbook.add_format({"num_format": form, "valign": "top"})
            for name, form in FORMATS.items()
        }
        self.bold = {
            name: workbook.add_format({"num_format": form, "bold": True, "bg_color": "#EEF2F5"})
            for name, form in FORMATS.items()
        }
        self.header = workbook.add_format(
            {"bold": True, "bg_color": "#1F3A4D", "font_color": "#FFFFFF", "text_wrap": True,
             "valign": "vcenter"}
        )  # fmt: skip
        every = {name: _arranged(name, made(result, name)) for name in SHEETS}
        self.tables = {
            name: table for name, table in every.items() if name not in WHERE_FOUND or len(table)
        }
        self.plans = {
            name: plan_sheets(SHEETS[name], table, rows_max) for name, table in self.tables.items()
        }

    def write(self) -> None:
        from trueup.report.excel_summary import write_summary

        write_summary(self.workbook, self.result, self.plans, self.formats, self.bold)
        for name, plan in self.plans.items():
            self._table(self.tables[name], plan)

    def _table(self, table: Table, plan: SheetPlan) -> None:
        kinds = [_kind(name, table.schema) for name in table.columns]
        rows = rows_of(table)
        forms = [self.formats[kind] for kind in kinds]
        for position, (sheet, count) in enumerate(plan.sheets):
            worksheet = self.workbook.add_worksheet(sheet)
            self._columns(worksheet, table, kinds)
            top = plan.top if position == 0 else 0
            if position == 0:
                self._totals(worksheet, table, plan)
            for column, name in enumerate(table.columns):
                worksheet.write_string(top, column, name.replace("_", " "), self.header)
            worksheet.set_row(top, 30, self.header)
            worksheet.freeze_panes(top + 1, min(1, len(kinds) - 1))
            for offset, row in enumerate(islice(rows, count), start=top + 1):
                for column, (value, form) in enumerate(zip(row, forms, strict=True)):
                    write_cell(worksheet, offset, column, value, form)
            worksheet.autofilter(top, 0, top + max(count, 1), len(kinds) - 1)
            worksheet.repeat_rows(top)
            worksheet.set_landscape()
            worksheet.fit_to_pages(1, 0)

    def _columns(self, worksheet: Worksheet, table: Table, kinds: list[str]) -> None:
        for column, name in enumerate(table.columns):
            worksheet.set_column(column, column, column_width(name, kinds[column]))

    def _totals(self, worksheet: Worksheet, table: Table, plan: SheetPlan) -> None:
        for row, group in enumerate(plan.groups):
            worksheet.write_string(row, 0, group.label, self.bold["text"])
            for column, name in enumerate(table.columns):
                if name in group.sums:
                    formula = total_formula(plan, name, group)
                    worksheet.write_formula(
                        row, column, formula, self.bold["money"], float(group.sums[name])
                    )


def _arranged(name: str, table: Table) -> Table:
    """The table with the columns that are read first in front."""
    first = _FIRST.get(name, ())
    return table.select([*first, *(each for each in table.columns if each not in first)])


def _kind(name: str, schema: pa.Schema) -> str:
    kind = schema.field(name).type
    if name == "utilization":
        return "share"
    if is_money(name, schema):
        return "money"
    if pa.types.is_decimal(kind):
        return "quantity"
    if pa.types.is_integer(kind):
        return "count"
    return "instant" if pa.types.is_timestamp(kind) else "text"
