"""Universal Credits: subscriptions, their services, and the commitments of each contract year.

Amounts are texts, and what was used and is left are those of the moment of asking. A service asked
for by itself names its commitments once more, in one answer: by that the pages are checked.
https://docs.oracle.com/en-us/iaas/tools/python/latest/api/onesubscription.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trueup.adapter.feed import (
    BALANCES,
    COMMITMENTS,
    Answer,
    Asking,
    BrokenAnswer,
    Changed,
    Feed,
    Row,
)
from trueup.errors import UsageError
from trueup.period import iso, parse_instant
from trueup.providers.oci.operation import Item, Operation, amount

SUBSCRIPTIONS = Operation(
    "onesubscription:ListOrganizationSubscriptions",
    "onesubscription.OrganizationSubscriptionClient",
    "list_organization_subscriptions",
    "read subscription in tenancy",
    keys=("id",),
)
SERVICES = Operation(
    "onesubscription:ListSubscribedServices",
    "onesubscription.SubscribedServiceClient",
    "list_subscribed_services",
    "read subscribed-services in tenancy",
    keys=("id", "subscriptionId", "timeStart", "timeEnd"),
)
COMMITTED = Operation(
    "onesubscription:ListCommitments",
    "onesubscription.CommitmentClient",
    "list_commitments",
    "read subscribed-services in tenancy",
    keys=("id", "timeStart", "timeEnd", "quantity"),
)
WHOLE = Operation(
    "onesubscription:GetSubscribedService",
    "onesubscription.SubscribedServiceClient",
    "get_subscribed_service",
    "read subscribed-services in tenancy",
    keys=("timeStart", "timeEnd", "quantity"),
    within="commitmentServices",
    optional=True,  # then there is nothing to check by
)
OPERATIONS = {one.name: one.permission for one in (SUBSCRIPTIONS, SERVICES, COMMITTED, WHOLE)}

FUNDED = "FUNDED_ALLOCATION"
TYPES = {
    "ANNUAL": "Annual Universal Credits",
    "MONTHLY": "Monthly Universal Credits",
    "PREPAID": "Prepayment",
    FUNDED: "Annual Commitment",
}
LIFECYCLE = {
    "ACTIVE": "Active",
    "CANCELLED": "Canceled",
    "COMPLETED": "Expired",
    "EXPIRED": "Expired",
    "PENDING": "Pending",
    "SIGNED": "Pending",
    "SUPERSEDED": "Superseded",
    "TERMINATED": "Canceled",
}
PAYMENT = {
    "ANNUAL": "Annual",
    "ANNUALLY": "Annual",
    "MONTHLY": "Monthly",
    "ONE_TIME": "One-Time",
    "QUARTERLY": "Quarterly",
    "SEMI_ANNUAL": "Semi-Annual",
}
ISSUER, SERVICE_PROVIDER = "Oracle", "Oracle Cloud Infrastructure"
LAST_SECOND = 59
MONTH = timedelta(days=31)


@dataclass(frozen=True)
class Pool:
    """One commitment with the service and the subscription that it belongs to."""

    subscription: Item
    service: Item
    commitment: Item
    at: str | None = None  # when it was asked for

    @property
    def id(self) -> str:
        return str(self.commitment["id"])

    @property
    def currency(self) -> str | None:
        return (self.subscription.get("currency") or {}).get("isoCode")

    @property
    def model(self) -> str:
        return self.service.get("pricingModel") or ""

    @property
    def type(self) -> str:
        return TYPES.get(self.model, self.model or "Universal Credits")

    @property
    def granted(self) -> str | None:
        """What the term holds, as it is written."""
        value = self.commitment["quantity"]
        return self.commitment.get("fundedAllocationValue") if self.model == FUNDED else value

    @property
    def start(self) -> datetime:
        return start_of(self.commitment)

    @property
    def end(self) -> datetime:
        return end_of(self.commitment)

    @property
    def is_monthly(self) -> bool:
        """Whether its figure is of a month, the term being longer."""
        return self.model == "MONTHLY" and self.end - self.start > MONTH


def instant(text: object) -> datetime:
    """An instant as it is written; BrokenAnswer where it is none."""
    try:
        return parse_instant(str(text))
    except UsageError as error:
        raise BrokenAnswer(str(error)) from error


def start_of(item: Item) -> datetime:
    """The first instant of a term."""
    return instant(item["timeStart"])


def end_of(item: Item) -> datetime:
    """The end of a term, not in it: the last second of an hour stands for the hour after it."""
    end = instant(item["timeEnd"])
    if end.minute == end.second == LAST_SECOND:
        end = end.replace(microsecond=0) + timedelta(seconds=1)
    return end


def subscriptions(asking: Asking) -> Iterator[tuple[Answer, list[str]]]:
    """Each page of subscriptions, and the ids on it."""
    compartment = {"compartment_id": asking.connection.compartment}
    for answer in SUBSCRIPTIONS.pages(asking, compartment):
        yield answer, [item["id"] for item in SUBSCRIPTIONS.items(answer.body)]


def walk(asking: Asking, **noted: str) -> Iterator[Answer]:
    """Subscriptions, their services, and each one's commitments, with what is ``noted`` of them."""
    compartment = {"compartment_id": asking.connection.compartment}
    for answer, ids in subscriptions(asking):
        yield answer
        for subscription in ids:
            for page in SERVICES.pages(asking, compartment | {"subscription_id": subscription}):
                yield page
                for item in SERVICES.items(page.body):
                    service = {"subscribed_service_id": item["id"]}
                    asked = compartment | service
                    yield from COMMITTED.pages(asking, asked | noted, asked)
                    yield WHOLE.once(asking, service, fields=[WHOLE.within])


