"""The rules by which reservations and savings plans are applied, each with hand arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.providers.rated import claimed, of, on_demand, reconciled, used

from trueup.reconcile.rates import rating_of

D = Decimal
ORDER = "/providers/Microsoft.Capacity/reservationOrders/1/reservations/2"
PLAN = "/providers/Microsoft.BillingBenefits/savingsPlanOrders/3/savingsPlans/4"
VM = {
    "ProviderName": "Microsoft",
    "PublisherName": "Microsoft",
    "InvoiceIssuerName": "Microsoft",
    "ServiceName": "Virtual Machines",
    "RegionId": "westeurope",
    "SubAccountId": "sub-1",
}
LATE = "2026-11-20T00:00:00Z"
TERM = f"""
[[commitment]]
id = "{PLAN}"
provider = "azure"
category = "Spend"
type = "Savings Plan"
cost = "1.00"
per = "interval"
currency = "USD"
interval = "hourly"
start = 2026-01-01T00:00:00Z
end = 2027-01-01T00:00:00Z
"""


def size(name: str) -> dict[str, str]:
    return {**VM, "SkuPriceDetails": f'{{"InstanceType": "{name}"}}'}


def reserved(status: str, drawn: str, unit: str = "Hours") -> dict[str, str]:
    kind = {"CommitmentDiscountCategory": "Usage", "CommitmentDiscountType": "Reservation"}
    return of(ORDER, status, drawn, unit, **kind)


def plan(status: str, drawn: str) -> dict[str, str]:
    kind = {"CommitmentDiscountCategory": "Spend", "CommitmentDiscountType": "Savings Plan"}
    return of(PLAN, status, drawn, "USD", **kind)


def unused(**more: str) -> dict[str, str]:
    return on_demand("", "", "0", **{**VM, "PricingQuantity": "", "PricingUnit": "", **more})


def test_every_rule_cites_a_page() -> None:
    """Reservations before savings plans, each with the page that says so."""
    rating = rating_of("azure")
    assert rating
    assert [stage.rule for stage in rating.stages] == [
        "reservation_of_a_group",
        "reservation",
        "savings_plan",
    ]
    assert all(stage.source.startswith("https://learn.microsoft.com/") for stage in rating.stages)


def test_a_reservation_comes_before_a_plan(tmp_path: Path) -> None:
    """The plan paid 0.60 for what an unused reserved hour covers: another hour cost 1.00 on demand.

    By the rules the reservation covers one hour of d2 and the plan's 0.60 the other: 1.00 too much.
    """
    rows = [
        used("d2", "1", "1.00", **VM, **reserved("Used", "1"), ResourceId="a"),
        unused(**reserved("Unused", "1")),
        used("d2", "1", "1.00", **VM, **plan("Used", "0.60"), ResourceId="b"),
        on_demand("d2", "1", "1.00", **VM, ResourceId="c"),
    ]
    assert claimed(tmp_path, rows) == {("reservation", ORDER): D("1.00")}


def test_ratios_of_a_group_count(tmp_path: Path) -> None:
    """Two units reserved; D2s v3 used one, the other is a quarter of D8s v3 (4): 0.40 of 1.60."""
    unit = "Normalized Unit-Hours"
    rows = [
        used("d2", "1", "0.40", **size("Standard_D2s_v3"), **reserved("Used", "1", unit)),
        unused(**reserved("Unused", "1", unit)),
        on_demand("d8", "1", "1.60", **size("Standard_D8s_v3")),
        on_demand("e2", "1", "0.10", **size("Standard_E2s_v3")),  # another group
    ]
    assert claimed(tmp_path, rows) == {("reservation_of_a_group", ORDER): D("0.40")}


def test_a_scope_of_one_subscription_is_kept(tmp_path: Path) -> None:
    """Scope is bought: other subscriptions draw only where the bill shows that some do."""
    rows = [
        used("d2", "1", "1.00", **VM, **reserved("Used", "1")),
        unused(**reserved("Unused", "1")),
    ]
    other = on_demand("d2", "1", "1.00", **{**VM, "SubAccountId": "sub-2"})
    assert claimed(tmp_path, [*rows, other]) == {}
    third = used("d2", "1", "1.00", **{**VM, "SubAccountId": "sub-3"}, **reserved("Used", "1"))
    assert claimed(tmp_path, [*rows, other, third]) == {("reservation", ORDER): D("1.00")}


def priced(sku: str, name: str, price: str) -> dict[str, Any]:
    """A row of the price sheet."""
    return {
        "provider": "azure",
        "sku_id": sku,
        "sku": name,
        "unit": "1 Hour",
        "price": D(price),
        "currency": "USD",
        "valid_from": datetime(2026, 10, 1, tzinfo=UTC),
        "valid_to": datetime(2026, 11, 1, tzinfo=UTC),
        "operation": "PriceSheet_GetByBillingPeriod",
    }


def test_the_price_sheet_tells_the_plans_rate(tmp_path: Path) -> None:
    """0.40 unused at a rate of 0.80 for a one-year plan covers half of 1.20: 0.60 too much.

    The three-year rate is not this plan's.
    """
    rows = [
        used("f1", "1", "1.00", **VM, **plan("Used", "0.60")),
        unused(**plan("Unused", "0.40")),
        on_demand("d2", "1", "1.20", **VM),
    ]
    rates = [
        priced("d2", "D2", "1.20"),
        priced("d2", "D2 (savings plan P1Y)", "0.80"),
        priced("d2", "D2 (savings plan P3Y)", "0.40"),
    ]
    result = reconciled(tmp_path, rows, rates=rates, contracts=TERM)
    [one] = [row for row in result.breaks.rows() if row["leg"] == "price"]
    assert (one["rule"], one["amount"]) == ("savings_plan", D("0.60"))
    assert result.claims.rows()[0]["status"] == "claimable"


def test_the_price_sheet_is_the_contracts_rate(tmp_path: Path) -> None:
    """d2 at 1.30 instead of 1.20: 0.10 too much; the plan's prices are no prices on demand."""
    rates = [priced("d2", "D2", "1.20"), priced("d2", "D2 (savings plan P1Y)", "0.80")]
    result = reconciled(tmp_path, [on_demand("d2", "1", "1.30", **VM)], rates=rates)
    [one] = result.breaks.rows()
    assert (one["subject"], one["rule"], one["amount"]) == ("d2", "rate", D("0.10"))
