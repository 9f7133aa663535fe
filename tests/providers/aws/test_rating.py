"""The rules by which reservations and Savings Plans are applied, each with hand arithmetic."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from tests.providers.rated import claimed, of, on_demand, reconciled, used
from tests.reconcile.priced import plan_rate

from trueup.adapter.registry import providers
from trueup.reconcile.eligibility import stage_of
from trueup.reconcile.rates import rating_of

D = Decimal
OWNER = "123456789012"
RI = f"arn:aws:ec2:us-east-1:{OWNER}:reserved-instances/ri-1"
PLAN_A = f"arn:aws:savingsplans::{OWNER}:savingsplan/a"
PLAN_B = f"arn:aws:savingsplans::{OWNER}:savingsplan/b"
EC2 = {
    "ServiceName": "Amazon Elastic Compute Cloud",
    "RegionId": "us-east-1",
    "x_Operation": "RunInstances",
    "SubAccountId": OWNER,
}
UNITS = "Normalized Unit-Hours"


def instance(size: str, family: str = "m5") -> dict[str, str]:
    return {
        **EC2,
        "SkuPriceDetails": f'{{"InstanceType": "{family}.{size}"}}',
        "SkuMeter": f"BoxUsage:{family}.{size}",
    }


def reserved(status: str, drawn: str, unit: str = UNITS) -> dict[str, str]:
    kind = {"CommitmentDiscountCategory": "Usage", "CommitmentDiscountType": "Reservation"}
    return of(RI, status, drawn, unit, **kind)


def plan(name: str, status: str, drawn: str, kind: str = "Compute") -> dict[str, str]:
    spend = {
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountType": f"{kind} Savings Plan",
    }
    return of(name, status, drawn, "USD", **spend)


def unused(**more: str) -> dict[str, str]:
    values = {"PricingQuantity": "", "PricingUnit": "", "SkuId": "", "SubAccountId": OWNER}
    return on_demand("", "", "0", **{**values, "ServiceName": "x", **more})


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("EC2 Instance Savings Plan", "instance_plan"),
        ("EC2InstanceSavingsPlans", "instance_plan"),
        ("Compute Savings Plan", "compute_plan"),
        ("ComputeSavingsPlans", "compute_plan"),
        ("SageMaker Savings Plan", "sagemaker_savings_plan"),
        ("ML Savings Plan", "sagemaker_savings_plan"),
        ("Database Savings Plan", "database_plan"),
    ],
)
def test_every_plan_has_its_rule(kind: str, rule: str) -> None:
    """By the words of bills and of DescribeSavingsPlans."""
    rating = rating_of("aws")
    assert rating
    facts = {"CommitmentDiscountCategory": "Spend", "CommitmentDiscountType": kind}
    place = stage_of(rating, facts)
    assert place is not None
    assert rating.stages[place].rule == rule


def test_the_order_is_the_published_one() -> None:
    """Reservations, EC2 Instance plans, Compute plans; every rule cites a page."""
    rating = providers()["aws"].rating
    assert rating
    rules = [stage.rule for stage in rating().stages]
    assert rules[:4] == [
        "reserved_instance_of_a_family",
        "reserved_instance",
        "instance_plan",
        "compute_plan",
    ]
    assert all(stage.source.startswith("https://docs.aws.amazon.com/") for stage in rating().stages)


def test_sizes_share_a_reservation_by_normalised_units(tmp_path: Path) -> None:
    """8 units are reserved (m5.xlarge), m5.large used 4: the other 4 are a quarter of m5.2xlarge.

    m5.2xlarge counts 16 units an hour and costs 0.40 on demand: 4/16 of it, 0.10, was covered.
    """
    rows = [
        used("large", "1", "0.10", **instance("large"), **reserved("Used", "4")),
        unused(**reserved("Unused", "4")),
        on_demand("2xlarge", "1", "0.40", **instance("2xlarge")),
    ]
    assert claimed(tmp_path, rows) == {("reserved_instance_of_a_family", RI): D("0.10")}


def test_the_smallest_instance_goes_first(tmp_path: Path) -> None:
    """4 units left: m5.large, 4 units, 0.12 on demand, before m5.xlarge, 8 units, 0.20."""
    rows = [
        used("medium", "1", "0.05", **instance("medium"), **reserved("Used", "2")),
        unused(**reserved("Unused", "4")),
        on_demand("xlarge", "1", "0.20", **instance("xlarge")),
        on_demand("large", "1", "0.12", **instance("large")),
    ]
    result = reconciled(tmp_path, rows)
    [line] = result.claim_lines.rows()
    assert (line["sku"], line["difference"]) == ("large", D("0.12"))


@pytest.mark.parametrize(
    "other",
    [
        instance("large", "c5"),
        {**instance("large"), "RegionId": "eu-west-1"},
        {**instance("large"), "x_Operation": "RunInstances:0002"},  # Windows
    ],
)
def test_another_family_region_or_platform_is_not_covered(
    tmp_path: Path, other: dict[str, str]
) -> None:
    """A reservation is of one family, one region and one platform."""
    rows = [
        used("medium", "1", "0.05", **instance("medium"), **reserved("Used", "2")),
        unused(**reserved("Unused", "4")),
        on_demand("other", "1", "0.12", **other),
    ]
    assert claimed(tmp_path, rows) == {}


def test_an_unknown_platform_makes_it_indicated(tmp_path: Path) -> None:
    """Without x_Operation the bill does not tell whether both run Linux."""
    bare = {"x_Operation": ""}
    rows = [
        used("medium", "1", "0.05", **{**instance("medium"), **bare}, **reserved("Used", "2")),
        unused(**reserved("Unused", "4")),
        on_demand("large", "1", "0.12", **{**instance("large"), **bare}),
    ]
    [claim] = reconciled(tmp_path, rows).claims.rows()
    assert (claim["amount"], claim["status"]) == (D("0.12"), "indicated")
    assert claim["missing_evidence"] == "the bill does not tell x_Operation of SKU large"


def test_a_reservation_comes_before_a_plan(tmp_path: Path) -> None:
    """The plan covered the one m5.large that the reservation should have: another was on demand.

    By the rules the reservation's 4 units cover one, the plan's 0.06 the other: 0.10 too much.
    """
    rows = [
        used("medium", "1", "0.05", **instance("medium"), **reserved("Used", "2")),
        unused(**reserved("Unused", "4")),
        used("large", "1", "0.10", **instance("large"), **plan(PLAN_A, "Used", "0.06")),
        unused(**plan(PLAN_A, "Unused", "0")),
        on_demand("large", "1", "0.10", **instance("large"), ResourceId="second"),
    ]
    assert claimed(tmp_path, rows) == {("reserved_instance_of_a_family", RI): D("0.10")}


def test_an_instance_plan_comes_before_a_compute_plan(tmp_path: Path) -> None:
    """A is of m5 in us-east-1 (rate 0.06), b takes anything (0.08 for m5, 0.05 for c5, both 0.10).

    The bill spent b's 0.08 on the m5 and left a unused, so that the c5 was on demand at 0.10. By the
    rules a covers the m5, b 0.05 of the c5: nothing is on demand, 0.10 too much.
    """
    other = used("m5.medium", "1", "0.05", **instance("medium"))
    rows = [
        {**other, **plan(PLAN_A, "Used", "0.03", "EC2 Instance")},
        unused(**plan(PLAN_A, "Unused", "0.06", "EC2 Instance")),
        used("m5", "1", "0.10", **instance("large"), **plan(PLAN_B, "Used", "0.08")),
        on_demand("c5", "1", "0.10", **instance("large", "c5")),
    ]
    rates = [
        plan_rate("m5", "0.06", PLAN_A),
        plan_rate("m5.medium", "0.03", PLAN_A),
        plan_rate("c5", "0.05", PLAN_B),
    ]
    found = claimed(tmp_path, rows, rates=rates)
    # The plan a gains the m5 (0.10), b loses it and gains the c5 (0.00): the payer gains 0.10.
    assert found == {("instance_plan", PLAN_A): D("0.10")}


def test_the_higher_saving_decides_between_two_plans(tmp_path: Path) -> None:
    """M and n cost 1.00 on demand. a: m 0.50, n 0.80, 0.50 an hour; b: n 0.40, m 0.80, 0.40.

    Crossed, a covered 0.50/0.80 = 0.625 of n and b 0.40/0.80 = 0.5 of m: 0.375 + 0.5 on demand. By
    the rules b covers n (60 %) and a m (50 %): 0.875 too much, 0.375 by a and 0.5 by b.
    """
    rows = [
        used("n", "0.625", "0.625", **EC2, **plan(PLAN_A, "Used", "0.50")),
        used("m", "0.5", "0.50", **EC2, **plan(PLAN_B, "Used", "0.40")),
        on_demand("n", "0.375", "0.375", **EC2),
        on_demand("m", "0.5", "0.50", **EC2),
        unused(**plan(PLAN_A, "Unused", "0")),
        unused(**plan(PLAN_B, "Unused", "0")),
    ]
    rates = [
        plan_rate("m", "0.50", PLAN_A),
        plan_rate("n", "0.80", PLAN_A),
        plan_rate("n", "0.40", PLAN_B),
        plan_rate("m", "0.80", PLAN_B),
    ]
    assert claimed(tmp_path, rows, rates=rates) == {
        ("compute_plan", PLAN_A): D("0.375"),
        ("compute_plan", PLAN_B): D("0.5"),
    }


def test_rates_are_found_by_usage_type(tmp_path: Path) -> None:
    """DescribeSavingsPlanRates names a rate by service, usage type and operation."""
    named = {**EC2, "SkuMeter": "USE1-BoxUsage:m5.large", "x_UsageType": "USE1-BoxUsage:m5.large"}
    rows = [
        used("other", "1", "0.20", **EC2, **plan(PLAN_A, "Used", "0.10")),
        unused(**plan(PLAN_A, "Unused", "0.06")),
        on_demand("m", "1", "0.10", **named),
    ]
    sku = "AmazonEC2 USE1-BoxUsage:m5.large RunInstances"
    rates = [
        plan_rate(None, "0.06", PLAN_A, sku=sku, unit="Hrs"),
        plan_rate(None, "0.01", PLAN_A, sku=f"{sku}:0002", unit="Hrs"),
    ]
    # Both operations match the usage type, at two prices: without x_ServiceCode none is taken.
    assert claimed(tmp_path, rows, rates=rates[:1]) == {("compute_plan", PLAN_A): D("0.10")}
    assert claimed(tmp_path, rows, rates=rates) == {}
