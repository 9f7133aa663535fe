from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.focus.bill import as_csv

import trueup
from trueup.model.dataset import Dataset

PLAN = "arn:aws:savingsplans::111111111111:savingsplan/p-1"
RESERVED = "arn:aws:ec2:us-east-1:111111111111:reserved-instances/r-1"

# One hour of a SageMaker Savings Plan of 10.00 an hour, half of it paid upfront.
LINE: Mapping[str, str] = {
    "bill_billing_period_start_date": "2026-10-01T00:00:00.000Z",
    "bill_billing_period_end_date": "2026-11-01T00:00:00.000Z",
    "bill_invoice_id": "INV-1",
    "bill_invoicing_entity": "Amazon Web Services, Inc.",
    "bill_payer_account_id": "111111111111",
    "bill_payer_account_name": "payer",
    "line_item_usage_account_id": "222222222222",
    "line_item_usage_account_name": "research",
    "line_item_legal_entity": "Amazon Web Services, Inc.",
    "line_item_line_item_type": "Usage",
    "line_item_usage_start_date": "2026-10-03T14:00:00.000Z",
    "line_item_usage_end_date": "2026-10-03T15:00:00.000Z",
    "line_item_product_code": "AmazonSageMaker",
    "line_item_usage_type": "USE1-Host:ml.p5.48xlarge",
    "line_item_operation": "RunInstance",
    "line_item_resource_id": "arn:aws:sagemaker:us-east-1:222222222222:endpoint/chat",
    "line_item_availability_zone": "us-east-1a",
    "line_item_usage_amount": "",
    "line_item_normalized_usage_amount": "",
    "line_item_currency_code": "USD",
    "line_item_unblended_rate": "",
    "line_item_unblended_cost": "0",
    "line_item_line_item_description": "an hour",
    "pricing_unit": "Hrs",
    "pricing_currency": "USD",
    "pricing_public_on_demand_cost": "",
    "pricing_public_on_demand_rate": "",
    "pricing_rate_code": "R1",
    "product": '{"product_name": "Amazon SageMaker", "gpu": "8"}',
    "product_instance_type": "ml.p5.48xlarge",
    "product_location": "US East (N. Virginia)",
    "product_region_code": "us-east-1",
    "product_sku": "SKU1",
    "capacity_reservation_capacity_reservation_arn": "",
    "capacity_reservation_capacity_reservation_status": "",
    "reservation_reservation_a_r_n": "",
    "reservation_effective_cost": "",
    "reservation_total_reserved_normalized_units": "",
    "reservation_unused_amortized_upfront_fee_for_billing_period": "",
    "reservation_unused_normalized_unit_quantity": "",
    "reservation_unused_quantity": "",
    "reservation_unused_recurring_fee": "",
    "savings_plan_savings_plan_a_r_n": "",
    "savings_plan_offering_type": "",
    "savings_plan_savings_plan_effective_cost": "",
    "savings_plan_total_commitment_to_date": "",
    "savings_plan_used_commitment": "",
    "savings_plan_amortized_upfront_commitment_for_billing_period": "",
    "savings_plan_recurring_commitment_for_billing_period": "",
    "resource_tags": '{"user_team": "search"}',
}


def line(kind: str, cost: str, **values: str) -> dict[str, str]:
    return {**LINE, "line_item_line_item_type": kind, "line_item_unblended_cost": cost, **values}


def plan(kind: str, cost: str, **values: str) -> dict[str, str]:
    named = {
        "savings_plan_savings_plan_a_r_n": PLAN,
        "savings_plan_offering_type": "SageMakerSavingsPlans",
    }
    return line(kind, cost, **named, **values)


def reserved(kind: str, cost: str, **values: str) -> dict[str, str]:
    return line(kind, cost, reservation_reservation_a_r_n=RESERVED, **values)


COVERED = plan(
    "SavingsPlanCoveredUsage",
    "20.00",
    line_item_usage_amount="2",
    line_item_unblended_rate="10.00",
    pricing_public_on_demand_cost="22.00",
    pricing_public_on_demand_rate="11.00",
    savings_plan_savings_plan_effective_cost="7.25",
)
NEGATION = plan("SavingsPlanNegation", "-20.00", line_item_usage_amount="2")
FEE = plan(
    "SavingsPlanRecurringFee",
    "5.00",
    line_item_usage_amount="1",
    line_item_resource_id="",
    savings_plan_total_commitment_to_date="10.00",
    savings_plan_used_commitment="7.25",
    savings_plan_amortized_upfront_commitment_for_billing_period="5.00",
    savings_plan_recurring_commitment_for_billing_period="5.00",
)


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read_lines(*lines: Mapping[str, str]) -> Dataset:
        path = tmp_path / "cur.csv"
        path.write_text(as_csv(lines), encoding="utf-8")
        return trueup.read_charges(path)

    return read_lines


