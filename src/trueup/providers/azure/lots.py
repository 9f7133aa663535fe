"""Lots: consumption commitments (MACC) and credits, and the events that draw on them.

https://learn.microsoft.com/en-us/rest/api/consumption/lots/list-by-billing-account
https://learn.microsoft.com/en-us/rest/api/consumption/events/list-by-billing-account
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trueup.adapter.feed import (
    BALANCES,
    COMMITMENTS,
    Answer,
    Asking,
    BrokenAnswer,
    Changed,
    Feed,
    Page,
    Row,
    once_each,
)
from trueup.providers.azure import shape
from trueup.providers.azure.client import connected
from trueup.providers.azure.shape import Item

LOTS, LOTS_OF_PROFILE = "Lots_ListByBillingAccount", "Lots_ListByBillingProfile"
EVENTS, EVENTS_OF_PROFILE = "Events_ListByBillingAccount", "Events_ListByBillingProfile"
MAY_LIST_LOTS, MAY_LIST_EVENTS = (
    "Microsoft.Consumption/lots/read",
    "Microsoft.Consumption/events/read",
)

COMMITMENT = "ConsumptionCommitment"
LIFECYCLE = {
    "Active": "Active",
    "Complete": "Exhausted",
    "Expired": "Expired",
    "Canceled": "Canceled",
}
PENDING = "Pending"  # such events are not settled: their amounts may still change


def _lots(asking: Asking) -> Iterator[Answer]:
    account = asking.settings["billing_account"]

    def page(token: str | None) -> Page:
        return connected(asking).page(
            "consumption", "lots", "list_by_billing_account", token, billing_account_id=account
        )

    yield from asking.pages(LOTS, page, account=account)


def _agreements(answers: Sequence[Answer]) -> Iterator[Row]:
    """Commitments with an amount; a contributor's view of a shared one has none."""
    for answer in answers:
        for lot in shape.members(answer):
            given = shape.amount(lot, "properties", "originalAmount", "value")
            if shape.text(lot, "properties", "source") == COMMITMENT and given is not None:
                yield _agreement(lot, given, answer.asked["account"])


def _agreement(lot: Item, given: str, account: str) -> Row:
    currency = shape.text(lot, "properties", "originalAmount", "currency")
    start = shape.needed_instant(lot, "properties", "startDate")
    end = shape.needed_instant(lot, "properties", "expirationDate")
    name = shape.text(lot, "name")
    return {
        "BillingCurrency": shape.optional(lot, "properties", "billingCurrency") or currency,
        "ContractCommitmentBenefitCategory": "Entitlement",
        "ContractCommitmentCategory": "Spend",
        "ContractCommitmentCost": given,
        "ContractCommitmentCreated": shape.instant(lot, "properties", "purchasedDate") or start,
        "ContractCommitmentDescription": f"MACC {name}",
        "ContractCommitmentDurationType": "Fixed",
        "ContractCommitmentFulfillmentInterval": "Full Period",
        "ContractCommitmentId": name,
        "ContractCommitmentLifecycleStatus": LIFECYCLE.get(
            shape.optional(lot, "properties", "status") or ""
        ),
        "ContractCommitmentModel": "Continuous",
        "ContractCommitmentOfferCategory": "Negotiated",
        "ContractCommitmentPeriodStart": start,
        "ContractCommitmentPeriodEnd": end,
        "ContractCommitmentType": "MACC",
        "ContractId": account,
        "ContractPeriodStart": start,
        "ContractPeriodEnd": end,
        "InvoiceIssuerName": "Microsoft",
        "PricingCurrency": currency,
        "PricingCurrencyContractCommitmentCost": given,
        "ServiceProviderName": "Microsoft",
        "x_Layer": "agreement",
        "x_QuantityBasis": "spend",
        "x_Per": "term",
    }


agreements = Feed(
    name="agreements",
    gives=COMMITMENTS,
    operations={LOTS: MAY_LIST_LOTS},
    fetch=_lots,
    normalise=_agreements,
    check=lambda answers: once_each(shape.text(lot, "name") for lot in shape.items(answers, LOTS)),
    needs=("billing_account",),
    unknown=(
        "ContractCommitmentApplicability",
        "ContractCommitmentLastUpdated",
        "ContractCommitmentPaymentInterval",
        "ContractCommitmentPaymentModel",
        "ContractCommitmentPaymentUpfrontPercentage",
    ),
)


def _fetch(asking: Asking) -> Iterator[Answer]:
    """Lots and events of the account; credits and their events of the profile, where one is set."""
    account, profile = asking.settings["billing_account"], asking.settings.get("billing_profile")
    yield from _lots(asking)

    def events(token: str | None) -> Page:
        return connected(asking).page(
            "consumption", "events", "list_by_billing_account", token, billing_account_id=account
        )

    yield from asking.pages(EVENTS, events, account=account)
    if profile:
        yield from _of_profile(asking, account, profile)


