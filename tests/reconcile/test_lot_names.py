"""Charges that call a pool by its name: what its credits are worth, as far as its lots agree."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from tests.reconcile import test_invoice_leg as invoices
from tests.reconcile.prepaid import at, cost, of_leg, reconciled
from tests.reconcile.test_terms import terms
from trueup import Result
from trueup.focus.applied import APPLIED
from trueup.reconcile.lot_names import not_priced

D = Decimal
LOT = """
[[commitment]]
id = "{id}"
pool = "credits-2026"
provider = "{provider}"
layer = "funding"
type = "Prepaid Credits"
total = 100
credit_unit = "{unit}"
cost_per_credit = "{price}"
currency = "USD"
start = 2026-10-01
end = 2027-01-01
"""
SAME = [("credits", "1.00"), ("credits", "1.00")]
DEARER = [("credits", "1.00"), ("credits", "1.50")]
OTHER_UNIT = [("credits", "1.00"), ("tokens", "1.00")]


def contract(lots: list[tuple[str, str]], provider: str = "Nimbus") -> str:
    return "".join(
        LOT.format(id=f"lot-{number}", provider=provider, unit=unit, price=price)
        for number, (unit, price) in enumerate(lots, start=1)
    )


def drew(name: str) -> str:
    """ContractApplied of 40 credits."""
    return (
        '{"Elements":[{"ContractId":"c","ContractCommitmentId":"'
        + name
        + '","ContractCommitmentAppliedQuantity":40,"ContractCommitmentAppliedUnit":"credits"}]}'
    )


def note_of(result: Result) -> str | None:
    found = [row for row in result.notes.rows() if row["code"] == "pool_of_several_prices"]
    assert all(row["subject"] == "credits-2026" and row["remedy"] for row in found)
    return found[0]["text"] if found else None


@pytest.mark.parametrize(
    ("lots", "name", "due", "said"),
    [
        (SAME, "credits-2026", 60, None),
        (DEARER, "credits-2026", 100, "lot-1 1.00 USD per credits, lot-2 1.50 USD per credits"),
        (OTHER_UNIT, "credits-2026", 100, "lot-1 1.00 USD per credits, lot-2 1.00 USD per tokens"),
        (DEARER, "lot-2", 40, None),
    ],
)
def test_a_pools_credits_have_a_price_where_its_lots_agree(
    tmp_path: Path, lots: list[tuple[str, str]], name: str, due: int, said: str | None
) -> None:
    """100.00 billed, 40 credits drawn: at 1.00 each 100 - 40 = 60 are due, at 1.50 each 40.

    Called by the pool's name, and of lots that differ, nobody knows which: nothing is taken off.
    """
    (tmp_path / "lots.toml").write_text(contract(lots, "Example Cloud"), encoding="utf-8")
    rows = [invoices.charge("100.00", ContractApplied=drew(name))]
    bill = [invoices.invoice(f"{due}.00")]
    result = invoices.reconciled(tmp_path, rows, bill, commitments=tmp_path / "lots.toml")
    [row] = result.invoices.rows()
    assert (row["amount_due"], row["status"]) == (due, "agreed")
    assert said is None or said in (note_of(result) or "")
    assert (note_of(result) is None) is (said is None)


@pytest.mark.parametrize(("lots", "amount"), [(SAME, 40), (DEARER, None)])
def test_a_double_drawdown_of_a_pool_is_priced_where_its_lots_agree(
    tmp_path: Path, lots: list[tuple[str, str]], amount: int | None
) -> None:
    """The same charge twice: 80 credits drawn, 40 of them again; at 1.00 each that is 40.00."""
    charges = [cost("40.00", at(3), ContractApplied=drew("credits-2026")) for _ in range(2)]
    result = reconciled(tmp_path, charges, contract(lots))
    [row] = of_leg(result)
    assert (row["rule"], row["billed"], row["expected"]) == ("double_drawdown", 80, 40)
    assert row["amount"] == amount
    assert (note_of(result) is None) is (amount is not None)


def test_a_lot_and_its_pool_drawn_twice_have_no_price_together(tmp_path: Path) -> None:
    """By its own name 40 credits again, worth 40.00; and 40 of the pool, which no price is true of."""
    charges = [
        cost("40.00", at(day), ContractApplied=drew(name))
        for day, name in ((3, "lot-1"), (4, "credits-2026"))
        for _ in range(2)
    ]
    [row] = of_leg(reconciled(tmp_path, charges, contract(DEARER)))
    assert (row["billed"], row["billed"] - row["expected"], row["amount"]) == (80, 80, None)


def test_each_lot_of_a_pool_without_a_price_is_told_by_its_own() -> None:
    """One is money, one has a price, of one nobody knows it; a fourth element states its cost."""
    lots = [
        terms(commitment_id="money", pool="p"),
        terms(commitment_id="dear", pool="p", unit="credits", cost_per_credit=D("1.50")),
        terms(commitment_id="odd", pool="p", unit="credits"),
    ]
    rows = [{"commitment_id": "p", "without_cost": count} for count in (3, 0)]
    [note] = not_priced(lots, pa.Table.from_pylist(rows, APPLIED))
    assert "3 elements of ContractApplied name the pool" in note["text"]
    assert "(money in USD, dear 1.50 USD per credits, odd unknown per credits)" in note["text"]
