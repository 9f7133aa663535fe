"""Whatever goes wrong on the way is retried within bounds, or said in words; never half an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from tests.providers.gcp.conftest import Stage
from tests.providers.gcp.refusals import (
    CATALOG,
    COMPUTE,
    RESULTS,
    START,
    TABLE,
    THROTTLED,
    UTILIZATION,
    altered,
    each,
    error,
    refusal,
    rows_with,
)
from tests.twin import faults
from tests.twin.exchange import Request, Response
from tests.twin.faults import ALWAYS, Altered, Fault

from trueup.errors import ProviderError
from trueup.fetch.asking import ATTEMPTS_MAX


@each
def test_throttling_waits_as_long_as_it_is_told(
    feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """Retry-After 7 means one wait of 7 seconds."""
    told = error(429, "rateLimitExceeded", "Slow down", retry_after="7")
    rows_with(stage, feed, Fault(told, matching))
    assert slept == [7.0]


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
@pytest.mark.parametrize(("ahead", "least", "most"), [(120, 100, 120), (-120, 0, 0)])
def test_throttling_may_name_an_instant(
    ahead: int, least: int, most: int, zone: str, stage: Stage, slept: list[float]
) -> None:
    """Retry-After as a date, two minutes ahead; or behind, which is no time to wait."""
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    told = error(429, "rateLimitExceeded", "Slow down", retry_after=at.replace("GMT", zone))
    rows_with(stage, "compute-commitments", Fault(told, COMPUTE))
    assert len(slept) == 1
    assert least <= slept[0] <= most


def test_throttling_may_name_what_is_no_time(stage: Stage, slept: list[float]) -> None:
    """As if nothing were said: a wait of 1 to 2 seconds, not of none."""
    told = error(429, "rateLimitExceeded", "Slow down", retry_after="soon")
    rows_with(stage, "compute-commitments", Fault(told, COMPUTE))
    assert len(slept) == 1
    assert 1 <= slept[0] <= 2


def test_throttling_may_have_a_status_only(stage: Stage, slept: list[float]) -> None:
    """A gateway's 429, without Google's reason."""
    told = faults.status(429, b"<html>Too Many Requests</html>")
    rows_with(stage, UTILIZATION, Fault(told, RESULTS))
    assert len(slept) == 1


@each
def test_throttling_without_a_time_waits_longer_and_longer(
    feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """Two refusals, two waits: of 1 to 2 and of 2 to 3 seconds."""
    rows_with(stage, feed, Fault(THROTTLED, matching, times=2))
    first, second = slept
    assert 1 <= first <= 2
    assert 2 <= second <= 3


@each
def test_throttling_without_end_says_so(
    feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """Asked as often as the core asks, no more: the SDK itself retries nothing."""
    said = refusal(stage, feed, THROTTLED, matching)
    assert said.operation == operation
    assert "slow down" in said.reason
    assert "quota" in said.remedy
    assert len(slept) == ATTEMPTS_MAX - 1
    met = [one for one in stage.faults if one.times < ALWAYS]
    assert ALWAYS - met[0].times == ATTEMPTS_MAX


def test_throttling_is_also_said_with_403(stage: Stage, slept: list[float]) -> None:
    """BigQuery's rateLimitExceeded is no missing permission; quotaExceeded is no passing thing."""
    told = error(403, "rateLimitExceeded", "Exceeded rate limits")
    rows_with(stage, UTILIZATION, Fault(told, START))
    assert len(slept) == 1
    spent = error(403, "quotaExceeded", "Custom quota exceeded: Query usage per day")
    said = refusal(stage, UTILIZATION, spent, START)
    assert "refused the request" in said.reason
    assert len(slept) == 1


def test_a_wait_beyond_all_bounds_is_not_waited_for(stage: Stage, slept: list[float]) -> None:
    """Retry-After of an hour: said at once."""
    hour = error(429, "rateLimitExceeded", "Slow down", retry_after="3600")
    refusal(stage, "compute-commitments", hour, COMPUTE)
    assert slept == []


