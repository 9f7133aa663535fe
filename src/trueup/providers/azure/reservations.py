"""Reservations, provisioned throughput (PTU) among them: what was committed to.

https://learn.microsoft.com/en-us/rest/api/reserved-vm-instances/reservation-order/list
https://learn.microsoft.com/en-us/rest/api/reserved-vm-instances/reservation/list
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueup.adapter.feed import COMMITMENTS, Answer, Asking, Feed, Page, Row, once_each
from trueup.providers.azure import shape
from trueup.providers.azure.client import connected
from trueup.providers.azure.shape import Item

ORDERS, ORDER, LIST = "ReservationOrder_List", "ReservationOrder_Get", "Reservation_List"
OPERATIONS = {
    ORDERS: "Microsoft.Capacity/reservationOrders/read",
    ORDER: "Microsoft.Capacity/reservationOrders/read",
    LIST: "Microsoft.Capacity/reservationOrders/reservations/read",
}
PROVIDER = "Microsoft.Capacity"
NESTED = ("reservationOrders", "reservations")
PTU = "OpenAIPTU"  # reservedResourceType of provisioned throughput

LIFECYCLE = {
    "Cancelled": "Canceled",
    "Expired": "Expired",
    "Merged": "Superseded",
    "Split": "Superseded",
    "Succeeded": "Active",
}
# In any other state nothing was bought yet, or the payment failed: nothing is committed.
ENDED_EARLY = frozenset({"Canceled", "Superseded"})
PAYMENTS = {
    "Monthly": ("Monthly", "No Upfront", "0"),
    "Upfront": ("One-Time", "All Upfront", "1"),
}
NOT_KNOWN = (None, None, None)


def reservation_id(order: str, name: str) -> str:
    """The id as bills write it; the APIs differ in the case of the words between the names."""
    return f"/providers/{PROVIDER}/{NESTED[0]}/{order}/{NESTED[1]}/{name}"


def orders(asking: Asking) -> Iterator[Answer]:
    """Every order that the identity may see."""

    def page(token: str | None) -> Page:
        found = connected(asking).page("reservations", "reservation_order", "list", token)
        order_names([Answer(ORDERS, {}, 0, found.body)])
        return found

    yield from asking.pages(ORDERS, page)


def order_names(answers: Sequence[Answer]) -> list[str]:
    """The orders' names, each once."""
    return list(dict.fromkeys(shape.text(order, "name") for order in shape.items(answers, ORDERS)))


def _fetch(asking: Asking) -> Iterator[Answer]:
    listed = list(orders(asking))
    yield from listed
    for order in order_names(listed):

        def schedule(order: str = order) -> bytes:
            return connected(asking).ask(
                "reservations", "reservation_order", "get",
                reservation_order_id=order, expand="schedule",
            )  # fmt: skip

        def page(token: str | None, order: str = order) -> Page:
            return connected(asking).page(
                "reservations", "reservation", "list", token, reservation_order_id=order
            )

        yield asking.once(ORDER, schedule, order=order)
        yield from asking.pages(LIST, page, order=order)


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    currencies = {
        answer.asked["order"]: _currency(shape.object_of(answer))
        for answer in answers
        if answer.operation == ORDER
    }
    for answer in answers:
        if answer.operation == LIST:
            for one in shape.members(answer):
                if shape.optional(one, "properties", "provisioningState") in LIFECYCLE:
                    yield _row(one, currencies.get(answer.asked["order"]))


def _currency(order: Item) -> str | None:
    """The currency that the order is billed in; only its payments say."""
    plan = order.get("properties", {}).get("planInformation") or {}
    for payment in plan.get("transactions") or ():
        billed = shape.optional(payment, "billingCurrencyTotal", "currencyCode")
        if billed:
            return billed
    return shape.optional(plan, "pricingCurrencyTotal", "currencyCode")


def _row(one: Item, currency: str | None) -> Row:
    order, name = shape.resource(shape.text(one, "id"), PROVIDER, *NESTED)
    of_ptu = shape.optional(one, "properties", "reservedResourceType") == PTU
    start = shape.instant(one, "properties", "benefitStartTime") or shape.needed_instant(
        one, "properties", "effectiveDateTime"
    )
    updated = shape.instant(one, "properties", "lastUpdatedDateTime")
    status = LIFECYCLE[shape.text(one, "properties", "provisioningState")]
    end = _end(one)
    if status in ENDED_EARLY and updated is not None:
        end = min(end, updated)
    interval, model, upfront = PAYMENTS.get(
        shape.optional(one, "properties", "billingPlan") or "", NOT_KNOWN
    )
    shown = shape.optional(one, "properties", "displayName") or name
    return {
        "BillingCurrency": currency,
        "ContractCommitmentBenefitCategory": "Discount",
        "ContractCommitmentCategory": "Usage",
        "ContractCommitmentCreated": shape.instant(one, "properties", "purchaseDateTime"),
        "ContractCommitmentDescription": f"Reservation {shown}",
        "ContractCommitmentDurationType": "Fixed",
        "ContractCommitmentFulfillmentInterval": "Hourly",
        "ContractCommitmentId": reservation_id(order, name),
        "ContractCommitmentLastUpdated": updated,
        "ContractCommitmentLifecycleStatus": status,
        "ContractCommitmentModel": "Discontinuous",
        "ContractCommitmentOfferCategory": "Public",
        "ContractCommitmentPaymentInterval": interval,
        "ContractCommitmentPaymentModel": model,
        "ContractCommitmentPaymentUpfrontPercentage": upfront,
        "ContractCommitmentPeriodStart": start,
        "ContractCommitmentPeriodEnd": end,
        "ContractCommitmentQuantity": shape.needed_amount(one, "properties", "quantity"),
        "ContractCommitmentType": "Reservation",
        "ContractCommitmentUnit": "PTU-Hours" if of_ptu else "Hours",
        "ContractId": order,
        "ContractPeriodStart": start,
        "ContractPeriodEnd": end,
        "InvoiceIssuerName": "Microsoft",
        "PricingCurrency": currency,
        "ServiceProviderName": "Microsoft",
        "x_Layer": "benefit",
        "x_QuantityBasis": "unit_hours",
        "x_Per": "interval",
    }


def _end(one: Item) -> str:
    exact = shape.instant(one, "properties", "expiryDateTime")
    return exact or f"{shape.text(one, 'properties', 'expiryDate')}T00:00:00Z"


reservations = Feed(
    name="reservations",
    gives=COMMITMENTS,
    operations=OPERATIONS,
    fetch=_fetch,
    normalise=_normalise,
    check=lambda answers: once_each(shape.text(one, "id") for one in shape.items(answers, LIST)),
    unknown=("ContractCommitmentApplicability",),
)
