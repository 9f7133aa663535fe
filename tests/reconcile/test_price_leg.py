"""The price leg: who pays what by the rules, at which rates, and when that is claimable."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.reconcile.priced import (
    CONTRACT,
    E3,
    HOUR,
    PLAN,
    amounts,
    at,
    codes,
    covered,
    on_demand,
    plan_rate,
    price_breaks,
    reconciled,
    unused,
)

D = Decimal
OWNER = "123456789012"
EARLY = "2026-11-02T00:00:00Z"  # before the month is final


def test_the_worked_hour_is_claimable(tmp_path: Path) -> None:
    """1.50 unused at 3.00 covers half of e3: 4.00 - 2.00 = 2.00 was billed too much."""
    result = reconciled(tmp_path, [*HOUR, E3], rates=[plan_rate("e3", "3.00")])
    [one] = price_breaks(result)
    assert (one["class"], one["rule"], one["priced_by"]) == (
        "price",
        "sagemaker_savings_plan",
        "rate",
    )
    assert (one["billed"], one["expected"], one["amount"]) == (D("4.00"), D("2.00"), D("2.00"))
    assert (one["commitment_id"], one["unit"], one["rows_billed"]) == (PLAN, "USD", 1)
    [claim] = result.claims.rows()
    assert (claim["claim_id"], claim["status"], claim["missing_evidence"]) == (
        one["id"],
        "claimable",
        None,
    )
    assert claim["source"].startswith("https://docs.aws.amazon.com/savingsplans/")
    assert claim["arithmetic"] == (
        "0.5 of 1 Hours are covered and draw 1.5, so 0.5 on demand: 4.00 - 2.00 = 2.00 USD"
    )
    [line] = result.claim_lines.rows()
    assert (line["claim_id"], line["source_row"], line["sku"]) == (one["id"], 4, "e3")
    assert (line["expected_covered"], line["difference"]) == (D("0.5"), D("2.00"))
    assert (line["billed_commitment"], line["expected_commitment"]) == (None, PLAN)


def test_a_quotient_that_does_not_end_is_rounded_once(tmp_path: Path) -> None:
    """1.50 at 2.30 covers 15/23 of 3.10: 46.5 / 23 = 2.021739130434782608695..., at 18 decimals."""
    rows = [*HOUR, on_demand("e3", "1", "3.10")]
    result = reconciled(tmp_path, rows, rates=[plan_rate("e3", "2.30")])
    [one] = price_breaks(result)
    assert one["amount"] == D("2.021739130434782609")
    assert one["expected"] == D("1.078260869565217391")  # 3.10 less that
    [line] = result.claim_lines.rows()
    assert line["difference"] == one["amount"]


@pytest.mark.parametrize(
    ("more", "rules"),
    [
        # Another hour in which the plan covered e3 shows its rate: 3.00 for one hour.
        ([covered("e3", "1", "3.00", "4.00", **at(9)), unused("7.00", **at(9))], None),
        # A rule says it.
        (
            [],
            {
                "rate": [
                    {
                        "match": {"resource": "on-demand-e3"},
                        "meter": "gpu",
                        "unit": "GPU-Hours",
                        "price": "4.00",
                        "currency": "USD",
                        "commitment_id": PLAN,
                        "commitment_price": "3.00",
                    }
                ]
            },
        ),
    ],
)
def test_the_rate_may_be_observed_or_ruled(
    tmp_path: Path, more: list[dict[str, str]], rules: dict[str, Any] | None
) -> None:
    """Without a provider's list, covered rows of the SKU or the contract's rule tell the rate."""
    gpu = on_demand("e3", "1", "4.00", SkuPriceDetails='{"GpuCount": 1}')
    result = reconciled(tmp_path, [*HOUR, gpu, *more], rules=rules)
    assert amounts(result) == [D("2.00")]
    assert result.claims.rows()[0]["status"] == "claimable"


def test_nothing_is_claimed_where_the_bill_follows_the_rules(tmp_path: Path) -> None:
    """The same hour with half of e3 covered and half on demand: nothing differs, nothing is said."""
    rows = [*HOUR[:2], covered("e3", "0.5", "1.50", "2.00"), on_demand("e3", "0.5", "2.00")]
    result = reconciled(tmp_path, rows, rates=[plan_rate("e3", "3.00")])
    assert price_breaks(result) == []
    assert len(result.claims) == len(result.claim_lines) == 0
    assert "allocation_difference" not in codes(result)


def test_before_the_month_is_final_it_is_indicated(tmp_path: Path) -> None:
    """A late row may yet draw the 1.50: until seven days after the month it is no claim."""
    rates = [plan_rate("e3", "3.00")]
    [claim] = reconciled(tmp_path, [*HOUR, E3], rates=rates, as_of=EARLY).claims.rows()
    assert claim["status"] == "indicated"
    assert claim["missing_evidence"] == "the month of aws is not final until 2026-11-08T00:00:00Z"


def test_an_eligible_row_without_a_rate_makes_it_indicated(tmp_path: Path) -> None:
    """e4 may be covered too, and better: without its rate the 2.00 of e3 is only indicated."""
    rows = [*HOUR, E3, on_demand("e4", "1", "9.00")]
    result = reconciled(tmp_path, rows, rates=[plan_rate("e3", "3.00")])
    [claim] = result.claims.rows()
    assert (claim["amount"], claim["status"]) == (D("2.00"), "indicated")
    assert claim["missing_evidence"] == "no rate of the commitment for SKU e4"
    assert "no_commitment_rate" in codes(result)


def test_without_any_rate_only_a_note_is_left(tmp_path: Path) -> None:
    """Nothing tells what e3 draws from the plan: it stays as billed, and the result says so."""
    result = reconciled(tmp_path, [*HOUR, E3])
    assert price_breaks(result) == []
    assert "no_commitment_rate" in codes(result)


def test_a_dearer_row_goes_first(tmp_path: Path) -> None:
    """The bill spent the 1.50 on a row that saves a quarter; by the rules a row that saves half.

    x: rate 1.50 of 3.00 on demand; y: rate 1.50 of 2.00. Billed on demand x 3.00, by the rules y
    2.00: 1.00 too much.
    """
    rows = [
        *HOUR[:2],
        covered("y", "1", "1.50", "2.00"),
        on_demand("x", "1", "3.00"),
    ]
    result = reconciled(tmp_path, rows, rates=[plan_rate("x", "1.50"), plan_rate("y", "1.50")])
    assert amounts(result) == [D("1.00")]
    lines = {line["sku"]: line["difference"] for line in result.claim_lines.rows()}
    assert lines == {"x": D("3.00"), "y": D("-2.00")}
    assert result.claims.rows()[0]["arithmetic"] == (
        "1 lines covered more and 1 less: 3.00 - 2.00 = 1.00 USD on demand"
    )


def test_what_nets_to_zero_is_only_a_difference_of_allocation(tmp_path: Path) -> None:
    """X and y both save a quarter, so the lower rate, x, goes first: 4.00 either way.

    The bill covered half of y (8.00 on demand, rate 6.00) with 3.00 and x not at all.
    """
    rows = [
        *HOUR[:1],
        covered("y", "0.5", "3.00", "4.00"),
        on_demand("y", "0.5", "4.00"),
        on_demand("x", "1", "4.00"),
    ]
    rates = [plan_rate("x", "3.00"), plan_rate("y", "6.00")]
    result = reconciled(tmp_path, rows, rates=rates)
    assert price_breaks(result) == []
    assert len(result.claims) == 0
    assert "allocation_difference" in codes(result)


def test_the_owner_goes_first_and_then_the_others(tmp_path: Path) -> None:
    """The owner's f saves 3.50 for 3.00, the other account's e 4.00: the owner's goes first.

    The bill covered e: by the rules f, so e costs 4.00 instead of f's 3.50: 0.50 too little.
    """
    rows = [
        covered("e", "1", "3.00", "4.00", SubAccountId="ml"),
        on_demand("f", "1", "3.50", SubAccountId=OWNER),
        {**unused("0.00")},
    ]
    rates = [plan_rate("e", "3.00"), plan_rate("f", "3.00")]
    result = reconciled(tmp_path, rows, rates=rates)
    assert amounts(result) == [D("-0.50")]
    [claim] = result.claims.rows()
    assert claim["status"] == "indicated"
    assert claim["missing_evidence"] == "by the rules the payer owes more, not less"


@pytest.mark.parametrize("account", ["ml", "other"])
def test_sharing_has_to_be_shown(tmp_path: Path, account: str) -> None:
    """What is left goes to other accounts, but one may have turned that off: the bill must show it."""
    rows = [*HOUR, {**E3, "SubAccountId": account}]
    [claim] = reconciled(tmp_path, rows, rates=[plan_rate("e3", "3.00")]).claims.rows()
    assert claim["amount"] == D("2.00")
    if account == "ml":  # e1 and e2 are of this account, and covered
        assert claim["status"] == "claimable"
    else:
        assert claim["missing_evidence"] == f"that {PLAN} is shared with account other"


def test_a_correction_is_netted_with_what_it_corrects(tmp_path: Path) -> None:
    """Two hours of e3 were billed and one taken back: one hour, 4.00, half of it covered."""
    rows = [
        *HOUR,
        on_demand("e3", "2", "8.00"),
        on_demand("e3", "-1", "-4.00", ChargeClass="Correction", ChargeDescription="taken back"),
    ]
    result = reconciled(tmp_path, rows, rates=[plan_rate("e3", "3.00")])
    assert amounts(result) == [D("2.00")]
    assert price_breaks(result)[0]["rows_billed"] == 2


def test_a_row_that_nets_to_nothing_claims_nothing(tmp_path: Path) -> None:
    """e3 was billed and taken back altogether: there is nothing to cover."""
    rows = [*HOUR, E3, on_demand("e3", "-1", "-4.00", ChargeClass="Correction")]
    assert price_breaks(reconciled(tmp_path, rows, rates=[plan_rate("e3", "3.00")])) == []


def test_a_commitment_counts_from_its_start(tmp_path: Path) -> None:
    """The plan starts at 14:00: what ran at 13:00 was not its, what ran at 14:00 half."""
    rows = [*HOUR, on_demand("e3", "1", "4.00", **at(13)), E3]
    result = reconciled(tmp_path, rows, rates=[plan_rate("e3", "3.00")], contracts=CONTRACT)
    assert [(one["period_start"].hour, one["amount"]) for one in price_breaks(result)] == [
        (14, D("2.00"))
    ]


def test_an_hour_that_the_bill_leaves_out_is_indicated(tmp_path: Path) -> None:
    """At 15:00 the contract holds 10.00 and the bill nothing of it: 4.00, but the bill must tell."""
    rows = [*HOUR, on_demand("e3", "1", "4.00", **at(15))]
    result = reconciled(tmp_path, rows, rates=[plan_rate("e3", "3.00")], contracts=CONTRACT)
    [claim] = result.claims.rows()
    assert (claim["amount"], claim["status"]) == (D("4.00"), "indicated")
    assert (
        claim["missing_evidence"] == f"the bill says nothing of {PLAN} from 2026-10-03T15:00:00Z on"
    )


def test_currencies_are_kept_apart(tmp_path: Path) -> None:
    """A plan in dollars covers nothing that is billed in euros."""
    euro = {**E3, "BillingCurrency": "EUR"}
    rates = [plan_rate("e3", "3.00"), plan_rate("e3", "3.00", currency="EUR")]
    assert price_breaks(reconciled(tmp_path, [*HOUR, euro], rates=rates)) == []
    assert amounts(reconciled(tmp_path, [*HOUR, euro, E3], rates=rates)) == [D("2.00")]


def test_two_payers_do_not_share(tmp_path: Path) -> None:
    """What another payer uses draws nothing."""
    other = {**E3, "BillingAccountId": "another payer"}
    assert price_breaks(reconciled(tmp_path, [*HOUR, other], rates=[plan_rate("e3", "3.00")])) == []


def test_spot_usage_is_not_eligible(tmp_path: Path) -> None:
    """FOCUS calls prices that change Dynamic: no commitment covers such usage."""
    spot = {**E3, "PricingCategory": "Dynamic"}
    assert price_breaks(reconciled(tmp_path, [*HOUR, spot], rates=[plan_rate("e3", "3.00")])) == []


def test_a_tolerance_of_the_leg_counts(tmp_path: Path) -> None:
    """2.00 of 4.00 is half: tolerated from 50 % on, and not below."""
    rates = [plan_rate("e3", "3.00")]
    for relative, expected in (("0.50", []), ("0.49", [D("2.00")])):
        rules = {"tolerance": [{"leg": "price", "relative": relative}]}
        assert amounts(reconciled(tmp_path, [*HOUR, E3], rates=rates, rules=rules)) == expected


def test_a_bill_by_the_day_is_not_rated_again(tmp_path: Path) -> None:
    """A plan is used or lost by the hour: a bill of days does not tell, and the result says so."""
    day = {
        "ChargePeriodStart": "2026-10-03T00:00:00Z",
        "ChargePeriodEnd": "2026-10-04T00:00:00Z",
    }
    rows = [{**one, **day} for one in [*HOUR, E3]]
    result = reconciled(tmp_path, rows, rates=[plan_rate("e3", "3.00")])
    assert price_breaks(result) == []
    assert "not_hourly" in codes(result)


def test_a_provider_that_declares_no_rules_is_not_asked_which_it_is(tmp_path: Path) -> None:
    """The same hour of another provider: nothing in a contract could tell a rule, so no note asks."""
    other = dict.fromkeys(("ProviderName", "PublisherName", "InvoiceIssuerName"), "Example Cloud")
    rows = [{**one, **other} for one in [*HOUR, on_demand("e1", "1", "4.20")]]
    result = reconciled(tmp_path, rows)
    assert (len(result.claims), "rule_unknown" in codes(result)) == (0, False)
