"""Reservations and savings plans of the third provider's twin, and the hours used of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from tests.twin.exchange import Request
from tests.world import asserted_azure as asserted
from tests.world import azure
from tests.world.focus import text
from tests.world.ledger import DAY
from tests.world.world import World

ORDER, RESERVATION = re.findall(r"/(?:reservationOrders|reservations)/([^/]+)", azure.RESERVATION)
FAILED_ORDER = "9c44"  # its payment failed: it is listed and commits to nothing
Item = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """A savings plan; the world has none, tests may give some."""

    order: str
    name: str
    hourly: Decimal
    start: datetime
    end: datetime
    percent: dict[date, Decimal]


def orders() -> list[Item]:
    return [
        _order_item(ORDER, "ptu-2026-global", "Succeeded", 200),
        _order_item(FAILED_ORDER, "ptu-2026-second-try", "BillingFailed", 50),
        _order_item("9c45", "ptu-2026-third-try", "BillingFailed", 50),
    ]


def _order_item(order: str, shown: str, state: str, quantity: int) -> Item:
    return {
        "id": f"/providers/microsoft.capacity/reservationOrders/{order}",
        "type": "Microsoft.Capacity/reservationOrders",
        "name": order,
        "etag": 7,
        "properties": {
            "displayName": shown,
            "requestDateTime": "2026-08-31T09:20:23.8134834Z",
            "createdDateTime": "2026-08-31T09:22:56.8541664Z",
            "benefitStartTime": "2026-09-01T00:00:00Z",
            "expiryDate": "2027-09-01",
            "expiryDateTime": "2027-09-01T00:00:00Z",
            "term": "P1Y",
            "billingPlan": "Monthly",
            "provisioningState": state,
            "reservations": [{"id": f"{_lower(order)}/{shown}"}],
            "originalQuantity": quantity,
        },
    }


def _lower(order: str) -> str:
    """As this API writes it: bills write Microsoft.Capacity."""
    return f"/providers/microsoft.capacity/reservationOrders/{order}/reservations"


def order(request: Request) -> Item:
    name = request.path.rsplit("/", 1)[-1]
    order = next(one for one in orders() if one["name"] == name)
    if request.query.get("$expand") != "schedule":
        return order
    fee = {
        "currencyCode": azure.CURRENCY,
        "amount": azure.RESERVED * azure.UNIT_HOUR * 24 * 365 / 12,
    }
    payment = {
        "dueDate": "2026-09-01",
        "paymentDate": "2026-09-01",
        "pricingCurrencyTotal": fee,
        "billingCurrencyTotal": fee,
        "status": "Succeeded",
    }
    plan = {"startDate": "2026-09-01", "pricingCurrencyTotal": fee, "transactions": [payment]}
    return {**order, "properties": {**order["properties"], "planInformation": plan}}


def reservations(request: Request) -> list[Item]:
    order = request.path.rsplit("/", 2)[-2]
    if order == ORDER:
        states = [(RESERVATION, "Succeeded", 200)]
    else:
        states = [(f"{order}-{number}", "BillingFailed", 50) for number in range(3)]
    return [
        {
            "id": f"{_lower(order)}/{name}",
            "type": "Microsoft.Capacity/reservationOrders/reservations",
            "name": f"{order}/{name}",
            "location": azure.PAID_AS_USED.region,
            "etag": 7,
            "sku": {"name": "Global_Provisioned_Managed_PTU"},
            "properties": {
                "appliedScopeType": "Shared",
                "quantity": quantity,
                "provisioningState": state,
                "benefitStartTime": "2026-09-01T00:00:00.0000000Z",
                "effectiveDateTime": "2026-09-01T00:00:00.0000000Z",
                "expiryDate": "2027-09-01",
                "expiryDateTime": "2027-09-01T00:00:00.0000000Z",
                "purchaseDateTime": "2026-08-31T09:20:23.8134834Z",
                "lastUpdatedDateTime": "2026-09-01T00:12:41.1234567Z",
                "displayName": name,
                "skuDescription": "Provisioned Throughput, Global",
                "reservedResourceType": "OpenAIPTU",
                "term": "P1Y",
                "billingPlan": "Monthly",
                "renew": False,
            },
        }
        for name, state, quantity in states
    ]


def plan_item(one: Plan) -> Item:
    return {
        "id": f"/providers/Microsoft.BillingBenefits/savingsPlanOrders/{one.order}/savingsPlans/{one.name}",
        "name": f"{one.order}/{one.name}",
        "type": "Microsoft.BillingBenefits/savingsPlanOrders/savingsPlans",
        "sku": {"name": "Compute_Savings_Plan"},
        "systemData": {"lastModifiedAt": f"{one.start:%Y-%m-%dT%H:%M:%S}.1234567Z"},
        "properties": {
            "displayName": one.name,
            "provisioningState": "Succeeded",
            "term": "P1Y",
            "billingPlan": "P1M",
            "appliedScopeType": "Shared",
            "commitment": {
                "grain": "Hourly", "currencyCode": azure.CURRENCY, "amount": one.hourly,
            },
            "effectiveDateTime": text(one.start),
            "benefitStartTime": text(one.start),
            "expiryDateTime": text(one.end),
            "purchaseDateTime": text(one.start),
        },
    }  # fmt: skip


def used_of_plans(plans: Sequence[Plan], request: Request) -> list[Item]:
    first, last = asked_days(request.query["$filter"])
    assert request.query["grainParameter"] == "Daily"
    return [
        {
            "id": f"{request.path}/{plan.name}_{day:%Y%m%d}",
            "name": f"{plan.name}_{day:%Y%m%d}",
            "type": "Microsoft.CostManagement/benefitUtilizationSummaries",
            "kind": "SavingsPlan",
            "properties": {
                "armSkuName": "Compute_Savings_Plan",
                "benefitId": plan.name,
                "benefitOrderId": plan.order,
                "benefitType": "SavingsPlan",
                "usageDate": f"{day}T00:00:00Z",
                "avgUtilizationPercentage": percent,
                "minUtilizationPercentage": percent,
                "maxUtilizationPercentage": percent,
            },
        }
        for plan in plans
        if f"/{plan.order}/" in request.path
        for day, percent in plan.percent.items()
        if first <= day <= last
    ]


def asked_days(wanted: str) -> tuple[date, date]:
    """The first and the last day that a filter names."""
    first, last = (
        date.fromisoformat(day) for day in re.findall(r"\d{4}-\d\d-\d\d", unquote(wanted))
    )
    return first, last


def summaries(world: World, request: Request) -> list[Item]:
    first, last = asked_days(request.query["$filter"])
    assert request.query["grain"] == "daily"
    used = asserted.used_of_day(world.ledger)
    return [
        _summary(day, used.get(day, Decimal(0)), request)
        for day in (first + number * DAY for number in range((last - first).days + 1))
        if f"/{ORDER}/" in request.path and day in used
    ]


def _summary(day: date, used: Decimal, request: Request) -> Item:
    percent = (100 * used / (24 * azure.RESERVED)).quantize(Decimal("0.01"))
    return {
        "id": f"{request.path.removeprefix('/')}/{day:%Y%m%d}",
        "name": f"{ORDER}_{RESERVATION}_{day:%Y%m%d}",
        "type": "Microsoft.Consumption/reservationSummaries",
        "properties": {
            "reservationOrderId": ORDER,
            "reservationId": RESERVATION,
            "skuName": "Global_Provisioned_Managed_PTU",
            "kind": "Reservation",
            "reservedHours": 24 * azure.RESERVED,
            "usageDate": f"{day}T00:00:00Z",
            "usedHours": used,
            "minUtilizationPercentage": percent,
            "avgUtilizationPercentage": percent,
            "maxUtilizationPercentage": percent,
            "purchasedQuantity": azure.RESERVED,
        },
    }


def details(world: World, request: Request) -> list[Item]:
    first, last = asked_days(request.query["$filter"])
    if f"/{ORDER}/" not in request.path:
        return []
    return [
        {
            "id": f"{request.path.removeprefix('/')}/{day:%Y%m%d}-{number}",
            "name": f"{ORDER}_{RESERVATION}_{day:%Y%m%d}",
            "type": "Microsoft.Consumption/reservationDetails",
            "properties": {
                "reservationOrderId": ORDER,
                "reservationId": RESERVATION,
                "instanceFlexibilityRatio": "1",
                "instanceFlexibilityGroup": "NA",
                "skuName": "Global_Provisioned_Managed_PTU",
                "kind": "Reservation",
                "reservedHours": 24 * azure.RESERVED,
                "usageDate": f"{day}T00:00:00Z",
                "usedHours": hours,
                "instanceId": deployment.resource,
                "totalReservedQuantity": Decimal(0),
            },
        }
        for day in sorted(asserted.used_of_day(world.ledger))
        if first <= day <= last
        for number, deployment in enumerate((azure.CLAIMS, azure.ROUTING, azure.LEGACY))
        for hours in [_held(world, deployment, day)]
    ]


def _held(world: World, deployment: azure.Deployment, day: date) -> Decimal:
    hours = (hour for hour in world.ledger.hours() if hour.date() == day)
    return Decimal(sum(deployment.units(hour) for hour in hours))
