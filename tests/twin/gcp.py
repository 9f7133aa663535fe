"""The second provider's APIs, answered from the world's ledger.

BigQuery's answers are those of its discovery document; the others those of the SDKs' messages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import pyarrow as pa

from tests.twin.exchange import Answerer, Request, Response, as_json, paged
from tests.twin.gcp_tables import CUDS, DETAILED, FOCUS, PSEUDO, Result, Tables
from tests.world import gcp
from tests.world.asserted_gcp import MACHINES, Machines, prices
from tests.world.world import World

HOSTS = r".*\.googleapis\.com"
SETTINGS: dict[str, Any] = {
    "billing_project": gcp.PROJECT,
    "billing_table": FOCUS,
    "detailed_table": DETAILED,
    "cud_table": CUDS,
    "commitment_projects": [gcp.PROJECT],
    "catalog_services": ["Vertex AI", "E505-1604-58F8"],
}
ENVIRONMENT = {
    "GOOGLE_APPLICATION_CREDENTIALS": str(Path(__file__).with_name("gcp_credentials.json"))
}
PAGE = 2  # items a page, at least; results of a query come in three
FIRST = 1  # rows in the answer that starts a query
COMPUTE = "https://www.googleapis.com/compute/v1/projects"
SERVICES = {
    "C7E2-9256-1C43": "Vertex AI",
    "E505-1604-58F8": "Cloud TPU",
    "6F81-5844-456A": "Compute Engine",
}


def answerer(
    world: World, tables: Tables | None = None, machines: Sequence[Machines] = MACHINES
) -> Answerer:
    """Who answers for this provider's hosts."""
    bigquery = BigQuery(world, tables or Tables(world.ledger))
    known: dict[str, Callable[[Request], Response]] = {
        "bigquery": bigquery.answer,
        "compute": partial(_commitments, machines=machines),
        "cloudbilling": _catalog,
        "oauth2": lambda _: as_json(
            {"access_token": "made-up", "expires_in": 3600, "token_type": "Bearer"}
        ),
    }

    def answer(request: Request) -> Response:
        service = request.host.split(".")[0]
        return known[service](request) if service in known else refused(404, "notFound", "no API")

    return answer


def refused(status: int, reason: str, message: str) -> Response:
    """A refusal as these APIs word it."""
    return as_json(
        {
            "error": {
                "code": status,
                "message": message,
                "errors": [{"message": message, "domain": "global", "reason": reason}],
            }
        },
        status,
    )


def _plain(value: object) -> Response:
    """A JSON answer without numbers: of many rows, and quickly."""
    return Response(json.dumps(value).encode(), headers={"content-type": "application/json"})


