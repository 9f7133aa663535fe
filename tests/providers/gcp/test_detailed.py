"""The detailed billing export read as FOCUS: by hand, and with the numbers of Google's own page."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import trueup
from trueup.model.dataset import Dataset

Line = Mapping[str, object]
FLEX = "subscriptions/1fd3b130"
OTHER = "subscriptions/e52fd279"
CORE, RAM = "E2 Instance Core running in Americas", "E2 Instance Ram running in Americas"
LEGACY_FEE = "Commitment - dollar based v1: GCE for 1 year"
LINE: Line = {
    "billing_account_id": "010101-F0FFF0-10XX01",
    "invoice": {"month": "202610"},
    "cost_type": "regular",
    "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
    "sku": {"id": "CF4E-A0C7-E3BF", "description": CORE},
    "usage_start_time": "2026-10-03 14:00:00+00",
    "usage_end_time": "2026-10-03 15:00:00+00",
    "project": {"id": "production", "number": "12", "name": "Production"},
    "labels": {"team": "routing"},
    "system_labels": {"compute.googleapis.com/machine_spec": "e2-standard-8"},
    "location": {"location": "us-central1", "region": "us-central1", "zone": "us-central1-a"},
    "resource": {"name": "tile-builder-a", "global_name": "//compute.googleapis.com/a/1"},
    "cost": "0.90",
    "currency": "USD",
    "currency_conversion_rate": "1",
    "usage": {
        "amount": 144000,
        "unit": "seconds",
        "amount_in_pricing_units": 40.0,
        "pricing_unit": "hour",
    },
    "credits": [],
    "adjustment_info": None,
    "cost_at_list": "1.00",
    "transaction_type": "GOOGLE",
    "seller_name": "Google LLC",
    "price": {
        "effective_price": 0.0225,
        "effective_price_default": 0.0225,
        "list_price": 0.025,
        "pricing_unit_quantity": 1,
    },
    "subscription": None,
    "consumption_model": {"id": "7754-699E-0EBF", "description": "Default"},
    "cost_at_effective_price_default": "0.90",
}
LEAST = (
    "credits",
    "currency",
    "cost",
    "usage_end_time",
    "usage_start_time",
    "sku",
    "cost_type",
    "invoice",
    "billing_account_id",
)


def text(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict | list) else value


def read(folder: Path, *changes: Line, columns: Sequence[str] = tuple(LINE)) -> Dataset:
    """An export of one line for each set of changes to ``LINE``."""
    path = folder / "202610.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        for change in changes:
            line = {**LINE, **change}
            writer.writerow({name: text(value) for name, value in line.items()})
    return trueup.read_charges(path)


def rows(dataset: Dataset) -> Sequence[Mapping[str, Any]]:
    assert dataset.rejects.rows() == []
    return list(dataset.table.rows())


def of(column: str, found: Iterable[Mapping[str, Any]]) -> list[Any]:
    return [row[column] for row in found]


def credit(kind: str, amount: object) -> Line:
    return {"id": "x", "name": 'say "amount": 5', "type": kind, "amount": amount}


def line(sku: str, cost: str, *applied: Line, at: str | None = None, **more: object) -> Line:
    """A line of a commitment ``at``, or of none."""
    subscription = None if at is None else {"instance_id": at}
    return {
        "sku": {"id": "1", "description": sku},
        "cost": cost,
        "credits": list(applied),
        "subscription": subscription,
        **more,
    }


def legacy_fee(cost: str, hundredths: object, at: str = FLEX, **more: object) -> Line:
    usage = {"amount_in_pricing_units": hundredths, "pricing_unit": "hour"}
    return line(LEGACY_FEE, cost, at=at, usage=usage, **more)


def dollars(amount: object) -> Line:
    return credit("COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE", amount)


def test_every_column_it_tells_and_no_other(tmp_path: Path) -> None:
    """0.90 - 0.10 sustained use - 0.30 promotion = 0.50; October begins at midnight Pacific."""
    credits_ = [credit("SUSTAINED_USAGE_DISCOUNT", -0.10), credit("PROMOTION", "-0.30")]
    dataset = read(tmp_path, {"credits": credits_})
    (row,) = rows(dataset)
    assert dataset.sources.rows()[0]["format"] == "gcp-billing-export"
    assert json.loads(row["Tags"]) == {"team": "routing"}
    assert json.loads(row["SkuPriceDetails"]) == {"InstanceType": "e2-standard-8"}
    assert json.loads(row["x_Credits"]) == credits_
    apart = {"Tags", "SkuPriceDetails", "x_Credits"}
    assert {name: row[name] for name in row if row[name] is not None and name not in apart} == {
        "AvailabilityZone": "us-central1-a",
        "BilledCost": Decimal("0.50"),
        "BillingAccountId": "010101-F0FFF0-10XX01",
        "BillingAccountType": "Billing Account",
        "BillingCurrency": "USD",
        "BillingPeriodStart": datetime(2026, 10, 1, 7, tzinfo=UTC),
        "BillingPeriodEnd": datetime(2026, 11, 1, 7, tzinfo=UTC),
        "ChargeCategory": "Usage",
        "ChargeDescription": CORE,
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": datetime(2026, 10, 3, 14, tzinfo=UTC),
        "ChargePeriodEnd": datetime(2026, 10, 3, 15, tzinfo=UTC),
        "ConsumedQuantity": Decimal(144000),
        "ConsumedUnit": "seconds",
        "ContractedCost": Decimal("0.90"),
        "ContractedUnitPrice": Decimal("0.0225"),
        "EffectiveCost": Decimal("0.50"),
        "InvoiceIssuerName": "Google Cloud",
        "ListCost": Decimal(1),
        "ListUnitPrice": Decimal("0.025"),
        "PricingCategory": "Standard",
        "PricingQuantity": Decimal(40),
        "PricingUnit": "hour",
        "RegionId": "us-central1",
        "ResourceId": "//compute.googleapis.com/a/1",
        "ResourceName": "tile-builder-a",
        "ServiceName": "Compute Engine",
        "ServiceProviderName": "Google Cloud",
        "SkuId": "CF4E-A0C7-E3BF",
        "SkuMeter": CORE,
        "SubAccountId": "production",
        "SubAccountName": "Production",
        "SubAccountType": "Project",
        "x_ChargeId": (1 << 32) + 1,
        "x_ConsumptionModel": "Default",
        "x_CostType": "regular",
        "x_PromotionCredit": "-0.300000000000000000",
        "x_Provider": "gcp",
        "x_PublisherName": "Google Cloud",
        "x_SourceId": 1,
        "x_SourceRow": 1,
    }


def test_the_new_model_of_googles_page(tmp_path: Path) -> None:
    """Its underutilized scenario: the fee less its offset is what was not used of it.

    Unused: 0.022994 + (0.125637 - 0.1256348) + (0.067369 - 0.0673581) = 0.0230071.
    https://cloud.google.com/docs/cuds-multiprice-datamodel
    """
    model = {"consumption_model": {"id": "D97B", "description": "Compute Flexible CUDs 1 Year"}}
    found = rows(
        read(
            tmp_path,
            line("Fee SKU", "0.022994", at=FLEX),
            line("Fee SKU", "0.125637", credit("FEE_UTILIZATION_OFFSET", "-0.1256348"), at=FLEX),
            line("Fee SKU", "0.067369", credit("FEE_UTILIZATION_OFFSET", -0.0673581), at=FLEX),
            line(RAM, "0.125637", at=FLEX, **model),
            line(CORE, "0.067369", at=FLEX, **model),
            line(CORE, "0.058648"),
        )
    )
    assert of("CommitmentDiscountStatus", found) == ["Unused"] * 3 + ["Used"] * 2 + [None]
    assert of("CommitmentDiscountId", found) == [FLEX] * 5 + [None]
    assert of("ChargeCategory", found) == ["Usage"] * 6
    assert of("PricingCategory", found) == ["Committed"] * 5 + ["Standard"]
    assert sum(of("EffectiveCost", found[:3])) == Decimal("0.0230071")
    assert sum(of("CommitmentDiscountQuantity", found[:3])) == Decimal("0.0230071")
    used = [Decimal("0.125637"), Decimal("0.067369")]
    assert of("CommitmentDiscountQuantity", found[3:5]) == used
    assert of("EffectiveCost", found) == of("BilledCost", found)
    assert of("ContractedCost", found)[3] == Decimal("0.90")  # at the default model's price


def test_the_legacy_model_of_googles_page(tmp_path: Path) -> None:
    """Its overutilized scenario: credits name no commitment; the hour has the fee of one only.

    Committed (6.509490 + 3.490510) / 100 = 0.10, credited 0.065095 + 0.034905 = 0.10: all used.
    RAM: 0.174496 - 0.065095 + 0.072 x 0.065095 / 0.10 = 0.109401 + 0.0468684 = 0.1562694;
    cores: 0.093568 - 0.034905 + 0.072 x 0.034905 / 0.10 = 0.058663 + 0.0251316 = 0.0837946.
    """
    found = rows(
        read(
            tmp_path,
            legacy_fee("0.046868", "6.509490"),
            legacy_fee("0.025132", "3.490510"),
            line(RAM, "0.174496", dollars(-0.065095)),
            line(CORE, "0.093568", dollars(-0.034905)),
        )
    )
    effective = [Decimal(0), Decimal(0), Decimal("0.1562694"), Decimal("0.0837946")]
    assert of("EffectiveCost", found) == effective
    quantities = [Decimal(0), Decimal(0), Decimal("0.065095"), Decimal("0.034905")]
    assert of("CommitmentDiscountQuantity", found) == quantities
    assert of("CommitmentDiscountStatus", found) == ["Unused"] * 2 + ["Used"] * 2
    assert of("CommitmentDiscountId", found) == [FLEX] * 4
    assert of("x_FeeShare", found) == [None] * 2 + ["allocated_by_ratio"] * 2
    assert sum(of("EffectiveCost", found)) == sum(of("BilledCost", found)) == Decimal("0.240064")


def test_an_unused_legacy_commitment_is_a_part_of_its_fee_not_fee_less_credit(
    tmp_path: Path,
) -> None:
    """40.00 of 50.00 used, fee 37.50: unused 37.50 x 10 / 50 = 7.50; 37.50 - 40.00 would be < 0.

    The other hour has no usage: the whole 37.50 and 50.00 are unused.
    """
    later = {
        "usage_start_time": "2026-10-03 15:00:00+00",
        "usage_end_time": "2026-10-03 16:00:00+00",
    }
    found = rows(
        read(
            tmp_path,
            line(CORE, "40.00", dollars("-40.00"), at=FLEX),
            legacy_fee("37.50", 5000),
            legacy_fee("37.50", 5000, **later),
        )
    )
    assert of("BilledCost", found) == [Decimal(0), Decimal("37.50"), Decimal("37.50")]
    assert of("EffectiveCost", found) == [Decimal(30), Decimal("7.50"), Decimal("37.50")]
    assert of("CommitmentDiscountQuantity", found) == [Decimal(40), Decimal(10), Decimal(50)]
    assert of("CommitmentDiscountUnit", found) == ["USD"] * 3


def test_shares_that_do_not_divide_lose_nothing(tmp_path: Path) -> None:
    """A third of 0.10 thrice, in billionths: 0.033333333, 0.033333333, 0.033333334."""
    third = line(CORE, "1", dollars(-1))
    found = rows(read(tmp_path, third, legacy_fee("0.10", 300), third, third))
    shares = of("EffectiveCost", found)
    assert sorted(shares) == [
        Decimal(0),
        Decimal("0.033333333"),
        Decimal("0.033333333"),
        Decimal("0.033333334"),
    ]
    assert sum(shares) == Decimal("0.10")


def test_committed_spend_is_stated_in_the_billing_currency(tmp_path: Path) -> None:
    """5000 hundredths of USD at 0.80 are 40.00 EUR; without the rate nothing is known of it."""
    euro = {"currency": "EUR", "currency_conversion_rate": "0.80"}
    (found,) = rows(read(tmp_path, {**legacy_fee("30.00", 5000), **euro}))
    assert found["CommitmentDiscountQuantity"] == Decimal(40)
    unknown = {**euro, "currency_conversion_rate": ""}
    (found,) = rows(read(tmp_path, {**legacy_fee("30.00", 5000), **unknown}))
    assert (found["CommitmentDiscountStatus"], found["ChargeCategory"]) == (None, "Purchase")


@pytest.mark.parametrize(
    "more",
    [
        [legacy_fee("7.50", 1000, at=OTHER)],  # of which of the two is the credit?
        [line(CORE, "20.00", dollars("-20.00"), at=FLEX)],  # 40 + 20 of 50: not of this hour only
    ],
)
def test_a_legacy_fee_that_cannot_be_linked_is_left_whole(more: list[Line], tmp_path: Path) -> None:
    """Neither used nor unused is claimed; every row costs what it is billed."""
    found = rows(
        read(tmp_path, legacy_fee("37.50", 5000), line(CORE, "40.00", dollars("-40.00")), *more)
    )
    assert of("CommitmentDiscountStatus", found) == [None] * 3
    assert of("CommitmentDiscountQuantity", found) == [None] * 3
    assert of("EffectiveCost", found) == of("BilledCost", found)
    assert found[0]["ChargeCategory"] == "Purchase"


def test_a_resource_based_commitment_is_named_and_nothing_is_made_of_its_use(
    tmp_path: Path,
) -> None:
    """Its credits are money, its fee vCPU-hours: used and unused stay unknown."""
    found = rows(
        read(
            tmp_path,
            line("Commitment v1: E2 Cpu in Americas for 1 Year", "1.75", at="9009"),
            line(CORE, "2.50", credit("COMMITTED_USAGE_DISCOUNT", "-1.25"), at="9009"),
        )
    )
    assert of("ChargeCategory", found) == ["Purchase", "Usage"]
    assert of("ChargeFrequency", found) == ["Recurring", "Usage-Based"]
    assert of("CommitmentDiscountId", found) == ["9009", "9009"]
    assert of("CommitmentDiscountCategory", found) == ["Usage", "Usage"]
    assert of("CommitmentDiscountStatus", found) == [None, None]
    assert of("EffectiveCost", found) == [Decimal("1.75"), Decimal("1.25")]


@pytest.mark.parametrize(
    ("change", "category", "klass"),
    [
        ({"cost_type": "tax"}, "Tax", None),
        ({"cost_type": "rounding_error"}, "Adjustment", None),
        ({"cost_type": "rounding error"}, "Adjustment", None),
        ({"cost_type": "adjustment", "adjustment_info": {"mode": "MANUAL_ADJUSTMENT"}},
         "Adjustment", "Correction"),
        ({"adjustment_info": {"type": "USAGE_CORRECTION"}}, "Usage", "Correction"),
        ({"adjustment_info": {"id": None, "type": None, "mode": None}}, "Usage", None),
    ],
)  # fmt: skip
def test_kinds_of_cost(change: Line, category: str, klass: str | None, tmp_path: Path) -> None:
    """Tax, adjustments and corrections; what corrects usage stays usage."""
    (row,) = rows(read(tmp_path, change))
    assert (row["ChargeCategory"], row["ChargeClass"]) == (category, klass)
    assert (row["PricingCategory"] is None) == (category != "Usage")


def test_an_invoice_month_is_not_the_usage_month(tmp_path: Path) -> None:
    """Usage of October 31 on November's invoice; after the change of clocks Pacific is UTC-8."""
    late = {
        "invoice": {"month": "202611"},
        "usage_start_time": "2026-10-31 22:00:00 UTC",
        "usage_end_time": "2026-10-31 23:00:00 UTC",
    }
    (row,) = rows(read(tmp_path, late))
    assert row["ChargePeriodStart"] == datetime(2026, 10, 31, 22, tzinfo=UTC)
    assert row["BillingPeriodStart"] == datetime(2026, 11, 1, 7, tzinfo=UTC)
    assert row["BillingPeriodEnd"] == datetime(2026, 12, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "column", "value"),
    [
        ({"cost_type": "surcharge"}, "ChargeCategory", "cost_type surcharge"),
        ({"cost_type": "Usage"}, "ChargeCategory", "cost_type Usage"),
        ({"cost_type": None}, "ChargeCategory", None),
        ({"credits": [credit("GIFT", -1)]}, "ChargeCategory", "credit type GIFT"),
        ({"credits": [{"amount": -1}]}, "ChargeCategory", "credit type unnamed"),
        ({"credits": [credit("DISCOUNT", None)]}, "BilledCost", "a credit without an amount"),
        ({"credits": [credit("DISCOUNT", 1e-19)]}, "BilledCost", "1e-19"),
        ({"credits": "[{'type': 'DISCOUNT'"}, "BilledCost", "[{'type': 'DISCOUNT'"),
        ({"cost": "0.1234567890123456789"}, "BilledCost", "0.1234567890123456789"),
        ({"cost": "99999999999999999999", "credits": [credit("DISCOUNT", "99999999999999999999")]},
         "BilledCost", "99999999999999999999 with credits"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_rejected_by_its_name(
    change: Line, column: str, value: str | None, tmp_path: Path
) -> None:
    """No type is taken for another, no amount is rounded; rows in = accepted + rejected."""
    dataset = read(tmp_path, {}, change)
    (reject,) = dataset.rejects.rows()
    assert (reject["row_number"], reject["column"], reject["value"]) == (2, column, value)
    (source,) = dataset.sources.rows()
    assert (source["rows_in"], source["accepted"], source["rejected"]) == (2, 1, 1)


def test_credits_are_taken_digit_by_digit(tmp_path: Path) -> None:
    """18 decimals of a number in JSON; 1 - 0.123456789012345678 = 0.876543210987654322.

    A float has 17 digits; and ``"amount": 5`` within a name is no amount.
    """
    path_text = '[{"name":"say \\"amount\\": 5","amount":-0.123456789012345678,"type":"DISCOUNT"}]'
    (row,) = rows(read(tmp_path, {"cost": "1", "credits": path_text}))
    assert row["BilledCost"] == Decimal("0.876543210987654322")


def test_columns_in_any_order_and_the_least_of_them(tmp_path: Path) -> None:
    """The standard export, or one of before the new model: what it lacks is null."""
    (whole,) = rows(read(tmp_path, {}))
    assert rows(read(tmp_path, {}, columns=sorted(LINE, reverse=True))) == [whole]
    (least,) = rows(read(tmp_path, {}, columns=LEAST))
    assert (least["BilledCost"], least["ContractedCost"]) == (Decimal("0.90"), Decimal("0.90"))
    absent = ("ListCost", "ServiceName", "SubAccountId", "SubAccountType", "Tags", "ResourceId")
    assert [least[name] for name in absent] == [None] * len(absent)


def test_marketplace_names_its_seller(tmp_path: Path) -> None:
    """Who sold is the publisher where it is not Google."""
    third = {"transaction_type": "THIRD_PARTY_RESELLER", "seller_name": "Copperline Ltd"}
    (row,) = rows(read(tmp_path, third))
    assert row["x_PublisherName"] == "Copperline Ltd"


def test_tables_with_nested_columns_are_read_alike(tmp_path: Path) -> None:
    """Parquet as BigQuery exports it: structs, lists of credits and of labels, in record order."""
    labels = [{"key": "team", "value": "routing"}]
    spec = [{"key": "compute.googleapis.com/machine_spec", "value": "e2-standard-8"}]
    nested = {**LINE, "cost": 0.9, "labels": labels, "system_labels": spec}
    nested["credits"] = [{"type": "PROMOTION", "amount": -0.25}]
    del nested["adjustment_info"], nested["subscription"]
    path = tmp_path / "export.parquet"
    pq.write_table(pa.Table.from_pylist([nested, {**nested, "cost": 0.3}]), path)
    found = rows(trueup.read_charges(path))
    assert of("BilledCost", found) == [Decimal("0.65"), Decimal("0.05")]
    assert json.loads(found[0]["Tags"]) == {"team": "routing"}
    assert json.loads(found[0]["SkuPriceDetails"]) == {"InstanceType": "e2-standard-8"}
