"""Bills for the price leg: covered, unused and on-demand rows of an hour, as FOCUS text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import trueup
from tests.focus.bill import row, write
from trueup.api import parsed_clock, parsed_period
from trueup.model.dataset import Dataset
from trueup.model.inputs import Inputs
from trueup.model.rules import read_rules
from trueup.model.schema import PROVIDER_RATES
from trueup.model.table import Table
from trueup.reconcile import reconcile
from trueup.report.result import Result

LATE = "2026-11-20T00:00:00Z"
PERIOD = "2026-10-03"
ALL = {
    **dict.fromkeys(
        (
            *("CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountQuantity"),
            *("CommitmentDiscountStatus", "CommitmentDiscountType", "CommitmentDiscountUnit"),
            *("SkuId", "SkuPriceId", "SkuMeter", "SkuPriceDetails", "ResourceId", "RegionId"),
            *("ContractedUnitPrice", "ListUnitPrice", "ChargeClass", "PricingCategory"),
            *("x_Operation", "x_UsageType", "x_ConsumptionModel", "x_FeeShare", "x_OverageFlag"),
        ),
        "",
    ),
    "SubAccountId": "ml",
    "BillingAccountId": "payer",
    "ProviderName": "AWS",
    "PublisherName": "AWS",
    "InvoiceIssuerName": "Amazon Web Services, Inc.",
    "ServiceName": "Amazon SageMaker",
    "Tags": "",
}
PLAN = "arn:aws:savingsplans::123456789012:savingsplan/plan-a"


def at(hour: int, day: int = 3) -> dict[str, str]:
    return {
        "ChargePeriodStart": f"2026-10-{day:02}T{hour:02}:00:00Z",
        "ChargePeriodEnd": f"2026-10-{day:02}T{hour + 1:02}:00:00Z",
    }


def on_demand(sku: str, quantity: str, cost: str, **more: str) -> dict[str, str]:
    """Usage that no commitment covered, billed ``cost``."""
    return row(
        **{
            **ALL,
            **at(14),
            "BilledCost": cost,
            "EffectiveCost": cost,
            "ContractedCost": cost,
            "ListCost": cost,
            "PricingQuantity": quantity,
            "SkuId": sku,
            "ChargeDescription": f"an hour of {sku}",
            "PricingCategory": "Standard",
            "ResourceId": f"on-demand-{sku}",
            **more,
        }
    )


def covered(sku: str, quantity: str, drawn: str, listed: str, **more: str) -> dict[str, str]:
    """Usage that a commitment covered: ``drawn`` in its own unit, ``listed`` by the price list."""
    return on_demand(
        sku,
        quantity,
        "0",
        **{
            "EffectiveCost": drawn,
            "ListCost": listed,
            "PricingCategory": "Committed",
            "ResourceId": f"covered-{sku}",
            **committed("Used", drawn),
            **more,
        },
    )


def unused(drawn: str, **more: str) -> dict[str, str]:
    """What was left of a commitment in an hour."""
    values = {
        "PricingQuantity": "",
        "PricingUnit": "",
        "EffectiveCost": drawn,
        "ListCost": "0",
        "ContractedCost": "0",
        "ResourceId": PLAN,
        "PricingCategory": "Committed",
        "SkuId": "",
        "ChargeDescription": "unused",
        "SubAccountId": "123456789012",
        **committed("Unused", drawn),
        **more,
    }
    return on_demand("", "", "0", **values)


def committed(status: str, drawn: str) -> dict[str, str]:
    return {
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountId": PLAN,
        "CommitmentDiscountStatus": status,
        "CommitmentDiscountType": "SageMaker Savings Plan",
        "CommitmentDiscountQuantity": drawn,
        "CommitmentDiscountUnit": "USD",
    }


# The worked hour: a plan of 10.00, 6.20 + 2.30 used, 1.50 unused, and e3 billed on demand at 4.00.
HOUR = [covered("e1", "2", "6.20", "8.40"), covered("e2", "1", "2.30", "3.10"), unused("1.50")]
E3 = on_demand("e3", "1", "4.00")
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
start = 2026-10-03T14:00:00Z
end = 2027-10-03T14:00:00Z
"""


def plan_rate(
    sku_id: str | None, price: str, commitment: str = PLAN, **more: Any
) -> dict[str, Any]:
    """A row of ``provider_rates``: what a unit of a SKU draws from a commitment."""
    return {
        "provider": "aws",
        "commitment_id": commitment,
        "sku_id": sku_id,
        "unit": "Hours",
        "price": Decimal(price),
        "currency": "USD",
        "operation": "savingsplans:DescribeSavingsPlanRates",
        **more,
    }


def reconciled(
    folder: Path,
    rows: Sequence[Mapping[str, str]],
    *,
    rates: Sequence[Mapping[str, Any]] = (),
    contracts: str | None = None,
    rules: Mapping[str, Any] | None = None,
    as_of: str = LATE,
    period: str | None = PERIOD,
    engine: str = "duckdb",
    usage: Dataset | None = None,
) -> Result:
    """The result over one bill, what providers say of rates, contracts in TOML, and telemetry."""
    commitments = None
    if contracts is not None:
        (folder / "contracts.toml").write_text(contracts)
        commitments = trueup.read_commitments(folder / "contracts.toml")
    asserted = {"provider_rates": Table.from_rows(PROVIDER_RATES, list(rates))} if rates else {}
    charges = trueup.read_charges(write(folder / "bill.csv", *rows))
    assert len(charges.rejects) == 0, charges.rejects.rows()
    return Result(
        reconcile(
            Inputs(charges, commitments, usage, asserted=asserted),
            parsed_period(period) if period else None,
            read_rules(rules),
            parsed_clock(as_of),
            engine,
        )
    )


def price_breaks(result: Result) -> list[dict[str, Any]]:
    return [one for one in result.breaks.rows() if one["leg"] == "price"]


def amounts(result: Result) -> list[Decimal]:
    return [one["amount"] for one in price_breaks(result)]


def codes(result: Result) -> list[str]:
    return [one["code"] for one in result.notes.rows()]
