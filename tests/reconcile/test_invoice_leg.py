"""Invoices against their charges; every amount is added up by hand in its test's sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import trueup
from tests.focus.bill import as_csv
from trueup.errors import IntegrityError
from trueup.model.rules import Rules
from trueup.period import parse_instant
from trueup.reconcile.billing_groups import PARTS, BillingGroup, month_of
from trueup.reconcile.invoice_bridge import _steps as steps
from trueup.reconcile.invoice_leg import _judged as judged
from trueup.reconcile.stated_invoices import Statement

D = Decimal
NAMES = [
    "BilledCost EffectiveCost BillingCurrency BillingAccountId SubAccountId BillingPeriodStart",
    "BillingPeriodEnd ChargePeriodStart ChargePeriodEnd ChargeCategory ChargeClass InvoiceId",
    "ChargeDescription CommitmentDiscountId CommitmentDiscountStatus ResourceId SkuId ServiceName",
    "ServiceCategory InvoiceIssuerName ServiceProviderName ContractApplied ConsumedQuantity",
]
COLUMNS = " ".join(NAMES).split()
USUAL = {
    "EffectiveCost": "0",
    "BillingCurrency": "USD",
    "BillingAccountId": "acc-1",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "ChargePeriodStart": "2026-10-03T14:00:00Z",
    "ChargePeriodEnd": "2026-10-03T15:00:00Z",
    "ChargeCategory": "Usage",
    "InvoiceId": "INV-1",
    "ServiceName": "Machines",
    "ServiceCategory": "Compute",
    "InvoiceIssuerName": "Example Cloud",
    "ServiceProviderName": "Example Cloud",
}
LOT = """
[[commitment]]
id = "lot-1"
provider = "Example Cloud"
type = "Prepaid Credits"
start = 2026-01-01
end = 2027-01-01
total = 500
credit_unit = "USD"
currency = "USD"
"""


def charge(billed: str, **values: str) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | USUAL | {"BilledCost": billed} | values


def invoice(amount: str, invoice_id: str = "INV-1", **values: str) -> dict[str, str]:
    usual = {"issuer": "Example Cloud", "billing_account_id": "", "billing_period": "2026-10"}
    extra = {"billing_period_start": "", "billing_period_end": "", "tax": "", "status": ""}
    own = {"invoice_id": invoice_id, "currency": "USD", "amount_due": amount}
    return {**usual, **extra, **own, **values}


def reconciled(
    folder: Path,
    charges: Sequence[Mapping[str, str]],
    invoices: Sequence[Mapping[str, str]],
    **options: Any,
) -> trueup.Result:
    (folder / "bill.csv").write_text(as_csv(charges), encoding="utf-8")
    (folder / "invoices.csv").write_text(as_csv(invoices), encoding="utf-8")
    options = {"period": "2026-10", "as_of": "2026-12-15"} | options
    return trueup.reconcile(folder / "bill.csv", invoices=folder / "invoices.csv", **options)


def invoices_of(result: trueup.Result) -> dict[str | None, dict[str, Any]]:
    return {row["invoice_id"]: row for row in result.invoices.rows()}


def breaks_of(result: trueup.Result) -> list[dict[str, Any]]:
    return [row for row in result.breaks.rows() if row["leg"] == "invoice"]


def steps_of(result: trueup.Result) -> dict[str, Decimal]:
    return {row["item"]: row["amount"] for row in result.invoice_bridge.rows() if row["amount"]}


EVERY_PART = [
    charge("100.00"),
    charge("40.00", ChargeCategory="Purchase"),
    charge("24.00", ChargeCategory="Tax"),
    charge("10.00", ServiceName="Premium Support"),
    charge("8.00", ServiceProviderName="Quarrelsome Maps", InvoiceIssuerName="AWS"),
    charge("-3.00", ChargeClass="Correction"),
    charge("-2.00", ChargeCategory="Adjustment", ChargeDescription="Credit note of September"),
    charge("-5.00", ChargeCategory="Credit", ChargeDescription="Promotion"),
    charge("-30.00", ChargeCategory="Credit", ChargeDescription="Prepaid drawdown"),
    charge("0.01", ChargeCategory="Adjustment", ChargeDescription="Rounding"),
]


def test_the_parts_add_up_to_the_amount_due(tmp_path: Path) -> None:
    """100 + 40 + 24 + 10 - (3 + 2) - 5 - 30 + 0.01 = 134.01; the seller's 8 is on its own invoice."""
    result = reconciled(tmp_path, EVERY_PART, [invoice("134.01"), invoice("8.00", issuer="AWS")])
    found = next(row for row in result.invoices.rows() if row["issuer"] == "Example Cloud")
    assert {part: found[part] for part in PARTS} == {
        "charges": D(100),
        "purchases": D(40),
        "tax": D(24),
        "support": D(10),
        "marketplace": D(0),
        "corrections": D(-5),
        "credits": D(-5),
        "prepaid_drawdown": D(-30),
        "rounding": D("0.01"),
    }
    assert (found["amount_due"], found["invoiced"], found["difference"]) == (D("134.01"),) * 2 + (
        0,
    )
    (seller,) = [row for row in result.invoices.rows() if row["issuer"] == "AWS"]
    assert (seller["marketplace"], seller["amount_due"]) == (8, 8)
    assert {row["status"] for row in result.invoices.rows()} == {"agreed"}
    assert breaks_of(result) == []


