"""Charges by invoice: parts and groups that do not add up to the bill stop the run."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from trueup.engine.engine import open_engine
from trueup.errors import IntegrityError
from trueup.reconcile.billing_groups import PARTS, ROUNDINGS, BillingGroup, _check, _group, month_of

D = Decimal


def at(day: int, month: int = 10, hour: int = 0) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "month"),
    [
        (at(1), at(1, 11), "2026-10"),
        (at(30, 9, 22), at(31, 10, 22), "2026-10"),  # cut in another zone: by its middle
        (at(1), at(8), "2026-10-01/2026-10-08"),
        (None, at(8), None),
        (at(1), None, None),
    ],
)
def test_a_billing_period_is_named_by_its_month(
    start: datetime | None, end: datetime | None, month: str | None
) -> None:
    """Another length by its two ends; what is not known has no name."""
    assert month_of(start, end) == month


def group(**given: Any) -> BillingGroup:
    """8.00 of charges and 2.00 of tax in cents: 10.00."""
    row: dict[str, Any] = dict.fromkeys((*PARTS, *ROUNDINGS), D(0))
    row |= {"charges": D(800), "tax": D(200), "billed": D(1000), "unrounded": 0, "rows": 2}
    row |= {"key": "k", "issuer": "Nimbus", "invoice_id": "i-1", "currency": "USD"}
    row |= {f"{edge}_account": "a" for edge in ("first", "last")}
    row |= {f"{edge}_provider": "p" for edge in ("first", "last")}
    row |= {"billing_start": at(1), "billing_end": at(1, 11)}
    return _group(row | given, 2)


def test_the_parts_of_an_invoice_are_what_is_due() -> None:
    """8.00 + 2.00 = 10.00, of October; of two accounts nobody is named."""
    found = group(last_account="b")
    assert (found.due, found.parts["tax"], found.month) == (D("10.00"), D("2.00"), "2026-10")
    assert (found.account, found.provider) == (None, "p")


def test_parts_that_do_not_add_up_stop_the_run() -> None:
    """8.00 + 1.00 of 10.00."""
    said = "invoice i-1 of Nimbus: its parts add up to 9.00, its charges to 10.00 USD"
    with pytest.raises(IntegrityError, match=said):
        group(tax=D(100))


@pytest.mark.parametrize(
    ("billed", "said"),
    [
        (["8.00", "2.00"], None),
        (["8.00", "3.00"], "charges of 11.0+ USD, but those of all invoices come to 10.00"),
        (["8.00", "2.00", "0.00"], "charges of 10.0+ USD"),  # a row of nothing is lost
    ],
)
def test_a_charge_on_no_invoice_stops_the_run(billed: list[str], said: str | None) -> None:
    """All invoices are 10.00 of 2 charges, and so is the bill."""
    costs = pa.array([D(amount) for amount in billed], pa.decimal128(38, 18))
    table = pa.table({"BillingCurrency": ["USD"] * len(billed), "BilledCost": costs})
    with open_engine("duckdb") as engine:
        charges = engine.load(table)
        if said is None:
            _check([group()], charges, engine)
            return
        with pytest.raises(IntegrityError, match=f"invoices: {said}"):
            _check([group()], charges, engine)