def total(rows: Iterable[Mapping[str, Any]], column: str) -> Decimal:
    return sum((row[column] or Decimal(0) for row in rows), Decimal(0))


def test_an_hour_of_a_plan_is_used_unused_and_billed_once(read: Any) -> None:
    """Billed 20 - 20 + 5 is the raw sum; effective is 7.25 used and 10 - 7.25 = 2.75 unused."""
    dataset = read(COVERED, NEGATION, FEE)
    used, negation, unused = dataset.table.rows()
    assert dataset.sources.rows()[0]["format"] == "aws-cur"
    assert total((used, negation, unused), "BilledCost") == Decimal("5.00")
    assert total((used, negation, unused), "EffectiveCost") == Decimal("10.00")
    plan_columns = ("CommitmentDiscountId", "CommitmentDiscountCategory", "CommitmentDiscountType")
    for row, status, share in ((used, "Used", "7.25"), (unused, "Unused", "2.75")):
        assert tuple(row[name] for name in plan_columns) == (PLAN, "Spend", "SageMakerSavingsPlans")
        assert (row["CommitmentDiscountStatus"], row["PricingCategory"]) == (status, "Committed")
        assert row["EffectiveCost"] == row["CommitmentDiscountQuantity"] == Decimal(share)
        assert row["CommitmentDiscountUnit"] == "USD"
    assert (unused["ResourceId"], unused["ConsumedQuantity"]) == (PLAN, None)
    assert unused["ChargeFrequency"] == "Recurring"
    # Neither used nor unused, and nothing to meter: it only takes the covered amount off the bill.
    assert negation["ChargeCategory"] == "Usage"
    for column in ("CommitmentDiscountId", "ConsumedQuantity", "PricingQuantity", "ContractedCost"):
        assert negation[column] is None


def test_every_column_that_the_report_tells_is_taken_over(read: Any) -> None:
    """The covered line, column by column."""
    (found,) = read(COVERED).table.rows()
    expected = {
        "AvailabilityZone": "us-east-1a",
        "BillingAccountId": "111111111111",
        "BillingAccountName": "payer",
        "BillingCurrency": "USD",
        "ChargeDescription": "an hour",
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": Decimal(2),
        "ConsumedUnit": "Hrs",
        "ContractedCost": Decimal("20.00"),
        "ContractedUnitPrice": Decimal("10.00"),
        "InvoiceId": "INV-1",
        "InvoiceIssuerName": "Amazon Web Services, Inc.",
        "ListCost": Decimal("22.00"),
        "ListUnitPrice": Decimal("11.00"),
        "PricingCurrency": "USD",
        "PricingQuantity": Decimal(2),
        "PricingUnit": "Hrs",
        "RegionId": "us-east-1",
        "RegionName": "US East (N. Virginia)",
        "ResourceId": "arn:aws:sagemaker:us-east-1:222222222222:endpoint/chat",
        "ServiceName": "Amazon SageMaker",
        "ServiceProviderName": "Amazon Web Services",
        "SkuId": "SKU1",
        "SkuMeter": "USE1-Host:ml.p5.48xlarge",
        "SkuPriceDetails": '{"InstanceType":"ml.p5.48xlarge","GpuCount":"8"}',
        "SkuPriceId": "R1",
        "SubAccountId": "222222222222",
        "SubAccountName": "research",
        "Tags": '{"user_team": "search"}',
        "x_LineItemType": "SavingsPlanCoveredUsage",
        "x_Operation": "RunInstance",
        "x_Provider": "aws",
        "x_PublisherName": "Amazon Web Services, Inc.",
        "x_ServiceCode": "AmazonSageMaker",
        "x_UsageType": "USE1-Host:ml.p5.48xlarge",
    }
    assert {name: found[name] for name in expected} == expected
    days = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
    assert [f"{found[name]:%m-%d %H}" for name in days] == [
        "10-01 00", "11-01 00", "10-03 14", "10-03 15",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("record", "said"),
    [
        # category, class, frequency, pricing category, effective cost
        (line("Usage", "3.00"), ("Usage", None, "Usage-Based", "Standard", "3.00")),
        (
            line("Usage", "3.00", line_item_usage_type="USE1-SpotUsage:p5.48xlarge"),
            ("Usage", None, "Usage-Based", "Dynamic", "3.00"),
        ),
        (plan("SavingsPlanUpfrontFee", "500.00"), ("Purchase", None, "One-Time", "Standard", "0")),
        (reserved("Fee", "100.00"), ("Purchase", None, "One-Time", "Standard", "0")),
        (line("Fee", "15.00"), ("Purchase", None, "One-Time", "Standard", "15.00")),
        (line("Tax", "0.60"), ("Tax", None, None, None, "0.60")),
        (line("Credit", "-4.00"), ("Credit", None, "One-Time", None, "-4.00")),
        (line("Refund", "-2.00"), ("Usage", "Correction", "One-Time", None, "-2.00")),
        (plan("Refund", "-500.00"), ("Purchase", "Correction", "One-Time", None, "0")),
        (line("EdpDiscount", "-0.30"), ("Usage", None, "Usage-Based", None, "-0.30")),
        (line("PrivateRateDiscount", "-0.2"), ("Usage", None, "Usage-Based", None, "-0.2")),
        (line("BundledDiscount", "-0.10"), ("Usage", None, "Usage-Based", None, "-0.10")),
    ],
)  # fmt: skip
def test_each_line_item_type_is_what_it_is(
    read: Any, record: Mapping[str, str], said: tuple[Any, ...]
) -> None:
    """Fees and refunds of commitments have no effective cost; the billed cost is always raw."""
    (found,) = read(record).table.rows()
    *words, effective = said
    columns = ("ChargeCategory", "ChargeClass", "ChargeFrequency", "PricingCategory")
    assert [found[name] for name in columns] == words
    assert found["EffectiveCost"] == Decimal(effective)
    assert found["BilledCost"] == Decimal(record["line_item_unblended_cost"])
    assert found["CommitmentDiscountStatus"] is None
    commitment = record["savings_plan_savings_plan_a_r_n"] or RESERVED
    assert found["CommitmentDiscountId"] == (commitment if effective == "0" else None)