def test_an_invoice_that_asks_for_more_is_a_break(tmp_path: Path) -> None:
    """100.00 + 19.00 tax = 119.00; invoiced are 120.00, of which 20.00 tax: 1.00 too much."""
    result = reconciled(
        tmp_path,
        [charge("100.00"), charge("19.00", ChargeCategory="Tax")],
        [invoice("120.00", tax="20.00")],
    )
    (found,) = breaks_of(result)
    assert (found["class"], found["rule"], found["subject"]) == ("invoice", "invoice", "INV-1")
    assert (found["billed"], found["expected"], found["amount"]) == (120, 119, 1)
    assert (found["unit"], found["currency"]) == ("USD", "USD")
    assert found["explanation"] == (
        "Invoice INV-1 asks for 120.00 USD; its charges come to 119.00 (charges 100.00, tax 19.00). "
        "Tax: 20.00 on the invoice, 19.00 in the charges."
    )
    assert invoices_of(result)["INV-1"]["status"] == "differs"


def test_one_cent_is_a_break_where_nothing_is_rounded(tmp_path: Path) -> None:
    """100.00 is whole cents: 99.99 is a cent too little, -0.01, not rounding."""
    (found,) = breaks_of(reconciled(tmp_path, [charge("100.00")], [invoice("99.99")]))
    assert (found["class"], found["amount"]) == ("invoice", D("-0.01"))


def test_two_currencies_of_one_month_never_mix(tmp_path: Path) -> None:
    """10 USD and 1,000 JPY under one number are two invoices; only the yen differ, by 5."""
    charges = [charge("10.00"), charge("1000", BillingCurrency="JPY")]
    result = reconciled(tmp_path, charges, [invoice("10.00"), invoice("1005", currency="JPY")])
    rows = {row["currency"]: row for row in result.invoices.rows()}
    assert (rows["USD"]["status"], rows["JPY"]["status"]) == ("agreed", "differs")
    (found,) = breaks_of(result)
    assert (found["amount"], found["currency"]) == (5, "JPY")
    steps = {(r["currency"], r["item"]): r["amount"] for r in result.invoice_bridge.rows()}
    assert (steps["USD", "invoiced"], steps["JPY", "invoiced"]) == (10, 1005)


def test_a_credit_note_and_a_tax_invoice_stand_apart(tmp_path: Path) -> None:
    """INV-1 100.00; CN-1 -25.00 + 5.00 = -20.00; TAX-1 19.00: three invoices, all agreed."""
    charges = [
        charge("100.00"),
        charge("-25.00", InvoiceId="CN-1", ChargeClass="Correction"),
        charge("5.00", InvoiceId="CN-1", ChargeClass="Correction"),
        charge("19.00", InvoiceId="TAX-1", ChargeCategory="Tax"),
    ]
    given = [invoice("100.00"), invoice("-20.00", "CN-1"), invoice("19.00", "TAX-1")]
    result = reconciled(tmp_path, charges, given)
    rows = invoices_of(result)
    assert {row["status"] for row in rows.values()} == {"agreed"}
    assert (rows["CN-1"]["corrections"], rows["TAX-1"]["tax"]) == (-20, 19)
    assert breaks_of(result) == []


