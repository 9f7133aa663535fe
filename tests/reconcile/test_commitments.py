"""The commitment leg on bills and contracts that do not fit each other, by hand arithmetic."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import trueup
from tests.reconcile import prepaid
from tests.test_worked_hour import CHARGE_COLUMNS, CONTRACT, HOUR, PLAN, charge

D = Decimal
FINAL = "2026-12-01"
DAY = [(f"2026-10-03T{hour:02}:00:00Z", f"2026-10-03T{hour + 1:02}:00:00Z") for hour in range(23)]


def at(row: dict[str, str], window: tuple[str, str] = HOUR, **given: str) -> dict[str, str]:
    return row | {"ChargePeriodStart": window[0], "ChargePeriodEnd": window[1]} | given


def reconciled(
    folder: Path, rows: list[dict[str, str]], contract: str = CONTRACT, **given: Any
) -> trueup.Result:
    with (folder / "bill.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, CHARGE_COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    (folder / "contract.toml").write_text(contract)
    options = {"commitments": folder / "contract.toml", "as_of": FINAL, **given}
    return trueup.reconcile(folder / "bill.csv", **options)


def test_a_contract_figure_keeps_its_decimals(tmp_path: Path) -> None:
    """10.005 an hour against 8.50 + 1.50 billed: a break of 10.00 - 10.005 = -0.005."""
    rows = [charge("e1", "8.50", "2"), charge(PLAN, "1.50", None)]
    result = reconciled(tmp_path, rows, CONTRACT.replace("10.00", "10.005"))
    [plan] = result.commitments.rows()
    assert plan["committed_quantity"] == D("10.005")
    [found] = result.breaks.rows()
    assert (found["class"], found["amount"]) == ("commitment", D("-0.005"))


def test_a_missing_unused_row_does_not_look_like_full_use(tmp_path: Path) -> None:
    """8.50 used of 10.00 and no Unused row: 85 % used, and a break of -1.50."""
    result = reconciled(tmp_path, [charge("e1", "8.50", "2")])
    [plan] = result.commitments.rows()
    assert plan["utilization"] == D("0.85")
    [found] = result.breaks.rows()
    assert (found["billed"], found["expected"], found["amount"]) == (D("8.5"), 10, D("-1.5"))


@pytest.mark.parametrize(
    ("unused", "fee", "quantity", "cost"),
    [
        ("1.50", "9.00", "0", "0"),  # 10.00 committed = 8.50 + 1.50
        (None, "9.00", "1.50", "0.50"),  # 10.00 - 8.50; a fee of 9.00 - 8.50 on the bill
        (None, None, "1.50", None),  # nothing prices it
        ("2.50", "9.00", "0", "0"),  # an overage is never negative
    ],
)
def test_what_the_contract_alone_commits_is_unused_off_bill(
    tmp_path: Path, unused: str | None, fee: str | None, quantity: str, cost: str | None
) -> None:
    """It stands beside the bill's unused, which stays as billed, and outside of the identity."""
    rows = [charge("e1", "8.50", "2")] + ([charge(PLAN, unused, None)] if unused else [])
    contract = CONTRACT + (f'fee = "{fee}"\n' if fee else "")
    result = reconciled(tmp_path, rows, contract)
    expected = (D(quantity), None if cost is None else D(cost))
    for table in (result.commitments, result.utilization):
        [plan] = table.rows()
        assert (plan["unused_off_bill_quantity"], plan["unused_off_bill_cost"]) == expected
        assert plan["unused_quantity"] == D(unused or 0)
    assert result.identity.rows()[0]["billed"] == D("8.50") + D(unused or 0)


def test_unused_off_bill_is_not_known_without_like_quantities(tmp_path: Path) -> None:
    """Without a contract, or with a cost in the place of the quantity, it is null, not zero."""
    unstated = charge("e1", "8.50", "2") | {"CommitmentDiscountQuantity": ""}
    without = reconciled(tmp_path, [charge("e1", "8.50", "2")], commitments=None)
    for result in (without, reconciled(tmp_path, [unstated])):
        [plan] = result.commitments.rows()
        assert plan["unused_off_bill_quantity"] is plan["unused_off_bill_cost"] is None


def test_overage_of_one_hour_hides_no_unused_of_another(tmp_path: Path) -> None:
    """11.00 in one hour and 8.50 in the next, of 10.00 each: 1.50 off the bill, not 0.50."""
    rows = [at(charge("e1", cost, "2"), DAY[hour]) for hour, cost in enumerate(("11.00", "8.50"))]
    [plan] = reconciled(tmp_path, rows).commitments.rows()
    assert (plan["unused_off_bill_quantity"], plan["overage_quantity"]) == (D("1.5"), 1)


