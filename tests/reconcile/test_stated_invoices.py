"""Invoices as their issuers state them: which row counts, and months that are cut apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.reconcile.test_billing_groups import group
from trueup.model.rules import Rules
from trueup.reconcile.invoice_breaks import Judged, _cut_elsewhere
from trueup.reconcile.invoice_leg import _judged
from trueup.reconcile.stated_invoices import Invoice, Statement, read_invoices

D = Decimal


def at(day: int, hour: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def row(amount: str, updated: datetime | None, **given: Any) -> dict[str, Any]:
    """A row of Invoice Detail of invoice i-1."""
    names = ("ChargeCategory", "x_Tax", "x_Credits", "BillingAccountId", "InvoiceIssueStatus")
    found: dict[str, Any] = dict.fromkeys(names)
    found |= {"InvoiceId": "i-1", "InvoiceIssuerName": "Nimbus", "InvoiceDetailId": "d-1"}
    found |= {"BillingPeriodStart": at(1), "BillingPeriodEnd": at(1, month=11)}
    found |= {"BillingCurrency": "USD", "BilledCost": D(amount)}
    return found | {"InvoiceDetailLastUpdated": updated, "x_SourceId": 1, "x_SourceRow": 1} | given


OLD, NEW = row("10.00", at(2)), row("12.00", at(3))


@pytest.mark.parametrize("rows", [[OLD, NEW], [NEW, OLD], [NEW, row("10.00", None)]])
def test_the_state_of_a_line_that_was_updated_last_counts(rows: list[dict[str, Any]]) -> None:
    """10.00 became 12.00, in whatever order the two stand in the list."""
    [found], voided, superseded = read_invoices(rows)
    assert [found.amount, voided, superseded] == [12, 0, 1]


def invoice(amount: str, number: str = "i-1", start: datetime | None = None) -> Invoice:
    """An invoice of October, cut at midnight UTC or another hour."""
    start = start or at(1)
    end = datetime(2026, 11, 1, start.hour if start.day == 1 else 0, tzinfo=UTC)
    return Invoice(number, "Nimbus", "a", start, end, "USD", D(amount), {}, is_open=False)


@pytest.mark.parametrize(
    ("amounts", "status", "repeats"),
    [
        (["10.00"], "agreed", 0),
        (["10.00", "10.00"], "agreed", 1),  # 20.00 of 10.00: the second is asked for again
        (["10.00", "5.00"], "differs", 0),  # 15.00, and none repeats another
        (["7.00", "7.00"], "differs", 0),  # without the repeat it is 7.00 of 10.00
    ],
)
def test_an_invoice_again_is_left_out_where_the_rest_then_agrees(
    amounts: Sequence[str], status: str, repeats: int
) -> None:
    """10.00 of charges beside several invoices of the month."""
    stated = tuple(invoice(amount, f"i-{at}") for at, amount in enumerate(amounts))
    found = _judged(Statement(stated, (group(),)), Rules())
    assert (found.row["status"], len(found.repeats)) == (status, repeats)


def judged(*stated: Invoice) -> Judged:
    return _judged(Statement(stated, (group(invoice_id=stated[0].invoice_id),)), Rules())


@pytest.mark.parametrize(
    ("amount", "start", "again"),
    [
        ("10.00", at(1, 7), True),  # the same month, cut seven hours later
        ("10.00", at(1), False),  # two equal amounts of the same hours may be two things
        ("11.00", at(1, 7), False),
    ],
)
def test_a_month_cut_in_two_zones_is_asked_for_twice(
    amount: str, start: datetime, again: bool
) -> None:
    """10.00 from 1 October, 00:00 UTC, and an invoice of a second number with its own charges."""
    first, second = judged(invoice("10.00")), judged(invoice(amount, "i-2", start))
    found = list(_cut_elsewhere(second, [first, second], []))
    assert [(one["rule"], one["amount"]) for one in found] == (
        [("issued_again", D("10.00"))] if again else []
    )
    assert list(_cut_elsewhere(first, [first, second], [])) == []