LINES = [charge("0.005", ResourceId=f"r{number}") for number in range(3)]


def test_within_half_a_cent_the_difference_is_rounding(tmp_path: Path) -> None:
    """3 x 0.005 = 0.015 of one service: half a cent is allowed, so 0.02 agrees, 0.005 rounded."""
    result = reconciled(tmp_path, LINES, [invoice("0.02")])
    found = invoices_of(result)["INV-1"]
    assert (found["charges"], found["rounding"]) == (D("0.015"), D("0.005"))
    assert (found["amount_due"], found["difference"]) == (D("0.02"), 0)
    assert breaks_of(result) == []
    assert steps_of(result)["rounding"] == D("0.005")


def test_lines_that_were_each_rounded_are_a_break_of_rounding(tmp_path: Path) -> None:
    """Each 0.005 up to 0.01 makes 0.03: 0.015 above 0.015, more than half a cent, but explained."""
    (found,) = breaks_of(reconciled(tmp_path, LINES, [invoice("0.03")]))
    assert (found["class"], found["rule"]) == ("rounding", "rounding")
    assert (found["billed"], found["expected"]) == (D("0.03"), D("0.015"))
    assert found["amount"] == D("0.015")


def test_what_no_rounding_makes_is_no_rounding(tmp_path: Path) -> None:
    """0.04 is neither 3 x 0.01 nor 3 x 0.00 nor 0.02: an invoice break of 0.025."""
    (found,) = breaks_of(reconciled(tmp_path, LINES, [invoice("0.04")]))
    assert (found["class"], found["amount"]) == ("invoice", D("0.025"))


def test_each_service_that_is_no_whole_cent_allows_half_a_cent(tmp_path: Path) -> None:
    """0.004 + 0.004 + 1.00 = 1.008: two services are unrounded, so 1.00 is within 0.01."""
    charges = [
        charge("0.004", ServiceName="Queues"),
        charge("0.004", ServiceName="Functions"),
        charge("1.00"),
    ]
    result = reconciled(tmp_path, charges, [invoice("1.00")])
    assert invoices_of(result)["INV-1"]["rounding"] == D("-0.008")
    assert breaks_of(result) == []


def test_a_yen_has_no_smaller_unit(tmp_path: Path) -> None:
    """100.4 yen is rounded to 100: 0.4 is within half a yen."""
    charges = [charge("100.4", BillingCurrency="JPY")]
    result = reconciled(tmp_path, charges, [invoice("100", currency="JPY")])
    assert invoices_of(result)["INV-1"]["rounding"] == D("-0.4")


def test_rules_set_the_allowance(tmp_path: Path) -> None:
    """An absolute tolerance of 0.50 takes 100.50 for 100.00, boundary included; not 100.51."""
    rules = {"tolerance": [{"leg": "invoice", "absolute": "0.50"}]}
    assert not breaks_of(reconciled(tmp_path, [charge("100")], [invoice("100.50")], rules=rules))
    (found,) = breaks_of(reconciled(tmp_path, [charge("100")], [invoice("100.51")], rules=rules))
    assert found["amount"] == D("0.51")


def test_an_invoice_without_charges_is_a_break(tmp_path: Path) -> None:
    """INV-2 asks for 7.00 that no charge explains."""
    result = reconciled(tmp_path, [charge("1.00")], [invoice("1.00"), invoice("7.00", "INV-2")])
    (found,) = breaks_of(result)
    assert (found["class"], found["subject"]) == ("invoice", "INV-2")
    assert (found["billed"], found["expected"], found["amount"]) == (7, 0, 7)
    assert invoices_of(result)["INV-2"]["status"] == "no_charges"