def test_a_fee_finer_than_the_bill_counts(tmp_path: Path) -> None:
    """A net fee of 7.505 an hour is the committed cost, whatever the rows add up to."""
    rows = [charge("e1", "8.50", "2"), charge(PLAN, "1.50", None)]
    result = reconciled(tmp_path, rows, CONTRACT + 'fee = "7.505"\n')
    assert result.commitments.rows()[0]["committed_cost"] == D("7.505")


def test_a_month_long_correction_covers_nothing(tmp_path: Path) -> None:
    """One billed hour stays one covered hour of 744: 743 x 10.00 = 7,430 are not covered."""
    month = ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
    correction = at(charge("e1", "-0.01", "0"), month, ChargeClass="Correction")
    rows = [charge("e1", "8.50", "2"), charge(PLAN, "1.50", None), correction]
    result = reconciled(tmp_path, rows, period="2026-10")
    [plan] = result.commitments.rows()
    assert (plan["committed_quantity"], plan["not_covered_quantity"]) == (D("9.99"), 7430)
    assert plan["status"] == "partial"
    assert len(result.breaks) == 0


def test_two_billing_currencies_are_not_held_against_one_contract(tmp_path: Path) -> None:
    """5.00 USD and 5.00 EUR of one plan: no figure of the contract is counted twice."""
    euro = {"BillingCurrency": "EUR", "CommitmentDiscountUnit": "EUR"}
    result = reconciled(tmp_path, [charge("e1", "5.00", "2"), charge("e2", "5.00", "1") | euro])
    assert [row["committed_quantity"] for row in result.commitments.rows()] == [5, 5]
    assert len(result.breaks) == 0
    assert "several currencies" in result.commitments.rows()[0]["reason"]


def test_units_that_differ_are_not_compared(tmp_path: Path) -> None:
    """A contract in USD and a bill in Hours give no break of 10 - 2."""
    hours = {"CommitmentDiscountUnit": "Hours", "CommitmentDiscountCategory": "Usage"}
    row = charge("e1", "8.50", "2") | hours | {"CommitmentDiscountQuantity": "2"}
    result = reconciled(tmp_path, [row])
    assert len(result.breaks) == 0
    assert "different units" in result.commitments.rows()[0]["reason"]


def test_an_hour_that_the_term_cuts_says_why_nothing_is_held_against_it(tmp_path: Path) -> None:
    """From 00:30 on: half an hour is as billed, 4.00; the hour after it has 10.00 - 8.50 more."""
    contract = CONTRACT.replace("2026-01-01T00:00:00Z", "2026-10-03T00:30:00Z")
    rows = [at(charge("e1", cost, "2"), DAY[hour]) for hour, cost in enumerate(("4.00", "8.50"))]
    result = reconciled(tmp_path, rows, contract)
    first, second = result.utilization.rows()
    assert (first["committed_quantity"], first["overage_quantity"]) == (4, None)
    assert first["reason"].startswith("its term, or the period, cuts an interval")
    assert (second["committed_quantity"], second["reason"]) == (10, None)
    assert second["unused_off_bill_quantity"] == D("1.5")
    [plan] = result.commitments.rows()
    assert (plan["unused_off_bill_quantity"], plan["reason"]) == (None, first["reason"])
    assert (plan["status"], len(result.breaks)) == ("complete", 1)


def test_hours_missing_in_the_middle_make_it_partial(tmp_path: Path) -> None:
    """Without a contract, two billed hours of a day are not a complete day."""
    rows = [at(charge("e1", "8.50", "2"), DAY[0]), at(charge("e1", "8.50", "2"), DAY[22])]
    result = reconciled(tmp_path, rows, commitments=None)
    assert result.commitments.rows()[0]["status"] == "partial"


