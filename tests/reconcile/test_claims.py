"""Claims against hostile bills: what stays as billed, and what makes a claim only indicated."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import trueup
from tests.focus.bill import write
from tests.reconcile.priced import (
    CONTRACT,
    E3,
    HOUR,
    LATE,
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
from trueup.api import parsed_clock, parsed_period
from trueup.model.inputs import Inputs, Unread
from trueup.model.rules import Rules, read_rules
from trueup.model.schema import PROVIDER_RATES
from trueup.model.table import Table
from trueup.reconcile import reconcile
from trueup.reconcile.benefit_pools import Holding
from trueup.reconcile.claims import Claims, Evidence, claims_of
from trueup.reconcile.moves import Move
from trueup.report.result import Result

D = Decimal
RATES = [plan_rate("e3", "3.00")]
NO_QUANTITY = {"PricingQuantity": "", "PricingUnit": ""}


def test_a_covered_row_without_a_quantity_keeps_what_it_drew(tmp_path: Path) -> None:
    """It drew 6.20 of 10.00, e2 2.30: 1.50 are left for e3, so 2.00 of its 4.00, not all of it."""
    rows = [covered("e1", "2", "6.20", "8.40", **NO_QUANTITY), *HOUR[1:], E3]
    assert amounts(reconciled(tmp_path, rows, rates=RATES)) == [D("2.00")]


def test_an_hour_whose_use_is_not_known_claims_nothing(tmp_path: Path) -> None:
    """e1 does not say what it drew: by the contract 10.00 are there, how much is left nobody knows."""
    unknown = covered("e1", "2", "0", "8.40", CommitmentDiscountQuantity="")
    result = reconciled(tmp_path, [unknown, *HOUR[1:], E3], rates=RATES, contracts=CONTRACT)
    assert price_breaks(result) == []


DAY = {"ChargePeriodStart": "2026-10-03T00:00:00Z", "ChargePeriodEnd": "2026-10-04T00:00:00Z"}
CORRECTION = {"ChargeClass": "Correction", "ResourceId": ""}


@pytest.mark.parametrize(
    ("more", "lacking"),
    [
        # The hour was given back, though not to the resource: 4.00 - 4.00 is nothing to claim of.
        (
            on_demand("e3", "-1", "-4.00", **CORRECTION),
            "to which lines 1 corrections of e3 (-4.00 USD) belong",
        ),
        # The same as money alone, as FOCUS lets corrections be.
        (
            on_demand("e3", "", "-2.00", **CORRECTION, PricingUnit=""),
            "to which lines 1 corrections of e3 (-2.00 USD) belong",
        ),
        # A correction that names no SKU may be of any.
        (
            on_demand("", "", "-2.00", **CORRECTION, PricingUnit="", ChargeDescription="refund"),
            "to which lines 1 corrections of refund (-2.00 USD) belong",
        ),
        # A row of the whole day may have been eligible in this hour.
        (
            on_demand("e3", "24", "96.00", **DAY, ResourceId="another"),
            "to which lines 1 charges that do not lie within its hour of e3 (96.00 USD) belong",
        ),
    ],
)
def test_usage_that_is_no_line_makes_it_indicated(
    tmp_path: Path, more: dict[str, str], lacking: str
) -> None:
    """2.00 of e3 by the rules; but other charges of the payer may be of the same usage."""
    [claim] = reconciled(tmp_path, [*HOUR, E3, more], rates=RATES).claims.rows()
    assert (claim["amount"], claim["status"]) == (D("2.00"), "indicated")
    assert claim["missing_evidence"] == lacking


def test_a_correction_of_another_sku_does_not_matter(tmp_path: Path) -> None:
    """What was given back of storage says nothing of e3."""
    more = on_demand("storage", "", "-2.00", **CORRECTION, PricingUnit="")
    [claim] = reconciled(tmp_path, [*HOUR, E3, more], rates=RATES).claims.rows()
    assert claim["status"] == "claimable"


def test_used_and_unused_that_lack_something_make_it_indicated(tmp_path: Path) -> None:
    """8.50 used + 0.50 unused of 10.00: a row of 1.00 is missing, and may be usage of the plan."""
    rows = [*HOUR[:2], unused("0.50"), E3]
    [claim] = reconciled(tmp_path, rows, rates=RATES, contracts=CONTRACT).claims.rows()
    assert claim["status"] == "indicated"
    assert claim["missing_evidence"] == (
        f"used and unused of {PLAN} on the bill do not reach what is committed from "
        "2026-10-03T14:00:00Z on"
    )


def test_an_hour_in_which_the_commitment_starts_is_indicated(tmp_path: Path) -> None:
    """It starts at 14:30; whether e3 ran before or after a bill by the hour does not tell."""
    contract = CONTRACT.replace("start = 2026-10-03T14:00:00Z", "start = 2026-10-03T14:30:00Z")
    rows = [covered("e1", "1", "3.10", "4.20"), unused("1.90"), E3]
    [claim] = reconciled(tmp_path, rows, rates=RATES, contracts=contract).claims.rows()
    assert claim["status"] == "indicated"
    assert claim["missing_evidence"] == (
        f"which usage of that hour is of {PLAN}, which starts at 2026-10-03T14:30:00Z"
    )


def given(folder: Path, *rows: dict[str, str], unread: list[Unread] | None = None) -> Result:
    """The result over a bill of which some rows, or some sources, could not be read."""
    charges = trueup.read_charges(write(folder / "bill.csv", *rows))
    rates = {"provider_rates": Table.from_rows(PROVIDER_RATES, RATES)}
    inputs = Inputs(charges, asserted=rates, unread=unread or [])
    when = parsed_period("2026-10-03")
    return Result(reconcile(inputs, when, read_rules(None), parsed_clock(LATE), "duckdb"))


@pytest.mark.parametrize(
    ("currency", "status"), [("USD", "indicated"), ("", "indicated"), ("EUR", "claimable")]
)
def test_a_rejected_charge_makes_it_indicated(tmp_path: Path, currency: str, status: str) -> None:
    """A row of the same file and currency that cannot be read may have drawn the 1.50."""
    lost = {**E3, "EffectiveCost": "four", "BillingCurrency": currency}
    [claim] = given(tmp_path, *HOUR, E3, lost).claims.rows()
    assert claim["status"] == status
    told = "1 charges of " + str(tmp_path / "bill.csv") + " that could not be read"
    assert claim["missing_evidence"] == (told if status == "indicated" else None)


@pytest.mark.parametrize(
    ("provider", "status"), [("aws", "indicated"), (None, "indicated"), ("gcp", "claimable")]
)
def test_a_source_that_could_not_be_read_makes_it_indicated(
    tmp_path: Path, provider: str | None, status: str
) -> None:
    """The payer's other usage may stand in it."""
    result = given(tmp_path, *HOUR, E3, unread=[Unread(provider, "more.csv")])
    assert result.claims.rows()[0]["status"] == status


