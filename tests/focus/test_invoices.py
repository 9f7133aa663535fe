from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.focus.bill import as_csv

from trueup.errors import ConfigurationError, SourceError
from trueup.focus.columns import INVOICE_DETAIL, INVOICES, columns_of
from trueup.focus.commitments import read_commitments
from trueup.focus.invoices import read_invoices

DETAIL = {
    "InvoiceId": "INV-1",
    "InvoiceDetailId": "1",
    "InvoiceIssuerName": "Example Cloud",
    "InvoiceIssueStatus": "issued",
    "InvoiceIssueDate": "2026-11-03T00:00:00Z",
    "BillingAccountId": "acc-1",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "BillingCurrency": "eur",
    "BilledCost": "100.005",
    "ChargeCategory": "Usage",
    "InvoiceDetailGrain": '{"service": "Machines"}',
    "PaymentTerms": "Net 30",
}
OCTOBER = (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))


def rows_of(path: Path, *rows: dict[str, str]) -> list[dict[str, Any]]:
    path.write_text(as_csv(rows), encoding="utf-8")
    return read_invoices(path).table.rows()


def test_the_dataset_has_the_22_columns_of_the_specification() -> None:
    """Invoice Detail appeared in 1.4 with 22 columns; trueup adds four."""
    assert len(columns_of(INVOICE_DETAIL, "1.4")) == 22
    assert columns_of(INVOICE_DETAIL, "1.3") == ()
    assert INVOICES.names[22:] == ["x_Tax", "x_Credits", "x_SourceId", "x_SourceRow"]


def test_invoice_detail_is_recognised_by_its_columns(tmp_path: Path) -> None:
    """Values are exact, currencies are codes in capitals, the status is FOCUS's word."""
    path = tmp_path / "detail.csv"
    (found,) = rows_of(path, DETAIL)
    assert found["BilledCost"] == Decimal("100.005")
    assert (found["BillingCurrency"], found["InvoiceIssueStatus"]) == ("EUR", "Issued")
    assert (found["BillingPeriodStart"], found["BillingPeriodEnd"]) == OCTOBER
    assert found["InvoiceDetailGrain"] == '{"service": "Machines"}'
    (source,) = read_invoices(path).sources.rows()
    assert (source["kind"], source["format"]) == ("invoices", "focus-1.4")


def test_a_table_of_totals_is_recognised_by_its_columns(tmp_path: Path) -> None:
    """One row an invoice; a month stands for its first instant and the first of the next month."""
    path = tmp_path / "totals.csv"
    path.write_text(
        "Invoice_ID,issuer,billing_account_id,billing_period,currency,amount_due,tax,credits,paid\n"
        "INV-1,Example Cloud,acc-1,2026-12,USD,119.00,19.00,-5,yes\n",
        encoding="utf-8",
    )
    found = read_invoices(path)
    (row,) = found.table.rows()
    assert (row["InvoiceId"], row["InvoiceIssuerName"]) == ("INV-1", "Example Cloud")
    assert row["BillingPeriodStart"] == datetime(2026, 12, 1, tzinfo=UTC)
    assert row["BillingPeriodEnd"] == datetime(2027, 1, 1, tzinfo=UTC)
    assert (row["BilledCost"], row["x_Tax"], row["x_Credits"]) == (119, 19, -5)
    assert (row["ChargeCategory"], row["InvoiceDetailId"]) == (None, None)
    (source,) = found.sources.rows()
    assert source["format"] == "invoice-totals"
    assert source["note"] == "columns that are not used: paid"


def test_totals_may_be_a_data_frame_or_parquet(tmp_path: Path) -> None:
    """Both give the same row; a period is also its two ends, with a zone."""
    frame = pd.DataFrame(
        {
            "invoice_id": ["INV-1"],
            "billing_period_start": ["2026-10-01T00:00:00-07:00"],
            "billing_period_end": ["2026-11-01T00:00:00-07:00"],
            "currency": ["USD"],
            "amount_due": [Decimal("0.10")],
        }
    )
    frame.to_parquet(tmp_path / "totals.parquet")
    for source in (frame, tmp_path / "totals.parquet"):
        (row,) = read_invoices(source).table.rows()
        assert row["BilledCost"] == Decimal("0.10")
        assert row["BillingPeriodStart"] == datetime(2026, 10, 1, 7, tzinfo=UTC)


