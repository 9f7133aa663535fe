"""Whether an answer has the shape of the installed SDK's own model: walked over the raw body."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as Xml
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

# What trueup reads of each answer. Paths as in ``savingsPlans[].state``; XML by its elements.
READ: dict[tuple[str, str], tuple[str, ...]] = {
    ("savingsplans", "DescribeSavingsPlans"): tuple(
        f"savingsPlans[].{name}"
        for name in (
            "savingsPlanArn", "savingsPlanId", "savingsPlanType", "state", "start", "end",
            "currency", "commitment", "paymentOption", "description",
        )
    ),
    ("savingsplans", "DescribeSavingsPlanRates"): tuple(
        f"searchResults[].{name}"
        for name in ("serviceCode", "usageType", "operation", "unit", "rate", "currency")
    ),
    ("ce", "GetSavingsPlansUtilization"): (
        "SavingsPlansUtilizationsByTime[].TimePeriod.Start",
        *(
            f"{place}.Utilization.{name}"
            for place in ("SavingsPlansUtilizationsByTime[]", "Total")
            for name in ("TotalCommitment", "UsedCommitment", "UnusedCommitment")
        ),
    ),
    ("ce", "GetSavingsPlansUtilizationDetails"): tuple(
        f"SavingsPlansUtilizationDetails[].{name}"
        for name in (
            "SavingsPlanArn", "Utilization.TotalCommitment", "Utilization.UsedCommitment",
            "Utilization.UnusedCommitment",
        )
    ),
    ("ce", "GetReservationUtilization"): tuple(
        f"UtilizationsByTime[].Groups[].{name}"
        for name in (
            "Attributes.reservationARN", "Utilization.PurchasedHours",
            "Utilization.TotalActualHours", "Utilization.UnusedHours",
            "Utilization.PurchasedUnits", "Utilization.TotalActualUnits",
            "Utilization.UnusedUnits",
        )
    ),
    ("sagemaker", "ListTrainingPlans"): tuple(
        f"TrainingPlanSummaries[].{name}"
        for name in (
            "TrainingPlanArn", "TrainingPlanName", "Status", "UpfrontFee", "CurrencyCode",
            *(
                f"ReservedCapacitySummaries[].{inner}"
                for inner in (
                    "ReservedCapacityArn", "InstanceType", "TotalInstanceCount", "Status",
                    "StartTime", "EndTime",
                )
            ),
        )
    ),
    ("bedrock", "ListProvisionedModelThroughputs"): tuple(
        f"provisionedModelSummaries[].{name}"
        for name in (
            "provisionedModelArn", "provisionedModelName", "foundationModelArn", "modelUnits",
            "status", "commitmentDuration", "commitmentExpirationTime", "creationTime",
        )
    ),
    ("ec2", "DescribeReservedInstances"): tuple(
        f"reservedInstancesSet.item.{name}"
        for name in (
            "reservedInstancesId", "instanceType", "scope", "instanceTenancy",
            "productDescription", "instanceCount", "state", "start", "end", "duration",
            "offeringType", "currencyCode", "fixedPrice", "recurringCharges.item.amount",
            "recurringCharges.item.frequency",
        )
    ),
    ("rds", "DescribeReservedDBInstances"): tuple(
        f"DescribeReservedDBInstancesResult.ReservedDBInstances.ReservedDBInstance.{name}"
        for name in (
            "ReservedDBInstanceArn", "ReservedDBInstanceId", "DBInstanceClass",
            "ProductDescription", "MultiAZ", "DBInstanceCount", "State", "StartTime", "Duration",
            "OfferingType", "CurrencyCode", "FixedPrice",
            "RecurringCharges.RecurringCharge.RecurringChargeAmount",
            "RecurringCharges.RecurringCharge.RecurringChargeFrequency",
        )
    ),
    ("s3", "ListObjectsV2"): tuple(
        f"Contents.{name}" for name in ("Key", "ETag", "Size", "LastModified")
    ),
}  # fmt: skip
XML_SERVICES = {"ec2", "rds", "s3"}


@cache
def model(service: str) -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model(service)


def complaints(service: str, operation: str, body: bytes) -> list[str]:
    """What of a body the model of the operation's answer does not know, or knows otherwise."""
    shape = model(service).operation_model(operation).output_shape
    if service not in XML_SERVICES:
        return list(_json(shape, json.loads(body, parse_float=Decimal), operation))
    root = Xml.fromstring(body)  # noqa: S314  what the twin wrote
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return list(_root(service, shape, root, operation))