def test_a_reservation_is_measured_in_normalised_units(read: Any) -> None:
    """A p5 hour of 8 units at 12.00; of the month's 100 units 92 are unused: 30 + 20 = 50.00."""
    used = reserved(
        "DiscountedUsage", "0", line_item_usage_amount="1", reservation_effective_cost="12.00",
        line_item_normalized_usage_amount="8", pricing_public_on_demand_cost="22.00",
    )  # fmt: skip
    fee = reserved(
        "RIFee", "40.00", line_item_usage_amount="100", line_item_resource_id="",
        reservation_total_reserved_normalized_units="100",
        reservation_unused_normalized_unit_quantity="92", reservation_unused_quantity="11.5",
        reservation_unused_amortized_upfront_fee_for_billing_period="30.00",
        reservation_unused_recurring_fee="20.00",
    )  # fmt: skip
    found = read(used, fee).table.rows()
    columns = ("CommitmentDiscountStatus", "CommitmentDiscountQuantity", "EffectiveCost")
    assert [tuple(row[name] for name in columns) for row in found] == [
        ("Used", Decimal(8), Decimal("12.00")),
        ("Unused", Decimal(92), Decimal("50.00")),
    ]
    assert [row["BilledCost"] for row in found] == [Decimal(0), Decimal("40.00")]
    for row in found:
        assert row["CommitmentDiscountUnit"] == "Normalized Unit-Hours"
        assert row["CommitmentDiscountId"] == RESERVED
        assert row["CommitmentDiscountCategory"] == "Usage"
        assert row["CommitmentDiscountType"] == "Reservation"
    assert found[0]["ListCost"] == Decimal("22.00")
    assert found[0]["ContractedCost"] is None


def test_a_reservation_without_units_is_measured_in_instance_hours(read: Any) -> None:
    """Two hours used, 1.5 unused."""
    used = reserved(
        "DiscountedUsage", "0", line_item_usage_amount="2", reservation_effective_cost="12.00"
    )
    fee = reserved(
        "RIFee", "0", reservation_unused_quantity="1.5",
        reservation_unused_amortized_upfront_fee_for_billing_period="9.00",
        reservation_unused_recurring_fee="0",
    )  # fmt: skip
    found = read(used, fee).table.rows()
    assert [row["CommitmentDiscountQuantity"] for row in found] == [Decimal(2), Decimal("1.5")]
    assert {row["CommitmentDiscountUnit"] for row in found} == {"Instance-Hours"}


