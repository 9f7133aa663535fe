"""Savings Plans: what was committed, and at what rates.

https://docs.aws.amazon.com/savingsplans/latest/APIReference/API_DescribeSavingsPlans.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trueup.adapter.feed import COMMITMENTS, Answer, Asking, BrokenAnswer, Feed, Page, Row

TYPES = {
    "Compute": "Compute Savings Plan",
    "EC2Instance": "EC2 Instance Savings Plan",
    "SageMaker": "SageMaker Savings Plan",
    "Database": "Database Savings Plan",
}
LIFECYCLE = {
    "payment-pending": "Pending",
    "queued": "Pending",
    "pending-return": "Active",
    "active": "Active",
    "retired": "Expired",
    "returned": "Canceled",
    "payment-failed": "Canceled",
    "queued-deleted": "Canceled",
}
COUNTED = frozenset({"Active", "Expired"})  # queued, failed and returned plans commit to nothing


def _fetch(asking: Asking) -> Iterator[Answer]:
    def page(token: str | None) -> Page:
        more = {"nextToken": token} if token else {}
        body = asking.connection.ask("savingsplans", "describe_savings_plans", **more)
        return Page(body, Answer("", {}, 0, body).json().get("nextToken"))

    yield from asking.pages("savingsplans:DescribeSavingsPlans", page)


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    for answer in answers:
        plans = answer.json().get("savingsPlans")
        if plans is None:
            raise BrokenAnswer("DescribeSavingsPlans without savingsPlans")
        yield from (_row(plan) for plan in plans if LIFECYCLE.get(plan["state"]) in COUNTED)


def _row(plan: dict[str, Any]) -> Row:
    kind = plan["savingsPlanType"]
    upfront = {"All Upfront": "100", "No Upfront": "0"}.get(plan["paymentOption"])
    return {
        "BillingCurrency": plan["currency"],
        "ContractCommitmentBenefitCategory": "Discount",
        "ContractCommitmentCategory": "Spend",
        "ContractCommitmentCost": plan["commitment"],
        "ContractCommitmentDescription": plan.get("description") or TYPES.get(kind, kind),
        "ContractCommitmentDurationType": "Fixed",
        "ContractCommitmentFulfillmentInterval": "Hourly",
        "ContractCommitmentId": plan["savingsPlanArn"],
        "ContractCommitmentLifecycleStatus": LIFECYCLE[plan["state"]],
        "ContractCommitmentModel": "Discontinuous",
        "ContractCommitmentPaymentModel": plan["paymentOption"],
        "ContractCommitmentPaymentUpfrontPercentage": upfront,
        "ContractCommitmentPeriodStart": plan["start"],
        "ContractCommitmentPeriodEnd": plan["end"],
        "ContractCommitmentType": TYPES.get(kind, kind),
        "ContractId": plan["savingsPlanId"],
        "ContractPeriodStart": plan["start"],
        "ContractPeriodEnd": plan["end"],
        "InvoiceIssuerName": "Amazon Web Services",
        "PricingCurrency": plan["currency"],
        "ServiceProviderName": "Amazon Web Services",
        "x_Layer": "benefit",
        "x_QuantityBasis": "commitment_rate",
        "x_Per": "interval",
    }


plans = Feed(
    name="savings-plans",
    gives=COMMITMENTS,
    operations={"savingsplans:DescribeSavingsPlans": "savingsplans:DescribeSavingsPlans"},
    fetch=_fetch,
    normalise=_normalise,
)