def test_a_contract_without_an_interval_is_read_by_the_bill(tmp_path: Path) -> None:
    """FOCUS 1.3 says 87,600.00 for a year of 8,760 hours: 10.00 an hour, as billed."""
    names = (
        "ContractId,ContractPeriodStart,ContractPeriodEnd,ContractCommitmentId,"
        "ContractCommitmentCategory,ContractCommitmentType,ContractCommitmentCost,"
        "ContractCommitmentQuantity,ContractCommitmentUnit,ContractCommitmentDescription,"
        "ContractCommitmentPeriodStart,ContractCommitmentPeriodEnd,BillingCurrency"
    )
    year = "2026-01-01T00:00:00Z,2027-01-01T00:00:00Z"
    row = f"c,{year},{PLAN},Spend,Savings Plan,87600.00,,,plan,{year},USD"
    (tmp_path / "contracts.csv").write_text(f"{names}\n{row}\n")
    (tmp_path / "again.csv").write_text(f"{names}\n{row}\n")
    rows = [charge("e1", "8.50", "2"), charge(PLAN, "1.50", None)]
    both = trueup.read_commitments([tmp_path / "contracts.csv", tmp_path / "again.csv"])
    result = reconciled(tmp_path, rows, commitments=both)
    [plan] = result.commitments.rows()
    assert (plan["committed_quantity"], plan["used_quantity"]) == (10, D("8.5"))
    assert len(result.breaks) == 0
    assert "contract_repeated" in {note["code"] for note in result.notes.rows()}


def test_amounts_of_many_digits_are_proved(tmp_path: Path) -> None:
    """29 digits together: 12345678901.123456789012345678 + 0.000000000000000005."""
    plain = {"CommitmentDiscountId": "", "CommitmentDiscountStatus": "", "BillingCurrency": "IDR"}
    plain |= {"CommitmentDiscountQuantity": ""}
    rows = [
        charge("e1", "12345678901.123456789012345678", "2") | plain,
        charge("e2", "0.000000000000000005", "1") | plain | {"ChargeCategory": "Tax"},
    ]
    [row] = reconciled(tmp_path, rows, commitments=None).identity.rows()
    assert row["billed"] == D("12345678901.123456789012345683")


def test_empty_telemetry_is_no_failure(tmp_path: Path) -> None:
    """A meter file with a header only: nothing is compared, nothing breaks, all adds up."""
    (tmp_path / "meters.csv").write_text("window_start,provider,meter,quantity,unit\n")
    result = reconciled(
        tmp_path, [charge("e1", "8.50", "2")], commitments=None, usage=tmp_path / "meters.csv"
    )
    assert len(result.breaks) == 0
    assert result.identity.rows()[0]["unattributed"] == D("8.5")


def test_a_period_without_charges_says_so(tmp_path: Path) -> None:
    """No charge in the period is the first thing the notes say."""
    result = reconciled(tmp_path, [charge("e1", "8.50", "2")], commitments=None, period="2025-01")
    assert result.notes.rows()[0]["code"] == "no_charges_in_period"


THREE = """
[[commitment]]
id = "later"
provider = "Nimbus"
layer = "benefit"
category = "Spend"
cost = "10.00"
per = "interval"
currency = "USD"
interval = "hourly"
start = 2026-11-15
end = 2027-11-15

[[commitment]]
id = "plan"
provider = "Nimbus"
layer = "benefit"
category = "Spend"
cost = "5.00"
per = "interval"
currency = "USD"
interval = "hourly"
start = 2026-10-01
end = 2027-10-01

[[commitment]]
id = "floor"
provider = "Nimbus"
layer = "agreement"
cost = "1000.00"
currency = "USD"
start = 2026-12-01
end = 2027-12-01
"""


def test_what_is_not_in_force_or_only_named_has_a_row_and_no_break(tmp_path: Path) -> None:
    """One begins in November; one is named by a charge of 3.00 alone, and is no lot; one is agreed
    from December on.
    """
    charges = [prepaid.cost("3.00", prepaid.at(3), {"plan": "3.00"})]
    result = prepaid.reconciled(tmp_path, charges, THREE)
    rows = {row["commitment_id"]: row for row in result.commitments.rows()}
    later, plan, floor = (rows[name] for name in ("later", "plan", "floor"))
    assert (later["status"], later["reason"]) == ("not_covered", "it is not active in the period")
    assert (plan["status"], plan["drawn"], plan["used_cost"]) == ("complete", 3, 3)
    assert (floor["status"], floor["opening"], floor["drawn"]) == ("not_covered", None, None)
    assert [row["lot_id"] for row in result.credits.rows()] == ["floor"]
    assert len(result.breaks) == 0