def test_net_columns_make_costs_net_and_leave_quantities_gross(read: Any) -> None:
    """A tenth off: billed 18 - 18 + 4.50, the discount line in them; effective 6.525 + 2.475 = 9."""
    nets = {
        "line_item_net_unblended_cost": "",
        "savings_plan_net_savings_plan_effective_cost": "",
        "savings_plan_net_amortized_upfront_commitment_for_billing_period": "",
        "savings_plan_net_recurring_commitment_for_billing_period": "",
    }
    lines: list[dict[str, str]] = [
        COVERED
        | nets
        | {
            "line_item_net_unblended_cost": "18.00",
            "savings_plan_net_savings_plan_effective_cost": "6.525",
        },
        NEGATION | nets | {"line_item_net_unblended_cost": "-18.00"},
        FEE
        | nets
        | {
            "line_item_net_unblended_cost": "4.50",
            "savings_plan_net_amortized_upfront_commitment_for_billing_period": "4.50",
            "savings_plan_net_recurring_commitment_for_billing_period": "4.50",
        },
        line("EdpDiscount", "-0.50") | nets | {"line_item_net_unblended_cost": "-0.50"},
    ]
    found = read(*lines).table.rows()
    # Unused: 2.75 x (4.50 + 4.50) / (5.00 + 5.00) = 2.475. The raw sum is 20 - 20 + 5 - 0.50 = 4.50.
    assert [row["EffectiveCost"] for row in found] == [
        Decimal("6.525"), Decimal(0), Decimal("2.475"), Decimal(0),
    ]  # fmt: skip
    assert total(found, "BilledCost") == Decimal("4.50")
    assert [row["CommitmentDiscountQuantity"] for row in found] == [
        Decimal("7.25"), None, Decimal("2.75"), None,
    ]  # fmt: skip


def test_a_net_report_without_the_net_fee_of_a_plan_does_not_tell_its_unused(read: Any) -> None:
    """Used would be net, and 2.75 gross: rejected."""
    (reject,) = read({**FEE, "line_item_net_unblended_cost": "4.50"}).rejects.rows()
    assert (reject["column"], reject["value"]) == ("EffectiveCost", None)


def test_capacity_reservations_are_used_or_unused_and_nothing_else(read: Any) -> None:
    """Reserved and Cancelled are no statuses of FOCUS: null."""
    arn = "arn:aws:ec2:us-east-1:1:capacity-reservation/cr-1"
    found = read(
        *(
            line(
                "Usage",
                "1",
                capacity_reservation_capacity_reservation_arn=arn,
                capacity_reservation_capacity_reservation_status=status,
            )
            for status in ("Used", "Unused", "Reserved", "Cancelled")
        )
    ).table.rows()
    assert [row["CapacityReservationStatus"] for row in found] == ["Used", "Unused", None, None]
    assert {row["CapacityReservationId"] for row in found} == {arn}


def test_what_cannot_be_told_is_rejected_and_counted(read: Any) -> None:
    """Unknown types, one that FOCUS knows as a category, no type, and a plan without its figures."""
    dataset = read(
        line("Mystery", "1"),
        line("Adjustment", "1"),
        line("", "1"),
        plan("SavingsPlanCoveredUsage", "1"),
        line("Usage", "1"),
    )
    assert [(row["column"], row["value"]) for row in dataset.rejects.rows()] == [
        ("ChargeCategory", "unknown line item type Mystery"),
        ("ChargeCategory", "unknown line item type Adjustment"),
        ("ChargeCategory", None),
        ("EffectiveCost", None),
    ]
    (source,) = dataset.sources.rows()
    assert (source["rows_in"], source["accepted"], source["rejected"]) == (5, 1, 4)


def test_columns_may_be_reordered_or_left_out(read: Any) -> None:
    """The five columns that identify the report, the last one first, are a charge."""
    names = (
        "line_item_usage_end_date", "line_item_usage_start_date", "line_item_currency_code",
        "line_item_unblended_cost", "line_item_line_item_type",
    )  # fmt: skip
    record = line("Usage", "3.10")
    (found,) = read({name: record[name] for name in names}).table.rows()
    assert (found["BilledCost"], found["EffectiveCost"]) == (Decimal("3.10"), Decimal("3.10"))
    assert (found["ServiceName"], found["SkuPriceDetails"], found["x_Provider"]) == (
        None, None, "aws",
    )  # fmt: skip


def test_the_plan_reconciles(read: Any) -> None:
    """Committed 10.00 = used 7.25 + unused 2.75, and both identities hold."""
    result = trueup.reconcile(
        read(COVERED, NEGATION, FEE), period="2026-10-03T14", as_of="2026-12-01T00:00:00Z"
    )
    (row,) = result.commitments.rows()
    columns = ("committed_quantity", "used_quantity", "unused_quantity", "unused_cost")
    assert row["commitment_id"] == PLAN
    assert [row[name] for name in columns] == [
        Decimal("10.00"), Decimal("7.25"), Decimal("2.75"), Decimal("2.75"),
    ]  # fmt: skip
