"""The small set: one reconciliation from files to report, on every Python."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import trueup

pytestmark = pytest.mark.smoke

COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd",
    "ChargeCategory", "ChargeClass", "ChargeFrequency", "ChargePeriodStart", "ChargePeriodEnd",
    "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus", "CommitmentDiscountType", "CommitmentDiscountUnit",
    "ConsumedQuantity", "ConsumedUnit", "ContractedCost", "EffectiveCost", "InvoiceIssuerName",
    "ListCost", "PricingCategory", "ProviderName", "PublisherName", "RegionId", "ResourceId",
    "ServiceCategory", "ServiceName", "SkuId", "SubAccountId", "SkuPriceDetails",
)  # fmt: skip


def charge(resource: str | None, status: str, cost: str) -> dict[str, str]:
    """An hour of a plan of 10.00 an hour: covered usage, or what was not used."""
    return {
        "BilledCost": "0.00",
        "BillingAccountId": "111",
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2026-10-01T00:00:00Z",
        "BillingPeriodEnd": "2026-11-01T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": "2026-10-03T14:00:00Z",
        "ChargePeriodEnd": "2026-10-03T15:00:00Z",
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountId": "plan-1",
        "CommitmentDiscountQuantity": cost,
        "CommitmentDiscountStatus": status,
        "CommitmentDiscountType": "Savings Plan",
        "CommitmentDiscountUnit": "USD",
        "ConsumedQuantity": "1" if resource else "",
        "ConsumedUnit": "Hours" if resource else "",
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "InvoiceIssuerName": "Example Cloud",
        "ListCost": cost,
        "PricingCategory": "Committed",
        "ProviderName": "Example Cloud",
        "PublisherName": "Example Cloud",
        "RegionId": "r1",
        "ResourceId": resource or "plan-1",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Example Training",
        "SkuId": "sku-1",
        "SubAccountId": "111",
        "SkuPriceDetails": "",
    }


@pytest.fixture
def bill(tmp_path: Path) -> Path:
    """A bill of one hour: 8.50 used, 1.50 unused."""
    path = tmp_path / "bill.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerow(charge("e1", "Used", "8.50"))
        writer.writerow(charge(None, "Unused", "1.50"))
    return path


def test_version_is_that_of_the_package() -> None:
    """`trueup.__version__` is the version that was installed."""
    assert trueup.__version__.count(".") == 2


def test_charges_alone_give_the_commitment(bill: Path, tmp_path: Path) -> None:
    """Without contract and telemetry: 8.50 used + 1.50 unused = 10.00, utilization 0.85."""
    result = trueup.reconcile(bill, period="2026-10", as_of="2026-12-01T00:00:00Z")
    row = result.commitments.rows()[0]
    assert row["commitment_id"] == "plan-1"
    assert (row["used_cost"], row["unused_cost"]) == (Decimal("8.50"), Decimal("1.50"))
    assert row["utilization"] == Decimal("0.85")
    identity = result.identity.rows()[0]
    assert identity["billed"] == Decimal("10.00")
    assert identity["unused"] == Decimal("1.50")
    assert identity["difference"] == 0


def test_every_writer_writes(bill: Path, tmp_path: Path) -> None:
    """HTML, workbook, JSON and Parquet are written and are what they say."""
    result = trueup.reconcile(bill, as_of="2026-12-01T00:00:00Z")
    out = tmp_path / "out"
    result.write(out)
    assert (out / "report.html").read_text(encoding="utf-8").lstrip().lower().startswith("<!doc")
    assert (out / "report.xlsx").read_bytes()[:2] == b"PK"
    found = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert Decimal(found["commitments"][0]["unused_cost"]) == Decimal("1.5")
    assert (out / "parquet" / "breaks.parquet").read_bytes()[:4] == b"PAR1"


def test_the_shell_form_is_the_same(bill: Path, tmp_path: Path) -> None:
    """`trueup reconcile` writes the same result.json as the script."""
    out = tmp_path / "shell"
    subprocess.run(
        [
            *(sys.executable, "-m", "trueup", "reconcile", "--charges", str(bill)),
            *("--as-of", "2026-12-01T00:00:00Z", "--out", str(out)),
        ],
        check=True,
        capture_output=True,
    )
    script = tmp_path / "script.json"
    trueup.reconcile(str(bill), as_of="2026-12-01T00:00:00Z").to_json(script)
    assert (out / "result.json").read_bytes() == script.read_bytes()
