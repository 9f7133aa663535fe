"""Savings Plans: what was committed, and what usage costs under each of them.

https://docs.aws.amazon.com/savingsplans/latest/APIReference/API_DescribeSavingsPlans.html
https://docs.aws.amazon.com/savingsplans/latest/APIReference/API_DescribeSavingsPlanRates.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trueup.adapter.feed import COMMITMENTS, RATES, Answer, Asking, Feed, Row, once_each
from trueup.providers.aws import commitments
from trueup.providers.aws.client import REGION
from trueup.providers.aws.reading import items_of, meaning, need, pages

PLANS = "savingsplans:DescribeSavingsPlans"
PLAN_RATES = "savingsplans:DescribeSavingsPlanRates"
ROWS_MAX = 1000  # a page

TYPES = {
    "Compute": "Compute Savings Plan",
    "EC2Instance": "EC2 Instance Savings Plan",
    "SageMaker": "SageMaker Savings Plan",
    "Database": "Database Savings Plan",
}
# Nothing is committed by a plan that is queued, was not paid, or was returned: a return makes it
# void from its start.
VOID = "Canceled"
STATES = {
    "active": "Active",
    "pending-return": "Active",
    "retired": "Expired",
    "payment-pending": VOID,
    "payment-failed": VOID,
    "queued": VOID,
    "queued-deleted": VOID,
    "returned": VOID,
}


def _fetch(asking: Asking) -> Iterator[Answer]:
    call = "savingsplans", "describe_savings_plans", REGION
    states = [state for state, status in STATES.items() if status != VOID]
    yield from pages(asking, PLANS, call, "savingsPlans", {}, states=states, maxResults=ROWS_MAX)


def _in_force(answers: Sequence[Answer]) -> Iterator[tuple[str, dict[str, Any]]]:
    for _, plan in items_of(answers, PLANS, "savingsPlans"):
        status = meaning(STATES, plan, "state")
        if status != VOID:
            yield status, plan


def _check(answers: Sequence[Answer]) -> None:
    once_each(need(plan, "savingsPlanArn") for _, plan in items_of(answers, PLANS, "savingsPlans"))


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    for status, plan in _in_force(answers):
        kind = need(plan, "savingsPlanType")
        common = commitments.Commitment(
            name=need(plan, "savingsPlanArn"),
            contract=need(plan, "savingsPlanId"),
            kind=TYPES.get(kind, f"{kind} Savings Plan"),
            start=need(plan, "start"),
            end=need(plan, "end"),
            status=status,
            currency=need(plan, "currency"),
            payment=need(plan, "paymentOption"),
            about=plan.get("description") or TYPES.get(kind, kind),
        )
        yield common.spent(need(plan, "commitment"))


plans = Feed(
    name="savings-plans",
    gives=COMMITMENTS,
    operations={PLANS: PLANS},
    fetch=_fetch,
    normalise=_normalise,
    check=_check,
    unknown=commitments.UNKNOWN,
)


def _fetch_rates(asking: Asking) -> Iterator[Answer]:
    """The plans, then the rates of each for the services that are named."""
    known = list(_fetch(asking))
    yield from known
    services = [{"name": "serviceCode", "values": list(asking.settings["rate_services"])}]
    call = "savingsplans", "describe_savings_plan_rates", REGION
    for _, plan in _in_force(known):
        yield from pages(
            asking,
            PLAN_RATES,
            call,
            "searchResults",
            {key: need(plan, key) for key in ("savingsPlanArn", "start", "end")},
            savingsPlanId=need(plan, "savingsPlanId"),
            filters=services,
            maxResults=ROWS_MAX,
        )


def _normalise_rates(answers: Sequence[Answer]) -> Iterator[Row]:
    for answer, rate in items_of(answers, PLAN_RATES, "searchResults"):
        said = (need(rate, "serviceCode"), need(rate, "usageType"), rate.get("operation"))
        yield {
            "provider": "aws",
            "commitment_id": answer.asked["savingsPlanArn"],
            "sku": " ".join(filter(None, said)),
            "unit": need(rate, "unit"),
            "price": need(rate, "rate"),
            "currency": need(rate, "currency"),
            "valid_from": answer.asked["start"],
            "valid_to": answer.asked["end"],
            "operation": PLAN_RATES,
        }


rates = Feed(
    name="savings-plan-rates",
    gives=RATES,
    operations={PLANS: PLANS, PLAN_RATES: PLAN_RATES},
    fetch=_fetch_rates,
    normalise=_normalise_rates,
    check=_check,
    needs=("rate_services",),
)