def test_every_charge_of_a_netted_line_stands_behind_the_claim(tmp_path: Path) -> None:
    """Two hours billed and one given back are one line of 4.00: rows 4 and 5 are behind it."""
    rows = [
        *HOUR,
        on_demand("e3", "2", "8.00"),
        on_demand("e3", "-1", "-4.00", ChargeClass="Correction"),
    ]
    result = reconciled(tmp_path, rows, rates=RATES)
    [one] = price_breaks(result)
    behind = [(row["break_id"], row["source_row"]) for row in result.break_rows.rows()]
    assert sorted(behind) == [(one["id"], 4), (one["id"], 5)]
    [line] = result.claim_lines.rows()
    assert line["arithmetic"] == "0.5 of 1 covered, netted of 2 charges: 4.00 - 2.00 = 2.00"


PLAN_2 = "arn:aws:savingsplans::123456789012:savingsplan/plan-of-a-family"
MACHINE = {
    "ServiceName": "Amazon Elastic Compute Cloud",
    "SkuPriceDetails": '{"InstanceType": "m5.large"}',
    "RegionId": "us-east-1",
}
NARROW = {
    **MACHINE,
    "CommitmentDiscountId": PLAN_2,
    "CommitmentDiscountType": "EC2 Instance Savings Plan",
}
WIDE = {**MACHINE, "CommitmentDiscountType": "Compute Savings Plan"}