def _root(service: str, shape: Any, root: Xml.Element, at: str) -> Iterator[str]:
    wrapper = shape.serialization.get("resultWrapper")
    if wrapper:
        outside = {child.tag for child in root} - {wrapper, "ResponseMetadata"}
        yield from (f"{at}: unknown element {tag}" for tag in sorted(outside))
        inner = root.find(wrapper)
        if inner is None:
            yield f"{at}: no {wrapper}"
            return
        root = inner
    yield from _xml(shape, root, at, beside={"requestId"} if service == "ec2" else set())


def _json(shape: Any, value: Any, at: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            yield f"{at}: {value!r} is no structure"
            return
        yield from _members(shape, set(value), at)
        for name in value.keys() & shape.members.keys():
            yield from _json(shape.members[name], value[name], f"{at}.{name}")
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{at}: {value!r} is no list"
            return
        for item in value:
            yield from _json(shape.member, item, f"{at}[]")
    elif kind == "map":
        if not isinstance(value, dict):
            yield f"{at}: {value!r} is no map"
            return
        for item in value.values():
            yield from _json(shape.value, item, f"{at}{{}}")
    elif not _is_scalar(shape, value):
        yield f"{at}: {value!r} is no {kind}"
    else:
        yield from _enum(shape, value, at)


def _is_scalar(shape: Any, value: Any) -> bool:
    kind = shape.type_name
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in {"integer", "long"}:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in {"float", "double"}:
        return isinstance(value, int | Decimal) and not isinstance(value, bool)
    if kind == "timestamp":
        if shape.serialization.get("timestampFormat") == "iso8601":
            return isinstance(value, str) and _is_instant(value)
        return isinstance(value, int | Decimal) and not isinstance(value, bool)
    return kind == "string" and isinstance(value, str)


def _members(shape: Any, given: set[str], at: str) -> Iterator[str]:
    yield from (f"{at}: unknown field {name}" for name in sorted(given - shape.members.keys()))
    missing = set(shape.required_members) - given
    yield from (f"{at}: required field {name} is missing" for name in sorted(missing))


def _enum(shape: Any, value: Any, at: str) -> Iterator[str]:
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield f"{at}: {value!r} is not one of {len(allowed)} known values"


def _xml(shape: Any, element: Xml.Element, at: str, beside: set[str]) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        named = {_name(name, member): member for name, member in shape.members.items()}
        counted = [child.tag for child in element]
        for child in element:
            inner = f"{at}.{child.tag}"
            member = named.get(child.tag)
            if member is None:
                if child.tag not in beside:
                    yield f"{at}: unknown element {child.tag}"
            elif member.type_name == "list" and member.serialization.get("flattened"):
                yield from _xml(member.member, child, inner, set())
            else:
                if counted.count(child.tag) > 1:
                    yield f"{at}: {child.tag} more than once"
                yield from _xml(member, child, inner, set())
    elif kind == "list":
        item = shape.member.serialization.get("name", "member")
        for child in element:
            if child.tag != item:
                yield f"{at}: unknown element {child.tag}"
            else:
                yield from _xml(shape.member, child, f"{at}.{item}", set())
    else:
        yield from _xml_scalar(shape, element, at)


def _name(name: str, member: Any) -> str:
    found: str = member.serialization.get("name", name)
    if member.type_name == "list" and member.serialization.get("flattened"):
        found = member.member.serialization.get("name", found)
    return found


def _xml_scalar(shape: Any, element: Xml.Element, at: str) -> Iterator[str]:
    text, kind = element.text or "", shape.type_name
    tests: dict[str, Callable[[], bool]] = {
        "boolean": lambda: text in {"true", "false"},
        "integer": lambda: re.fullmatch(r"-?\d+", text) is not None,
        "long": lambda: re.fullmatch(r"-?\d+", text) is not None,
        "float": lambda: _is_number(text),
        "double": lambda: _is_number(text),
        "timestamp": lambda: _is_instant(text),
    }
    if len(element) or not tests.get(kind, lambda: True)():
        yield f"{at}: {text!r} is no {kind}"
    else:
        yield from _enum(shape, text, at)


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
