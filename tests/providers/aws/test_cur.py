from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import trueup
from tests.focus.bill import as_csv
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
