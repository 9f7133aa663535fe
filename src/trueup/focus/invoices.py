"""``read_invoices``: FOCUS Invoice Detail, a table of totals, or ``[[invoice]]`` in TOML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from trueup.adapter.native import NativeExport, lacking
from trueup.focus.charges import by_layout
from trueup.focus.columns import DATASETS, INVOICE_DETAIL, INVOICES, Column
from trueup.focus.intake import Intake
from trueup.focus.landing import Landed, Landing
from trueup.focus.native import NativeFile
from trueup.focus.projection import Reading, Span
from trueup.focus.raw import Part, RawFile, open_raw
from trueup.focus.recognition import REQUIRED, recognise
from trueup.model.dataset import Dataset
from trueup.model.table import Table

SPAN = Span("BillingPeriodStart", "BillingPeriodEnd", may_be_empty=False)
STATED = (Column("x_Tax", "decimal"), Column("x_Credits", "decimal"))
NEEDED = ("BilledCost", "BillingCurrency")
UNNUMBERED = ("InvoiceIssuerName", "BillingPeriodStart", "BillingPeriodEnd")

# A table of totals: its column -> FOCUS's. ``billing_period`` stands for the start and the end.
TOTALS_COLUMNS = {
    "invoice_id": "InvoiceId",
    "issuer": "InvoiceIssuerName",
    "billing_account_id": "BillingAccountId",
    "currency": "BillingCurrency",
    "amount_due": "BilledCost",
    "tax": "x_Tax",
    "credits": "x_Credits",
    "status": "InvoiceIssueStatus",
    "issue_date": "InvoiceIssueDate",
    "due_date": "PaymentDueDate",
    "reference_invoice_id": "ReferenceInvoiceId",
    "purchase_order_number": "PurchaseOrderNumber",
    "description": "InvoiceDetailDescription",
}
_PERIOD_COLUMNS = ("billing_period", "billing_period_start", "billing_period_end")
_IS_MONTH = r"regexp_full_match(billing_period, '\d{4}-(0[1-9]|1[0-2])')"
_PERIOD = f"""
    coalesce(billing_period_start,
             CASE WHEN {_IS_MONTH} THEN billing_period || '-01' ELSE billing_period END)
        AS "BillingPeriodStart",
    coalesce(billing_period_end, CASE WHEN {_IS_MONTH} THEN strftime(
             CAST(billing_period || '-01' AS DATE) + INTERVAL 1 MONTH, '%Y-%m-%d') END)
        AS "BillingPeriodEnd"
"""
_NAMES = ", ".join(f'{ours} AS "{focus}"' for ours, focus in TOTALS_COLUMNS.items())
TOTALS = NativeExport(
    name="invoice-totals",
    identified_by=frozenset({"amount_due", "currency"}),
    sql=f"SELECT record, {_NAMES}, {_PERIOD} FROM export",
    optional=frozenset({*TOTALS_COLUMNS, *_PERIOD_COLUMNS}),
)


def read_invoices(*sources: Any) -> Dataset:
    """Read invoices: paths, globs, fsspec URLs, lists of them, pandas, polars or Arrow tables.

    Takes FOCUS Invoice Detail 1.4 and tables of totals, one row an invoice, as CSV, CSV.gz or
    Parquet, recognised by their columns, and files named ``*.toml`` with ``[[invoice]]`` tables. A
    table of totals has ``amount_due`` and ``currency``, ``invoice_id`` or else ``issuer`` and the
    billing period (``billing_period`` as 2026-10, or ``billing_period_start`` and
    ``billing_period_end``), and may have ``billing_account_id``, ``tax``, ``credits``, ``status``,
    ``issue_date``, ``due_date``, ``reference_invoice_id``, ``purchase_order_number`` and
    ``description``.

    The table has the 22 columns of FOCUS 1.4, then ``trueup.focus.columns.INVOICE_ADDITIONS``. A
    row of totals has the amount due as BilledCost, and neither InvoiceDetailId nor ChargeCategory.
    Values are repaired as ``trueup.focus.repair`` says. A row whose amount, currency, number or
    time cannot be read is one row of ``rejects``, as is every row of a file that is a copy. Raises
    SourceError for a file that cannot be read at all, ConfigurationError for a mistake in TOML.
    """
    with Landing() as landing, Intake("invoices", INVOICES) as intake:
        parts = []
        copies: list[tuple[int, Landed, int]] = []
        known: dict[str, int] = {}
        for source_id, landed in enumerate(landing.all(sources), start=1):
            first_id = known.setdefault(landed.sha256, source_id)
            if first_id != source_id:
                copies.append((source_id, landed, first_id))
            elif landed.source.lower().endswith(".toml"):
                _take_toml(intake, source_id, landed)
            else:
                parts.append(_part(source_id, landed))
        for reading, same in by_layout(parts):
            intake.read(same, reading, _as_it_is)
        for copy in copies:
            intake.refuse_copy(*copy)
        return intake.dataset()


def format_of(source: str, path: Path) -> str:
    """What a file of invoices is; SourceError where it is none."""
    if source.lower().endswith(".toml"):
        return "toml"
    file = open_raw(Landed(source, path, "", 0))  # its hash is not needed to look
    if TOTALS.recognises(file.header):
        return TOTALS.name
    return recognise(source, file.header, INVOICE_DETAIL, path).format


def _as_it_is(rows: pa.Table) -> pa.Table:
    return rows


def _part(source_id: int, landed: Landed) -> tuple[Reading, Part]:
    raw = open_raw(landed)
    totals = TOTALS.recognises(raw.header)
    file: RawFile = NativeFile(raw, TOTALS) if totals else raw
    recognition = recognise(landed.source, file.header, INVOICE_DETAIL, landed.path)
    positions = dict(recognition.positions)
    positions |= {c.name: list(file.header).index(c.name) for c in STATED if totals}
    reading = Reading(
        columns=(*DATASETS[INVOICE_DETAIL], *STATED),
        positions=positions,
        types=file.types,
        required=NEEDED if totals else REQUIRED[INVOICE_DETAIL],
        closed=("ChargeCategory", "InvoiceIssueStatus"),
        span=SPAN,
        texts={},
        instead={"InvoiceId": UNNUMBERED} if totals else {},
    )
    name = TOTALS.name if totals else recognition.format
    unused = _unused(raw.header) if totals else [raw.header[at] for at in recognition.others]
    notes = [f"columns that are not used: {', '.join(unused[:5])}"] if unused else []
    return reading, Part(source_id, landed, file, name, [*recognition.notes, *notes])


def _unused(header: Sequence[str]) -> list[str]:
    return lacking(header, (*TOTALS_COLUMNS, *_PERIOD_COLUMNS))


def _take_toml(intake: Intake, source_id: int, landed: Landed) -> None:
    from trueup.focus.invoice_totals import read_totals

    totals = read_totals(landed.source, landed.path)
    rows = [
        total.row | {"x_SourceId": source_id, "x_SourceRow": number}
        for number, total in enumerate(totals, start=1)
    ]
    intake.write(Table.from_rows(INVOICES, rows).to_arrow())
    notes = [] if rows else ["no [[invoice]] table"]
    intake.add_source(source_id, landed, "toml", len(rows), len(rows), notes)
