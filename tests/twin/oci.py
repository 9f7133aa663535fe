"""The fourth provider's APIs, answered from the world's ledger."""

from __future__ import annotations

import atexit
import csv
import gzip
import hashlib
import io
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote

from tests.twin.exchange import Answerer, Request, Response, as_json, paged
from tests.world import focus, oci
from tests.world.asserted_oci import NEXT_POOL
from tests.world.bills import VERSIONS
from tests.world.contracts import contracts
from tests.world.ledger import DAY, HOUR, Drawing, Ledger
from tests.world.world import World

HOSTS = r".*\.oraclecloud\.com"
REGION = "eu-frankfurt-1"
SETTINGS: dict[str, Any] = {"tenancy": oci.TENANCY, "region": REGION, "export": "focus"}
PAGE = 2  # items a page: small, so that every list has several

POOL_SERVICE, SUPPORT_SERVICE, OTHER_SERVICE = "8810041", "8810042", "8790315"
OTHER = "US-3300188"  # pay as you go: it commits to nothing
CREDIT_PRODUCT = {
    "partNumber": "B88206",
    "name": "Oracle PaaS and IaaS Universal Credits",
    "unitOfMeasure": "Each",
}
GPU = {"partNumber": "B95909", "name": "GPU4 - Compute - GPU", "unitOfMeasure": "GPU Per Hour"}
STORAGE = {
    "partNumber": "B91628",
    "name": "Object Storage - Storage",
    "unitOfMeasure": "Gigabyte Storage Capacity Per Month",
}

Body = dict[str, Any]
Kept = dict[str, tuple[bytes, datetime]]


def __getattr__(name: str) -> Any:
    """``ENVIRONMENT``: a home whose ~/.oci/config holds a key made for this process."""
    if name == "ENVIRONMENT":
        return {"HOME": str(_home()), "OCI_CONFIG_FILE": str(_home() / ".oci" / "config")}
    raise AttributeError(name)


@cache
def _home() -> Path:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    folder = TemporaryDirectory(prefix="twin-home-")
    atexit.register(folder.cleanup)
    place = Path(folder.name) / ".oci"
    place.mkdir()
    # Short, as it protects nothing: each client checks it anew.
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    (place / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    lines = {
        "user": "ocid1.user.oc1..nightly",
        "tenancy": oci.TENANCY,
        "fingerprint": ":".join(["0a"] * 16),
        "region": REGION,
        "key_file": str(place / "key.pem"),
    }
    text = "".join(f"{key} = {value}\n" for key, value in lines.items())
    (place / "config").write_text(f"[DEFAULT]\n{text}", encoding="utf-8")
    return Path(folder.name)


def answerer(world: World) -> Answerer:
    """Who answers for this provider's hosts."""
    lists: Mapping[str, Callable[[World, Mapping[str, str]], list[Body]]] = {
        "/20190111/organizationSubscription": subscriptions,
        "/20190111/subscribedServices": services,
        "/20190111/commitments": commitments,
        "/20190111/ratecards": rate_cards,
    }

    kept = cache(lambda: objects(world))

    def answer(request: Request) -> Response:
        path, query = request.path, request.query
        if "authorization" not in request.headers:
            return refused(401, "NotAuthenticated", "The request is not signed.")
        if path in lists:
            return _listed(lists[path](world, query), query)
        if path == "/20190111/aggregatedComputedUsages":
            found, token = paged(computed_lines(world.ledger, query), query.get("page"), PAGE)
            return _with_token(entries(found, query), token)
        if path.startswith("/20190111/subscribedServices/"):
            return as_json(whole_service(world, path.rpartition("/")[2]))
        if path == "/20200107/usage":
            found, token = paged(usages(world.ledger, request.json()), query.get("page"), PAGE)
            return _with_token({"groupBy": [], "items": found}, token)
        if path.startswith(f"/n/bling/b/{oci.TENANCY}/o"):
            return _bucket(kept(), request)
        return refused(404, "NotAuthorizedOrNotFound", f"Not authorized or not found: {path}")

    return answer


def refused(status: int, code: str, message: str, **headers: str) -> Response:
    """An error as the API words it."""
    return as_json({"code": code, "message": message}, status, **headers)


def _listed(items: list[Body], query: Mapping[str, str], size: int = 1) -> Response:
    found, token = paged(items, query.get("page"), size)
    return _with_token(found, token)


def _with_token(value: object, token: str | None) -> Response:
    return as_json(value, 200, **({"opc_next_page": token} if token else {}))


def at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S.000Z}"


