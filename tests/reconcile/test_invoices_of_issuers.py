"""Invoices of several issuers, repeats of rows and edges of months, by hand arithmetic."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests.reconcile.test_invoice_leg import (
    breaks_of,
    charge,
    invoice,
    reconciled,
    steps_of,
)

D = Decimal
ALPHA = {"InvoiceIssuerName": "Alpha Cloud", "ServiceProviderName": "Alpha Cloud"}
BETA = {"InvoiceIssuerName": "Beta Cloud", "ServiceProviderName": "Beta Cloud"}
TWO = [
    invoice("50.00", "1001", issuer="Alpha Cloud"),
    invoice("70.00", "1001", issuer="Beta Cloud"),
]


def test_every_issuers_number_is_its_own(tmp_path: Path) -> None:
    """50.00 of Alpha, whose charges have no number, and 70.00 of Beta's 1001: both agree."""
    bill = [charge("50.00", **ALPHA | {"InvoiceId": ""}), charge("70.00", InvoiceId="1001", **BETA)]
    result = reconciled(tmp_path, bill, TWO)
    assert breaks_of(result) == []
    assert {(row["issuer"], row["invoiced"]) for row in result.invoices.rows()} == {
        ("Alpha Cloud", D(50)),
        ("Beta Cloud", D(70)),
    }


def test_an_invoice_takes_no_charges_that_another_asks_for(tmp_path: Path) -> None:
    """Nothing of Alpha was billed: its 50.00 are without charges, Beta's 1001 agrees."""
    result = reconciled(tmp_path, [charge("70.00", InvoiceId="1001", **BETA)], TWO)
    [found] = breaks_of(result)
    assert (found["amount"], found["subject"]) == (D(50), "1001")
    status = {row["issuer"]: row["status"] for row in result.invoices.rows()}
    assert status == {"Alpha Cloud": "no_charges", "Beta Cloud": "agreed"}


def test_a_list_that_names_a_reseller_finds_the_number(tmp_path: Path) -> None:
    """The bill names the cloud, the invoice who sent it; nobody else has that number."""
    sent = invoice("70.00", "1001", issuer="A Reseller")
    assert (
        breaks_of(reconciled(tmp_path, [charge("70.00", InvoiceId="1001", **BETA)], [sent])) == []
    )


def test_a_number_of_two_issuers_is_neithers_for_a_third(tmp_path: Path) -> None:
    """50.00 and 70.00 are on two bills' 1001: whose the invoice is, nobody can say."""
    bill = [charge("50.00", InvoiceId="1001", **ALPHA), charge("70.00", InvoiceId="1001", **BETA)]
    sent = invoice("120.00", "1001", issuer="A Reseller")
    found = reconciled(tmp_path, bill, [sent]).invoices.rows()
    assert sorted(row["status"] for row in found) == ["no_charges", "no_invoice", "no_invoice"]


def test_a_repeated_invoice_is_in_the_bridge(tmp_path: Path) -> None:
    """12.00 of charges without a number; two invoices of 12.00 ask for 24.00, 12.00 too much."""
    bill = [charge("12.00", InvoiceId="", EffectiveCost="12.00")]
    result = reconciled(tmp_path, bill, [invoice("12.00"), invoice("12.00", "INV-2")])
    steps = steps_of(result)
    assert (steps["invoiced"], steps["difference"]) == (D(24), D(12))
    [found] = breaks_of(result)
    assert (found["rule"], found["amount"]) == ("issued_again", D(12))


def test_a_row_of_an_invoice_that_is_there_twice(tmp_path: Path) -> None:
    """INV-1 in rows of 100, 20 and 20 again: 20 too much, not 120."""
    rows = [invoice("100.00"), invoice("20.00"), invoice("20.00")]
    [found] = breaks_of(reconciled(tmp_path, [charge("120.00")], rows))
    assert (found["rule"], found["amount"]) == ("issued_twice", D(20))
    assert (found["billed"], found["expected"]) == (D(140), D(120))
    assert "once, and 1 of its rows again: 20.00 USD too much" in found["explanation"]


def test_as_many_charges_stand_again_as_stood_before(tmp_path: Path) -> None:
    """One charge of 3.00 at the edge on INV-1, two like it on INV-2: one of them is the copy."""
    edge = {
        "ChargePeriodStart": "2026-10-31T23:00:00Z",
        "ChargePeriodEnd": "2026-11-01T00:00:00Z",
        "ResourceId": "vm-1",
    }
    later = edge | {
        "InvoiceId": "INV-2",
        "BillingPeriodStart": "2026-10-31T22:00:00Z",
        "BillingPeriodEnd": "2026-11-30T22:00:00Z",
    }
    bill = [charge("10.00"), charge("3.00", **edge), *(charge("3.00", **later) for _ in range(2))]
    sent = [invoice("13.00"), invoice("6.00", "INV-2", billing_period="2026-11")]
    [found] = breaks_of(reconciled(tmp_path, bill, sent, period=None))
    assert (found["rule"], found["amount"]) == ("month_edge", D(3))
