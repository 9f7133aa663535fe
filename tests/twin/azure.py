"""The third provider's APIs, answered from the world's ledger."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote, unquote, urlencode
from xml.sax.saxutils import escape

from tests.twin.exchange import Answerer, Request, Response, as_json, paged
from tests.world import asserted_azure as asserted
from tests.world import azure
from tests.world.bills import bills
from tests.world.figures import Row
from tests.world.focus import text
from tests.world.ledger import DAY, month_of
from tests.world.world import World

MANAGEMENT, LOGIN = "management.azure.com", "login.microsoftonline.com"
ACCOUNT, CONTAINER, PREFIX = "brackenmoorcosts", "exports", "costs/focus"
HOSTS = rf"management\.azure\.com|{ACCOUNT}\.blob\.core\.windows\.net|login\.microsoftonline\.com"
PROFILE, ENROLLMENT = "BRKN-EUR", "8817402"
SETTINGS: dict[str, Any] = {
    "billing_account": azure.CONTRACT,
    "billing_profile": PROFILE,
    "enrollment": ENROLLMENT,
    "subscription": azure.SUBSCRIPTION,
    "export_account": ACCOUNT,
    "export_container": CONTAINER,
    "export_prefix": PREFIX,
}
TENANT = "5f0c8a11-7c2d-4b7e-8d31-000000000033"
ENVIRONMENT = {
    "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
    "AZURE_TENANT_ID": TENANT,
    "AZURE_CLIENT_ID": "5f0c8a11-7c2d-4b7e-8d31-000000000034",
    "AZURE_CLIENT_SECRET": "not-a-secret",
}
PAGE = 2  # rows a page: small, so that every list has several
ORDER, RESERVATION = re.findall(r"/(?:reservationOrders|reservations)/([^/]+)", azure.RESERVATION)
FAILED_ORDER = "9c44"  # its payment failed: it is listed and commits to nothing
LOTS_PATH = "/providers/Microsoft.Consumption/lots/"
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


def answerer(world: World, plans: Sequence[Plan] = ()) -> Answerer:
    """Who answers for this provider's hosts."""
    lists: list[tuple[str, Callable[[Request], list[Item]]]] = [
        (r"/Microsoft\.Capacity/reservationOrders", lambda _: _orders()),
        (r"/reservationOrders/[^/]+/reservations", _reservations),
        (r"/Microsoft\.BillingBenefits/savingsPlans", lambda _: [_plan(one) for one in plans]),
        (r"/billingAccounts/[^/]+/.*Consumption/lots", lambda one: _lots(world, one)),
        (r"/billingAccounts/[^/]+/.*Consumption/events", lambda one: _events(world, one)),
        (r"/reservationSummaries", lambda one: _summaries(world, one)),
        (r"/reservationDetails", lambda one: _details(world, one)),
        (r"/benefitUtilizationSummaries", lambda one: _used(plans, one)),
    ]

    def answer(request: Request) -> Response:
        if request.host == LOGIN:
            return _login(request)
        if request.host != MANAGEMENT:
            return _container(world, request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") == "":
            return refusal(401, "AuthenticationFailed", "Authentication failed.")
        for pattern, listed in lists:
            if re.search(f"{pattern}$", request.path, re.IGNORECASE):
                return _page(request, listed(request))
        if request.path.endswith("/Microsoft.Consumption/balances"):
            return as_json(_balance(world, request))
        if request.path.endswith("/pricesheets/default"):
            return as_json(_sheet(request))
        if re.search(r"/reservationOrders/[^/]+$", request.path):
            return as_json(_order(_orders(), request))
        return refusal(404, "InvalidResourceType", request.path)

    return answer


def refusal(status: int, code: str, message: str, **headers: str) -> Response:
    """An error as Azure Resource Manager words it."""
    return as_json({"error": {"code": code, "message": message}}, status, **headers)


def _page(request: Request, found: list[Item]) -> Response:
    """A page of a list, and the whole address of the next one."""
    size = 1 if request.path.endswith(("/lots", "/savingsPlans")) else PAGE
    rows, token = paged(found, request.query.get("$skiptoken"), size)
    body: Item = {"value": rows}
    if token:
        body["nextLink"] = _link(request, token)
    return as_json(body)


def _link(request: Request, token: str) -> str:
    asked = {**request.query, "$skiptoken": token}
    return f"https://{request.host}{quote(request.path)}?{urlencode(asked)}"


def _orders() -> list[Item]:
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


def _order(orders: list[Item], request: Request) -> Item:
    name = request.path.rsplit("/", 1)[-1]
    order = next(one for one in orders if one["name"] == name)
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


def _reservations(request: Request) -> list[Item]:
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


def _plan(one: Plan) -> Item:
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


def _used(plans: Sequence[Plan], request: Request) -> list[Item]:
    first, last = _asked_days(request.query["$filter"])
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


def _asked_days(wanted: str) -> tuple[date, date]:
    """The first and the last day that a filter names."""
    first, last = (
        date.fromisoformat(day) for day in re.findall(r"\d{4}-\d\d-\d\d", unquote(wanted))
    )
    return first, last


def _money(value: Decimal) -> Item:
    return {"currency": azure.CURRENCY, "value": value}


def _lots(world: World, request: Request) -> list[Item]:
    of_profile = "/billingProfiles/" in request.path
    return [
        _lot(one, request)
        for one in asserted.balances(world.ledger)
        if (one["kind"] == "ConsumptionCommitment") is not of_profile
    ]


def _lot(one: Row, request: Request) -> Item:
    amounts = {"originalAmount": "granted", "usedAmount": "drawn", "closedBalance": "remaining"}
    status = "Expired" if one["lot_id"] == asserted.PROMOTION else "Active"
    shared = one["lot_id"] == asserted.SHARED
    return {
        "id": f"{request.path}/{one['lot_id']}",
        "name": one["lot_id"],
        "type": "Microsoft.Consumption/lots",
        "properties": {
            "source": one["kind"],
            "startDate": one["starts_at"],
            "expirationDate": one["expires_at"],
            "purchasedDate": one["starts_at"],
            "status": status,
            "billingCurrency": azure.CURRENCY,
            "creditCurrency": azure.CURRENCY,
            "isEstimatedBalance": False,
            "OrganizationType": "Contributor" if shared else "Primary",
            **{
                name: {"currency": azure.CURRENCY, "value": one[figure]}
                for name, figure in amounts.items()
                if one[figure] is not None
            },
        },
    }


def _events(world: World, request: Request) -> list[Item]:
    """Grants, what was settled by the day, what expired, and charges that are not settled yet."""
    ledger = world.ledger
    if "/billingProfiles/" not in request.path:
        before = ledger.start.date() - DAY
        drawn = {before: asserted.DRAWN_BEFORE, **asserted.drawn_of_day(ledger)}
        return _history(azure.AGREEMENT, azure.AGREED, date(2025, 1, 1), drawn, request)
    start, end = (date.fromisoformat(request.query[name]) for name in ("startDate", "endDate"))
    promotion = _history(
        asserted.PROMOTION, asserted.PROMOTION_GRANTED, asserted.PROMOTED[0].date(),
        {date(2026, 1, 4): asserted.PROMOTION_DRAWN}, request,
    )  # fmt: skip
    left = asserted.PROMOTION_GRANTED - asserted.PROMOTION_DRAWN
    promotion[-1] = _event(
        asserted.PROMOTION, asserted.PROMOTED[1].date(), "CreditExpired", request,
        creditExpired=left, closedBalance=Decimal(0),
    )  # fmt: skip
    found = promotion + _history(
        asserted.CREDIT, asserted.CREDIT_GRANTED, asserted.YEAR[0].date(),
        asserted.credited_of_day(ledger), request,
    )  # fmt: skip
    return [one for one in found if start <= _date_of(one) <= end]


def _date_of(event: Item) -> date:
    return date.fromisoformat(event["properties"]["transactionDate"][:10])


def _history(
    lot: str, granted: Decimal, start: date, drawn: dict[date, Decimal], request: Request
) -> list[Item]:
    found = [_event(lot, start, "NewCredit", request, newCredit=granted, closedBalance=granted)]
    left = granted
    for day, charges in drawn.items():
        left -= charges
        found.append(
            _event(lot, day, "SettledCharges", request, charges=charges, closedBalance=left)
        )
    pending = Decimal("17.25")
    found.append(
        _event(
            lot, max(drawn) + DAY, "PendingCharges", request,
            charges=pending, closedBalance=left - pending,
        )
    )  # fmt: skip
    return found


def _event(lot: str, day: date, kind: str, request: Request, **amounts: Decimal) -> Item:
    name = f"{lot}-{kind}-{day:%Y%m%d}"
    return {
        "id": f"{request.path}/{name}",
        "name": name,
        "type": "Microsoft.Consumption/events",
        "properties": {
            "transactionDate": f"{day}T00:00:00Z",
            "description": f"{kind} of {lot}",
            "eventType": kind,
            "lotId": f"{request.path.rpartition('/providers/')[0]}{LOTS_PATH}{lot}",
            "billingCurrency": azure.CURRENCY,
            "creditCurrency": azure.CURRENCY,
            "isEstimatedBalance": False,
            **{name: _money(value) for name, value in amounts.items()},
        },
    }


def _balance(world: World, request: Request) -> Item:
    """The prepayment of an enterprise: it pays for what the credit pays for in the ledger."""
    month = re.findall(r"/billingPeriods/(\d{6})/", request.path)[0]
    spent = sum(asserted.credited_of_day(world.ledger).values(), Decimal(0))
    return {
        "id": f"{request.path.removeprefix('/')}/{month}",
        "name": month,
        "type": "Microsoft.Consumption/balances",
        "properties": {
            "currency": f"{azure.CURRENCY}  ",
            "beginningBalance": Decimal("9000.00"),
            "newPurchases": Decimal("1000.00"),
            "adjustments": Decimal("-12.50"),
            "utilized": spent,
            "endingBalance": Decimal("9987.50") - spent,
            "serviceOverage": Decimal(0),
            "totalUsage": spent,
            "billingFrequency": "Month",
            "priceHidden": False,
        },
    }


def _sheet(request: Request) -> Item:
    month = re.findall(r"/billingPeriods/(\d{6})/", request.path)[0]
    rows = [_priced(number, one, month) for number, one in enumerate(asserted.prices())]
    found, token = paged(rows, request.query.get("$skiptoken"), PAGE)
    properties: Item = {"pricesheets": found}
    if token:
        properties["nextLink"] = _link(request, token)
    return {
        "id": request.path,
        "name": "default",
        "type": "Microsoft.Consumption/pricesheets",
        "properties": properties,
    }


def _priced(number: int, one: asserted.Price, month: str) -> Item:
    part, meter, unit, price = one
    found: Item = {
        "billingPeriodId": f"/subscriptions/{azure.SUBSCRIPTION}/providers/Microsoft.Billing/"
        f"billingPeriods/{month}",
        "meterId": f"00000000-0000-0000-0000-00000000{number:04d}",
        "meterDetails": {"meterName": meter, "meterCategory": "Foundry Models", "unit": unit},
        "unitOfMeasure": unit,
        "includedQuantity": Decimal(0),
        "partNumber": part,
        "unitPrice": price,
        "currencyCode": azure.CURRENCY,
        "offerId": "MS-AZR-0017G",
    }
    if price == asserted.GPU_HOUR:
        found["savingsPlan"] = {
            "term": "P1Y", "marketPrice": price, "effectivePrice": asserted.GPU_HOUR_PLANNED,
        }  # fmt: skip
    return found


def _summaries(world: World, request: Request) -> list[Item]:
    first, last = _asked_days(request.query["$filter"])
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


def _details(world: World, request: Request) -> list[Item]:
    first, last = _asked_days(request.query["$filter"])
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
        for hours in [_held(deployment, day)]
    ]