def test_charges_of_an_invoice_that_is_not_there_are_a_break(tmp_path: Path) -> None:
    """INV-2 is missing among October's invoices: -4.00; without any of the month nothing is said."""
    charges = [charge("1.00"), charge("4.00", InvoiceId="INV-2")]
    (found,) = breaks_of(reconciled(tmp_path, charges, [invoice("1.00")]))
    assert (found["subject"], found["billed"], found["expected"]) == ("INV-2", 0, 4)
    assert found["amount"] == -4
    november = invoice("9.00", "INV-9", billing_period="2026-11")
    result = reconciled(tmp_path, charges, [november])
    assert breaks_of(result) == []
    assert {row["status"] for row in result.invoices.rows()} == {"no_invoice"}


def test_an_invoice_in_the_list_twice_is_a_duplicate(tmp_path: Path) -> None:
    """12.00 stands there two times: 12.00 too much if both are paid; the invoice itself agrees."""
    twice = [invoice("12.00", description="a"), invoice("12.00", description="b")]
    result = reconciled(tmp_path, [charge("12.00")], twice)
    (found,) = breaks_of(result)
    assert (found["class"], found["leg"], found["rule"]) == ("duplicate", "invoice", "issued_twice")
    assert (found["billed"], found["expected"], found["amount"]) == (24, 12, 12)
    assert invoices_of(result)["INV-1"]["status"] == "agreed"


def test_the_same_month_cut_in_another_zone_is_named(tmp_path: Path) -> None:
    """INV-2 asks for October's 12.00 again, its month cut two hours earlier: a duplicate."""
    shifted = invoice(
        "12.00",
        "INV-2",
        billing_period_start="2026-09-30T22:00:00Z",
        billing_period_end="2026-10-31T22:00:00Z",
    )
    (found,) = breaks_of(reconciled(tmp_path, [charge("12.00")], [invoice("12.00"), shifted]))
    assert (found["class"], found["subject"], found["rule"]) == (
        "duplicate",
        "INV-2",
        "issued_again",
    )
    assert (found["billed"], found["expected"], found["amount"]) == (24, 12, 12)
    assert found["explanation"] == (
        "Invoice INV-2 asks again for the 12.00 USD of invoice INV-1: the same month, cut in another "
        "time zone (2026-09-30T22:00Z to 2026-10-31T22:00Z and 2026-10-01T00:00Z to "
        "2026-11-01T00:00Z)."
    )


PACIFIC = {
    "BillingPeriodStart": "2026-10-01T07:00:00Z",
    "BillingPeriodEnd": "2026-11-01T07:00:00Z",
}


def test_an_issuer_may_cut_its_month_in_another_zone(tmp_path: Path) -> None:
    """The hours from midnight to 7 are September's 3.00 there: INV-9 and INV-1 agree by number."""
    september = {
        "BillingPeriodStart": "2026-09-01T07:00:00Z",
        "BillingPeriodEnd": "2026-10-01T07:00:00Z",
        "InvoiceId": "INV-9",
        "ChargePeriodStart": "2026-10-01T02:00:00Z",
        "ChargePeriodEnd": "2026-10-01T03:00:00Z",
    }
    charges = [charge("3.00", **september), charge("5.00", **PACIFIC)]
    given = [invoice("5.00"), invoice("3.00", "INV-9", billing_period="2026-09")]
    result = reconciled(tmp_path, charges, given)
    assert breaks_of(result) == []
    assert set(invoices_of(result)) == {"INV-1"}  # September's is no invoice of the period


def test_without_numbers_the_month_is_found_in_any_zone(tmp_path: Path) -> None:
    """A bill without InvoiceId, its month from 7 to 7: October's invoice of 5.00 is its own."""
    charges = [charge("5.00", InvoiceId="", **PACIFIC)]
    result = reconciled(tmp_path, charges, [invoice("5.00", billing_account_id="acc-1")])
    found = invoices_of(result)["INV-1"]
    assert (found["status"], found["amount_due"]) == ("agreed", 5)


