"""Breaks of the further legs lead to rows too: charges, invoices, contracts, by file and row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trueup
from tests.reconcile import test_currencies as fx
from tests.reconcile import test_invoice_leg as invoices
from tests.reconcile.prepaid import at, balance, cost, reconciled
from tests.reconcile.test_balance_leg import END, LOT
from tests.reconcile.test_three_sources import BILL, DAYS, PLAN, SAYS, told


def behind(result: trueup.Result) -> dict[str, list[tuple[str, int]]]:
    """Rule of the break -> (side, row) of what is behind it; counts are those of the break."""
    found: dict[str, list[tuple[str, int]]] = {}
    for one in result.breaks.rows():
        rows: list[dict[str, Any]] = [
            row for row in result.break_rows.rows() if row["break_id"] == one["id"]
        ]
        listed = sorted((row["side"], row["source_row"]) for row in rows)
        assert [side for side, _row in listed].count("billed") == one["rows_billed"]
        found[one["rule"]] = listed
    return found


def test_a_rate_of_a_day_has_that_days_charges(tmp_path: Path) -> None:
    """Rows 2 and 3 are of the 16th, on which the rate is wrong; row 1 is of the 15th."""
    result = fx.reconciled(
        tmp_path,
        fx.charge(15, "10.00", "9.20"),
        fx.charge(16, "10.00", "9.20"),
        fx.charge(16, "20.00", "18.40"),
    )
    assert behind(result) == {"exchange_rate": [("billed", 2), ("billed", 3)]}


def test_an_invoice_has_its_charges_and_its_own_rows(tmp_path: Path) -> None:
    """INV-1 asks for 33 and has charges 1 and 3 of 30; INV-2 agrees."""
    charges = [
        invoices.charge("10.00"),
        invoices.charge("5.00", InvoiceId="INV-2"),
        invoices.charge("20.00"),
    ]
    given = [invoices.invoice("5.00", "INV-2"), invoices.invoice("33.00")]
    result = invoices.reconciled(tmp_path, charges, given)
    assert behind(result) == {"invoice": [("billed", 1), ("billed", 3), ("invoice", 2)]}


def test_an_invoice_that_is_listed_twice_has_both_rows(tmp_path: Path) -> None:
    """The same 10.00 stands in rows 1 and 2 of the list; the charge is row 1 of the bill."""
    given = [invoices.invoice("10.00"), invoices.invoice("10.00")]
    result = invoices.reconciled(tmp_path, [invoices.charge("10.00")], given)
    assert behind(result) == {"issued_twice": [("billed", 1), ("invoice", 1), ("invoice", 2)]}


def test_overage_has_the_charges_of_its_hours_and_the_contract(tmp_path: Path) -> None:
    """70 + 60 of a lot of 100: the second charge goes 30 beyond it; the first does not."""
    lot = LOT + 'overage_rate = "0.80"\napplies_to = { ServiceName = "^tokens$" }\n'
    charges = [cost("70.00", at(2)), cost("60.00", at(3)), cost("9.00", at(3), ServiceName="Maps")]
    result = reconciled(tmp_path, charges, lot)
    assert behind(result) == {"overage_rate": [("billed", 2), ("contract", 1)]}


def test_a_balance_has_the_charges_that_drew_on_the_lot(tmp_path: Path) -> None:
    """Rows 1 and 3 drew 10 + 20 of 100 by name; the provider says that 60 remain, not 70."""
    charges = [
        cost("10.00", at(2), {"lot": "10.00"}),
        cost("5.00", at(3)),
        cost("20.00", at(4), {"lot": "20.00"}),
    ]
    said = [balance("lot", END, "60.00", source_id=0, source_row=7)]
    result = reconciled(tmp_path, charges, LOT, balances=said)
    [(_rule, rows)] = behind(result).items()
    assert rows == [("billed", 1), ("billed", 3), ("contract", 1), ("provider", 7)]


def test_a_statement_that_stands_nowhere_is_no_row(tmp_path: Path) -> None:
    """A caller's own table of balances has no file: the break has the charge and the contract."""
    charges = [cost("10.00", at(2), {"lot": "10.00"})]
    result = reconciled(tmp_path, charges, LOT, balances=[balance("lot", END, "60.00")])
    assert list(behind(result).values()) == [[("billed", 1), ("contract", 1)]]


def test_three_sources_have_the_intervals_that_differ(tmp_path: Path) -> None:
    """On the 4th the provider says 6 more unused: the 48 rows of that day, of rows 1 to 96."""
    says = [SAYS[0], told(4, committed="240", used="210", unused="30")]
    says = [{**row, "source_id": 0, "source_row": number} for number, row in enumerate(says, 1)]
    result = reconciled(tmp_path, BILL, PLAN, period=DAYS, utilization=says)
    expected = [("billed", row) for row in range(49, 97)]
    assert behind(result) == {"three_sources": [*expected, ("contract", 1), ("provider", 2)]}