def _held(deployment: azure.Deployment, day: date) -> Decimal:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Decimal(sum(deployment.units(midnight + timedelta(hours=n)) for n in range(24)))


@dataclass(frozen=True)
class Kept:
    """A blob's content, and when it was written."""

    content: bytes
    modified: datetime

    @property
    def etag(self) -> str:
        return f"0x8D{hashlib.md5(self.content, usedforsecurity=False).hexdigest()[:13].upper()}"


def blobs(world: World) -> dict[str, Kept]:
    """The container: yesterday's run, which the newest one replaces, and something else's file."""
    ledger = world.ledger
    header, *rows = bills(ledger)[azure.FILE].decode().splitlines(keepends=True)
    half = len(rows) // 2
    newest = [header + "".join(rows[:half]), header + "".join(rows[half:])]
    place = f"{PREFIX}/{ledger.start:%Y%m%d}-{month_of(ledger.start)[1] - DAY:%Y%m%d}"
    stale = _run(place, "2b0d", [header + "".join(rows[:10])], ledger.as_of - 2 * DAY)
    note = {f"{place}/readme.txt": Kept(b"not an export", ledger.as_of)}
    return stale | _run(place, "7e51", newest, ledger.as_of - DAY) | note


def _run(place: str, run: str, parts: list[str], at: datetime) -> dict[str, Kept]:
    data = {
        f"{place}/{run}/part_0_{number:04d}.csv": Kept(part.encode(), at)
        for number, part in enumerate(parts, start=1)
    }
    manifest = {
        "manifestVersion": "2024-04-01",
        "byteCount": sum(len(one.content) for one in data.values()),
        "blobCount": len(data),
        "dataRowCount": sum(part.count("\n") - 1 for part in parts),
        "exportConfig": {"exportName": "focus", "type": "FocusCost", "dataVersion": "1.0"},
        "deliveryConfig": {"partitionData": True, "dataOverwriteBehavior": "CreateNewReport"},
        "runInfo": {"executionType": "Scheduled", "submittedTime": text(at), "runId": run},
        "blobs": [{"blobName": name, "byteCount": len(one.content)} for name, one in data.items()],
    }
    return {**data, f"{place}/{run}/manifest.json": Kept(as_json(manifest).body, at)}


