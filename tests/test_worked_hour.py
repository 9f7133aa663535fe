"""The worked hour: a plan of 10.00 USD an hour, three endpoints, five variants.

All figures are the hand arithmetic of the design: e1 holds 2 instance-hours at 3.10 = 6.20, e2 one
at 2.30, unused 1.50, so 6.20 + 2.30 + 1.50 = 10.00. Every instance has one GPU.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import trueup

PLAN = "arn:aws:savingsplans::123456789012:savingsplan/worked-hour"
HOUR = ("2026-10-03T14:00:00Z", "2026-10-03T15:00:00Z")
D = Decimal

CHARGE_COLUMNS = [
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "BillingCurrency",
    "BillingAccountId",
    "SubAccountId",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeCategory",
    "ChargeClass",
    "ChargeFrequency",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ResourceId",
    "ServiceName",
    "SkuId",
    "SkuPriceDetails",
    "InvoiceIssuerName",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "PricingCategory",
]


def charge(resource: str, cost: str, hours: str | None) -> dict[str, str]:
    """A covered row of an endpoint, or the unused row where ``hours`` is None."""
    return {
        "BilledCost": "0",
        "EffectiveCost": cost,
        "ListCost": cost,
        "ContractedCost": cost,
        "BillingCurrency": "USD",
        "BillingAccountId": "payer",
        "SubAccountId": "ml",
        "BillingPeriodStart": "2026-10-01T00:00:00Z",
        "BillingPeriodEnd": "2026-11-01T00:00:00Z",
        "ChargePeriodStart": HOUR[0],
        "ChargePeriodEnd": HOUR[1],
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountId": PLAN,
        "CommitmentDiscountStatus": "Used" if hours else "Unused",
        "CommitmentDiscountType": "SageMaker Savings Plan",
        "CommitmentDiscountQuantity": cost,
        "CommitmentDiscountUnit": "USD",
        "ConsumedQuantity": hours or "",
        "ConsumedUnit": "Hours" if hours else "",
        "ResourceId": resource,
        "ServiceName": "Amazon SageMaker",
        "SkuId": f"sku-{resource}",
        "SkuPriceDetails": '{"InstanceType": "one-gpu", "GpuCount": 1}' if hours else "",
        "InvoiceIssuerName": "Amazon Web Services, Inc.",
        "ProviderName": "AWS",
        "PublisherName": "Amazon Web Services, Inc.",
        "ServiceCategory": "AI and Machine Learning",
        "PricingCategory": "Committed",
    }


CHARGES = [charge("e1", "6.20", "2"), charge("e2", "2.30", "1"), charge(PLAN, "1.50", None)]
ALLOCATED = [
    ("e1", "allocated", "7200", ""),
    ("e2", "allocated", "0", ""),
    ("e3", "allocated", "3600", ""),
]
BUSY = [("e1", "busy", "5400", "s1"), ("e1", "busy", "1800", "s2")]
LATE = "2026-11-20T00:00:00Z"  # after the 7th of November: final
EARLY = "2026-10-04T00:00:00Z"  # within the 48 hours in which a charge may still arrive

RATES = {
    "rate": [
        {
            "match": {"resource": "^e3$"},
            "meter": "gpu",
            "unit": "GPU-Hours",
            "price": "4.00",
            "currency": "USD",
            "commitment_id": PLAN,
            "commitment_price": "3.00",
        }
    ]
}

CONTRACT = f"""
[[commitment]]
id = "{PLAN}"
provider = "aws"
category = "Spend"
type = "SageMaker Savings Plan"
cost = "10.00"
per = "interval"
currency = "USD"
interval = "hourly"
start = 2026-01-01T00:00:00Z
end = 2027-01-01T00:00:00Z
"""


def reconciled(
    folder: Path,
    meters: list[tuple[str, str, str, str]],
    as_of: str = LATE,
    rules: Mapping[str, Any] | None = None,
    **further: str,  # columns of usage, by the column of the file
) -> trueup.Result:
    with (folder / "bill.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, CHARGE_COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(CHARGES)
    with (folder / "meters.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["start", "end", "endpoint", "capacity", "seconds", "session"])
        rows.writerows([*HOUR, *each] for each in meters)
    (folder / "contracts.toml").write_text(CONTRACT)
    usage = trueup.read_usage(
        folder / "meters.csv",
        format="table",
        columns={
            "window_start": "start",
            "window_end": "end",
            "resource_id": "endpoint",
            "capacity": "capacity",
            "quantity": "seconds",
            "session_id": "session",
            **further,
        },
        constants={"provider": "aws", "account_id": "ml", "meter": "gpu", "unit": "GPU-Seconds"},
    )
    return trueup.reconcile(
        trueup.read_charges(folder / "bill.csv"),
        commitments=trueup.read_commitments(folder / "contracts.toml"),
        usage=usage,
        period="2026-10-03T14",
        rules={**RATES, **(rules or {})},
        as_of=as_of,
    )


def identity_of(result: trueup.Result) -> tuple[Decimal, ...]:
    [row] = result.identity.rows()
    return row["billed"], row["allocated"], row["unused"], row["unattributed"]


def sessions(result: trueup.Result) -> dict[str | None, Decimal]:
    return {row["session"]: row["cost"] for row in result.allocations.rows()}


def reasons(result: trueup.Result) -> dict[str, Decimal]:
    return {row["reason"]: row["cost"] for row in result.unattributed_by_reason.rows()}


def by_class(result: trueup.Result) -> dict[str, dict[str, Any]]:
    return {row["class"]: row for row in result.breaks.rows()}


@pytest.mark.smoke
def test_the_hour_as_billed(tmp_path: Path) -> None:
    """10.00 = 8.50 used + 1.50 unused; e2 is drift; e3 is a liability; the identity holds."""
    result = reconciled(tmp_path, ALLOCATED + BUSY)
    [plan] = result.commitments.rows()
    assert (plan["committed_quantity"], plan["used_quantity"], plan["unused_quantity"]) == (
        D("10.00"),
        D("8.50"),
        D("1.50"),
    )
    assert plan["utilization"] == D("0.85")
    assert plan["status"] == "complete"
    assert not plan["provisional"]
    found = by_class(result)
    assert set(found) == {"missing_in_usage", "missing_in_billing"}
    assert found["missing_in_usage"]["resource_id"] == "e2"
    assert found["missing_in_usage"]["amount"] == D("2.30")
    # e3: half an hour draws the unused 1.50 (at 3.00), the other half costs 4.00 / 2 = 2.00 more.
    assert found["missing_in_billing"]["resource_id"] == "e3"
    assert found["missing_in_billing"]["amount"] == D("-2.00")
    assert (found["missing_in_billing"]["billed"], found["missing_in_billing"]["expected"]) == (
        0,
        1,
    )
    assert sessions(result) == {"s1": D("4.65"), "s2": D("1.55")}  # 6.20 x 3/4 and 1/4
    assert reasons(result) == {"missing_in_usage": D("2.30")}
    assert identity_of(result) == (D("10.00"), D("6.20"), D("1.50"), D("2.30"))


def test_an_unmetered_endpoint_is_unverified(tmp_path: Path) -> None:
    """Without an allocated meter for e2, its 2.30 is unverified capacity and no break."""
    result = reconciled(tmp_path, [row for row in ALLOCATED if row[0] != "e2"] + BUSY)
    assert set(by_class(result)) == {"missing_in_billing"}
    assert reasons(result) == {"unverified_capacity": D("2.30")}
    assert identity_of(result) == (D("10.00"), D("6.20"), D("1.50"), D("2.30"))


def test_within_the_lag_e3_is_pending(tmp_path: Path) -> None:
    """Before the lag has run out e3 is pending, with the 2.00 it would add, and all provisional."""
    result = reconciled(tmp_path, ALLOCATED + BUSY, as_of=EARLY)
    assert set(by_class(result)) == {"missing_in_usage"}
    [waiting] = result.pending.rows()
    assert (waiting["resource_id"], waiting["expected"], waiting["amount"]) == ("e3", 1, D("-2.00"))
    assert result.commitments.rows()[0]["provisional"]
    assert "PROVISIONAL until 8 Nov (aws)" in result.summary()


def test_the_material_amount_reaches_the_summary(tmp_path: Path) -> None:
    """Of drift of 2.30 over and 2.00 under, at 2.10 only the first is looked at first."""
    result = reconciled(tmp_path, ALLOCATED + BUSY, rules={"material_amount": "2.10"})
    first = result.summary().partition("To look at first")[2].partition("\n\n")[0]
    assert "USD 2.30  missing_in_usage" in first
    assert "missing_in_billing" not in first
    assert "and 1 smaller one, USD 2.00 gross together" in first


@pytest.mark.parametrize(("relative", "is_break"), [("0.10", False), ("0.05", True)])
def test_a_tenth_less_metered(tmp_path: Path, relative: str, is_break: bool) -> None:
    """6,480 s of 7,200: 0.2 of 2 h is 10.0 %, on the boundary of one tolerance, over the other."""
    rows = [("e1", "allocated", "6480", ""), *ALLOCATED[1:], *BUSY]
    rules = {"tolerance": [{"relative": relative, "period_relative": "1"}]}
    result = reconciled(tmp_path, rows, rules=rules)
    found = by_class(result)
    assert ("quantity" in found) is is_break
    if is_break:
        assert found["quantity"]["amount"] == D("0.62")  # 6.20 x 0.2 / 2
        assert (found["quantity"]["billed"], found["quantity"]["expected"]) == (2, D("1.8"))
    assert sessions(result) == {
        "s1": D("4.65"),
        "s2": D("1.55"),
    }  # shared by busy time all the same


def test_half_idle(tmp_path: Path) -> None:
    """3,600 busy of 7,200 allocated: half of e1, 3.10, is idle; it is no break."""
    rows = [*ALLOCATED, ("e1", "busy", "2700", "s1"), ("e1", "busy", "900", "s2")]
    result = reconciled(tmp_path, rows)
    # 6.20 x 2700/7200 = 2.325 and 6.20 x 900/7200 = 0.775; the bill counts in cents, and the one
    # cent left over by the largest remainder goes to the first of the two equal remainders.
    assert sessions(result) == {"s1": D("2.33"), "s2": D("0.77")}
    assert reasons(result) == {"idle": D("3.10"), "missing_in_usage": D("2.30")}
    assert set(by_class(result)) == {"missing_in_usage", "missing_in_billing"}
    assert identity_of(result) == (D("10.00"), D("3.10"), D("1.50"), D("5.40"))