def money(value: Decimal) -> str:
    return format(value, "f")


def _pool(ledger: Ledger) -> tuple[datetime, datetime]:
    (pool,) = (one for one in contracts(ledger) if one.id == oci.POOL)
    return pool.start, pool.end


def subscriptions(world: World, _: Mapping[str, str]) -> list[Body]:
    start, end = _pool(world.ledger)
    currency = {"isoCode": oci.CURRENCY, "name": "US Dollar", "stdPrecision": 2}
    return [
        {
            "id": name,
            "serviceName": "Oracle Universal Credits",
            "type": "UCM",
            "status": "ACTIVE",
            "timeStart": at(start),
            "timeEnd": at(end.replace(year=end.year + 1)),
            "currency": currency,
            "totalValue": total,
        }
        for name, total in ((oci.CONTRACT, money(2 * oci.POOL_GRANTED)), (OTHER, "0"))
    ]


def services(world: World, query: Mapping[str, str]) -> list[Body]:
    contract = {
        oci.CONTRACT: [(POOL_SERVICE, "ANNUAL"), (SUPPORT_SERVICE, "PREPAID")],
        OTHER: [(OTHER_SERVICE, "PAY_AS_YOU_GO")],
    }
    found = contract.get(query["subscriptionId"], [])
    return [_service(world, query["subscriptionId"], *one) for one in found]


def _service(world: World, subscription: str, service: str, model: str) -> Body:
    start, end = _pool(world.ledger)
    used = drawn(world.ledger) if service == POOL_SERVICE else Decimal(0)
    granted = 2 * oci.POOL_GRANTED if service == POOL_SERVICE else Decimal(0)
    return {
        "id": service,
        "type": "SUBSCRIPTION",
        "serialNumber": f"S-{service}",
        "subscriptionId": subscription,
        "product": CREDIT_PRODUCT,
        "timeStart": at(start),
        "timeEnd": at(end.replace(year=end.year + 1)),
        "quantity": "1",
        "status": "ACTIVE",
        "operationType": "NEW",
        "pricePeriod": "ANNUAL",
        "usedAmount": money(used),
        "availableAmount": money(granted - used),
        "isPayg": model == "PAY_AS_YOU_GO",
        "pricingModel": model,
        "billingFrequency": "MONTHLY",
        "overagePolicy": "INVOICE",
        "termValue": 24,
        "termValueUom": "MTH",
        "totalValue": money(granted),
        "timeCreated": at(start),
        "timeUpdated": at(start),
    }


def drawn(ledger: Ledger) -> Decimal:
    return sum((one.quantity for one in _drawings(ledger)), Decimal(0))


def _drawings(ledger: Ledger) -> list[Drawing]:
    return [one for one in ledger.drawings if one.commitment == oci.POOL]


def commitments(world: World, query: Mapping[str, str]) -> list[Body]:
    if query["subscribedServiceId"] != POOL_SERVICE:
        return []
    start, end = _pool(world.ledger)
    used = drawn(world.ledger)
    later = end.replace(year=end.year + 1)
    terms = ((oci.POOL, start, end, used), (NEXT_POOL, end, later, Decimal(0)))
    return [
        {
            "id": name,
            "subscribedServiceId": POOL_SERVICE,
            "timeStart": at(first),
            "timeEnd": at(last),
            "quantity": money(oci.POOL_GRANTED),
            "usedAmount": money(taken),
            "availableAmount": money(oci.POOL_GRANTED - taken),
            "fundedAllocationValue": None,
        }
        for name, first, last, taken in terms
    ]


def whole_service(world: World, service: str) -> Body:
    subscription = OTHER if service == OTHER_SERVICE else oci.CONTRACT
    model = {POOL_SERVICE: "ANNUAL", SUPPORT_SERVICE: "PREPAID"}.get(service, "PAY_AS_YOU_GO")
    found = commitments(world, {"subscribedServiceId": service})
    return _service(world, subscription, service, model) | {
        "commitmentServices": [
            {
                "timeStart": one["timeStart"],
                "timeEnd": one["timeEnd"],
                "quantity": one["quantity"],
                "availableAmount": one["availableAmount"],
                "lineNetAmount": one["quantity"],
                "fundedAllocationValue": None,
            }
            for one in found
        ],
        "rateCards": [],
    }