@each
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_of_the_service_is_tried_again(
    status: int, feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """Each kind of 5xx; it may also say when."""
    down = error(status, "backendError", "Sorry", retry_after="3")
    rows_with(stage, feed, Fault(down, matching))
    assert slept == [3.0]


def test_an_error_page_of_a_gateway_is_tried_again(stage: Stage, slept: list[float]) -> None:
    """A 502 in HTML, whose words are none of the API's."""
    page = faults.status(502, b"<html>Bad Gateway</html>")
    rows_with(stage, UTILIZATION, Fault(page, RESULTS), Fault(page, START))
    assert len(slept) == 2


@each
def test_an_error_of_the_service_that_stays_says_so(
    feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """Its words, its operation, and that it was tried."""
    said = refusal(stage, feed, error(503, "backendError", "Sorry about that"), matching)
    assert said.operation == operation
    assert f"{ATTEMPTS_MAX} attempts" in said.reason
    assert "Sorry about that" in said.reason


@each
def test_a_connection_that_is_reset_is_made_again(
    feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """Once is retried; for ever is said."""
    rows_with(stage, feed, Fault(faults.reset, matching))
    assert len(slept) == 1
    said = refusal(stage, feed, faults.reset, matching)
    assert (said.operation, "network failed" in said.reason) == (operation, True)


@each
def test_a_body_that_is_cut_is_asked_for_again(
    feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """Fewer bytes than announced are no answer."""
    rows_with(stage, feed, Fault(faults.truncated, matching))
    assert len(slept) == 1
    said = refusal(stage, feed, faults.truncated, matching)
    assert (said.operation, "ends too soon" in said.reason) == (operation, True)


@each
def test_a_body_that_cannot_be_unpacked_is_asked_for_again(
    feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """Announced as packed, which it is not (any more)."""
    rows_with(stage, feed, Fault(announced_as_packed, matching))
    assert len(slept) == 1
    said = refusal(stage, feed, announced_as_packed, matching)
    assert (said.operation, "cut short" in said.reason) == (operation, True)


def announced_as_packed(_: Request, response: Response) -> Response:
    return replace(response, headers={**response.headers, "content-encoding": "gzip"})


@each
@pytest.mark.parametrize("alter", [faults.shortened, faults.html], ids=["half", "html"])
def test_an_answer_that_is_no_json_is_asked_for_again(
    alter: Altered, feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """Half a document announced as the whole, or a login page, with status 200."""
    rows_with(stage, feed, Fault(alter, matching))
    assert len(slept) == 1
    said = refusal(stage, feed, alter, matching)
    assert said.operation == operation
    assert "not JSON" in said.reason
    assert "proxy" in said.remedy


@each
@pytest.mark.parametrize("body", [b"[]", b'"yes"', b"null"], ids=["list", "text", "null"])
def test_json_of_another_kind_is_no_answer(
    body: bytes, feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """Valid JSON that is no object."""
    said = refusal(stage, feed, lambda _, __: Response(body), matching)
    assert said.operation == operation
    assert "not a JSON object" in said.reason


HALF_A_ROW = {
    "jobComplete": True,
    "totalRows": "1",
    "schema": {"fields": [{"name": "day"}, {"name": "subscription_id"}]},
    "rows": [{"f": [{"v": "2026-10-01"}]}],
}


@pytest.mark.parametrize(
    ("feed", "matching", "body"),
    [
        ("compute-commitments", COMPUTE, {"items": [1]}),
        ("list-prices", CATALOG, {"skus": {"a": 1}}),
        (UTILIZATION, START, {}),
        (UTILIZATION, START, {"jobReference": 5}),
        (UTILIZATION, START, {"jobReference": {"projectId": "p"}}),
        (UTILIZATION, RESULTS, {"jobComplete": True, "totalRows": "1", "rows": [{}]}),
        (UTILIZATION, RESULTS, HALF_A_ROW),
        ("spend-cuds", TABLE, {}),
    ],
    ids=[
        "compute",
        "catalog",
        "empty",
        "no job",
        "half a job",
        "no columns",
        "half a row",
        "no table",
    ],
)
def test_json_of_another_shape_is_no_answer(
    feed: str, matching: str, body: Any, stage: Stage, slept: list[float]
) -> None:
    """What the SDK, or what reads the rows, cannot take is said as that."""
    text = json.dumps(body).encode()
    said = refusal(stage, feed, lambda _, __: Response(text), matching)
    assert "not what the API gives" in said.reason


def test_a_row_of_another_shape_is_no_answer(stage: Stage) -> None:
    """A kind of commitment that nobody knows is said when the rows are made."""

    def odd(_: Request, response: Response) -> Response:
        return replace(response, body=response.body.replace(b'"ACTIVE"', b'"DORMANT"'))

    said = refusal(stage, "compute-commitments", odd, COMPUTE)
    assert (said.operation, "DORMANT" in said.reason) == ("compute-commitments", True)
    assert "not what the API gives" in said.reason


def test_a_table_without_columns_is_no_answer(stage: Stage) -> None:
    """Nothing is asked of it."""
    place = dict(zip(("projectId", "datasetId", "tableId"), "pdt", strict=True))
    stage.faults = [Fault(altered(lambda _: {"tableReference": place}), TABLE)]
    with pytest.raises(ProviderError, match="a table without columns"):
        stage.files()


@each
def test_a_missing_permission_is_named(
    feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """At once, in Google's words and with the permission that the operation needs."""
    words = "Access Denied: Permission denied on resource project brackenmoor-prod"
    said = refusal(stage, feed, error(403, "accessDenied", words), matching)
    needed = {
        "compute.regionCommitments.aggregatedList": "compute.commitments.list",
        "cloudbilling.services.list": "serviceusage.services.use",
        "cloudbilling.services.skus.list": "serviceusage.services.use",
        "bigquery.jobs.query": "bigquery.jobs.create, and bigquery.tables.getData",
        "bigquery.jobs.getQueryResults": "bigquery.jobs.create",
        "bigquery.tables.get": "bigquery.tables.get",
    }
    assert said.operation == operation
    assert f"the permission {needed[operation]}" in said.remedy
    assert "permission is missing" in said.reason
    assert words in said.reason
    assert slept == []


def test_an_api_that_is_not_enabled_is_no_missing_permission(
    stage: Stage, slept: list[float]
) -> None:
    """A 403 as well; Google's words say what to do."""
    words = "Compute Engine API has not been used in project 4100000 before or it is disabled"
    said = refusal(stage, "compute-commitments", error(403, "accessNotConfigured", words), COMPUTE)
    assert "refused the request" in said.reason
    assert words in said.reason


def test_a_table_that_is_not_there_is_said(stage: Stage, slept: list[float]) -> None:
    """Not found, with its name; one that is no name is not even asked for."""
    stage.settings["cud_table"] = "brackenmoor-prod.billing_export.no_such_table"
    with pytest.raises(ProviderError, match="no_such_table") as raised:
        stage.rows("spend-cuds")
    assert "settings" in raised.value.remedy
    stage.asked.clear()
    stage.settings["cud_table"] = "x.y` WHERE TRUE; DROP TABLE `z"
    with pytest.raises(ProviderError, match=r"write project\.dataset\.table"):
        stage.rows("spend-cuds")
    assert stage.asked == []


def test_a_service_that_is_not_on_the_price_list_is_said(stage: Stage) -> None:
    """A name that was mistyped is not passed over."""
    stage.settings["catalog_services"] = ["Vertex AI", "Vertx"]
    with pytest.raises(ProviderError, match="no service 'Vertx'"):
        stage.rows("list-prices")
