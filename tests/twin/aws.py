"""The first provider's APIs, answered from the world's ledger and from what a test adds to it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from tests.twin.aws_bucket import Bucket
from tests.twin.exchange import Answerer, Request, Response, as_json, paged
from tests.world.aws_bill import PAYER
from tests.world.contracts import Contract, contracts
from tests.world.ledger import ZERO
from tests.world.world import World

HOSTS = r".*\.amazonaws\.com|.*\.api\.aws"
BUCKET, EXPORT = "brackenmoor-billing", "exports/focus"
REGION = "us-east-1"
SETTINGS: dict[str, Any] = {
    "account": PAYER,
    "regions": [REGION],
    "reserved_services": ["Amazon Elastic Compute Cloud - Compute"],
    "rate_services": ["AmazonSageMaker"],
    "export_bucket": BUCKET,
    "export_prefix": EXPORT,
}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "twin",
    "AWS_SECRET_ACCESS_KEY": "twin",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}
KINDS = {"SageMaker Savings Plan": "SageMaker", "Compute Savings Plan": "Compute"}
ONE = 1  # row a page: small, so that every list has several

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Holdings:
    """What the account holds besides the world's plans, as the APIs write it."""

    plans: tuple[Item, ...] = ()
    rates: tuple[Item, ...] = ()
    training_plans: tuple[Item, ...] = ()
    throughputs: tuple[Item, ...] = ()
    instances: tuple[str, ...] = ()  # <item> elements
    databases: tuple[str, ...] = ()  # <ReservedDBInstance> elements
    # (service, ARN, first day, units of an instance) -> used hours of each day
    reservations: tuple[tuple[str, str, date, int, tuple[Decimal, ...]], ...] = ()


def answerer(
    world: World, holdings: Holdings | None = None, bucket: Bucket | None = None
) -> Answerer:
    """Who answers for this provider's hosts."""
    account = Account(world, holdings or Holdings())
    kept = cache(lambda: bucket or Bucket(world, BUCKET, EXPORT))  # packing bills takes a while

    def answer(request: Request) -> Response:
        service = request.host.split(".")[0]
        if ".s3." in request.host:
            return kept().answer(request)
        named = request.headers.get("x-amz-target", "").split(".")[-1]
        asked = request.form if service in {"ec2", "rds"} else request.json()
        operation = named or asked.get("Action") or request.path.lstrip("/")
        answers = account.operations.get((service, operation))
        if answers is None:
            return refusal("UnknownOperationException", f"{service} {operation}")
        return answers(asked if request.body else request.query)

    return answer


def refusal(code: str, message: str, status: int = 400) -> Response:
    """An error as the JSON services write it."""
    return as_json({"__type": f"com.amazonaws.twin#{code}", "message": message}, status)