XML = {"content-type": "application/xml"}


def _container(world: World, request: Request) -> Response:
    kept = blobs(world)
    if request.query.get("comp") == "list":
        found = sorted(name for name in kept if name.startswith(request.query.get("prefix", "")))
        names, marker = paged(found, request.query.get("marker"), PAGE)
        return _listing(kept, names, marker, request)
    one = kept.get(unquote(request.path).removeprefix(f"/{CONTAINER}/"))
    if one is None:
        return blob_refusal(404, "BlobNotFound")
    if request.headers.get("if-match", f'"{one.etag}"') != f'"{one.etag}"':
        return blob_refusal(412, "ConditionNotMet")
    return Response(
        one.content,
        206,
        {
            "content-type": "text/csv",
            "content-range": f"bytes 0-{len(one.content) - 1}/{len(one.content)}",
            "etag": f'"{one.etag}"',
            "last-modified": format_datetime(one.modified, usegmt=True),
            "x-ms-blob-type": "BlockBlob",
        },
    )


def blob_refusal(status: int, code: str) -> Response:
    """An error as blob storage words it."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}.</Message></Error>'
    return Response(body.encode(), status, {**XML, "x-ms-error-code": code})


def _listing(
    kept: dict[str, Kept], names: list[str], marker: str | None, request: Request
) -> Response:
    items = "".join(
        f"<Blob><Name>{escape(name)}</Name><Properties>"
        f"<Last-Modified>{format_datetime(kept[name].modified, usegmt=True)}</Last-Modified>"
        f"<Etag>{kept[name].etag}</Etag><Content-Length>{len(kept[name].content)}</Content-Length>"
        "<Content-Type>application/octet-stream</Content-Type><BlobType>BlockBlob</BlobType>"
        "</Properties></Blob>"
        for name in names
    )
    prefix = escape(request.query.get("prefix", ""))
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<EnumerationResults ServiceEndpoint="https://{request.host}/" ContainerName="{CONTAINER}">'
        f"<Prefix>{prefix}</Prefix><Blobs>{items}</Blobs><NextMarker>{marker or ''}</NextMarker>"
        "</EnumerationResults>"
    )
    return Response(body.encode(), headers=XML)


def _login(request: Request) -> Response:
    """The token service, as far as a client secret needs it."""
    base = f"https://{LOGIN}/{TENANT}"
    if request.path.endswith("/.well-known/openid-configuration"):
        return as_json(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
            }
        )
    if request.path.endswith("/discovery/instance"):
        return as_json({"tenant_discovery_endpoint": base, "metadata": []})
    return as_json({"token_type": "Bearer", "expires_in": 3599, "access_token": "from-the-twin"})