def computed_lines(ledger: Ledger, query: Mapping[str, str]) -> list[Body]:
    """What was drawn in the asked days, by the day or all together."""
    if query["subscriptionId"] != oci.CONTRACT:
        return []
    first, last = (datetime.fromisoformat(query[key]) for key in ("timeFrom", "timeTo"))
    sums: dict[datetime, Decimal] = defaultdict(Decimal)
    for one in _drawings(ledger):
        if first <= one.start < last:
            day = one.start.replace(hour=0)
            sums[day if query["grouping"] == "DAILY" else first] += one.quantity
    return [
        {
            "quantity": money(cost / oci.GPU_HOUR),
            "product": GPU | {"provisioningGroup": None, "billingCategory": "UCM"},
            "dataCenter": "FRA",
            "timeMeteredOn": at(when),
            "netUnitPrice": money(oci.GPU_HOUR),
            "costUnrounded": money(cost),
            "cost": money(cost.quantize(Decimal("0.01"))),
            "type": "USAGE",
        }
        for when, cost in sorted(sums.items())
    ]


def entries(lines: list[Body], query: Mapping[str, str]) -> list[Body]:
    """Lines as they stand below their service."""
    return [
        {
            "subscriptionId": query["subscriptionId"],
            "parentSubscribedServiceId": POOL_SERVICE,
            "parentProduct": CREDIT_PRODUCT,
            "timeStart": query["timeFrom"],
            "timeEnd": query["timeTo"],
            "planNumber": "P-4410927",
            "currencyCode": oci.CURRENCY,
            "rateCardId": "RC-1",
            "pricingModel": "ANNUAL",
            "aggregatedComputedUsages": lines,
        }
    ][: len(lines)]


def rate_cards(world: World, query: Mapping[str, str]) -> list[Body]:
    if query["subscriptionId"] != oci.CONTRACT:
        return []
    start, end = _pool(world.ledger)
    currency = {"isoCode": oci.CURRENCY, "name": "US Dollar", "stdPrecision": 2}
    common = {
        "subscribedServiceId": POOL_SERVICE,
        "timeStart": at(start),
        "timeEnd": at(end),
        "currency": currency,
        "discretionaryDiscountPercentage": "0",
    }
    price = money(oci.GPU_HOUR)
    return [
        common
        | {
            "product": GPU | {"billingCategory": "UCM"},
            "netUnitPrice": price,
            "overagePrice": price,
            "isTier": False,
            "rateCardTiers": [],
        },
        common
        | {
            "product": STORAGE | {"billingCategory": "UCM"},
            "netUnitPrice": "0",
            "overagePrice": "0",
            "isTier": True,
            "rateCardTiers": [
                {"upToQuantity": "10", "netUnitPrice": "0", "overagePrice": "0"},
                {
                    "upToQuantity": "999999999999999",
                    "netUnitPrice": "0.0255",
                    "overagePrice": "0.0300",
                },
            ],
        },
    ]


def cost_by_day(ledger: Ledger) -> dict[datetime, Decimal]:
    """What the bill says of each day."""
    found: dict[datetime, Decimal] = defaultdict(Decimal)
    for charge in ledger.charges:
        if charge.provider == oci.PROVIDER:
            found[charge.start.replace(hour=0)] += charge.billed
    return found


def usages(ledger: Ledger, asked: Body) -> list[Body]:
    if asked["queryType"] != "COST":
        return []
    first, last = (
        datetime.fromisoformat(asked[key]) for key in ("timeUsageStarted", "timeUsageEnded")
    )
    days = {day: cost for day, cost in sorted(cost_by_day(ledger).items()) if first <= day < last}
    if asked["isAggregateByTime"]:
        return [_usage(first, last, sum(days.values(), Decimal(0)))]
    return [_usage(day, day + DAY, cost) for day, cost in days.items()]


