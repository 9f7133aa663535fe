from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.focus.bill import as_csv

import trueup
from trueup.model.dataset import Dataset

RESERVED = "/providers/Microsoft.Capacity/reservationOrders/o-1/reservations/r-1"
PLAN = "/providers/Microsoft.BillingBenefits/savingsPlanOrders/o-2/savingsPlans/s-1"
VM = "/subscriptions/sub-1/resourceGroups/ml/providers/Microsoft.Compute/virtualMachines/gpu-1"

# A day of a file of an Enterprise Agreement, which writes the benefit in lower case.
LINE: Mapping[str, str] = {
    "BillingAccountId": "7654321",
    "BillingAccountName": "Contoso",
    "BillingPeriodStartDate": "10/01/2026",
    "BillingPeriodEndDate": "10/31/2026",
    "BillingProfileId": "7654321",
    "Date": "10/03/2026",
    "SubscriptionId": "sub-1",
    "SubscriptionName": "research",
    "ResourceGroup": "ml",
    "ResourceLocation": "East US 2",
    "ResourceId": VM,
    "ResourceName": "gpu-1",
    "ProductName": "ND H100 v5",
    "MeterCategory": "Virtual Machines",
    "MeterSubCategory": "NDsrH100v5 Series",
    "MeterId": "m-1",
    "MeterName": "ND96isr H100 v5",
    "UnitOfMeasure": "1 Hour",
    "Quantity": "",
    "UnitPrice": "",
    "PayGPrice": "",
    "CostInBillingCurrency": "0",
    "BillingCurrencyCode": "USD",
    "ChargeType": "Usage",
    "Frequency": "UsageBased",
    "PricingModel": "OnDemand",
    "PublisherType": "Azure",
    "PublisherName": "Microsoft",
    "PartNumber": "P-1",
    "ServiceFamily": "Compute",
    "ConsumedService": "Microsoft.Compute",
    "CostCenter": "cc-9",
    "AdditionalInfo": "",
    "Tags": '"team": "search"',
    "benefitId": "",
    "benefitName": "",
    "ReservationId": "",
    "ReservationName": "",
}


def line(kind: str, cost: str, **values: str) -> dict[str, str]:
    return {**LINE, "ChargeType": kind, "CostInBillingCurrency": cost, **values}


def reserved(kind: str, cost: str, **values: str) -> dict[str, str]:
    named = {"PricingModel": "Reservation", "benefitId": RESERVED, "benefitName": "h100"}
    return line(kind, cost, **named, **values)


def plan(kind: str, cost: str, **values: str) -> dict[str, str]:
    named = {"PricingModel": "SavingsPlan", "benefitId": PLAN, "benefitName": "compute"}
    return line(kind, cost, **named, **values)


def camel(record: Mapping[str, str]) -> dict[str, str]:
    """As a Microsoft Customer Agreement writes it."""
    record = {name[0].lower() + name[1:]: value for name, value in record.items()}
    return {
        **{name: value for name, value in record.items() if name != "billingCurrencyCode"},
        "billingProfileId": "profile-1",
        "billingCurrency": "EUR",
        "pricingCurrency": "USD",
        "invoiceId": "G-1",
        "productId": "DZH-1",
    }


ON_DEMAND = line("Usage", "98.00", Quantity="10", UnitPrice="9.80", PayGPrice="11.00")
AMORTIZED = (
    reserved("Usage", "60.00", Quantity="6", AdditionalInfo='{"RINormalizationRatio": "2"}'),
    reserved("UnusedReservation", "60.00", Quantity="12", ResourceId="", ResourceName=""),
    plan("Usage", "7.25", Quantity="3"),
    plan("UnusedSavingsPlan", "2.75", Quantity="1", ResourceId="", ResourceName=""),
    ON_DEMAND,
)
PURCHASES = (
    reserved("Purchase", "43800.00", Quantity="1", Frequency="OneTime"),
    reserved("Refund", "-100.00", Quantity="-1", Frequency="OneTime"),
    plan("Purchase", "240.00", Quantity="1", Frequency="Recurring"),
)


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read_lines(*lines: Mapping[str, str]) -> Dataset:
        path = tmp_path / "details.csv"
        path.write_text(as_csv(lines), encoding="utf-8")
        return trueup.read_charges(path)

    return read_lines


def total(rows: Iterable[Mapping[str, Any]], column: str) -> Decimal:
    return sum((row[column] for row in rows), Decimal(0))


def test_amortized_details_and_purchases_count_each_commitment_once(read: Any) -> None:
    """Effective 60 + 60 + 7.25 + 2.75 + 98 = 228.00; billed 98 + 43800 - 100 + 240 = 44038.00."""
    dataset = read(*AMORTIZED, *PURCHASES)
    found = dataset.table.rows()
    (source,) = dataset.sources.rows()
    assert (source["format"], source["rows_in"], source["accepted"]) == ("azure-cost-details", 8, 8)
    assert total(found, "EffectiveCost") == Decimal("228.00")
    assert total(found, "BilledCost") == Decimal("44038.00")
    assert [row["BilledCost"] for row in found[:4]] == [Decimal(0)] * 4
    assert [row["EffectiveCost"] for row in found[5:]] == [Decimal(0)] * 3