def test_without_numbers_the_months_invoices_stand_together(tmp_path: Path) -> None:
    """100.00 + 19.00 tax = 119.00 is what an invoice of 100.00 and one of 19.00 ask for."""
    charges = [
        charge("100.00", InvoiceId=""),
        charge("19.00", InvoiceId="", ChargeCategory="Tax"),
        charge("7.00", InvoiceId="", BillingAccountId="acc-2"),
    ]
    given = [
        invoice("100.00", billing_account_id="acc-1"),
        invoice("19.00", "INV-2", billing_account_id="acc-1"),
        invoice("7.00", "INV-3", billing_account_id="acc-2"),
    ]
    result = reconciled(tmp_path, charges, given)
    assert set(invoices_of(result)) == {"INV-1 + INV-2", "INV-3"}
    assert breaks_of(result) == []


def test_without_numbers_a_second_number_for_the_same_is_a_duplicate(tmp_path: Path) -> None:
    """12.00 of charges, invoiced as INV-1 and again as INV-2: 12.00 too much."""
    given = [invoice("12.00"), invoice("12.00", "INV-2")]
    (found,) = breaks_of(reconciled(tmp_path, [charge("12.00", InvoiceId="")], given))
    assert (found["class"], found["subject"], found["amount"]) == ("duplicate", "INV-2", 12)


def test_hours_that_two_months_hold_are_named(tmp_path: Path) -> None:
    """The last hour of October, 3.00, is on INV-1 and on November's, cut two hours earlier."""
    edge = {
        "ChargePeriodStart": "2026-10-31T23:00:00Z",
        "ChargePeriodEnd": "2026-11-01T00:00:00Z",
        "ResourceId": "vm-1",
    }
    november = {
        "InvoiceId": "INV-2",
        "BillingPeriodStart": "2026-10-31T22:00:00Z",
        "BillingPeriodEnd": "2026-11-30T22:00:00Z",
    }
    charges = [charge("10.00"), charge("3.00", **edge), charge("3.00", **edge, **november)]
    given = [invoice("13.00"), invoice("3.00", "INV-2", billing_period="2026-11")]
    (found,) = breaks_of(reconciled(tmp_path, charges, given, period=None))
    assert (found["class"], found["rule"], found["subject"]) == ("duplicate", "month_edge", "INV-2")
    assert (found["billed"], found["expected"], found["amount"]) == (6, 3, 3)


def applied(cost: str) -> str:
    element = f'"ContractCommitmentId":"lot-1","ContractCommitmentAppliedCost":{cost}'
    return f'{{"Elements":[{{"ContractId":"c",{element}}}]}}'


@pytest.mark.parametrize(
    ("charges", "drawn"),
    [
        # paid by the lot and billed at nought, as FOCUS has it: 40.00 are due
        ([charge("0", ContractApplied=applied("60")), charge("40.00")], 0),
        # billed in full, paid by the lot in part: 100 - 60 = 40
        ([charge("100.00", ContractApplied=applied("60"))], -60),
        # the drawdown is a row of its own: it counts once, 100 - 60 = 40
        (
            [
                charge("100.00", ContractApplied=applied("60")),
                charge("-60.00", ChargeCategory="Credit", ContractApplied=applied("60")),
            ],
            -60,
        ),
        # never more than the charge is billed: 40 + 60 - 60 = 40
        ([charge("40.00"), charge("60.00", ContractApplied=applied("75"))], -60),
    ],
)
def test_what_a_lot_paid_counts_once(
    tmp_path: Path, charges: list[dict[str, str]], drawn: int
) -> None:
    """However the bill shows that a prepaid lot paid 60.00 of 100.00, 40.00 are due."""
    (tmp_path / "lots.toml").write_text(LOT, encoding="utf-8")
    result = reconciled(tmp_path, charges, [invoice("40.00")], commitments=tmp_path / "lots.toml")
    found = invoices_of(result)["INV-1"]
    assert (found["prepaid_drawdown"], found["amount_due"]) == (drawn, 40)
    assert breaks_of(result) == []


def lots_applied(**costs: str) -> str:
    elements = ",".join(
        f'{{"ContractId":"c","ContractCommitmentId":"{name.replace("_", "-")}",'
        f'"ContractCommitmentAppliedCost":{cost}}}'
        for name, cost in costs.items()
    )
    return f'{{"Elements":[{elements}]}}'


