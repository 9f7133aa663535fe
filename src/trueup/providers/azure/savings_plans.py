"""Savings plans: what was committed to, and the share of it that was used, by the day.

https://learn.microsoft.com/en-us/rest/api/billingbenefits/savings-plan/list-all
https://learn.microsoft.com/en-us/rest/api/cost-management/benefit-utilization-summaries/list-by-savings-plan-order
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time

from trueup.adapter.feed import (
    COMMITMENTS,
    UTILIZATION,
    Answer,
    Asking,
    BrokenAnswer,
    Feed,
    Page,
    Row,
    once_each,
)
from trueup.errors import UsageError
from trueup.period import parse_instant
from trueup.providers.azure import shape
from trueup.providers.azure.client import connected
from trueup.providers.azure.reservations import ENDED_EARLY, LIFECYCLE, NOT_KNOWN
from trueup.providers.azure.shape import Item

LIST = "SavingsPlan_ListAll"
USED = "BenefitUtilizationSummaries_ListBySavingsPlanOrder"
PROVIDER = "Microsoft.BillingBenefits"
NESTED = ("savingsPlanOrders", "savingsPlans")
MAY_LIST = "Microsoft.BillingBenefits/savingsPlanOrders/savingsPlans/read"
MONTHLY, UPFRONT = ("Monthly", "No Upfront", "0"), ("One-Time", "All Upfront", "1")


def _names(plan: Item) -> tuple[str, str]:
    order, name = shape.resource(shape.text(plan, "id"), PROVIDER, *NESTED)
    return order, name


def _plan_id(order: str, name: str) -> str:
    return f"/providers/{PROVIDER}/{NESTED[0]}/{order}/{NESTED[1]}/{name}"


def _plans(asking: Asking) -> Iterator[Answer]:
    def page(token: str | None) -> Page:
        found = connected(asking).page("benefits", "savings_plan", "list_all", token)
        for plan in shape.members(Answer(LIST, {}, 0, found.body)):
            _names(plan)
        return found

    yield from asking.pages(LIST, page)


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    for plan in shape.items(answers, LIST):
        if shape.optional(plan, "properties", "provisioningState") in LIFECYCLE:
            yield _row(plan)


def _check(answers: Sequence[Answer]) -> None:
    """Each plan is listed once, and each of its days told once."""
    once_each(shape.text(plan, "id") for plan in shape.items(answers, LIST))
    once_each(
        f"{_used_plan(summary)} on {shape.text(summary, 'properties', 'usageDate')}"
        for summary in shape.items(answers, USED)
    )


def _hourly(plan: Item) -> tuple[str, str]:
    """The amount committed to for each hour, and its currency."""
    grain = shape.text(plan, "properties", "commitment", "grain")
    if grain != "Hourly":
        raise BrokenAnswer(f"a savings plan's commitment is {grain}, not Hourly")
    return (
        shape.needed_amount(plan, "properties", "commitment", "amount"),
        shape.text(plan, "properties", "commitment", "currencyCode"),
    )


def _term(plan: Item) -> tuple[str, str]:
    start = shape.instant(plan, "properties", "benefitStartTime") or shape.needed_instant(
        plan, "properties", "effectiveDateTime"
    )
    end = shape.needed_instant(plan, "properties", "expiryDateTime")
    updated = shape.instant(plan, "systemData", "lastModifiedAt")
    if LIFECYCLE[shape.text(plan, "properties", "provisioningState")] in ENDED_EARLY and updated:
        end = min(end, updated)
    return start, end


def _row(plan: Item) -> Row:
    amount, currency = _hourly(plan)
    start, end = _term(plan)
    order, name = _names(plan)
    billing = shape.optional(plan, "properties", "billingPlan")
    interval, model, upfront = {"P1M": MONTHLY, None: UPFRONT}.get(billing, NOT_KNOWN)
    shown = shape.optional(plan, "properties", "displayName") or name
    return {
        "BillingCurrency": currency,
        "ContractCommitmentBenefitCategory": "Discount",
        "ContractCommitmentCategory": "Spend",
        "ContractCommitmentCost": amount,
        "ContractCommitmentCreated": shape.instant(plan, "properties", "purchaseDateTime"),
        "ContractCommitmentDescription": f"Savings plan {shown}",
        "ContractCommitmentDurationType": "Fixed",
        "ContractCommitmentFulfillmentInterval": "Hourly",
        "ContractCommitmentId": _plan_id(order, name),
        "ContractCommitmentLastUpdated": shape.instant(plan, "systemData", "lastModifiedAt"),
        "ContractCommitmentLifecycleStatus": LIFECYCLE[
            shape.text(plan, "properties", "provisioningState")
        ],
        "ContractCommitmentModel": "Discontinuous",
        "ContractCommitmentOfferCategory": "Public",
        "ContractCommitmentPaymentInterval": interval,
        "ContractCommitmentPaymentModel": model,
        "ContractCommitmentPaymentUpfrontPercentage": upfront,
        "ContractCommitmentPeriodStart": start,
        "ContractCommitmentPeriodEnd": end,
        "ContractCommitmentType": "Savings plan",
        "ContractId": order,
        "ContractPeriodStart": start,
        "ContractPeriodEnd": end,
        "InvoiceIssuerName": "Microsoft",
        "PricingCurrency": currency,
        "ServiceProviderName": "Microsoft",
        "x_Layer": "benefit",
        "x_QuantityBasis": "commitment_rate",
        "x_Per": "interval",
    }


plans = Feed(
    name="savings-plans",
    gives=COMMITMENTS,
    operations={LIST: MAY_LIST},
    fetch=_plans,
    normalise=_normalise,
    check=_check,
    unknown=("ContractCommitmentApplicability", "ContractCommitmentLastUpdated"),
)


def _fetch(asking: Asking) -> Iterator[Answer]:
    listed = list(_plans(asking))
    yield from listed
    first, last = shape.days(asking)
    for order in dict.fromkeys(_names(plan)[0] for plan in shape.items(listed, LIST)):

        def page(token: str | None, order: str = order) -> Page:
            return connected(asking).page(
                "cost", "benefit_utilization_summaries", "list_by_savings_plan_order", token,
                savings_plan_order_id=order, grain_parameter="Daily",
                filter=f"properties/usageDate ge {first} AND properties/usageDate le {last}",
            )  # fmt: skip

        yield from asking.pages(
            USED, page, order=order, start=first.isoformat(), end=last.isoformat()
        )


def _used_plan(summary: Item) -> str:
    return _plan_id(
        shape.last_segment(shape.text(summary, "properties", "benefitOrderId")),
        shape.last_segment(shape.text(summary, "properties", "benefitId")),
    )


def _used(answers: Sequence[Answer]) -> Iterator[Row]:
    """The provider gives a percentage only: amounts are that share of the commitment."""
    known = {
        _plan_id(*_names(plan)): plan
        for plan in shape.items(answers, LIST)
        if shape.optional(plan, "properties", "provisioningState") in LIFECYCLE
    }
    for summary in shape.items(answers, USED):
        identifier = _used_plan(summary)
        if identifier not in known:
            raise BrokenAnswer(f"{identifier} has a utilization and is not in the list of plans")
        yield _day(identifier, known[identifier], summary)


def _day(identifier: str, plan: Item, summary: Item) -> Row:
    day = shape.day_of(shape.text(summary, "properties", "usageDate"))
    amount, currency = _hourly(plan)
    committed = shape.times(amount, _hours(plan, day))
    percent = shape.needed_amount(summary, "properties", "avgUtilizationPercentage")
    used = shape.times(committed, percent, "0.01")
    return {
        "provider": "azure",
        "commitment_id": identifier,
        "interval_start": shape.midnight(day),
        "interval_end": shape.midnight(day + shape.DAY),
        "committed": committed,
        "used": used,
        "unused": shape.minus(committed, used),
        "unit": currency,
        "currency": currency,
        "operation": USED,
    }


def _hours(plan: Item, day: date) -> int:
    """The whole hours of a day in which the plan runs."""
    try:
        start, end = (parse_instant(text) for text in _term(plan))
    except UsageError as error:
        raise BrokenAnswer(str(error)) from error
    midnight = datetime.combine(day, time(), UTC)
    inside = min(end, midnight + shape.DAY) - max(start, midnight)
    return max(0, int(inside.total_seconds()) // 3600)


utilization = Feed(
    name="savings-plan-utilization",
    gives=UTILIZATION,
    operations={LIST: MAY_LIST, USED: "Microsoft.CostManagement/benefitUtilizationSummaries/read"},
    fetch=_fetch,
    normalise=_used,
    check=_check,
)
