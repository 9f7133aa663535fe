"""FOCUS columns by version, and rows of a bill as text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from tests.world.ledger import Value

VERSION_1_0 = [
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "SkuId",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "Tags",
]
VERSION_1_2 = sorted(
    [
        *VERSION_1_0,
        "CapacityReservationId",
        "CapacityReservationStatus",
        "CommitmentDiscountQuantity",
        "CommitmentDiscountUnit",
        "ServiceSubcategory",
        "SkuMeter",
        "SkuPriceDetails",
        "BillingAccountType",
        "InvoiceId",
        "PricingCurrency",
        "PricingCurrencyContractedUnitPrice",
        "PricingCurrencyEffectiveCost",
        "PricingCurrencyListUnitPrice",
        "SubAccountType",
    ]
)
VERSION_1_3 = sorted(
    [
        *VERSION_1_2,
        "ServiceProviderName",
        "HostProviderName",
        "ContractApplied",
        "AllocatedMethodId",
        "AllocatedMethodDetails",
        "AllocatedResourceId",
        "AllocatedResourceName",
        "AllocatedTags",
    ]
)
VERSION_1_4 = sorted(
    (set(VERSION_1_3) - {"ProviderName", "PublisherName"})
    | {"CommitmentProgramEligibilityDetails", "InvoiceDetailId"}
)


def text(value: Value) -> str:
    """A value as a bill writes it: plain decimals, UTC instants, JSON; nothing where unknown."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"), default=_number)
    return value


def _number(value: object) -> float:
    """Decimals of a JSON column: only such as JSON's numbers say exactly."""
    number = float(str(value))
    if Decimal(repr(number)) != value:
        raise ValueError(f"{value} would not survive as a JSON number")
    return number


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Value]]) -> str:
    """A CSV file with a header; a row's further keys are a mistake."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    known = set(columns)
    for row in rows:
        if not row.keys() <= known:
            raise ValueError(f"not columns of this version: {sorted(row.keys() - known)}")
        writer.writerow([text(row.get(column)) for column in columns])
    return buffer.getvalue()
