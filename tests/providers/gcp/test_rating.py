"""Both models of spend commitments, and those of resources, each with hand arithmetic."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests.providers.rated import claimed, of, on_demand, reconciled, used
from tests.reconcile.priced import plan_rate

from trueup.reconcile.rates import rating_of

D = Decimal
CUD = "projects/p/subscriptions/flex-1"
VM = {
    "ProviderName": "Google Cloud",
    "PublisherName": "Google Cloud",
    "InvoiceIssuerName": "Google Cloud",
    "ServiceName": "Compute Engine",
    "RegionId": "europe-west4",
    "SubAccountId": "p",
}
LEGACY = {"x_ConsumptionModel": "Default", "x_FeeShare": "allocated_by_ratio"}
NEW = {"x_ConsumptionModel": "Compute flexible CUD 1 year"}


def spend(status: str, drawn: str, **more: str) -> dict[str, str]:
    kind = {
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountType": "Spend-based committed use discount",
    }
    return of(CUD, status, drawn, "USD", **kind, **more)


def resources(status: str, drawn: str) -> dict[str, str]:
    kind = {
        "CommitmentDiscountCategory": "Usage",
        "CommitmentDiscountType": "Resource-based committed use discount",
    }
    return of("projects/p/commitments/c1", status, drawn, "vCPU-Hours", **kind)


def unused(**more: str) -> dict[str, str]:
    return on_demand("", "", "0", **{**VM, "PricingQuantity": "", "PricingUnit": "", **more})


def test_every_rule_cites_a_page() -> None:
    """Commitments of resources before those of spend."""
    rating = rating_of("gcp")
    assert rating
    assert rating.stages[0].rule == "resource_commitment"
    assert all(stage.source.startswith("https://cloud.google.com/") for stage in rating.stages)


def test_the_legacy_model_counts_what_usage_costs_on_demand(tmp_path: Path) -> None:
    """A fee of 37.50 an hour for 50.00 of on-demand spend: 30.00 was credited, 20.00 not.

    12.00 of the same SKU were left on demand: the credit reaches all of it, 12.00 too much. At the
    fee's rate 12.00 would have drawn 9.00: that is the other model.
    """
    rows = [
        used(
            "core", "30", "30.00", **VM, **spend("Used", "30.00", **LEGACY), EffectiveCost="22.50"
        ),
        unused(**spend("Unused", "20.00"), EffectiveCost="15.00"),
        on_demand("core", "12", "12.00", **VM, ResourceId="second"),
    ]
    result = reconciled(tmp_path, rows)
    [claim] = result.claims.rows()
    assert (claim["rule"], claim["amount"]) == ("spend_commitment_by_credit", D("12.00"))
    assert "draw 12," in claim["arithmetic"]


def test_the_new_model_counts_what_usage_costs_discounted(tmp_path: Path) -> None:
    """37.50 an hour; 30.00 used at 0.75 a core, 7.50 unused: at 0.75 it covers 10 of 12 cores.

    12 cores were billed on demand at 1.00: 10.00 too much.
    """
    rows = [
        used("core", "40", "40.00", **VM, **spend("Used", "30.00", **NEW), EffectiveCost="30.00"),
        unused(**spend("Unused", "7.50"), EffectiveCost="7.50"),
        on_demand("core", "12", "12.00", **VM, ResourceId="second"),
    ]
    result = reconciled(tmp_path, rows)
    [claim] = result.claims.rows()
    assert (claim["rule"], claim["amount"]) == ("spend_commitment_by_price", D("10.00"))
    assert (claim["billed"], claim["expected"]) == (D("12.00"), D("2.00"))


def test_the_model_is_told_by_each_row_or_the_contract(tmp_path: Path) -> None:
    """Without such columns only the contract's basis tells; without that nothing is guessed."""
    rows = [
        used("core", "30", "30.00", **VM, **spend("Used", "30.00"), EffectiveCost="22.50"),
        unused(**spend("Unused", "20.00"), EffectiveCost="15.00"),
        on_demand("core", "12", "12.00", **VM, ResourceId="second"),
    ]
    result = reconciled(tmp_path, rows)
    assert len(result.claims) == 0
    assert "rule_unknown" in [one["code"] for one in result.notes.rows()]
    contract = f"""
[[commitment]]
id = "{CUD}"
provider = "gcp"
category = "Spend"
type = "Spend-based CUD"
cost = "50.00"
per = "interval"
basis = "on_demand_equivalent"
currency = "USD"
interval = "hourly"
start = 2026-01-01T00:00:00Z
end = 2027-01-01T00:00:00Z
"""
    found = claimed(tmp_path, rows, contracts=contract)
    assert found == {("spend_commitment_by_credit", CUD): D("12.00")}


def test_resources_cover_their_own_sku_and_region(tmp_path: Path) -> None:
    """8 vCPU-hours reserved, 6 used: 2 of 5 on demand are covered, 0.08 at 0.04 each."""
    unit = {"PricingUnit": "vCPU-Hours"}
    rows = [
        used("core", "6", "0.24", **VM, **unit, **resources("Used", "6")),
        unused(**resources("Unused", "2")),
        on_demand("core", "5", "0.20", **VM, **unit, ResourceId="second"),
        on_demand("core", "5", "0.20", **{**VM, "RegionId": "us-west1"}, **unit),
    ]
    assert claimed(tmp_path, rows) == {
        ("resource_commitment", "projects/p/commitments/c1"): D("0.08")
    }


def test_resources_come_before_spend(tmp_path: Path) -> None:
    """The 2 unused vCPU-hours cover what the spend commitment paid: its 0.06 reach two more."""
    unit = {"PricingUnit": "vCPU-Hours"}
    rows = [
        used("core", "6", "0.24", **VM, **unit, **resources("Used", "6")),
        unused(**resources("Unused", "2")),
        used("core", "2", "0.08", **VM, **unit, **spend("Used", "0.06", **NEW), ResourceId="s"),
        on_demand("core", "2", "0.08", **VM, **unit, ResourceId="second"),
    ]
    assert sum(claimed(tmp_path, rows).values()) == D("0.08")


def test_list_prices_are_no_contract_rates(tmp_path: Path) -> None:
    """The catalog does not know what was negotiated: 0.90 against a list price of 1.00 is right."""
    listed = plan_rate(
        "core", "1.00", provider="gcp", commitment_id=None,
        operation="cloudbilling.services.skus.list",
    )  # fmt: skip
    result = reconciled(tmp_path, [on_demand("core", "1", "0.90", **VM)], rates=[listed])
    assert len(result.breaks) == 0
