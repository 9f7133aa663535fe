"""The first provider's APIs, answered from the world's ledger."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from tests.twin.exchange import Answerer, Request, Response, as_json, paged
from tests.world import aws_bill
from tests.world.bills import bills
from tests.world.contracts import Contract, contracts
from tests.world.world import World

HOSTS = r".*\.amazonaws\.com|.*\.api\.aws"
BUCKET, PREFIX = "brackenmoor-billing", "exports/focus"
PAGE = 2  # rows a page: small, so that every list has several
KINDS = {"SageMaker Savings Plan": "SageMaker", "Compute Savings Plan": "Compute"}


def answerer(world: World) -> Answerer:
    """Who answers for this provider's hosts."""

    def answer(request: Request) -> Response:
        service = request.host.split(".")[0]
        target = request.headers.get("x-amz-target", "").split(".")[-1]
        if service == "savingsplans":
            return as_json(_plans(world, request.json()))
        if service == "ce" and target == "GetSavingsPlansUtilizationDetails":
            return as_json(_details(world, request.json()))
        if service == "ce" and target == "GetSavingsPlansUtilization":
            return as_json(_utilization(world, request.json()))
        if ".s3." in request.host:
            return _bucket(world, request)
        return as_json({"__type": "UnknownOperationException", "message": target}, 400)

    return answer


def _of_aws(world: World) -> list[Contract]:
    return [one for one in contracts(world.ledger) if one.provider == "aws" and one.hourly]


def _plans(world: World, asked: dict[str, Any]) -> dict[str, Any]:
    found, token = paged(_of_aws(world), asked.get("nextToken"), 1)
    return {
        "savingsPlans": [
            {
                "offeringId": hashlib.sha256(one.id.encode()).hexdigest()[:32],
                "savingsPlanId": one.contract,
                "savingsPlanArn": one.id,
                "description": f"{one.type} {one.contract}",
                "start": f"{one.start:%Y-%m-%dT%H:%M:%S.000Z}",
                "end": f"{one.end:%Y-%m-%dT%H:%M:%S.000Z}",
                "state": "active",
                "region": "",
                "savingsPlanType": KINDS[one.type],
                "paymentOption": "No Upfront",
                "productTypes": ["SageMaker"],
                "currency": one.currency,
                "commitment": format(one.figure, "f"),
                "upfrontPaymentAmount": "0.0",
                "recurringPaymentAmount": format(one.figure, "f"),
                "termDurationInSeconds": int((one.end - one.start).total_seconds()),
                "tags": {},
            }
            for one in found
        ],
        **({"nextToken": token} if token else {}),
    }


def used_by_day(world: World) -> dict[tuple[str, date], tuple[Decimal, Decimal]]:
    """Committed and used of each plan on each day, as the provider counts them."""
    used: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    for one in world.ledger.covered:
        used[(one.commitment, one.start.date())] += one.used
    return {
        (one.id, day): (24 * one.figure, used[(one.id, day)])
        for one in _of_aws(world)
        for day in _days(world.ledger.start.date(), world.ledger.end.date())
    }


def _days(start: date, end: date) -> list[date]:
    return [date.fromordinal(number) for number in range(start.toordinal(), end.toordinal())]


def _figures(committed: Decimal, used: Decimal) -> dict[str, str]:
    return {
        "TotalCommitment": format(committed, "f"),
        "UsedCommitment": format(used, "f"),
        "UnusedCommitment": format(committed - used, "f"),
        "UtilizationPercentage": format(100 * used / committed, ".10f"),
    }


def _within(world: World, asked: dict[str, Any]) -> dict[str, list[tuple[Decimal, Decimal]]]:
    start, end = (date.fromisoformat(asked["TimePeriod"][key]) for key in ("Start", "End"))
    found: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for (plan, day), figures in used_by_day(world).items():
        if start <= day < end:
            found[plan].append(figures)
    return found


def _added(figures: list[tuple[Decimal, Decimal]]) -> tuple[Decimal, Decimal]:
    return sum((one[0] for one in figures), Decimal(0)), sum(
        (one[1] for one in figures), Decimal(0)
    )


def _details(world: World, asked: dict[str, Any]) -> dict[str, Any]:
    found, token = paged(sorted(_within(world, asked).items()), asked.get("NextToken"), 1)
    return {
        "SavingsPlansUtilizationDetails": [
            {"SavingsPlanArn": plan, "Attributes": {}, "Utilization": _figures(*_added(figures))}
            for plan, figures in found
        ],
        "TimePeriod": asked["TimePeriod"],
        **({"NextToken": token} if token else {}),
    }


def _utilization(world: World, asked: dict[str, Any]) -> dict[str, Any]:
    whole = _added([_added(figures) for figures in _within(world, asked).values()])
    return {"Total": {"Utilization": _figures(*whole)}}


def objects(world: World) -> dict[str, bytes]:
    """The bucket's objects by key."""
    month = f"{world.ledger.start:%Y-%m}"
    return {
        f"{PREFIX}/data/BILLING_PERIOD={month}/{path.rsplit('/', 1)[-1]}": content
        for path, content in bills(world.ledger).items()
        if path.startswith(f"bills/{aws_bill.PROVIDER}/")
    }


def _bucket(world: World, request: Request) -> Response:
    kept = objects(world)
    if "list-type" in request.query:
        found = sorted(key for key in kept if key.startswith(request.query.get("prefix", "")))
        keys, token = paged(found, request.query.get("continuation-token"), 10)
        return _listing(kept, keys, token, world.ledger.as_of)
    content = kept.get(unquote(request.path).lstrip("/"))
    if content is None:
        return Response(b"<Error><Code>NoSuchKey</Code></Error>", 404, XML)
    return Response(content, headers={"etag": _etag(content), "content-type": "application/gzip"})


XML = {"content-type": "application/xml"}


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _listing(kept: dict[str, bytes], keys: list[str], token: str | None, at: datetime) -> Response:
    items = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>{at:%Y-%m-%dT%H:%M:%S.000Z}"
        f"</LastModified><ETag>{escape(_etag(kept[key]))}</ETag><Size>{len(kept[key])}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for key in keys
    )
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{BUCKET}</Name><IsTruncated>{'true' if token else 'false'}</IsTruncated>"
        f"{more}<KeyCount>{len(keys)}</KeyCount>{items}</ListBucketResult>"
    )
    return Response(body.encode(), headers=XML)
