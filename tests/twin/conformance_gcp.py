"""Whether an answer is one of the installed SDK's own: nothing unknown, no other type.

Compute Engine's and the price list's answers are protocol buffers, whose JSON form the library
itself reads strictly. BigQuery's client has no such model; its oracle is the discovery document of
the API, which google-api-python-client ships.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

# Operation -> what the SDK reads its answer as: a message, or a schema of the discovery document.
MESSAGES = {
    "compute.regionCommitments.aggregatedList": (
        "google.cloud.compute_v1",
        "CommitmentAggregatedList",
    ),
    "cloudbilling.services.list": ("google.cloud.billing_v1", "ListServicesResponse"),
    "cloudbilling.services.skus.list": ("google.cloud.billing_v1", "ListSkusResponse"),
}
SCHEMAS = {
    "bigquery.jobs.query": "QueryResponse",
    "bigquery.jobs.getQueryResults": "GetQueryResultsResponse",
    "bigquery.tables.get": "Table",
}
# What trueup reads of each operation's answers; `[]`: of every item, `{}`: of every value.
READ = {
    "compute.regionCommitments.aggregatedList": (
        "items{}.commitments[].creationTimestamp",
        "items{}.commitments[].endTimestamp",
        "items{}.commitments[].id",
        "items{}.commitments[].name",
        "items{}.commitments[].resources[].amount",
        "items{}.commitments[].resources[].type",
        "items{}.commitments[].selfLink",
        "items{}.commitments[].startTimestamp",
        "items{}.commitments[].status",
        "items{}.warning.code",
        "nextPageToken",
    ),
    "cloudbilling.services.list": (
        "nextPageToken",
        "services[].displayName",
        "services[].name",
        "services[].serviceId",
    ),
    "cloudbilling.services.skus.list": (
        "nextPageToken",
        "skus[].description",
        "skus[].pricingInfo[].effectiveTime",
        "skus[].pricingInfo[].pricingExpression.tieredRates[].unitPrice.currencyCode",
        "skus[].pricingInfo[].pricingExpression.tieredRates[].unitPrice.nanos",
        "skus[].pricingInfo[].pricingExpression.tieredRates[].unitPrice.units",
        "skus[].pricingInfo[].pricingExpression.usageUnit",
        "skus[].skuId",
    ),
    "bigquery.jobs.query": (
        "jobComplete",
        "jobReference.jobId",
        "jobReference.location",
        "jobReference.projectId",
    ),
    "bigquery.jobs.getQueryResults": (
        "jobComplete",
        "pageToken",
        "rows[].f[].v",
        "schema.fields[].name",
        "totalRows",
    ),
    "bigquery.tables.get": ("schema.fields[].name", "schema.fields[].type", "tableReference"),
}
# Read where they are there, and left out by most answers.
OPTIONAL = {
    "compute.regionCommitments.aggregatedList": (
        "items{}.commitments[].resources[].acceleratorType",
    ),
    "bigquery.tables.get": ("timePartitioning", "schema.fields[].mode", "schema.fields[].fields"),
}
# Read, and never in the twin's answers, by choice: refusals, licences, what a person wrote.
ABSENT = {
    "compute.regionCommitments.aggregatedList": (
        "items{}.commitments[].description",
        "items{}.commitments[].licenseResource.amount",
        "unreachables",
    ),
    "bigquery.jobs.getQueryResults": ("errors",),
    "bigquery.tables.get": ("timePartitioning.field",),
}


def complaints(body: bytes, operation: str) -> list[str]:
    """All that keeps a body from being an answer of the operation."""
    value = json.loads(body, parse_float=Decimal)
    if operation in MESSAGES:
        return _as_message(body, *MESSAGES[operation])
    return list(_walk(value, {"$ref": SCHEMAS[operation]}, "$"))


def missing(bodies: list[bytes], operation: str) -> list[str]:
    """The fields that are read and that no answer has, or, within items, some item lacks."""
    values = [json.loads(body) for body in bodies]
    return [path for path in READ[operation] if not _has(values, path)]


def _as_message(body: bytes, module: str, name: str) -> list[str]:
    """The library's own reader; where a number must be text, it takes either: so that is asked."""
    from google.protobuf import json_format

    kind = getattr(__import__(module, fromlist=[name]), name)
    message = kind.pb(kind())
    try:
        json_format.Parse(body, message, ignore_unknown_fields=False)
    except json_format.ParseError as error:
        return [str(error)]
    written = json_format.MessageToDict(message, use_integers_for_enums=True)
    return list(_retyped(json.loads(body), written, "$"))


def _retyped(given: Any, written: Any, path: str) -> Iterator[str]:
    """Where the library, writing what it read, would write another type."""
    if isinstance(given, dict) and isinstance(written, dict):
        for name, value in given.items():
            if name in written:  # defaults are not written
                yield from _retyped(value, written[name], f"{path}.{name}")
    elif isinstance(given, list) and isinstance(written, list):
        for number, (one, other) in enumerate(zip(given, written, strict=True)):
            yield from _retyped(one, other, f"{path}[{number}]")
    elif isinstance(given, str) != isinstance(written, str):
        yield f"{path}: {given!r} is written {written!r}"


@cache
def _discovery() -> dict[str, Any]:
    place = files("googleapiclient.discovery_cache") / "documents" / "bigquery.v2.json"
    found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))["schemas"]
    return found


def _walk(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = _discovery()[schema["$ref"]]
    kind = schema["type"]
    if kind == "any" or value is None:
        return
    if kind == "object":
        yield from _walk_object(value, schema, path)
    elif kind == "array":
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for number, item in enumerate(value):
            yield from _walk(item, schema["items"], f"{path}[{number}]")
    elif not _is(value, kind, schema.get("format")):
        yield f"{path}: {value!r} is no {schema.get('format') or kind}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"


def _walk_object(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no object"
        return
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, item in value.items():
        inner = known.get(name, others)
        if inner is None:
            yield f"{path}.{name}: there is no such field"
        else:
            yield from _walk(item, inner, f"{path}.{name}")


def _is(value: Any, kind: str, form: str | None) -> bool:
    if kind == "string":
        if not isinstance(value, str):
            return False
        return form not in {"int64", "uint64"} or value.lstrip("-").isdigit()
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _has(values: list[Any], path: str) -> bool:
    """Whether some value has the field, and below a list every item that is there."""
    name, _, rest = path.partition(".")
    key = name.removesuffix("[]").removesuffix("{}")
    found = [value[key] for value in values if isinstance(value, dict) and key in value]
    if name.endswith("{}"):
        inner = [item for value in found for item in value.values()]
        return bool(inner) and _has(inner, rest)
    if name.endswith("[]"):
        inner = [item for value in found for item in value]
        return bool(inner) and all(_has([item], rest) for item in inner)
    return bool(found) and (not rest or _has(found, rest))