def test_commitments_are_used_and_unused_in_their_own_unit(read: Any) -> None:
    """6 hours at a ratio of 2 are 12 of the reservation's; the plan burns money."""
    found = read(*AMORTIZED).table.rows()
    columns = ("Id", "Name", "Category", "Type", "Status", "Quantity", "Unit")
    assert [tuple(row[f"CommitmentDiscount{name}"] for name in columns) for row in found] == [
        (RESERVED, "h100", "Usage", "Reservation", "Used", Decimal(12), "Hours"),
        (RESERVED, "h100", "Usage", "Reservation", "Unused", Decimal(12), "Hours"),
        (PLAN, "compute", "Spend", "Savings Plan", "Used", Decimal("7.25"), "USD"),
        (PLAN, "compute", "Spend", "Savings Plan", "Unused", Decimal("2.75"), "USD"),
        (None,) * 7,
    ]
    assert [row["ResourceId"] for row in found] == [VM, RESERVED, VM, PLAN, VM]
    assert [row["ConsumedQuantity"] for row in found] == [6, None, 3, None, 10]
    assert [row["PricingCategory"] for row in found] == [*["Committed"] * 4, "Standard"]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        # category, class, frequency, pricing category, effective cost
        (line("Usage", "3", PricingModel="Spot"), ("Usage", None, "Usage-Based", "Dynamic", "3")),
        (line("Purchase", "9", Frequency="Recurring"),
            ("Purchase", None, "Recurring", "Standard", "9")),
        (line("Refund", "-9", Frequency="OneTime"),
            ("Purchase", "Correction", "One-Time", None, "-9")),
        (line("Tax", "2", Frequency=""), ("Tax", None, None, None, "2")),
        (line("Credit", "-2", Frequency=""), ("Credit", None, None, None, "-2")),
        (line("RoundingAdjustment", "0.01", Frequency="OneTime"),
            ("Adjustment", None, "One-Time", None, "0.01")),
        (reserved("Purchase", "9", Frequency="OneTime"),
            ("Purchase", None, "One-Time", "Standard", "0")),
        (plan("Refund", "-9", Frequency="OneTime"),
            ("Purchase", "Correction", "One-Time", None, "0")),
    ],
)  # fmt: skip
def test_each_charge_type_is_what_it_is(
    read: Any, record: Mapping[str, str], said: tuple[Any, ...]
) -> None:
    """All of these are billed as they stand; commitments bought or returned cost nothing yet."""
    (found,) = read(record).table.rows()
    *words, effective = said
    columns = ("ChargeCategory", "ChargeClass", "ChargeFrequency", "PricingCategory")
    assert [found[name] for name in columns] == words
    assert found["EffectiveCost"] == Decimal(effective)
    assert found["BilledCost"] == Decimal(record["CostInBillingCurrency"])
    assert found["CommitmentDiscountStatus"] is None


def test_usage_of_an_actual_file_that_a_benefit_covers_is_rejected(read: Any) -> None:
    """It says 0 of 6 hours, which is not their amortised cost; unknown types are rejected too."""
    dataset = read(
        reserved("Usage", "0", Quantity="6"),
        line("Mystery", "1"),
        line("Adjustment", "1"),
        line("", "1"),
        reserved("Usage", "0", Quantity="0"),
    )
    assert [(row["column"], row["value"]) for row in dataset.rejects.rows()] == [
        ("EffectiveCost", None),
        ("ChargeCategory", "unknown charge type Mystery"),
        ("ChargeCategory", "unknown charge type Adjustment"),
        ("ChargeCategory", None),
    ]
    (source,) = dataset.sources.rows()
    assert (source["rows_in"], source["accepted"], source["rejected"]) == (5, 1, 4)


