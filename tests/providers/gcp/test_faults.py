"""Whatever goes wrong on the way is retried within bounds, or said in words; never half an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from tests.providers.gcp.conftest import Stage
from tests.twin import faults, gcp
from tests.twin.exchange import Request, Response
from tests.twin.faults import ALWAYS, Altered, Fault

from trueup.errors import ProviderError
from trueup.fetch import asking
from trueup.fetch.asking import ATTEMPTS_MAX
from trueup.fetch.feeds import READINGS_MAX
from trueup.providers.gcp import catalog, client, compute

COMPUTE, CATALOG = r"compute\.", r"cloudbilling\.[^?]*/skus\?"
START, RESULTS, TABLE = r"POST bigquery\.", r"GET bigquery\.[^?]*/queries/", r"bigquery.*/tables/"
UTILIZATION = "spend-cuds-utilization"
# Feed, the requests that the fault meets, the operation that an error names.
ASKED = [
    pytest.param(
        "compute-commitments", COMPUTE, "compute.regionCommitments.aggregatedList", id="compute"
    ),
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


@each
def test_throttling_waits_as_long_as_it_is_told(
    feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """Retry-After 7 means one wait of 7 seconds."""
    told = error(429, "rateLimitExceeded", "Slow down", retry_after="7")
    rows_with(stage, feed, Fault(told, matching))
    assert slept == [7.0]


def test_throttling_may_name_an_instant(stage: Stage, slept: list[float]) -> None:
    """Retry-After as a date, two minutes ahead."""
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True)
    told = error(429, "rateLimitExceeded", "Slow down", retry_after=at)
    rows_with(stage, "compute-commitments", Fault(told, COMPUTE))
    assert len(slept) == 1
    assert 100 < slept[0] <= 120


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


@pytest.mark.parametrize(
    ("feed", "matching", "body"),
    [
        ("compute-commitments", COMPUTE, {"items": [1]}),
        ("list-prices", CATALOG, {"skus": {"a": 1}}),
        (UTILIZATION, START, {}),
        (UTILIZATION, START, {"jobReference": 5}),
        (UTILIZATION, START, {"jobReference": {"projectId": "p"}}),
        (UTILIZATION, RESULTS, {"jobComplete": True, "totalRows": "1", "rows": [{}]}),
        ("spend-cuds", TABLE, {}),
    ],
    ids=["compute", "catalog", "empty", "no job", "half a job", "no columns", "no table"],
)
def test_json_of_another_shape_is_no_answer(
    feed: str, matching: str, body: Any, stage: Stage, slept: list[float]
) -> None:
    """What the SDK, or what reads the rows, cannot take is said as that."""
    text = json.dumps(body).encode()
    said = refusal(stage, feed, lambda _, __: Response(text), matching)
    assert "not what the API gives" in said.reason


@each
def test_a_missing_permission_is_named(
    feed: str, matching: str, operation: str, stage: Stage, slept: list[float]
) -> None:
    """At once, in Google's words and with the permission that the operation needs."""
    words = "Access Denied: Permission denied on resource project brackenmoor-prod"
    said = refusal(stage, feed, error(403, "accessDenied", words), matching)
    needed = {
        "compute.regionCommitments.aggregatedList": "compute.commitments.list",
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


# Credentials: the live way, with a file and its refresh token.


@pytest.fixture
def live(stage: Stage) -> Iterator[Stage]:
    """Connected as in production, by Application Default Credentials."""
    kept, stage.connection = stage.connection, client.connect(stage.settings, offline=False)
    yield stage
    stage.connection = kept


def token(body: dict[str, str], status: int = 400) -> Altered:
    return faults.status(status, json.dumps(body).encode())


TOKENS = r"oauth2\."


@each
def test_expired_credentials_are_said(
    feed: str, matching: str, operation: str, live: Stage, slept: list[float]
) -> None:
    """The refresh token is refused: nothing is retried, what to do is said."""
    expired = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    said = refusal(live, feed, token(expired), TOKENS)
    assert "no valid credentials" in said.reason
    assert "expired or revoked" in said.reason
    assert "renew the credentials" in said.remedy
    assert slept == []


@each
def test_a_token_that_the_api_refuses_is_renewed_and_then_said(
    feed: str, matching: str, operation: str, live: Stage, slept: list[float]
) -> None:
    """401 from the API itself: one that passes costs a renewal, one that stays is said."""
    invalid = error(401, "authError", "Request had invalid authentication credentials.")
    rows_with(live, feed, Fault(invalid, matching))
    assert live.count("oauth2") >= 1
    said = refusal(live, feed, invalid, matching)
    assert said.operation == operation
    assert "no valid credentials" in said.reason
    assert slept == []


def test_credentials_that_only_replay_are_no_credentials(stage: Stage, slept: list[float]) -> None:
    """What stands in for credentials in a replay is refused by the real thing, in words."""
    invalid = error(401, "authError", "Request is missing required authentication credential.")
    said = refusal(stage, "compute-commitments", invalid, COMPUTE)
    assert "no valid credentials" in said.reason


def test_missing_credentials_are_said_before_anything_is_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No file, no login, no machine of Google's: a hint how to log in."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(ProviderError, match="no valid credentials") as raised:
        client.connect(stage.settings, offline=False)
    assert "gcloud auth application-default login" in raised.value.remedy
    assert stage.asked == []


@pytest.mark.parametrize("text", ["", "{", '{"type": "made_up"}'], ids=["empty", "half", "kind"])
def test_a_key_file_that_is_none_is_said(
    text: str, stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever is wrong with it."""
    file = tmp_path / "key.json"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    with pytest.raises(ProviderError, match="no valid credentials"):
        client.connect(stage.settings, offline=False)


def test_a_clock_that_is_wrong_is_said_by_the_token_endpoint(
    live: Stage, slept: list[float]
) -> None:
    """A signed assertion dated by this machine's clock."""
    skewed = {
        "error": "invalid_grant",
        "error_description": "Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
        "reasonable timeframe. Check your iat and exp values in the JWT claim.",
    }
    said = refusal(live, "compute-commitments", token(skewed), TOKENS)
    assert "clock differs" in said.reason
    assert "NTP" in said.remedy
    assert slept == []


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_wrong_is_seen_in_a_refusal(
    hours: int, live: Stage, slept: list[float]
) -> None:
    """Two hours between the date of a 401 and this machine."""
    at = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    invalid = error(401, "authError", "Invalid credentials", date=at)
    said = refusal(live, "compute-commitments", invalid, COMPUTE)
    assert "clock differs" in said.reason
    assert re.search({2: r"-7,(199|200) s", -2: r"\+7,20\d s"}[hours], said.reason)


# Pages


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


@pages
def test_a_token_that_repeats_is_no_end_and_no_loop(
    feed: str, matching: str, name: str, stage: Stage
) -> None:
    """Every page names the same next one."""
    same = altered(lambda page: {**page, name: "1"})
    said = refusal(stage, feed, same, matching)
    assert f"{READINGS_MAX} times" in said.reason
    assert "given before" in said.reason or "repeats an earlier page" in said.reason


def first_again(name: str) -> Altered:
    """The content of the first page instead of each later one, under the later one's token."""
    first: dict[str, Any] = {}

    def alter(request: Request, response: Response) -> Response:
        page = json.loads(response.body)
        if "pageToken=" not in request.query_text:
            first.clear()
            first.update(page)
            return response
        again = {key: value for key, value in first.items() if key != name}
        if name in page:
            again[name] = page[name]
        return replace(response, body=json.dumps(again).encode())

    return alter


@pages
def test_a_page_that_comes_twice_is_read_again(
    feed: str, matching: str, name: str, stage: Stage
) -> None:
    """The first page again instead of the second: then all of it anew."""
    rows_with(stage, feed, Fault(first_again(name), matching, times=2))


@pages
def test_a_page_that_comes_twice_each_time_is_said(
    feed: str, matching: str, name: str, stage: Stage
) -> None:
    """Never counted twice, never counted for another: an error."""
    said = refusal(stage, feed, first_again(name), matching)
    assert f"{READINGS_MAX} times" in said.reason


@each
def test_an_answer_that_never_comes_is_not_waited_for(
    feed: str,
    matching: str,
    operation: str,
    stage: Stage,
    slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each try ends after the time that a request may take."""
    over = Event()

    def silent(_: Request, response: Response) -> Response:
        over.wait(30)
        return response

    stage.rows(feed)  # everything is made and warm
    for module in (client, catalog, compute):
        monkeypatch.setattr(module, "SECONDS", 0.4)
    monkeypatch.setattr(asking, "ATTEMPTS_MAX", 2)
    said = refusal(stage, feed, silent, matching)
    over.set()
    assert said.operation == operation
    assert "network failed" in said.reason
    assert "timed out" in said.reason
    assert len(slept) == 1


def test_a_query_that_does_not_end_is_asked_about_and_then_said(
    stage: Stage, slept: list[float]
) -> None:
    """Not complete yet: asked again, without rows being taken for none; an end after 10 minutes."""
    running = altered(lambda _: {"jobComplete": False})
    rows_with(stage, UTILIZATION, Fault(running, RESULTS, times=3))
    assert slept == []
    said = refusal(stage, UTILIZATION, running, RESULTS)
    assert "still runs after 10 minutes" in said.reason
    assert (
        stage.count("GET bigquery.googleapis.com/bigquery/v2/projects/brackenmoor-prod/queries/")
        == client.POLLS_MAX
    )


def test_a_query_that_fails_on_the_way_is_said(stage: Stage, slept: list[float]) -> None:
    """An error in a result without rows is no empty result."""
    failed = altered(
        lambda _: {"jobComplete": True, "totalRows": "0", "errors": [{"message": "Out of memory"}]}
    )
    said = refusal(stage, UTILIZATION, failed, RESULTS)
    assert "Out of memory" in said.reason


# What changes while it is read


@pytest.mark.parametrize("lost", [0, 1], ids=["first page", "last row"])
def test_rows_that_are_missing_from_a_result_are_missed(lost: int, stage: Stage) -> None:
    """The count that the result announces is held against the rows that came."""

    def fewer(page: Any) -> Any:
        rows = page.get("rows", [])
        return {**page, "rows": [] if lost == 0 else rows[:-1]}

    said = refusal(stage, UTILIZATION, altered(fewer), RESULTS)
    assert "rows came of the" in said.reason
    stage.faults = []
    rows_with(stage, UTILIZATION, Fault(altered(fewer), RESULTS))


def test_data_that_changes_between_two_sums_is_read_again(stage: Stage) -> None:
    """A late row comes between the sums by day and the sum of all: both are asked again."""
    stage.play(1)
    tables = stage.tables
    assert tables is not None
    late = Fault(_then(lambda: tables.engine.execute(LATE)), START)
    stage.faults = [late]
    rows = stage.rows(UTILIZATION)
    assert stage.count("POST") == 4
    stage.faults = []
    assert rows == stage.rows(UTILIZATION)


LATE = """
INSERT INTO detailed
SELECT * FROM detailed WHERE sku.description LIKE '%CUD%' ORDER BY usage_start_time LIMIT 1
"""


def _then(act: Callable[[], object]) -> Altered:
    """The next question finds another table; the answer to this one is as it was asked for."""

    def alter(request: Request, response: Response) -> Response:
        act()
        return response

    return alter


def test_data_that_always_changes_is_said(stage: Stage) -> None:
    """Three readings, none of which agrees with itself."""
    stage.play(1)
    tables = stage.tables
    assert tables is not None
    stage.faults = [Fault(_then(lambda: tables.engine.execute(LATE)), START, times=ALWAYS)]
    with pytest.raises(ProviderError, match="data changed while it was read, 3 times"):
        stage.rows(UTILIZATION)


def test_a_month_that_changes_after_it_was_listed_is_listed_again(stage: Stage) -> None:
    """What was downloaded is held against the sums that were listed a moment before."""
    stage.play(1)
    tables = stage.tables
    assert tables is not None
    more = "UPDATE focus SET BilledCost = BilledCost + 1 WHERE ChargeCategory = 'Tax'"
    stage.faults = [Fault(_then(lambda: tables.engine.execute(more)), START)]
    files = stage.files()
    lists = [one for one in stage.asked if b"COUNT(*)" in one.body]
    assert len(lists) == 2
    assert len(files) == 2


def test_a_month_that_always_changes_is_said(stage: Stage) -> None:
    """Never a file that is neither the old nor the new."""
    stage.play(1)
    tables = stage.tables
    assert tables is not None
    more = "UPDATE focus SET BilledCost = BilledCost + 1 WHERE ChargeCategory = 'Tax'"
    stage.faults = [Fault(_then(lambda: tables.engine.execute(more)), START, times=ALWAYS)]
    with pytest.raises(ProviderError, match="came of what was listed") as raised:
        stage.files()
    assert raised.value.operation == "billing-export"


def test_a_download_that_breaks_off_is_begun_again(stage: Stage, slept: list[float]) -> None:
    """A page of a month is lost on the way, and one is cut: each is asked again, no row twice."""
    expected = [path.read_bytes() for path in stage.files()]
    stage.faults = [
        Fault(faults.reset, RESULTS, after=3),
        Fault(faults.truncated, RESULTS, after=5),
    ]
    found = stage.files(stage.folder / "again")
    assert len(slept) == 2
    assert [path.read_bytes() for path in found] == expected


def test_regions_that_were_not_reached_are_no_regions_without_commitments(
    stage: Stage, slept: list[float]
) -> None:
    """Google answers 200 with what it could reach: retried, then said with their names."""
    gone = altered(lambda page: {**page, "unreachables": ["regions/europe-west4"]})
    rows_with(stage, "compute-commitments", Fault(gone, COMPUTE))
    assert len(slept) == 1
    said = refusal(stage, "compute-commitments", gone, COMPUTE)
    assert "not reached: regions/europe-west4" in said.reason
    warned = {"items": {"regions/us-east1": {"warning": {"code": "UNREACHABLE"}}}}
    said = refusal(stage, "compute-commitments", altered(lambda _: warned), COMPUTE)
    assert "not reached: regions/us-east1" in said.reason


@each
def test_an_answer_beyond_the_bound_is_refused(
    feed: str,
    matching: str,
    operation: str,
    stage: Stage,
    slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bound of 60 kB, an answer of 61,000 bytes."""
    monkeypatch.setattr(asking, "BODY_MAX_BYTES", 60_000)
    said = refusal(stage, feed, faults.huge(61_000), matching)
    assert said.operation == operation
    assert "61,000 bytes" in said.reason
    assert "bulk export" in said.remedy
    assert slept == []


def test_an_answer_of_200_mb_is_refused(stage: Stage) -> None:
    """By the bound that is really there."""
    said = refusal(stage, "compute-commitments", faults.huge(200 << 20), COMPUTE)
    assert "209,715,200 bytes" in said.reason