@pytest.mark.parametrize("shown", [True, False])
def test_a_plan_that_hands_over_a_line_is_part_of_the_claim(tmp_path: Path, shown: bool) -> None:
    """The family's plan comes first and takes the owner's m, so the wide one has 0.07 left for web.

    0.10 of web were billed on demand and nothing is by the rules, if web shares in the wide plan.
    """
    owner = {"SubAccountId": "123456789012"}
    web = {"SubAccountId": "web", "ResourceId": "of-web"}
    rows = [
        covered("m", "1", "0.06", "0.10", **NARROW, **owner, **at(9)),
        unused("0.06", **{**NARROW, "SkuPriceDetails": ""}),
        covered("m", "1", "0.07", "0.10", **WIDE, **owner),
        on_demand("m", "1", "0.10", **MACHINE, **web),
    ]
    if shown:
        rows.append(covered("m", "1", "0.07", "0.10", **WIDE, **web, **at(9)))
    result = reconciled(tmp_path, rows)
    [claim] = result.claims.rows()
    assert (claim["commitment_id"], claim["rule"]) == (PLAN_2, "instance_plan")
    assert (claim["billed"], claim["expected"], claim["amount"]) == (D("0.10"), D(0), D("0.10"))
    assert claim["missing_evidence"] == (
        None if shown else f"that {PLAN} is shared with account web"
    )
    lines = [(line["source_row"], line["difference"]) for line in result.claim_lines.rows()]
    assert sorted(lines) == [(3, D("-0.10")), (3, D("0.10")), (4, D("0.10"))]


def test_a_row_that_crosses_an_hour_stays_as_billed(tmp_path: Path) -> None:
    """From 14:30 to 15:30: at most half of it could draw on what was left at 14:00."""
    across = {
        "ChargePeriodStart": "2026-10-03T14:30:00Z",
        "ChargePeriodEnd": "2026-10-03T15:30:00Z",
    }
    result = reconciled(tmp_path, [*HOUR, on_demand("e3", "1", "4.00", **across)], rates=RATES)
    assert price_breaks(result) == []
    assert "not_hourly" in codes(result)


def test_what_is_at_a_wrong_rate_is_not_counted_twice(tmp_path: Path) -> None:
    """4.00 billed at a rate of 3.50, half of it to be covered: 1.75 are due, 2.25 too much.

    0.50 of that is the rate, half of 3.50 the plan.
    """
    gpu = on_demand("e3", "1", "4.00", SkuPriceDetails='{"GpuCount": 1}')
    rate = {
        "match": {"sku_id": "^e3$"},
        "meter": "gpu",
        "unit": "GPU-Hours",
        "price": "3.50",
        "currency": "USD",
    }
    result = reconciled(tmp_path, [*HOUR, gpu], rates=RATES, rules={"rate": [rate]})
    found = {one["rule"]: one["amount"] for one in price_breaks(result)}
    assert found == {"rate": D("0.50"), "sagemaker_savings_plan": D("1.75")}


def test_plans_that_swap_rest_on_the_same_evidence(tmp_path: Path) -> None:
    """M and n cost 1.00; the one plan takes m at 0.50 (n 0.80), the other n at 0.40 (m 0.80).

    The bill crossed them: 0.625 of n and 0.5 of m are covered, 0.375 + 0.50 of web's on demand.
    By the rules both are covered in full: 0.375 by the one, 0.50 by the other. Each needs that web
    shares in its own plan, and in the other's too: neither can be had alone.
    """
    other = {**WIDE, "CommitmentDiscountId": PLAN_2}
    owner = {"SubAccountId": "123456789012"}
    rows = [
        covered("n", "0.625", "0.50", "0.625", **WIDE, **owner),
        covered("m", "0.5", "0.40", "0.50", **other, **owner),
        on_demand("n", "0.375", "0.375", **MACHINE, SubAccountId="web"),
        on_demand("m", "0.5", "0.50", **MACHINE, SubAccountId="web"),
    ]
    rates = [
        plan_rate("m", "0.50"),
        plan_rate("n", "0.80"),
        plan_rate("n", "0.40", PLAN_2),
        plan_rate("m", "0.80", PLAN_2),
    ]
    claims = reconciled(tmp_path, rows, rates=rates).claims.rows()
    assert {one["commitment_id"]: one["amount"] for one in claims} == {
        PLAN: D("0.375"),
        PLAN_2: D("0.50"),
    }
    for one in claims:
        assert one["status"] == "indicated"
        for plan in (PLAN, PLAN_2):
            assert f"that {plan} is shared with account web" in one["missing_evidence"]


