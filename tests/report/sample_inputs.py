"""Charges and contracts as a reader hands them over; FOCUS column names written out by hand."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tests.report.sample_commitments import FORMULA, HOUR, PLAN, START, dec
from trueup.model import columns, schema
from trueup.model.dataset import Dataset
from trueup.model.table import Table


def words(text: str) -> list[str]:
    return text.split()


FOCUS_1_4 = words(
    """AllocatedMethodDetails AllocatedMethodId AllocatedResourceId AllocatedResourceName
AllocatedTags AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingAccountType
BillingCurrency BillingPeriodEnd BillingPeriodStart CapacityReservationId CapacityReservationStatus
ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart
CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity
CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit
CommitmentProgramEligibilityDetails ConsumedQuantity ConsumedUnit ContractApplied ContractedCost
ContractedUnitPrice EffectiveCost HostProviderName InvoiceDetailId InvoiceId InvoiceIssuerName
ListCost ListUnitPrice PricingCategory PricingCurrency PricingCurrencyContractedUnitPrice
PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice PricingQuantity PricingUnit RegionId
RegionName ResourceId ResourceName ResourceType ServiceCategory ServiceName ServiceProviderName
ServiceSubcategory SkuId SkuMeter SkuPriceDetails SkuPriceId SubAccountId SubAccountName
SubAccountType Tags"""
)
FOCUS_DECIMALS = words(
    """BilledCost ContractedCost EffectiveCost ListCost PricingQuantity
ConsumedQuantity CommitmentDiscountQuantity ContractedUnitPrice ListUnitPrice
PricingCurrencyEffectiveCost PricingCurrencyContractedUnitPrice
PricingCurrencyListUnitPrice"""
)
FOCUS_INSTANTS = words("BillingPeriodStart BillingPeriodEnd ChargePeriodStart ChargePeriodEnd")
COMMITMENT_1_4 = words(
    """BillingCurrency ContractCommitmentApplicability
ContractCommitmentBenefitCategory ContractCommitmentCategory ContractCommitmentCost
ContractCommitmentCreated ContractCommitmentDescription ContractCommitmentDiscountPercentage
ContractCommitmentDurationType ContractCommitmentFulfillmentInterval ContractCommitmentId
ContractCommitmentLastUpdated ContractCommitmentLifecycleStatus ContractCommitmentModel
ContractCommitmentOfferCategory ContractCommitmentPaymentInterval ContractCommitmentPaymentModel
ContractCommitmentPaymentUpfrontPercentage ContractCommitmentPeriodEnd
ContractCommitmentPeriodStart ContractCommitmentQuantity ContractCommitmentType
ContractCommitmentUnit ContractId ContractPeriodEnd ContractPeriodStart InvoiceIssuerName
PricingCurrency PricingCurrencyContractCommitmentCost ServiceProviderName"""
)


def table_of(name: str, rows: list[dict[str, Any]]) -> Table:
    return Table.from_rows(schema.RESULT_TABLES[name], rows)


def charges_schema() -> pa.Schema:
    def kind(name: str) -> pa.DataType:
        if name in FOCUS_DECIMALS:
            return columns.AMOUNT
        return columns.INSTANT if name in FOCUS_INSTANTS else columns.TEXT

    fields = [pa.field(name, kind(name)) for name in FOCUS_1_4]
    fields += [
        pa.field("x_Provider", columns.TEXT),
        pa.field("x_PublisherName", columns.TEXT),
        pa.field("x_SourceId", pa.int32()),
        pa.field("x_SourceRow", pa.int64()),
        pa.field("x_ChargeId", pa.int64()),
        pa.field('x_odd "name"; --', columns.TEXT),
    ]
    return pa.schema(fields)


def charges() -> Dataset:
    rows = [
        {
            "BillingCurrency": "USD",
            "BilledCost": dec("1.5"),
            "EffectiveCost": dec("1.25"),
            "ListCost": dec("2"),
            "ChargeCategory": "Usage",
            "ServiceProviderName": "Example Cloud",
            "ChargePeriodStart": START + index * HOUR,
            "ChargePeriodEnd": START + (index + 1) * HOUR,
            "x_Provider": "example",
            "x_SourceId": 1,
            "x_SourceRow": index + 1,
            "x_ChargeId": index + 1,
            'x_odd "name"; --': FORMULA,
        }
        for index in range(5)
    ]
    empty = table_of("rejects", [])
    return Dataset(
        "charges", Table.from_rows(charges_schema(), rows), table_of("sources", []), empty
    )


def contracts() -> Dataset:
    def kind(name: str) -> pa.DataType:
        if name.endswith(("Cost", "Quantity", "Percentage")):
            return columns.AMOUNT
        instant = name.endswith(("Start", "End", "Created", "LastUpdated"))
        return columns.INSTANT if instant else columns.TEXT

    fields = [pa.field(name, kind(name)) for name in COMMITMENT_1_4]
    fields += [pa.field("x_Provider", columns.TEXT), pa.field("x_Layer", columns.TEXT)]
    rows = [
        {
            "ContractId": "C-1",
            "ContractCommitmentId": PLAN,
            "BillingCurrency": "USD",
            "ContractCommitmentQuantity": dec(10),
            "ContractCommitmentPeriodStart": START,
            "x_Layer": "benefit",
            "x_Provider": "example",
        }
    ]
    table = Table.from_rows(pa.schema(fields), rows)
    return Dataset("commitments", table, table_of("sources", []), table_of("rejects", []))