DRAWDOWN = {"ChargeCategory": "Credit", "ChargeDescription": "Prepaid drawdown"}


@pytest.mark.parametrize(
    ("row", "taken"),
    [
        # lot-1 has a row, lot-2 none: 100 - 60 - 15 = 25
        (charge("-60.00", ContractApplied=lots_applied(lot_1="60"), **DRAWDOWN), -75),
        # the same, where the row carries the lot as its commitment
        (charge("-60.00", CommitmentDiscountId="lot-1", **DRAWDOWN), -75),
        # one row is of both lots: 100 - 75 = 25
        (charge("-75.00", ContractApplied=lots_applied(lot_1="60", lot_2="15"), **DRAWDOWN), -75),
        # it names the pool that both lots are of
        (charge("-75.00", ContractApplied=lots_applied(prepaid="75"), **DRAWDOWN), -75),
        # a row that names none shows as much as it amounts to: 60 of 75, so 15 more
        (charge("-60.00", **DRAWDOWN), -75),
        (charge("-75.00", **DRAWDOWN), -75),
    ],
)
def test_each_of_two_lots_counts_once(tmp_path: Path, row: dict[str, str], taken: int) -> None:
    """100.00 of which lot-1 paid 60.00 and lot-2 15.00: 25.00 are due, whichever has a row."""
    pooled = LOT.replace('type = "Prepaid Credits"', 'type = "Prepaid Credits"\npool = "prepaid"')
    (tmp_path / "lots.toml").write_text(pooled + pooled.replace("lot-1", "lot-2"), encoding="utf-8")
    rows = [charge("100.00", ContractApplied=lots_applied(lot_1="60", lot_2="15")), row]
    result = reconciled(tmp_path, rows, [invoice("25.00")], commitments=tmp_path / "lots.toml")
    found = invoices_of(result)["INV-1"]
    assert (found["prepaid_drawdown"], found["amount_due"]) == (taken, 25)
    assert breaks_of(result) == []
    assert steps_of(result)["invoiced"] == 25


def test_a_lots_row_does_not_hide_what_another_lot_paid_elsewhere(tmp_path: Path) -> None:
    """On INV-1 lot-1 has a row of 60.00; on INV-2 it has none: there 20.00 of 30.00 are taken off."""
    (tmp_path / "lots.toml").write_text(LOT, encoding="utf-8")
    rows = [
        charge("100.00", ContractApplied=applied("60")),
        charge("-60.00", ContractApplied=applied("60"), **DRAWDOWN),
        charge("30.00", InvoiceId="INV-2", ContractApplied=applied("20")),
    ]
    given = [invoice("40.00"), invoice("10.00", "INV-2")]
    result = reconciled(tmp_path, rows, given, commitments=tmp_path / "lots.toml")
    assert {name: row["amount_due"] for name, row in invoices_of(result).items()} == {
        "INV-1": 40,
        "INV-2": 10,
    }


@pytest.mark.parametrize(("price", "due"), [('cost_per_credit = "1.50"', 40), ("", 100)])
def test_credits_pay_at_their_price(tmp_path: Path, price: str, due: int) -> None:
    """100.00 billed in full, 40 credits drawn at 1.50 each: 60.00 are prepaid, 40.00 due.

    Without a price it is not known what they paid: nothing is taken off, and a note says so.
    """
    lot = LOT.replace('credit_unit = "USD"', f'credit_unit = "credits"\n{price}')
    (tmp_path / "lots.toml").write_text(lot, encoding="utf-8")
    drew = applied("0").replace(
        '"ContractCommitmentAppliedCost":0',
        '"ContractCommitmentAppliedQuantity":40,"ContractCommitmentAppliedUnit":"credits"',
    )
    rows = [charge("100.00", ContractApplied=drew)]
    result = reconciled(tmp_path, rows, [invoice(f"{due}.00")], commitments=tmp_path / "lots.toml")
    found = invoices_of(result)["INV-1"]
    assert (found["prepaid_drawdown"], found["amount_due"]) == (due - 100, due)
    noted = "credits_without_price" in {one["code"] for one in result.notes.rows()}
    assert noted is not bool(price)