def test_overage_within_a_day_hides_no_unused_of_it(tmp_path: Path) -> None:
    """10 an hour, 240 a day: 230 used and 30 unused, so 20 over; (230 - 20) / 240 = 87.5 %."""
    day = ("2026-10-03T00:00:00Z", "2026-10-04T00:00:00Z")
    rows = [at(charge("e1", "230.00", "2"), day), at(charge(PLAN, "30.00", None), day)]
    term = CONTRACT.replace("2026-10-03T14:00:00Z", "2026-10-03T00:00:00Z")
    [plan] = reconciled(tmp_path, rows, term, period="2026-10-03").commitments.rows()
    assert (plan["overage_quantity"], plan["utilization"]) == (20, D("0.875"))


def test_an_hour_that_is_over_used_is_used_whole(tmp_path: Path) -> None:
    """12.00 used and 1.00 unused of 10.00 in one interval of the contract: it was all used."""
    rows = [charge("e1", "12.00", "2"), charge(PLAN, "1.00", None)]
    [plan] = reconciled(tmp_path, rows).commitments.rows()
    assert (plan["overage_quantity"], plan["utilization"]) == (3, 1)


@pytest.mark.parametrize("period", ["2026-10", "2026-10-01T07:00Z/2026-11-01T07:00Z"])
def test_days_of_another_zone_are_intervals_as_they_are_billed(tmp_path: Path, period: str) -> None:
    """Days from 07:00 UTC, 240 each of 10 an hour: 31 x 240 = 7,440 in either month, all used.

    Of October in UTC the first day gives 7 hours of 10, the last one 17: 70 + 30 x 240 + 170.
    """
    starts = [datetime(2026, 9, 30, 7, tzinfo=UTC) + timedelta(days=n) for n in range(33)]
    rows = [
        at(
            charge("e1", "240.00", "2"),
            (start.isoformat(), (start + timedelta(days=1)).isoformat()),
        )
        for start in starts
    ]
    term = CONTRACT.replace("2026-10-03T14:00:00Z", "2026-01-01T00:00:00Z")
    result = reconciled(tmp_path, rows, term, period=period)
    [plan] = result.commitments.rows()
    assert (plan["committed_quantity"], plan["used_quantity"]) == (7440, 7440)
    assert (plan["utilization"], plan["status"]) == (1, "complete")
    assert len(result.breaks) == 0


def test_a_day_of_25_hours_is_a_day(tmp_path: Path) -> None:
    """Days of Los Angeles about the 1st of November: 24 h, 25 h and 24 h of 10."""
    ends = ("10-31T07", "11-01T07", "11-02T08", "11-03T08")
    rows = [
        at(charge("e1", cost, "2"), (f"2026-{start}:00:00Z", f"2026-{end}:00:00Z"))
        for cost, start, end in zip(("240", "250", "240"), ends, ends[1:], strict=False)
    ]
    term = CONTRACT.replace("2026-10-03T14:00:00Z", "2026-01-01T00:00:00Z")
    result = reconciled(tmp_path, rows, term, period="2026-10-31T07:00Z/2026-11-03T08:00Z")
    found = [row["committed_quantity"] for row in result.utilization.rows()]
    assert found == [240, 250, 240]


def test_what_was_unused_costs_what_the_bill_says_without_a_quantity(tmp_path: Path) -> None:
    """3.80 unused and a correction of -1.00 that states no quantity: 2.80, as in the identity.

    Statements have it, too: -1.00 has no quantity to derive, and its cost is no doubt.
    """
    correction = charge(PLAN, "-1.00", None) | {"ChargeClass": "Correction"}
    rows = [
        charge("e1", "6.20", "2"),
        charge(PLAN, "3.80", None),
        correction | {"CommitmentDiscountQuantity": ""},
    ]
    result = reconciled(tmp_path, rows, rules={"chargeback": {"unused": "proportional"}})
    [plan] = result.commitments.rows()
    assert (plan["unused_quantity"], plan["unused_cost"]) == (None, D("2.80"))
    assert result.identity.rows()[0]["unused"] == D("2.80")
    [company] = [one for one in result.chargeback().statements if one["level"] == "company"]
    assert (company["unused"], company["amount"]) == (D("2.80"), D("9.00"))


def test_unused_of_no_commitment_is_charged_back_too(tmp_path: Path) -> None:
    """3.80 unused under no id: no commitment has it, the identity and the statements do."""
    rows = [charge("e1", "6.20", "2"), charge("", "3.80", None) | {"CommitmentDiscountId": ""}]
    result = reconciled(tmp_path, rows, rules={"chargeback": {"unused": "proportional"}})
    [company] = [one for one in result.chargeback().statements if one["level"] == "company"]
    assert (company["unused"], company["amount"]) == (D("3.80"), D("10.00"))