class BigQuery:
    """jobs.query, jobs.getQueryResults and tables.get."""

    def __init__(self, world: World, tables: Tables) -> None:
        self.world = world
        self.tables = tables
        self.jobs: dict[str, Result] = {}

    def answer(self, request: Request) -> Response:
        parts = unquote(request.path).strip("/").split("/")[4:]  # after bigquery/v2/projects/P
        if request.method == "POST" and parts == ["queries"]:
            return self._query(request)
        if parts[0] == "queries":
            return self._results(request, parts[1])
        if parts[0] == "datasets":
            return self._table(f"{request.path.split('/')[4]}.{parts[1]}.{parts[3]}")
        return refused(404, "notFound", f"Not found: {request.path}")

    def _query(self, request: Request) -> Response:
        sql = request.json()["query"]
        job = f"job_{hashlib.sha256(sql.encode()).hexdigest()[:24]}"
        try:
            self.jobs[job] = self.tables.run(sql)  # a result stays as it is, whatever changes then
        except duckdb.Error as error:
            return refused(400, "invalidQuery", str(error))
        return _plain({"kind": "bigquery#queryResponse", **self._page(job, None, FIRST)})

    def _results(self, request: Request, job: str) -> Response:
        if job not in self.jobs:
            return refused(404, "notFound", f"Not found: Job {job}")
        rows = len(self.jobs[job][1])
        page = self._page(job, request.query.get("pageToken"), max(PAGE, -(-rows // 3)))
        fields = request.query.get("fields")
        whole = {"kind": "bigquery#getQueryResultsResponse", "etag": job, **page}
        kept = fields.split(",") if fields else list(whole)
        return _plain({name: value for name, value in whole.items() if name in kept})

    def _page(self, job: str, token: str | None, size: int) -> dict[str, Any]:
        names, rows = self.jobs[job]
        some, following = paged(rows, token, size)
        return {
            "schema": {
                "fields": [{"name": name, "type": "STRING", "mode": "NULLABLE"} for name in names]
            },
            "jobReference": {"projectId": gcp.PROJECT, "jobId": job, "location": "EU"},
            "totalRows": str(len(rows)),
            "rows": [{"f": [{"v": value} for value in row]} for row in some],
            "totalBytesProcessed": "1048576",
            "jobComplete": True,
            "cacheHit": False,
            **({"pageToken": following} if following else {}),
        }

    def _table(self, name: str) -> Response:
        if name not in self.tables.columns:
            return refused(404, "notFound", f"Not found: Table {name}")
        project, dataset, table = name.split(".")
        columns = self.tables.columns[name]
        described: dict[str, Any] = {
            "kind": "bigquery#table",
            "etag": "made-up",
            "id": f"{project}:{dataset}.{table}",
            "tableReference": {"projectId": project, "datasetId": dataset, "tableId": table},
            "type": "VIEW" if name == FOCUS else "TABLE",
            "location": "EU",
            "schema": {
                "fields": [
                    _field(column, kind) for column, kind in columns.items() if column not in PSEUDO
                ]
            },
        }
        if name != FOCUS:
            described["timePartitioning"] = {"type": "DAY"}
        return as_json(described)


KINDS = {
    pa.string(): "STRING",
    pa.float64(): "FLOAT",
    pa.decimal128(38, 9): "NUMERIC",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP",
}


def _field(name: str, kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {**_field(name, kind.value_type), "mode": "REPEATED"}
    if pa.types.is_struct(kind):
        fields = [_field(one.name, one.type) for one in kind]
        return {"name": name, "type": "RECORD", "mode": "NULLABLE", "fields": fields}
    return {"name": name, "type": KINDS[kind], "mode": "NULLABLE"}


def _commitments(request: Request, machines: Sequence[Machines]) -> Response:
    """aggregatedList: by region, most of which have nothing to show."""
    project = request.path.split("/")[4]
    regions = ["africa-south1", *sorted({one.region for one in machines}), "us-west1"]
    some, following = paged(regions, request.query.get("pageToken"), PAGE)
    return as_json(
        {
            "kind": "compute#commitmentAggregatedList",
            "id": f"projects/{project}/aggregated/commitments",
            "items": {f"regions/{region}": _region(project, region, machines) for region in some},
            "selfLink": f"{COMPUTE}/{project}/aggregated/commitments",
            **({"nextPageToken": following} if following else {}),
        }
    )


def _region(project: str, region: str, machines: Sequence[Machines]) -> dict[str, Any]:
    found = [_machines(project, one) for one in machines if one.region == region]
    if found:
        return {"commitments": found}
    message = f"There are no results for scope 'regions/{region}' on this page."
    scope = [{"key": "scope", "value": f"regions/{region}"}]
    return {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": message, "data": scope}}


def _machines(project: str, one: Machines) -> dict[str, Any]:
    place = f"{COMPUTE}/{project}/regions/{one.region}"
    return {
        "kind": "compute#commitment",
        "id": str(4_100_000_000_000_000 + int.from_bytes(one.name.encode()[:3])),
        "creationTimestamp": "2026-03-14T09:26:53.589-07:00",
        "name": one.name,
        "region": place,
        "selfLink": f"{place}/commitments/{one.name}",
        "status": one.status,
        "statusMessage": "",
        "plan": "TWELVE_MONTH",
        "startTimestamp": "2026-03-15T00:00:00.000-07:00",
        "endTimestamp": "2027-03-15T00:00:00.000-07:00",
        "category": "MACHINE",
        "type": "ACCELERATOR_OPTIMIZED",
        "autoRenew": False,
        "resources": [
            {"type": kind, "amount": str(amount)}
            | ({"acceleratorType": f"{place}/acceleratorTypes/{accel}"} if accel else {})
            for kind, accel, amount in one.resources
        ],
    }


def _catalog(request: Request) -> Response:
    asked = request.path.strip("/").split("/")
    token = request.query.get("pageToken")
    if asked[-1] == "services":
        found, following = paged([_service(*one) for one in SERVICES.items()], token, PAGE)
        return as_json({"services": found, "nextPageToken": following or ""})
    if asked[2] not in SERVICES:
        return refused(404, "notFound", f"Service {asked[2]} not found")
    found, following = paged(skus(asked[2]), token, PAGE)
    return as_json({"skus": found, "nextPageToken": following or ""})


def _service(number: str, name: str) -> dict[str, Any]:
    return {
        "name": f"services/{number}",
        "serviceId": number,
        "displayName": name,
        "businessEntityName": "businessEntities/GCP",
    }


def skus(service: str) -> list[dict[str, Any]]:
    """What a service sells: also one thing whose price depends on how much is used."""
    found = [
        _sku(service, str(one["sku"]), str(one["unit"]), [(Decimal(0), Decimal(str(one["price"])))])
        for one in prices()
        if str(one["sku"]).startswith("TPU") == (SERVICES[service] == "Cloud TPU")
    ]
    tiers = [(Decimal(0), Decimal(0)), (Decimal(60), Decimal("0.01"))]
    return [*found, _sku(service, f"{SERVICES[service]} storage", "GiBy.mo", tiers)]


def _sku(
    service: str, name: str, unit: str, tiers: list[tuple[Decimal, Decimal]]
) -> dict[str, Any]:
    digits = hashlib.sha256(name.encode()).hexdigest().upper()
    number = f"{digits[:4]}-{digits[4:8]}-{digits[8:12]}"
    return {
        "name": f"services/{service}/skus/{number}",
        "skuId": number,
        "description": name,
        "category": {
            "serviceDisplayName": SERVICES[service],
            "resourceFamily": "ApplicationServices",
            "resourceGroup": "Made up",
            "usageType": "OnDemand",
        },
        "serviceRegions": ["europe-west4"],
        "pricingInfo": [
            {
                "summary": "",
                "pricingExpression": {
                    "usageUnit": unit,
                    "usageUnitDescription": unit,
                    "baseUnit": unit,
                    "baseUnitDescription": unit,
                    "baseUnitConversionFactor": 1,
                    "displayQuantity": 1,
                    "tieredRates": [
                        {"startUsageAmount": start, "unitPrice": _money(price)}
                        for start, price in tiers
                    ],
                },
                "currencyConversionRate": 1,
                "effectiveTime": "2026-09-30T22:00:00.000Z",
            }
        ],
        "serviceProviderName": "Google",
        "geoTaxonomy": {"type": 2, "regions": ["europe-west4"]},
    }


def _money(price: Decimal) -> dict[str, Any]:
    whole = int(price)
    return {
        "currencyCode": gcp.CURRENCY,
        "units": str(whole),
        "nanos": int((price - whole).scaleb(9)),
    }