class Account:
    """One payer's account: its operations by service and name."""

    def __init__(self, world: World, holdings: Holdings) -> None:
        self.world, self.holdings = world, holdings
        self.plans: list[Item] = [*(_plan(one) for one in savings_plans(world)), *holdings.plans]
        self.operations: dict[tuple[str, str], Callable[[dict[str, Any]], Response]] = {
            ("savingsplans", "DescribeSavingsPlans"): self.describe_plans,
            ("savingsplans", "DescribeSavingsPlanRates"): self.describe_rates,
            ("ce", "GetSavingsPlansUtilization"): self.plan_totals,
            ("ce", "GetSavingsPlansUtilizationDetails"): self.plan_details,
            ("ce", "GetReservationUtilization"): self.reservation_use,
            ("ec2", "DescribeReservedInstances"): self.instances,
            ("rds", "DescribeReservedDBInstances"): self.databases,
            ("api", "ListTrainingPlans"): self.training_plans,
            ("bedrock", "provisioned-model-throughputs"): self.throughputs,
        }

    def describe_plans(self, asked: dict[str, Any]) -> Response:
        wanted = [one for one in self.plans if one["state"] in asked.get("states", [one["state"]])]
        return _list("savingsPlans", wanted, asked, "nextToken")

    def describe_rates(self, asked: dict[str, Any]) -> Response:
        services = [
            one["values"] for one in asked.get("filters", ()) if one["name"] == "serviceCode"
        ]
        found = [one for one in self.holdings.rates if [one["serviceCode"]] in services]
        return _list(
            "searchResults", found, asked, "nextToken", savingsPlanId=asked["savingsPlanId"]
        )

    def training_plans(self, asked: dict[str, Any]) -> Response:
        return _list("TrainingPlanSummaries", self.holdings.training_plans, asked, "NextToken")

    def throughputs(self, asked: dict[str, Any]) -> Response:
        return _list("provisionedModelSummaries", self.holdings.throughputs, asked, "nextToken")

    def instances(self, _: dict[str, Any]) -> Response:
        items = "".join(self.holdings.instances)
        return _xml(
            '<DescribeReservedInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
            f"<requestId>00000000-twin</requestId><reservedInstancesSet>{items}"
            "</reservedInstancesSet></DescribeReservedInstancesResponse>"
        )

    def databases(self, asked: dict[str, Any]) -> Response:
        found, marker = paged(list(self.holdings.databases), asked.get("Marker"), ONE)
        more = f"<Marker>{marker}</Marker>" if marker else ""
        return _xml(
            '<DescribeReservedDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/">'
            f"<DescribeReservedDBInstancesResult>{more}<ReservedDBInstances>{''.join(found)}"
            "</ReservedDBInstances></DescribeReservedDBInstancesResult>"
            "<ResponseMetadata><RequestId>00000000-twin</RequestId></ResponseMetadata>"
            "</DescribeReservedDBInstancesResponse>"
        )

    def refused(self, asked: dict[str, Any]) -> Response | None:
        """Why Cost Explorer does not answer, if so."""
        start, end = _time(asked)
        if not start < end <= self.world.ledger.as_of.date():
            return refusal("ValidationException", "the end date is in the future")
        if asked.get("Granularity", "DAILY") not in {"DAILY", "MONTHLY"}:
            return refusal("ValidationException", "granularity is DAILY or MONTHLY")
        if asked.get("GroupBy") and asked.get("Granularity"):
            return refusal("ValidationException", "granularity does not go with groups")
        return None

    def plan_totals(self, asked: dict[str, Any]) -> Response:
        refused = self.refused(asked)
        if refused is not None:
            return refused
        by_day: dict[date, list[Pair]] = defaultdict(list)
        for _, day, figures in _within(used_by_day(self.world), asked):
            by_day[day].append(figures)
        if not by_day:
            return refusal("DataUnavailableException", "no data for the time period")
        return as_json(
            {
                "SavingsPlansUtilizationsByTime": [
                    {"TimePeriod": _day(day), "Utilization": _plan_use(_added(figures))}
                    for day, figures in sorted(by_day.items())
                ],
                "Total": {
                    "Utilization": _plan_use(_added([_added(one) for one in by_day.values()]))
                },
            }
        )

    def plan_details(self, asked: dict[str, Any]) -> Response:
        refused = self.refused(asked)
        if refused is not None:
            return refused
        by_plan: dict[str, list[Pair]] = defaultdict(list)
        for plan, _, figures in _within(used_by_day(self.world), asked):
            by_plan[plan].append(figures)
        found = [
            {
                "SavingsPlanArn": plan,
                "Attributes": {"AccountId": PAYER},
                "Utilization": _plan_use(_added(figures)),
            }
            for plan, figures in sorted(by_plan.items())
        ]
        return _list(
            "SavingsPlansUtilizationDetails", found, asked, "NextToken",
            TimePeriod=asked["TimePeriod"],
        )  # fmt: skip

    def reservation_use(self, asked: dict[str, Any]) -> Response:
        refused = self.refused(asked)
        if refused is not None:
            return refused
        [service] = asked["Filter"]["Dimensions"]["Values"]
        by_arn: dict[tuple[str, int], list[tuple[date, Pair]]] = defaultdict(list)
        for held, arn, first, units, days in self.holdings.reservations:
            for number, used in enumerate(days):
                day = first + timedelta(days=number)
                start, end = _time(asked)
                if held == service and start <= day < end:
                    by_arn[(arn, units)].append((day, (Decimal(24), used)))
        if not by_arn:
            return refusal("DataUnavailableException", "no data for the time period")
        if not asked.get("GroupBy"):
            return as_json(_by_day(by_arn))
        found = [
            {
                "Key": "SUBSCRIPTION_ID",
                "Value": hashlib.sha256(arn.encode()).hexdigest()[:9],
                "Attributes": {"reservationARN": arn, "accountId": PAYER},
                "Utilization": _hours(_added([pair for _, pair in days]), units),
            }
            for (arn, units), days in sorted(by_arn.items())
        ]
        groups, token = paged(found, asked.get("NextPageToken"), ONE)
        return as_json(
            {
                "UtilizationsByTime": [
                    {"TimePeriod": asked["TimePeriod"], "Groups": groups, "Total": {}}
                ],
                "Total": {},
                **({"NextPageToken": token} if token else {}),
            }
        )


