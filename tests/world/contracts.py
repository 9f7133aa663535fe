"""The company's contracts: what it committed to, by provider and layer, and how files say so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tests.world import azure, focus, gcp, oci, sagemaker
from tests.world.aws_bill import CURRENCY as DOLLAR
from tests.world.ledger import DAY, Ledger, Value

COLUMNS = [
    "BillingCurrency",
    "ContractCommitmentApplicability",
    "ContractCommitmentBenefitCategory",
    "ContractCommitmentCategory",
    "ContractCommitmentCost",
    "ContractCommitmentCreated",
    "ContractCommitmentDescription",
    "ContractCommitmentDiscountPercentage",
    "ContractCommitmentDurationType",
    "ContractCommitmentFulfillmentInterval",
    "ContractCommitmentId",
    "ContractCommitmentLastUpdated",
    "ContractCommitmentLifecycleStatus",
    "ContractCommitmentModel",
    "ContractCommitmentOfferCategory",
    "ContractCommitmentPaymentInterval",
    "ContractCommitmentPaymentModel",
    "ContractCommitmentPaymentUpfrontPercentage",
    "ContractCommitmentPeriodEnd",
    "ContractCommitmentPeriodStart",
    "ContractCommitmentQuantity",
    "ContractCommitmentType",
    "ContractCommitmentUnit",
    "ContractId",
    "ContractPeriodEnd",
    "ContractPeriodStart",
    "InvoiceIssuerName",
    "PricingCurrency",
    "PricingCurrencyContractCommitmentCost",
    "ServiceProviderName",
]
BASIS = "x_QuantityBasis"  # no column of FOCUS says in what a commitment counts
IDLE_PLAN = "arn:aws:savingsplans::410000000009:savingsplan/c2d7e9b4-headland"
IDLE_PLAN_PER_HOUR = Decimal("1.25")


@dataclass(frozen=True)
class Contract:
    """One commitment. ``figure`` is per hour for benefits, else the total of the term."""

    id: str
    contract: str
    provider: str
    issuer: str
    type: str
    layer: str  # benefit | funding | agreement
    category: str  # Spend | Usage
    figure: Decimal
    unit: str
    currency: str
    start: datetime
    end: datetime
    opening: Decimal | None = None  # remaining at ``opening_at``
    opening_at: datetime | None = None
    compute_unit: str | None = None
    compute_units_per_credit: Decimal | None = None
    cost_per_credit: Decimal | None = None
    applies_to: str | None = None  # regular expression on ChargeDescription

    @property
    def hourly(self) -> bool:
        return self.layer == "benefit"

    @property
    def in_toml(self) -> bool:
        return self.applies_to is not None


def _year(first: int, years: int = 1, month: int = 1) -> tuple[datetime, datetime]:
    return datetime(first, month, 1, tzinfo=UTC), datetime(first + years, month, 1, tzinfo=UTC)


def contracts(ledger: Ledger) -> list[Contract]:
    """Every contract of the company, benefits first."""
    amazon, google, microsoft = "Amazon Web Services, Inc.", "Google Cloud", "Microsoft"
    pool_end = ledger.start.replace(year=ledger.start.year + 1)
    return [
        Contract(
            sagemaker.PLAN, "tideline", "aws", amazon, "SageMaker Savings Plan", "benefit",
            "Spend", sagemaker.COMMITTED, DOLLAR, DOLLAR, *_year(2026, month=3),
        ),
        Contract(
            IDLE_PLAN, "headland", "aws", amazon, "Compute Savings Plan", "benefit",
            "Spend", IDLE_PLAN_PER_HOUR, DOLLAR, DOLLAR, *_year(2026, month=5),
        ),
        Contract(
            gcp.CUD, "flex-7a1c", "gcp", google, "Spend-based committed use discount", "benefit",
            "Spend", gcp.CUD_PER_HOUR, gcp.CURRENCY, gcp.CURRENCY, *_year(2026, month=2),
        ),
        Contract(
            azure.RESERVATION, "ptu-2026-global", "azure", microsoft, "Reservation", "benefit",
            "Usage", azure.RESERVED, "PTU-Hours", azure.CURRENCY, *_year(2026, month=9),
        ),
        Contract(
            azure.AGREEMENT, azure.CONTRACT, "azure", microsoft, "MACC", "agreement",
            "Spend", azure.AGREED, azure.CURRENCY, azure.CURRENCY, *_year(2025, 3),
        ),
        Contract(
            oci.POOL, oci.CONTRACT, "oci", "Oracle", "Annual Universal Credits", "funding",
            "Spend", oci.POOL_GRANTED, oci.CURRENCY, oci.CURRENCY, ledger.start, pool_end,
        ),
        Contract(
            gcp.CREDITS, "SC-2026-014", "gcp", google, "TPU credits", "funding",
            "Usage", gcp.CREDITS_GRANTED, "TPU credits", gcp.CURRENCY, *_year(2026),
            opening=gcp.CREDITS_OPENING, opening_at=ledger.start - DAY,
            compute_unit="TPU-Chip-Hours", compute_units_per_credit=gcp.CHIP_HOURS_PER_CREDIT,
            cost_per_credit=Decimal("3.00"), applies_to="^TPU v5e",
        ),
        Contract(
            gcp.BURST, "SC-2026-022", "gcp", google, "TPU credits", "funding",
            "Usage", gcp.BURST_GRANTED, "TPU credits", gcp.CURRENCY,
            ledger.start, gcp.burst_ends(ledger),
            compute_unit="TPU-Chip-Hours",
            compute_units_per_credit=gcp.BURST_CHIP_HOURS_PER_CREDIT,
            cost_per_credit=Decimal("5.40"), applies_to="^TPU v6e",
        ),
        *ledger.lots,
    ]  # fmt: skip


def contracts_csv(ledger: Ledger) -> str:
    """FOCUS ContractCommitment 1.4, of the contracts that providers publish."""
    rows = [_focus_row(one) for one in contracts(ledger) if not one.in_toml]
    if not ledger.bases:
        return focus.csv_text(COLUMNS, rows)
    said = [row | {BASIS: ledger.bases.get(str(row["ContractCommitmentId"]))} for row in rows]
    return focus.csv_text([*COLUMNS, BASIS], said)


def _focus_row(one: Contract) -> dict[str, Value]:
    spend = one.category == "Spend"
    return {
        "BillingCurrency": one.currency,
        "ContractCommitmentApplicability": {},
        "ContractCommitmentBenefitCategory": "Discount" if one.hourly else "Entitlement",
        "ContractCommitmentCategory": one.category,
        "ContractCommitmentCost": one.figure if spend else None,
        "ContractCommitmentQuantity": None if spend else one.figure,
        "ContractCommitmentUnit": None if spend else one.unit,
        "ContractCommitmentCreated": one.start,
        "ContractCommitmentDescription": f"{one.type} {one.contract}",
        "ContractCommitmentDurationType": "Fixed",
        "ContractCommitmentFulfillmentInterval": "Hourly" if one.hourly else "Full Period",
        "ContractCommitmentId": one.id,
        "ContractCommitmentLastUpdated": one.start,
        "ContractCommitmentLifecycleStatus": "Active",
        "ContractCommitmentModel": "Discontinuous" if one.hourly else "Continuous",
        "ContractCommitmentOfferCategory": "Public" if one.hourly else "Negotiated",
        "ContractCommitmentPaymentInterval": "Monthly",
        "ContractCommitmentPaymentModel": "No Upfront",
        "ContractCommitmentPaymentUpfrontPercentage": Decimal(0),
        "ContractCommitmentPeriodStart": one.start,
        "ContractCommitmentPeriodEnd": one.end,
        "ContractCommitmentType": one.type,
        "ContractId": one.contract,
        "ContractPeriodStart": one.start,
        "ContractPeriodEnd": one.end,
        "InvoiceIssuerName": one.issuer,
        "PricingCurrency": one.currency,
        "PricingCurrencyContractCommitmentCost": one.figure if spend else None,
        "ServiceProviderName": one.issuer,
    }


HEADER = """\
# Prepaid chips: the sales contract is the only place that states these terms. Each charge whose
# description matches `applies_to` draws on the contract, although no bill says so.
"""


def credits_toml(ledger: Ledger) -> str:
    """The contracts that no provider publishes, as ``[[commitment]]`` tables."""
    return HEADER + "".join(_table(one) for one in contracts(ledger) if one.in_toml)


def _table(one: Contract) -> str:
    values: dict[str, str] = {
        "id": json.dumps(one.id),
        "contract": json.dumps(one.contract),
        "provider": json.dumps(one.provider),
        "type": json.dumps(one.type),
        "layer": json.dumps(one.layer),
        "total": json.dumps(focus.text(one.figure)),
        "credit_unit": json.dumps(one.unit),
        "compute_unit": json.dumps(one.compute_unit),
        "compute_units_per_credit": json.dumps(focus.text(one.compute_units_per_credit)),
        "cost_per_credit": json.dumps(focus.text(one.cost_per_credit)),
        "currency": json.dumps(one.currency),
        "start": focus.text(one.start),
        "end": focus.text(one.end),
        "applies_to": f"{{ ChargeDescription = {json.dumps(one.applies_to)} }}",
    }
    if one.opening is not None:
        values["opening_quantity"] = json.dumps(focus.text(one.opening))
        values["opening_at"] = focus.text(one.opening_at)
    lines = "".join(f"{key} = {value}\n" for key, value in values.items())
    return f"\n[[commitment]]\n{lines}"
