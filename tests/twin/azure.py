"""The third provider's APIs, answered from the world's ledger."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from tests.twin.azure_export import ACCOUNT, CONTAINER, PREFIX, container
from tests.twin.azure_lots import balance, events, lots
from tests.twin.azure_reservations import (
    Plan,
    details,
    order,
    orders,
    plan_item,
    reservations,
    summaries,
    used_of_plans,
)
from tests.twin.exchange import Answerer, Request, Response, as_json, paged
from tests.world import asserted_azure as asserted
from tests.world import azure
from tests.world.world import World

MANAGEMENT, LOGIN = "management.azure.com", "login.microsoftonline.com"
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
Item = dict[str, Any]


def answerer(world: World, plans: Sequence[Plan] = ()) -> Answerer:
    """Who answers for this provider's hosts."""
    lists: list[tuple[str, Callable[[Request], list[Item]]]] = [
        (r"/Microsoft\.Capacity/reservationOrders", lambda _: orders()),
        (r"/reservationOrders/[^/]+/reservations", reservations),
        (r"/Microsoft\.BillingBenefits/savingsPlans", lambda _: [plan_item(one) for one in plans]),
        (r"/billingAccounts/[^/]+/.*Consumption/lots", lambda one: lots(world, one)),
        (r"/billingAccounts/[^/]+/.*Consumption/events", lambda one: events(world, one)),
        (r"/reservationSummaries", lambda one: summaries(world, one)),
        (r"/reservationDetails", lambda one: details(world, one)),
        (r"/benefitUtilizationSummaries", lambda one: used_of_plans(plans, one)),
    ]

    def answer(request: Request) -> Response:
        if request.host == LOGIN:
            return _login(request)
        if request.host != MANAGEMENT:
            return container(world, request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") == "":
            return refusal(401, "AuthenticationFailed", "Authentication failed.")
        for pattern, listed in lists:
            if re.search(f"{pattern}$", request.path, re.IGNORECASE):
                return _page(request, listed(request))
        if request.path.endswith("/Microsoft.Consumption/balances"):
            return as_json(balance(world, request))
        if request.path.endswith("/pricesheets/default"):
            return as_json(_sheet(request))
        if re.search(r"/reservationOrders/[^/]+$", request.path):
            return as_json(order(request))
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