def test_rows_that_cannot_be_read_are_rejected_with_their_reason(tmp_path: Path) -> None:
    """Six rows in, one accepted, five rejected: amount, currency, period, number, order of ends."""
    path = tmp_path / "totals.csv"
    path.write_text(
        "invoice_id,issuer,billing_period,billing_period_end,currency,amount_due\n"
        "INV-1,,,,USD,1.00\n"
        'INV-2,,,,USD,"1,000.00"\n'
        "INV-3,,,,,1.00\n"
        "INV-4,,October,,USD,1.00\n"
        ",Example Cloud,,,USD,1.00\n"
        "INV-6,,2026-10,2026-09-01,USD,1.00\n",
        encoding="utf-8",
    )
    found = read_invoices(path)
    assert [row["InvoiceId"] for row in found.table.rows()] == ["INV-1"]
    assert [(row["row_number"], row["column"], row["reason"]) for row in found.rejects.rows()] == [
        (2, "BilledCost", "not a plain number"),
        (3, "BillingCurrency", "empty, but every row needs it"),
        (4, "BillingPeriodStart", "not a time; write 2026-10-03T14:00:00Z"),
        (
            5,
            "InvoiceId",
            "empty: without it a row needs InvoiceIssuerName, BillingPeriodStart, BillingPeriodEnd",
        ),
        (6, "BillingPeriodEnd", "not after BillingPeriodStart"),
    ]
    (source,) = found.sources.rows()
    assert (source["rows_in"], source["accepted"], source["rejected"]) == (6, 1, 5)


def test_a_status_that_focus_does_not_know_is_rejected(tmp_path: Path) -> None:
    """Open, Issued and Voided are the words of the specification."""
    path = tmp_path / "detail.csv"
    assert rows_of(path, DETAIL | {"InvoiceIssueStatus": "Paid"}) == []
    (reject,) = read_invoices(path).rejects.rows()
    assert reject["reason"] == "not one of Open, Issued, Voided"


def test_a_file_given_twice_is_a_copy(tmp_path: Path) -> None:
    """The same bytes under another name add nothing: its row is rejected as a copy."""
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("invoice_id,currency,amount_due\nI,USD,1\n", encoding="utf-8")
    found = read_invoices(tmp_path / "*.csv")
    assert len(found.table) == 1
    assert [row["accepted"] for row in found.sources.rows()] == [1, 0]
    assert found.rejects.rows()[0]["reason"].startswith("a copy of ")


def test_invoices_typed_by_hand(tmp_path: Path) -> None:
    """A [[invoice]] table is a row of totals; a bare decimal stays exact."""
    path = tmp_path / "invoices.toml"
    path.write_text(
        '[[invoice]]\ninvoice_id = "INV-7"\nissuer = "Example Cloud"\nbilling_period = "2026-10"\n'
        'currency = "usd"\namount_due = 119.000000000000000001\ntax = "19"\n',
        encoding="utf-8",
    )
    (row,) = read_invoices(path).table.rows()
    assert row["BilledCost"] == Decimal("119.000000000000000001")
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == OCTOBER
    assert (row["BillingCurrency"], row["x_Tax"]) == ("USD", 19)


def test_an_invoice_of_a_number_needs_no_month(tmp_path: Path) -> None:
    """Its charges are found by the number: when it is of stays unknown."""
    path = tmp_path / "invoices.toml"
    path.write_text(
        '[[invoice]]\ninvoice_id = "INV-8"\ncurrency = "USD"\namount_due = 7\n', encoding="utf-8"
    )
    (row,) = read_invoices(path).table.rows()
    assert (row["InvoiceId"], row["BilledCost"]) == ("INV-8", 7)
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('currency = "USD"', "invoice[1].amount_due: is missing"),
        ('currency = "USD"\namount_due = 1', "give invoice_id, or else issuer and billing_period"),
        ('invoice_id = "I"\ncurrency = "USD"\namount = 1', "did you mean 'amount_due'?"),
        ('invoice_id = "I"\ncurrency = "USD"\namount_due = 1\nbilling_period = "Oct"', "a period"),
    ],
)
def test_a_mistake_in_toml_is_named(tmp_path: Path, text: str, said: str) -> None:
    """The file, the table, the key and what would be right."""
    path = tmp_path / "invoices.toml"
    path.write_text(f"[[invoice]]\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_invoices(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_a_bill_is_no_list_of_invoices(tmp_path: Path) -> None:
    """A bill names invoices too: read as such it would agree with itself. The other way round, too."""
    bill = tmp_path / "bill.csv"
    bill.write_text(
        "InvoiceId,BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,"
        "ChargePeriodEnd\n",
        encoding="utf-8",
    )
    with pytest.raises(SourceError, match=r"this is FOCUS 1\.\d Cost and Usage"):
        read_invoices(bill)
    detail = tmp_path / "detail.csv"
    detail.write_text(as_csv([DETAIL]), encoding="utf-8")
    with pytest.raises(SourceError, match="Invoice Detail: read it with read_invoices"):
        read_commitments(detail)