def move(saved: str, row: int, plan: str = "plan", **given: Any) -> Move:
    """A line of 10.00 of one hour, of which another part is covered by the rules."""
    blank: dict[str, Any] = dict.fromkeys(Move.__dataclass_fields__)
    usual = {"line": row, "source_id": 1, "source_row": row, "provider": "p", "account": "a"}
    usual |= {"payer": "payer", "interval": datetime(2026, 10, 3, 14, tzinfo=UTC)}
    usual |= {"currency": "USD", "rows": 1, "quantity": Fraction(1), "billed": Fraction(10)}
    usual |= {"pool": plan, "covered": Fraction(1, 2), "drawn": Fraction(3)}
    usual |= {"saved": Fraction(saved), "excess": Fraction(0), "held": Fraction(0)}
    return Move(**(blank | usual | {"as_other_account": False} | given))


def claimed(*moves: Move, rules: dict[str, Any] | None = None, **given: Any) -> Claims:
    """What the moves make, long after the month is final."""
    end, late = (datetime(year, 11, 1, tzinfo=UTC) for year in (2026, 2027))
    usual: dict[str, Any] = {"pools": {}, "held": {}, "doubts": {}, "pool_doubts": {}}
    usual |= {"clusters": {"other": "plan"}, "unread": [], "billing_end": {"p": end}, "scale": 2}
    usual |= {"rules": read_rules(rules) if rules else Rules(), "as_of": late}
    return claims_of(moves, Evidence(**(usual | given)))


@pytest.mark.parametrize(
    ("tolerance", "claims"),
    [
        ({"relative": "0.05"}, 0),  # 5 % of 10.00 are 0.50
        ({"relative": "0.05", "absolute": "0.30"}, 1),  # but at most 0.30
        ({"relative": "0.05", "absolute": "0.40"}, 0),
    ],
)
def test_the_lesser_tolerance_counts(tolerance: dict[str, str], claims: int) -> None:
    """0.40 too much were billed of 10.00."""
    rules = {"tolerance": [{"leg": "price"} | tolerance]}
    assert len(claimed(move("0.40", 1), rules=rules).claims) == claims


def test_a_commitment_that_costs_what_another_saves_is_of_the_same_claim() -> None:
    """One plan saves 4.00, the other costs 1.00 more: 3.00 in one claim, of the first."""
    [claim] = claimed(move("-1.00", 1, "other"), move("4.00", 2)).claims
    assert (claim["commitment_id"], claim["amount"], claim["lines"]) == ("plan", 3, 2)


def test_lines_that_save_nothing_together_make_no_claim() -> None:
    """Two lines of the other plan swap their cover; 4.00 of the first are claimed alone."""
    swapped = [move("0.50", 1, "other"), move("-0.50", 2, "other")]
    [claim] = claimed(*swapped, move("4.00", 3)).claims
    assert (claim["commitment_id"], claim["amount"], claim["lines"]) == ("plan", 4, 1)


def test_a_bill_without_a_billing_period_makes_it_indicated() -> None:
    """When its month is final, nobody knows."""
    [claim] = claimed(move("4.00", 1), billing_end={}).claims
    assert claim["status"] == "indicated"
    assert claim["missing_evidence"] == "the bill of p names no billing period"


@pytest.mark.parametrize(
    ("buyers", "accounts", "lacking"),
    [
        ({"a", "b"}, ("a", "c"), "the account that owns plan is not known"),
        ({"a", "b"}, ("c", "c"), None),  # of one account alone it does not matter whose it is
        ({"a"}, ("a", "c"), "that plan is shared with account c"),
    ],
)
def test_whose_plan_it_is_has_to_be_known(
    buyers: set[str], accounts: tuple[str, str], lacking: str | None
) -> None:
    """Its fee stands on two accounts, or on one, and lines of others would draw on it."""
    held = {"plan": Holding("plan", "p", None, buyers=buyers)}
    lines = [
        move("2.00", row, account=account, as_other_account=True)
        for row, account in enumerate(accounts)
    ]
    [claim] = claimed(*lines, held=held).claims
    assert claim["missing_evidence"] == lacking