def _usage(start: datetime, end: datetime, cost: Decimal) -> Body:
    return {
        "tenantId": oci.TENANCY,
        "tenantName": "brackenmoor",
        "service": None,
        "skuPartNumber": None,
        "unit": None,
        "timeUsageStarted": at(start),
        "timeUsageEnded": at(end),
        "computedAmount": cost,
        "computedQuantity": cost / oci.GPU_HOUR,
        "attributedCost": money(cost),
        "attributedUsage": "0",
        "overagesFlag": "N",
        "currency": oci.CURRENCY,
        "subscriptionId": None,
        "isForecast": False,
        "tags": [],
    }


@cache
def _packed(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def bill(ledger: Ledger) -> str:
    """The bill as one file, in the order of its hours."""
    charges = (one for one in ledger.charges if one.provider == oci.PROVIDER)
    rows = sorted(charges, key=lambda one: (one.start, one.file))
    return focus.csv_text(VERSIONS[oci.PROVIDER], [one.values for one in rows])


def objects(world: World) -> Kept:
    """The bucket's objects by name, each with the instant it was written."""
    header, *rows = list(csv.reader(io.StringIO(bill(world.ledger))))
    place = header.index("ChargePeriodStart")
    days: dict[str, list[list[str]]] = defaultdict(list)
    for row in rows:
        days[row[place][:10]].append(row)
    found: Kept = {}
    for number, (day, members) in enumerate(sorted(days.items()), start=1):
        written = datetime.fromisoformat(f"{day}T00:00:00+00:00") + timedelta(hours=30)
        folder = f"FOCUS Reports/{day.replace('-', '/')}"
        content = _packed(_csv([header, *members]))
        found[f"{folder}/000100000000{number:04d}-00001.csv.gz"] = content, written
        numbered = f"reports/cost-csv/000100000000{number:04d}.csv.gz"
        found[numbered] = _packed(_legacy(header, members)), written
    begin = world.ledger.start - 3 * DAY
    found[f"FOCUS Reports/{begin:%Y/%m/%d}/0001000000000000-00001.csv.gz"] = b"before", begin
    found["reports/cost-csv/0001000000000000.csv.gz"] = b"before", begin
    return found


def _csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


LEGACY = {
    "lineItem/tenantId": "BillingAccountId",
    "lineItem/intervalUsageStart": "ChargePeriodStart",
    "lineItem/intervalUsageEnd": "ChargePeriodEnd",
    "product/service": "ServiceName",
    "product/resourceId": "ResourceId",
    "usage/billedQuantity": "PricingQuantity",
    "cost/productSku": "SkuId",
    "cost/unitPrice": "ListUnitPrice",
    "cost/myCost": "BilledCost",
    "cost/currencyCode": "BillingCurrency",
}


def _legacy(header: list[str], rows: list[list[str]]) -> str:
    """The older report: its own columns, corrections that name the line they correct."""
    places = [header.index(column) for column in LEGACY.values()]
    correction = header.index("ChargeClass")
    lines = [
        [
            f"ref-{number}",
            *(row[place] for place in places),
            str(row[correction] == "Correction").lower(),
            "ref-0" if row[correction] else "",
        ]
        for number, row in enumerate(rows)
    ]
    names = ["lineItem/referenceNo", *LEGACY, "lineItem/isCorrection", "lineItem/backreferenceNo"]
    return _csv([names, *lines])


def _bucket(kept: Kept, request: Request) -> Response:
    _, _, name = request.path.partition("/o/")
    if name:
        found = kept.get(unquote(name))
        if found is None:
            return refused(404, "ObjectNotFound", "The object was not found in the bucket.")
        if request.headers.get("if-match", _etag(found[0])) != _etag(found[0]):
            return refused(412, "IfMatchFailed", "The If-Match header does not match the ETag.")
        named = {"content-type": "application/x-gzip", "etag": _etag(found[0])}
        return Response(found[0], headers=named)
    query = request.query
    names = sorted(
        name
        for name in kept
        if name.startswith(query.get("prefix", "")) and name >= query.get("start", "")
    )
    items = [
        {
            "name": name,
            "size": len(kept[name][0]),
            "etag": _etag(kept[name][0]),
            "timeCreated": at(kept[name][1] + HOUR),
        }
        for name in names[:PAGE]
    ]
    more = {"nextStartWith": names[PAGE]} if len(names) > PAGE else {}
    return as_json({"objects": items, "prefixes": [], **more})


def _etag(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