def _of_profile(asking: Asking, account: str, profile: str) -> Iterator[Answer]:
    def lots(token: str | None) -> Page:
        return connected(asking).page(
            "consumption", "lots", "list_by_billing_profile", token,
            billing_account_id=account, billing_profile_id=profile,
        )  # fmt: skip

    found = list(asking.pages(LOTS_OF_PROFILE, lots, account=account, profile=profile))
    yield from found
    starts = [
        shape.needed_instant(lot, "properties", "startDate") for lot in _all(found, LOTS_OF_PROFILE)
    ]
    if not starts:
        return
    start, end = min(starts)[:10], asking.period.end.date().isoformat()

    def events(token: str | None) -> Page:
        return connected(asking).page(
            "consumption", "events", "list_by_billing_profile", token,
            billing_account_id=account, billing_profile_id=profile, start_date=start, end_date=end,
        )  # fmt: skip

    yield from asking.pages(
        EVENTS_OF_PROFILE, events, account=account, profile=profile, start=start, end=end
    )


def _all(answers: Sequence[Answer], *operations: str) -> list[Item]:
    return [item for name in operations for item in shape.items(answers, name)]


@dataclass(frozen=True)
class Settled:
    """A settled event of a lot."""

    at: str
    expired: str | None
    balance: str | None
    estimated: bool


def _settled(answers: Sequence[Answer]) -> dict[str, list[Settled]]:
    """Events by the name of their lot; lots name themselves shortly, events by the whole path."""
    found: dict[str, list[Settled]] = {}
    for event in _all(answers, EVENTS, EVENTS_OF_PROFILE):
        lot = shape.optional(event, "properties", "lotId")
        kind = shape.optional(event, "properties", "eventType") or ""
        if lot is None or kind.startswith(PENDING):
            continue
        expired = shape.amount(event, "properties", "creditExpired", "value")
        found.setdefault(shape.last_segment(lot), []).append(
            Settled(
                shape.needed_instant(event, "properties", "transactionDate"),
                expired and expired.removeprefix("-"),
                shape.amount(event, "properties", "closedBalance", "value"),
                event["properties"].get("isEstimatedBalance") is True,
            )
        )
    return found


def _unique_lots(answers: Sequence[Answer]) -> dict[str, Item]:
    """Lots by name: an account and its profile may both list one."""
    return {shape.text(lot, "name"): lot for lot in _all(answers, LOTS_OF_PROFILE, LOTS)}


def _check(answers: Sequence[Answer]) -> None:
    """The balance of each lot is the one after its last settled event."""
    settled = _settled(answers)
    for name, lot in _unique_lots(answers).items():
        balance = shape.amount(lot, "properties", "closedBalance", "value")
        events = settled.get(name, [])
        if balance is None or not events or lot["properties"].get("isEstimatedBalance") is True:
            continue
        latest = max(event.at for event in events)
        # Several events may bear one date; in which order they came they do not say.
        after = [one for one in events if one.at == latest and one.balance is not None]
        if after and not any(
            one.estimated or shape.plus([one.balance or ""]) == shape.plus([balance])
            for one in after
        ):
            raise Changed(f"lot {name}: balance {balance}, its last event left {after[0].balance}")


def _balances(answers: Sequence[Answer]) -> Iterator[Row]:
    settled = _settled(answers)
    for name, lot in _unique_lots(answers).items():
        events = settled.get(name)
        source = shape.text(lot, "properties", "source")
        granted = shape.amount(lot, "properties", "originalAmount", "value")
        currency = _currency(lot)
        expired = [one.expired for one in events or () if one.expired is not None]
        yield {
            "provider": "azure",
            "lot_id": name,
            "commitment_id": name if source == COMMITMENT and granted is not None else None,
            "kind": source,
            "granted": granted,
            "drawn": shape.amount(lot, "properties", "usedAmount", "value"),
            "expired": format(shape.plus(expired), "f") if events else None,
            "remaining": shape.amount(lot, "properties", "closedBalance", "value"),
            "unit": currency,
            "currency": currency,
            "starts_at": shape.instant(lot, "properties", "startDate"),
            "expires_at": shape.instant(lot, "properties", "expirationDate"),
            "at": max(one.at for one in events) if events else None,
            "operation": LOTS,
        }


def _currency(lot: Item) -> str:
    """The one currency that all amounts of a lot are in."""
    amounts = ("originalAmount", "usedAmount", "closedBalance")
    stated = {shape.optional(lot, "properties", name, "currency") for name in amounts} - {None}
    if len(stated) != 1:
        raise BrokenAnswer(f"lot {lot.get('name')!r} is in {len(stated)} currencies")
    return str(stated.pop())


balances = Feed(
    name="balances",
    gives=BALANCES,
    operations={
        LOTS: MAY_LIST_LOTS,
        LOTS_OF_PROFILE: MAY_LIST_LOTS,
        EVENTS: MAY_LIST_EVENTS,
        EVENTS_OF_PROFILE: MAY_LIST_EVENTS,
    },
    fetch=_fetch,
    normalise=_balances,
    check=_check,
    needs=("billing_account",),
)
