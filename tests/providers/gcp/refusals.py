"""What is asked of this provider's twin with faults in the way, and the errors that they end in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.providers.gcp.conftest import Stage
from tests.twin import faults, gcp
from tests.twin.exchange import Request, Response
from tests.twin.faults import ALWAYS, Altered, Fault

from trueup.errors import ProviderError

COMPUTE = r"compute\."
SERVICES, CATALOG = r"cloudbilling\.[^?]*/services\?", r"cloudbilling\.[^?]*/skus\?"
START, RESULTS, TABLE = r"POST bigquery\.", r"GET bigquery\.[^?]*/queries/", r"bigquery.*/tables/"
UTILIZATION = "spend-cuds-utilization"
# Feed, the requests that the fault meets, the operation that an error names.
ASKED = [
    pytest.param(
        "compute-commitments", COMPUTE, "compute.regionCommitments.aggregatedList", id="compute"
    ),
    pytest.param("list-prices", SERVICES, "cloudbilling.services.list", id="services"),
    pytest.param("list-prices", CATALOG, "cloudbilling.services.skus.list", id="catalog"),
    pytest.param(UTILIZATION, START, "bigquery.jobs.query", id="query"),
    pytest.param(UTILIZATION, RESULTS, "bigquery.jobs.getQueryResults", id="results"),
    pytest.param("spend-cuds", TABLE, "bigquery.tables.get", id="table"),
]
each = pytest.mark.parametrize(("feed", "matching", "operation"), ASKED)


def error(status: int, reason: str, message: str, **headers: str) -> Altered:
    """A refusal in Google's words."""
    return faults.status(status, gcp.refused(status, reason, message).body, **headers)


THROTTLED = error(429, "rateLimitExceeded", "Quota exceeded for quota metric 'Queries'")


def rows_with(stage: Stage, feed: str, *given: Fault) -> None:
    """With faults in the way a feed gives what it gives without."""
    expected = stage.rows(feed)
    assert expected
    stage.asked.clear()
    stage.faults = list(given)
    assert stage.rows(feed) == expected


def refusal(stage: Stage, feed: str, alter: Altered, matching: str) -> ProviderError:
    """The error that a fault which stays ends in."""
    stage.asked.clear()
    stage.faults = [Fault(alter, matching, times=ALWAYS)]
    with pytest.raises(ProviderError) as raised:
        stage.rows(feed)
    assert raised.value.provider == "gcp"
    assert raised.value.remedy
    return raised.value


def altered(change: Callable[[Any], Any]) -> Altered:
    """The answer with its JSON changed."""

    def alter(_: Request, response: Response) -> Response:
        return replace(response, body=json.dumps(change(json.loads(response.body))).encode())

    return alter


PAGED = [
    pytest.param("compute-commitments", COMPUTE, "nextPageToken", id="compute"),
    pytest.param("list-prices", CATALOG, "nextPageToken", id="catalog"),
    pytest.param(UTILIZATION, RESULTS, "pageToken", id="results"),
]
pages = pytest.mark.parametrize(("feed", "matching", "name"), PAGED)