Pair = tuple[Decimal, Decimal]  # committed and used


def savings_plans(world: World) -> list[Contract]:
    """The world's contracts with this provider, all of them plans by the hour."""
    return [one for one in contracts(world.ledger) if one.provider == "aws" and one.hourly]


def _plan(one: Contract) -> Item:
    return {
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
        "productTypes": ["SageMaker"] if KINDS[one.type] == "SageMaker" else ["EC2", "Fargate"],
        "currency": one.currency,
        "commitment": format(one.figure, "f"),
        "upfrontPaymentAmount": "0.0",
        "recurringPaymentAmount": format(one.figure, "f"),
        "termDurationInSeconds": int((one.end - one.start).total_seconds()),
        "tags": {},
        "returnableUntil": f"{one.start:%Y-%m-%dT%H:%M:%S.000Z}",
    }


def used_by_day(world: World) -> dict[tuple[str, date], Pair]:
    """Committed and used of each plan on each day, as the provider counts them."""
    used: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    for one in world.ledger.covered:
        used[(one.commitment, one.start.date())] += one.used
    first = world.ledger.start.date()
    return {
        (one.id, day): (24 * one.figure, used[(one.id, day)])
        for one in savings_plans(world)
        for day in (first + timedelta(days=number) for number in range(world.ledger.days))
    }


def _within(
    figures: Mapping[tuple[str, date], Pair], asked: dict[str, Any]
) -> list[tuple[str, date, Pair]]:
    start, end = _time(asked)
    return [(name, day, pair) for (name, day), pair in figures.items() if start <= day < end]


def _time(asked: dict[str, Any]) -> tuple[date, date]:
    start, end = (date.fromisoformat(asked["TimePeriod"][key]) for key in ("Start", "End"))
    return start, end


def _day(day: date) -> dict[str, str]:
    return {"Start": day.isoformat(), "End": (day + timedelta(days=1)).isoformat()}


def _added(figures: list[Pair]) -> Pair:
    return sum((one[0] for one in figures), ZERO), sum((one[1] for one in figures), ZERO)


def _plan_use(figures: Pair) -> dict[str, str]:
    committed, used = figures
    return {
        "TotalCommitment": format(committed, "f"),
        "UsedCommitment": format(used, "f"),
        "UnusedCommitment": format(committed - used, "f"),
        "UtilizationPercentage": format(100 * used / committed, ".10f"),
    }


def _by_day(by_arn: Mapping[tuple[str, int], list[tuple[date, Pair]]]) -> dict[str, Any]:
    by_day: dict[date, list[tuple[Pair, int]]] = defaultdict(list)
    for (_, units), days in by_arn.items():
        for day, pair in days:
            by_day[day].append((pair, units))
    every = [one for some in by_day.values() for one in some]
    return {
        "UtilizationsByTime": [
            {"TimePeriod": _day(day), "Groups": [], "Total": _all_hours(some)}
            for day, some in sorted(by_day.items())
        ],
        "Total": _all_hours(every),
    }


def _all_hours(some: list[tuple[Pair, int]]) -> dict[str, str]:
    return _hours(_added([pair for pair, _ in some]), some[0][1])


def _hours(figures: Pair, units: int) -> dict[str, str]:
    purchased, used = figures
    return {
        "PurchasedHours": format(purchased, "f"),
        "TotalActualHours": format(used, "f"),
        "UnusedHours": format(purchased - used, "f"),
        "PurchasedUnits": format(purchased * units, "f"),
        "TotalActualUnits": format(used * units, "f"),
        "UnusedUnits": format((purchased - used) * units, "f"),
        "UtilizationPercentage": format(100 * used / purchased, ".10f"),
    }


def _list(name: str, items: Any, asked: dict[str, Any], token_name: str, **more: Any) -> Response:
    found, token = paged(list(items), asked.get(token_name), ONE)
    return as_json({name: found, **more, **({token_name: token} if token else {})})


def _xml(body: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return Response(text.encode(), headers={"content-type": "text/xml;charset=UTF-8"})