def _walk_now(asking: Asking) -> Iterator[Answer]:
    """The same; when it was asked belongs to what a balance says."""
    return walk(asking, at=iso(asking.at))


def pools(answers: Sequence[Answer]) -> list[Pool]:
    """Every commitment with what it belongs to."""
    known = {item["id"]: item for _, item in SUBSCRIPTIONS.of(answers)}
    services = {item["id"]: item for _, item in SERVICES.of(answers)}
    found = []
    for answer, item in COMMITTED.of(answers):
        service = services.get(answer.asked["subscribed_service_id"])
        subscription = known.get(service["subscriptionId"]) if service else None
        if service is None or subscription is None:
            raise BrokenAnswer(f"commitment {item['id']} belongs to no service that is listed")
        found.append(Pool(subscription, service, item, answer.asked.get("at")))
    return found


def check(answers: Sequence[Answer]) -> None:
    """The pages of each service's commitments hold what the service names as a whole."""
    paged: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for answer, item in COMMITTED.of(answers):
        paged[answer.asked["subscribed_service_id"]].append(_figures(item))
    for answer in answers:
        if answer.operation != WHOLE.name or answer.json().get(WHOLE.within) is None:
            continue
        service = answer.asked["subscribed_service_id"]
        whole = [_figures(item) for item in WHOLE.items(answer.body)]
        if sorted(paged[service]) != sorted(whole):
            raise Changed(f"service {service}: its commitments by page are not those of its whole")


def _figures(item: Item) -> tuple[Any, ...]:
    return (
        start_of(item), end_of(item), amount(item["quantity"]), amount(item.get("availableAmount"))
    )  # fmt: skip


def _instant_text(text: str | None) -> str | None:
    return iso(instant(text)) if text else None


def _commitment(pool: Pool) -> Row:
    service = pool.service
    return {
        "BillingCurrency": pool.currency,
        "ContractCommitmentApplicability": "{}",
        "ContractCommitmentBenefitCategory": "Entitlement",
        "ContractCommitmentCategory": "Spend",
        "ContractCommitmentCost": pool.granted,
        "ContractCommitmentCreated": _instant_text(service.get("timeCreated")),
        "ContractCommitmentDescription": (service.get("product") or {}).get("name") or pool.type,
        "ContractCommitmentDurationType": "Fixed",
        "ContractCommitmentFulfillmentInterval": "Monthly" if pool.is_monthly else "Full Period",
        "ContractCommitmentId": pool.id,
        "ContractCommitmentLastUpdated": _instant_text(service.get("timeUpdated")),
        "ContractCommitmentLifecycleStatus": LIFECYCLE.get(service.get("status") or ""),
        "ContractCommitmentModel": "Continuous",
        "ContractCommitmentOfferCategory": "Negotiated",
        "ContractCommitmentPaymentInterval": PAYMENT.get(service.get("billingFrequency") or ""),
        "ContractCommitmentPeriodStart": iso(pool.start),
        "ContractCommitmentPeriodEnd": iso(pool.end),
        "ContractCommitmentType": pool.type,
        "ContractId": service["subscriptionId"],
        "ContractPeriodStart": iso(start_of(service)),
        "ContractPeriodEnd": iso(end_of(service)),
        "InvoiceIssuerName": ISSUER,
        "PricingCurrency": pool.currency,
        "PricingCurrencyContractCommitmentCost": pool.granted,
        "ServiceProviderName": SERVICE_PROVIDER,
        "x_Layer": "funding",
        "x_Per": "interval" if pool.is_monthly else "term",
    }


def _balance(pool: Pool) -> Row:
    """What is left, never less than nothing: what was used beyond the pool is overage."""
    used, left = pool.commitment.get("usedAmount"), pool.commitment.get("availableAmount")
    over = pool.granted is not None and amount(used) > amount(pool.granted)
    return {
        "provider": "oci",
        "lot_id": pool.id,
        "commitment_id": pool.id,
        "kind": pool.type,
        "granted": pool.granted,
        "drawn": pool.granted if over else used,
        "remaining": "0" if amount(left) < 0 else left,
        "unit": pool.currency,
        "currency": pool.currency,
        "starts_at": iso(pool.start),
        "expires_at": iso(pool.end),
        "at": pool.at,
        "operation": COMMITTED.name,
    }


universal_credits = Feed(
    name="universal-credits",
    gives=COMMITMENTS,
    operations=OPERATIONS,
    fetch=walk,
    normalise=lambda answers: [_commitment(pool) for pool in pools(answers)],
    check=check,
    unknown=(
        "ContractCommitmentPaymentModel",
        "ContractCommitmentPaymentUpfrontPercentage",
    ),
)
balances = Feed(
    name="universal-credits-balances",
    gives=BALANCES,
    operations=OPERATIONS,
    fetch=_walk_now,
    normalise=lambda answers: [_balance(pool) for pool in pools(answers)],
    check=check,
)