def test_every_column_that_the_details_tell_is_taken_over(read: Any) -> None:
    """The on-demand line of an Enterprise Agreement, column by column."""
    info = '{"ServiceType": "Standard_ND96isr_H100_v5", "VCPUs": 96}'
    (found,) = read(ON_DEMAND | {"AdditionalInfo": info}).table.rows()
    expected = {
        "BilledCost": Decimal("98.00"),
        "BillingAccountId": "7654321",
        "BillingAccountName": "Contoso",
        "BillingCurrency": "USD",
        "ChargeDescription": "ND H100 v5",
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": Decimal(10),
        "ConsumedUnit": "Hour",
        "ContractedCost": Decimal("98.00"),
        "ContractedUnitPrice": Decimal("9.80"),
        "EffectiveCost": Decimal("98.00"),
        "InvoiceIssuerName": "Microsoft",
        "ListUnitPrice": Decimal("11.00"),
        "PricingQuantity": Decimal(10),
        "PricingUnit": "1 Hour",
        "RegionId": "eastus2",
        "RegionName": "East US 2",
        "ResourceId": VM,
        "ResourceName": "gpu-1",
        "ServiceName": "Virtual Machines",
        "ServiceProviderName": "Microsoft",
        "SkuId": "P-1",
        "SkuMeter": "ND96isr H100 v5",
        "SkuPriceDetails": '{"InstanceType":"Standard_ND96isr_H100_v5"}',
        "SubAccountId": "sub-1",
        "SubAccountName": "research",
        "Tags": '{"team": "search"}',
        "x_ChargeType": "Usage",
        "x_CostCenter": "cc-9",
        "x_Provider": "azure",
        "x_PublisherName": "Microsoft",
        "x_ResourceGroupName": "ml",
        "x_ServiceFamily": "Compute",
        "x_SkuMeterId": "m-1",
        "x_SkuMeterSubcategory": "NDsrH100v5 Series",
    }
    assert {name: found[name] for name in expected} == expected
    days = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
    assert [f"{found[name]:%m-%d %H}" for name in days] == [
        "10-01 00", "11-01 00", "10-03 00", "10-04 00",
    ]  # fmt: skip


def test_a_customer_agreement_is_priced_in_another_currency(read: Any) -> None:
    """Billed in EUR, priced and committed in USD: no price of one stands in a column of the other."""
    used = camel(plan("Usage", "7.25", Quantity="3", UnitPrice="2.60", PayGPrice="4.00"))
    used |= {"costInPricingCurrency": "7.80", "paygCostInBillingCurrency": "11.10"}
    (found,) = read(used).table.rows()
    expected = {
        "BillingAccountId": "profile-1",
        "BillingCurrency": "EUR",
        "CommitmentDiscountQuantity": Decimal("7.80"),
        "CommitmentDiscountUnit": "USD",
        "ContractedUnitPrice": None,
        "EffectiveCost": Decimal("7.25"),
        "InvoiceId": "G-1",
        "ListCost": Decimal("11.10"),
        "ListUnitPrice": None,
        "PricingCurrency": "USD",
        "PricingCurrencyContractedUnitPrice": Decimal("2.60"),
        "PricingCurrencyEffectiveCost": Decimal("7.80"),
        "PricingCurrencyListUnitPrice": Decimal("4.00"),
        "SkuId": "DZH-1",
    }
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("unit", "priced", "counted"),
    [
        ("100 Hours", "0.125", "Hours"),
        ("1K", "0.0125", "Units"),
        ("1M", "0.0000125", "Units"),
        ("1 GB/Month", "12.5", "GB/Month"),
        ("12 Hours", None, None),  # no power of ten
    ],
)
def test_units_are_priced_by_the_block(
    read: Any, unit: str, priced: str | None, counted: str | None
) -> None:
    """Of 12.5: in blocks of 10^n, exactly."""
    (found,) = read(line("Usage", "1", Quantity="12.5", UnitOfMeasure=unit)).table.rows()
    assert found["PricingQuantity"] == (priced and Decimal(priced))
    assert (found["ConsumedQuantity"], found["ConsumedUnit"]) == (Decimal("12.5"), counted)


def test_provisioned_throughput_is_held_in_its_own_unit(read: Any) -> None:
    """As the contract counts it: PTU-Hours."""
    meter = {"MeterName": "Provisioned Managed Global Unit", "Quantity": "50"}
    (found,) = read(reserved("Usage", "13.00", **meter)).table.rows()
    assert found["CommitmentDiscountQuantity"] == Decimal(50)
    assert found["CommitmentDiscountUnit"] == "PTU-Hours"


def test_columns_may_be_reordered_or_left_out(read: Any) -> None:
    """The four that identify the file and a currency, the last one first, are a charge."""
    names = ("CostInBillingCurrency", "BillingCurrencyCode", "Date", "PricingModel", "ChargeType")
    (found,) = read({name: ON_DEMAND[name] for name in names}).table.rows()
    assert found["BilledCost"] == found["EffectiveCost"] == Decimal("98.00")
    assert (found["ServiceName"], found["Tags"], found["x_Provider"]) == (None, None, "azure")


def test_commitments_reconcile(read: Any) -> None:
    """Of the day: 12 + 12 hours of the reservation, 7.25 + 2.75 of the plan."""
    result = trueup.reconcile(
        read(*AMORTIZED, *PURCHASES), period="2026-10-03", as_of="2026-12-01T00:00:00Z"
    )
    columns = ("commitment_id", "committed_quantity", "used_quantity", "unused_quantity")
    assert {tuple(row[name] for name in columns) for row in result.commitments.rows()} == {
        (PLAN, Decimal("10.00"), Decimal("7.25"), Decimal("2.75")),
        (RESERVED, Decimal(24), Decimal(12), Decimal(12)),
    }
