"""The cost report in the provider's own columns, read as FOCUS: by hand, record by record."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import trueup
from trueup.model.dataset import Dataset

LINE = {
    "lineItem/referenceNo": "v2-0001",
    "lineItem/tenantId": "ocid1.tenancy.oc1..t",
    "lineItem/intervalUsageStart": "2026-10-03T14:00Z",
    "lineItem/intervalUsageEnd": "2026-10-03T15:00Z",
    "product/service": "COMPUTE",
    "product/compartmentId": "ocid1.compartment.oc1..ai",
    "product/compartmentName": "ai",
    "product/region": "eu-frankfurt-1",
    "product/availabilityDomain": "eu-frankfurt-1-AD-1",
    "product/resourceId": "ocid1.instance.oc1..a",
    "usage/billedQuantity": "8",
    "usage/billedQuantityOverage": "2",
    "cost/subscriptionId": "4711",
    "cost/productSku": "B98415",
    "product/Description": "GPU - H100",
    "cost/unitPrice": "10.125",
    "cost/unitPriceOverage": "10.125",
    "cost/myCost": "81.00",
    "cost/myCostOverage": "20.25",
    "cost/currencyCode": "USD",
    "cost/billingUnitReadable": "ONE HOURS GPUS",
    "cost/skuUnitDescription": "GPU Per Hour",
    "cost/overageFlag": "Y",
    "lineItem/isCorrection": "false",
    "lineItem/backreferenceNo": "",
    "tags/orcl-cloud.team": "routing",
    "tags/free": "",
}
LEAST = (
    "cost/currencyCode",
    "lineItem/intervalUsageEnd",
    "cost/myCost",
    "lineItem/tenantId",
    "lineItem/referenceNo",
    "lineItem/intervalUsageStart",
)


def read(
    folder: Path, *changes: Mapping[str, str], columns: Sequence[str] = tuple(LINE)
) -> Dataset:
    """A report of one line for each set of changes to ``LINE``."""
    path = folder / "0001000000712345-00001.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({**LINE, **change} for change in changes)
    return trueup.read_charges(path)


def only(dataset: Dataset) -> Mapping[str, Any]:
    assert dataset.rejects.rows() == []
    (row,) = dataset.table.rows()
    return row


def test_every_column_it_tells_and_no_other(tmp_path: Path) -> None:
    """81.00 = 8 GPU-hours x 10.125, 2 of them (20.25) overage within it, not added to it."""
    dataset = read(tmp_path, {})
    row = only(dataset)
    assert dataset.sources.rows()[0]["format"] == "oci-cost-report"
    tags = row["Tags"]
    assert json.loads(tags) == {"orcl-cloud.team": "routing"}
    stated = {name: value for name, value in row.items() if value is not None and name != "Tags"}
    assert stated == {
        "AvailabilityZone": "eu-frankfurt-1-AD-1",
        "BilledCost": Decimal("81.00"),
        "BillingAccountId": "ocid1.tenancy.oc1..t",
        "BillingAccountType": "Tenancy",
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "ChargeDescription": "GPU - H100",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": datetime(2026, 10, 3, 14, tzinfo=UTC),
        "ChargePeriodEnd": datetime(2026, 10, 3, 15, tzinfo=UTC),
        "ContractedCost": Decimal("81.00"),
        "ContractedUnitPrice": Decimal("10.125"),
        "EffectiveCost": Decimal("81.00"),
        "HostProviderName": "Oracle",
        "InvoiceIssuerName": "Oracle",
        "PricingCategory": "Standard",
        "PricingQuantity": Decimal(8),
        "PricingUnit": "GPU Per Hour",
        "RegionId": "eu-frankfurt-1",
        "ResourceId": "ocid1.instance.oc1..a",
        "ServiceName": "COMPUTE",
        "ServiceProviderName": "Oracle Cloud Infrastructure",
        "SkuId": "B98415",
        "SubAccountId": "ocid1.compartment.oc1..ai",
        "SubAccountName": "ai",
        "SubAccountType": "Compartment",
        "x_ChargeId": (1 << 32) + 1,
        "x_OverageCost": "20.25",
        "x_OverageFlag": "Y",
        "x_OverageQuantity": "2",
        "x_OverageUnitPrice": "10.125",
        "x_Provider": "oci",
        "x_ReferenceNo": "v2-0001",
        "x_SourceId": 1,
        "x_SourceRow": 1,
        "x_SubscriptionId": "4711",
    }


def test_a_correction_is_a_row_of_its_own_beside_what_it_corrects(tmp_path: Path) -> None:
    """6 GPU-hours were right: 81.00 - 81.00 + 60.75 = 60.75; quantities 8 - 8 + 6 = 6."""
    back = {"lineItem/isCorrection": "TRUE", "lineItem/backreferenceNo": "v2-0001"}
    undone = {"usage/billedQuantity": "-8", "cost/myCost": "-81.00"}
    again = {"usage/billedQuantity": "6", "cost/myCost": "60.75"}
    rows = read(tmp_path, {}, back | undone, back | again).table.rows()
    assert [row["ChargeClass"] for row in rows] == [None, "Correction", "Correction"]
    assert [row["x_BackreferenceNo"] for row in rows] == [None, "v2-0001", "v2-0001"]
    assert sum(row["BilledCost"] for row in rows) == Decimal("60.75")
    assert sum(row["EffectiveCost"] for row in rows) == Decimal("60.75")
    assert sum(row["PricingQuantity"] for row in rows) == 6


@pytest.mark.parametrize(
    ("flag", "back", "expected"),
    [("", "", None), ("", "v2-0001", "Correction"), ("false", "v2-0001", None)],
)
def test_without_the_flag_the_reference_decides(
    flag: str, back: str, expected: str | None, tmp_path: Path
) -> None:
    """Older reports lack the flag; where it stands, it is believed."""
    change = {"lineItem/isCorrection": flag, "lineItem/backreferenceNo": back}
    assert only(read(tmp_path, change))["ChargeClass"] == expected


def test_what_is_no_correction_and_no_usage_is_rejected(tmp_path: Path) -> None:
    """A flag nobody knows: not taken for either; rows in = accepted + rejected."""
    dataset = read(tmp_path, {}, {"lineItem/isCorrection": "partly"})
    (reject,) = dataset.rejects.rows()
    assert (reject["row_number"], reject["column"]) == (2, "ChargeCategory")
    assert reject["value"] == "lineItem/isCorrection partly"
    (source,) = dataset.sources.rows()
    assert (source["rows_in"], source["accepted"], source["rejected"]) == (2, 1, 1)


def test_amounts_are_exact_or_rejected(tmp_path: Path) -> None:
    """The sum of the report is the sum of the rows, to the last of 18 decimals; 19 are refused."""
    costs = ["0.000000000000000001", "1.5E-7", "-0.25", "0.0000000000000000001", ""]
    dataset = read(tmp_path, *({"cost/myCost": cost} for cost in costs))
    assert sum(row["BilledCost"] for row in dataset.table.rows()) == Decimal(
        "-0.249999849999999999"  # 0.000000000000000001 + 0.00000015 - 0.25
    )
    found = [(reject["row_number"], reject["reason"]) for reject in dataset.rejects.rows()]
    assert found == [(4, "more than 18 decimals"), (5, "empty, but every row needs it")]


def test_columns_in_any_order_and_the_least_of_them(tmp_path: Path) -> None:
    """What a report lacks is null; the unit is the older column where the newer is missing."""
    whole = only(read(tmp_path, {}))
    assert only(read(tmp_path, {}, columns=sorted(LINE, reverse=True))) == whole
    least = only(read(tmp_path, {}, columns=LEAST))
    assert (least["BilledCost"], least["x_Provider"]) == (Decimal(81), "oci")
    absent = ("ServiceName", "SubAccountId", "SubAccountType", "PricingQuantity", "Tags", "SkuId")
    assert [least[name] for name in absent] == [None] * len(absent)
    older = [name for name in LINE if name != "cost/skuUnitDescription"]
    assert only(read(tmp_path, {}, columns=older))["PricingUnit"] == "ONE HOURS GPUS"