def test_the_bridge_leads_from_use_to_invoice(tmp_path: Path) -> None:
    """Used in October 50 (30 + 20), of it 20 on INV-2; 4 of September, 120 fee, 30 amortised.

    50 - 20 + 4 + 120 - 30 + 6 tax + 1 that nothing explains = 131 invoiced.
    """
    plan = {"CommitmentDiscountId": "plan-1", "CommitmentDiscountStatus": "Used"}
    late = {"ChargePeriodStart": "2026-09-30T10:00:00Z", "ChargePeriodEnd": "2026-09-30T11:00:00Z"}
    charges = [
        charge("0", EffectiveCost="30", **plan),
        charge("20", EffectiveCost="20", InvoiceId="INV-2"),
        charge("4", EffectiveCost="4", **late),
        charge("120", ChargeCategory="Purchase", CommitmentDiscountId="plan-1"),
        charge("6", ChargeCategory="Tax"),
    ]
    result = reconciled(tmp_path, charges, [invoice("131.00")])
    assert steps_of(result) == {
        "usage_period_cost": 50,
        "on_other_invoices": -20,
        "earlier_periods": 4,
        "purchases": 120,
        "amortisation": -30,
        "other_differences": 6,
        "difference": 1,
        "invoiced": 131,
    }
    assert [row["step"] for row in result.invoice_bridge.rows()] == list(range(1, 12))


def test_a_row_over_the_months_edge_is_bridged_by_time(tmp_path: Path) -> None:
    """23:00 to 01:00 for 2.00: an hour, 1.00, is October's; the other was used in September."""
    over = {"ChargePeriodStart": "2026-09-30T23:00:00Z", "ChargePeriodEnd": "2026-10-01T01:00:00Z"}
    result = reconciled(tmp_path, [charge("2", EffectiveCost="2", **over)], [invoice("2.00")])
    assert steps_of(result) == {"usage_period_cost": 1, "earlier_periods": 1, "invoiced": 2}


def test_the_bridge_cuts_a_row_where_the_identity_does(tmp_path: Path) -> None:
    """1.00 from 23:00 to 02:00: two thirds are October's, 0.67 in cents, and 0.33 September's."""
    over = {"ChargePeriodStart": "2026-09-30T23:00:00Z", "ChargePeriodEnd": "2026-10-01T02:00:00Z"}
    result = reconciled(tmp_path, [charge("1.00", EffectiveCost="1.00", **over)], [invoice("1.00")])
    steps = steps_of(result)
    [identity] = result.identity.rows()
    assert steps["usage_period_cost"] == identity["billed"] == D("0.67")
    assert steps["earlier_periods"] == D("0.33")


def test_a_list_may_write_the_issuer_in_another_way(tmp_path: Path) -> None:
    """AWS on the list is Amazon Web Services, Inc. on the bill, not its marketplace: INV-2 is missing."""
    name = {"InvoiceIssuerName": "Amazon Web Services, Inc.", "ServiceProviderName": "AWS"}
    charges = [charge("1.00", **name), charge("4.00", InvoiceId="INV-2", **name)]
    charges.append(charge("6.00", InvoiceId="M-1", InvoiceIssuerName="AWS Marketplace"))
    (found,) = breaks_of(reconciled(tmp_path, charges, [invoice("1.00", issuer="AWS")]))
    assert (found["subject"], found["amount"], found["provider"]) == ("INV-2", -4, "aws")


def test_open_and_voided_invoices_are_no_breaks(tmp_path: Path) -> None:
    """An open invoice may still change; a voided one asks for nothing. Both are noted."""
    given = [invoice("9.00", status="Open"), invoice("5.00", "INV-5", status="Voided")]
    result = reconciled(tmp_path, [charge("8.00")], given)
    assert breaks_of(result) == []
    assert set(invoices_of(result)) == {"INV-1"}
    notes = {row["code"] for row in result.notes.rows()}
    assert {"invoices_open", "invoices_voided"} <= notes


def test_without_invoices_the_leg_is_silent(tmp_path: Path) -> None:
    """No table has a row, no break and no note says anything of invoices."""
    (tmp_path / "bill.csv").write_text(as_csv([charge("1.00")]), encoding="utf-8")
    result = trueup.reconcile(tmp_path / "bill.csv", period="2026-10", as_of="2026-12-15")
    assert (len(result.invoices), len(result.invoice_bridge), len(result.breaks)) == (0, 0, 0)
    assert [row for row in result.notes.rows() if "invoice" in row["code"]] == []


def test_invoice_detail_adds_up_by_number(tmp_path: Path) -> None:
    """80.00 + 20.00 + 19.00 tax = 119.00; a later state of line 2 (20.00) replaces 25.00."""
    line = {
        "InvoiceId": "INV-1",
        "InvoiceIssuerName": "Example Cloud",
        "InvoiceIssueStatus": "Issued",
        "BillingPeriodStart": "2026-10-01",
        "BillingPeriodEnd": "2026-11-01",
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "InvoiceDetailLastUpdated": "2026-11-03",
    }
    details = [
        line | {"InvoiceDetailId": "1", "BilledCost": "80"},
        line | {"InvoiceDetailId": "2", "BilledCost": "25"},
        line
        | {"InvoiceDetailId": "2", "BilledCost": "20", "InvoiceDetailLastUpdated": "2026-11-05"},
        line | {"InvoiceDetailId": "3", "BilledCost": "19", "ChargeCategory": "Tax"},
    ]
    charges = [charge("100.00"), charge("19.00", ChargeCategory="Tax")]
    result = reconciled(tmp_path, charges, details)
    assert invoices_of(result)["INV-1"]["invoiced"] == 119
    assert breaks_of(result) == []
    assert "invoice_rows_superseded" in {row["code"] for row in result.notes.rows()}


@pytest.mark.parametrize(
    ("start", "end", "month"),
    [
        ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", "2026-10"),
        ("2026-09-30T22:00:00Z", "2026-10-31T22:00:00Z", "2026-10"),
        ("2026-02-01T07:00:00Z", "2026-03-01T07:00:00Z", "2026-02"),
        ("2026-10-01T00:00:00Z", "2026-10-08T00:00:00Z", "2026-10-01/2026-10-08"),
    ],
)
def test_a_month_is_known_by_its_middle(start: str, end: str, month: str) -> None:
    """In whatever zone it is cut; a week is none."""
    assert month_of(parse_instant(start), parse_instant(end)) == month


def group(**given: Any) -> BillingGroup:
    usual: dict[str, Any] = {
        "key": "k",
        "issuer": "Example Cloud",
        "invoice_id": "INV-1",
        "currency": "USD",
        "account": "acc-1",
        "provider": "Example Cloud",
        "start": parse_instant("2026-10-01"),
        "end": parse_instant("2026-11-01"),
        "parts": dict.fromkeys(PARTS, D(0)) | {"charges": D(5)},
        "due": D(5),
        "rounded": {},
        "unrounded": 0,
        "minor": D("0.01"),
        "rows": 1,
    }
    return BillingGroup(**usual | given)


def test_parts_that_do_not_add_up_stop_the_run() -> None:
    """Parts of 5 and 6 due: a row of invoices would be wrong, so nothing is written."""
    assert judged(Statement((), (group(),)), Rules()).row["amount_due"] == 5
    with pytest.raises(IntegrityError, match="its parts add up to 5, the amount due is 6 USD"):
        judged(Statement((), (group(due=D(6)),)), Rules())


def test_a_bridge_that_does_not_add_up_stops_the_run() -> None:
    """5 used - 1 elsewhere = 4: an invoice of 4 is bridged, one of 3 is not."""
    figures = {"usage_period_cost": D(5), "on_other_invoices": D(-1)}
    assert list(steps("Example Cloud", "USD", figures | {"invoiced": D(4)}))
    with pytest.raises(IntegrityError, match="its steps add up to 4, invoiced are 3 USD"):
        list(steps("Example Cloud", "USD", figures | {"invoiced": D(3)}))
