"""Whatever goes wrong on the way is retried within bounds, or said in words; never half an answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event
from unittest.mock import Mock

import pytest
from tests.providers.oci.stage import Stage
from tests.twin import faults, oci
from tests.twin.exchange import Request, Response
from tests.twin.faults import ALWAYS, Altered, Fault

from trueup.errors import ProviderError, SourceError
from trueup.fetch import asking
from trueup.fetch.asking import ATTEMPTS_MAX
from trueup.providers.oci import client
from trueup.providers.oci.subscriptions import SUBSCRIPTIONS

COMMITMENTS = r"/20190111/commitments\?"
BUCKET = r"/n/bling/b/[^/]+/o\?"
FILE = r"/n/bling/b/[^/]+/o/"
FEED = "universal-credits"
LIST_COMMITMENTS = "onesubscription:ListCommitments"


def error(status: int, code: str, message: str, **headers: str) -> Altered:
    body = json.dumps({"code": code, "message": message}).encode()
    return faults.status(status, body, **headers)


THROTTLED = "TooManyRequests", "Too many requests for the user"


def count(stage: Stage, part: str) -> int:
    return sum(part in request.path for request in stage.asked)


def rows_with(stage: Stage, *given: Fault) -> list[dict[str, str]]:
    """What the feed gives with faults in the way, which must be what it gives without."""
    expected = stage.rows(FEED)
    stage.asked.clear()
    stage.faults = list(given)
    found = stage.rows(FEED)
    assert found == expected
    assert len(found) == 2
    return found


def refusal(
    stage: Stage, alter: Altered, matching: str = COMMITMENTS, feed: str = FEED
) -> ProviderError:
    """The error that a fault which stays ends in."""
    stage.faults = [Fault(alter, matching, times=ALWAYS)]
    with pytest.raises(ProviderError) as raised:
        stage.feed(feed)
    assert raised.value.provider == "oci"
    assert raised.value.remedy
    return raised.value


def test_throttling_waits_as_long_as_it_is_told(stage: Stage, slept: list[float]) -> None:
    """Retry-After 7 means one wait of 7 seconds."""
    rows_with(stage, Fault(error(429, *THROTTLED, retry_after="7"), COMMITMENTS))
    assert slept == [7.0]


def test_throttling_without_a_time_waits_longer_and_longer(
    stage: Stage, slept: list[float]
) -> None:
    """Two refusals, two waits, the second no shorter than 1 and 2 seconds less their jitter."""
    rows_with(stage, Fault(error(429, *THROTTLED), COMMITMENTS, times=2))
    first, second = slept
    assert 1 <= first <= 2
    assert 2 <= second <= 3


def test_throttling_without_end_says_so(stage: Stage, slept: list[float]) -> None:
    """Asked as often as the core asks, no more: the SDK itself retries nothing."""
    said = refusal(stage, error(429, *THROTTLED))
    assert (said.operation, count(stage, "/commitments")) == (LIST_COMMITMENTS, ATTEMPTS_MAX)
    assert "slow down" in said.reason
    assert "quota" in said.remedy


def test_a_wait_beyond_all_bounds_is_not_waited_for(stage: Stage, slept: list[float]) -> None:
    """Retry-After of an hour: said at once."""
    refusal(stage, error(429, *THROTTLED, retry_after="3600"))
    assert slept == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_of_the_service_is_tried_again(
    stage: Stage, slept: list[float], status: int
) -> None:
    """Each kind of 5xx; a 503 may also say when."""
    rows_with(
        stage, Fault(error(status, "InternalServerError", "Sorry", retry_after="3"), COMMITMENTS)
    )
    assert slept == [3.0]


def test_an_error_of_the_service_that_stays_says_so(stage: Stage, slept: list[float]) -> None:
    """15 failures one after the other: the SDK's circuit breaker, which breaks at 10, is off."""
    stage.faults = [Fault(error(503, "ServiceUnavailable", "Sorry"), times=ALWAYS)]
    asker = stage.asker({})
    for _ in range(3):
        with pytest.raises(ProviderError, match="503 ServiceUnavailable"):
            list(SUBSCRIPTIONS.pages(asker, {"compartment_id": oci.SETTINGS["tenancy"]}))
    assert len(stage.asked) == 3 * ATTEMPTS_MAX


def test_the_bucket_is_asked_no_more_often_than_the_core_asks(
    stage: Stage, slept: list[float]
) -> None:
    """Object storage is the one service for which the SDK retries unless told not to."""
    stage.faults = [Fault(error(503, "ServiceUnavailable", "Sorry"), BUCKET, times=ALWAYS)]
    with pytest.raises(ProviderError, match="objectstorage:ListObjects"):
        stage.export()
    assert len(stage.asked) == ATTEMPTS_MAX


def test_a_connection_that_is_reset_is_made_again(stage: Stage, slept: list[float]) -> None:
    """Once is retried; for ever is said."""
    rows_with(stage, Fault(faults.reset, COMMITMENTS))
    assert len(slept) == 1
    assert "network failed" in refusal(stage, faults.reset).reason


def test_a_body_that_is_cut_is_asked_for_again(stage: Stage, slept: list[float]) -> None:
    """Fewer bytes than announced are no answer."""
    rows_with(stage, Fault(faults.truncated, COMMITMENTS))
    assert len(slept) == 1
    assert "cut short" in refusal(stage, faults.truncated).reason


@pytest.mark.parametrize("alter", [faults.shortened, faults.html], ids=["half", "html"])
def test_an_answer_that_is_no_json_is_asked_for_again(
    stage: Stage, slept: list[float], alter: Altered
) -> None:
    """Half a document, or a login page, with status 200: the SDK would take either for nothing."""
    rows_with(stage, Fault(alter, COMMITMENTS))
    assert len(slept) == 1
    said = refusal(stage, alter)
    assert "not JSON" in said.reason
    assert "proxy" in said.remedy


@pytest.mark.parametrize(
    "body",
    [b"null", b"{}", b'"text"', b"[1]", b'[{"id": "x"}]'],
    ids=["null", "object", "text", "numbers", "bare"],
)
def test_json_of_another_shape_is_no_answer(stage: Stage, slept: list[float], body: bytes) -> None:
    """A list of commitments is a list of objects with an id and a term, else it is asked again."""
    said = refusal(stage, faults.status(200, body))
    assert said.operation == LIST_COMMITMENTS
    assert count(stage, "/commitments") == ATTEMPTS_MAX


def test_an_error_in_another_encoding_is_no_crash(stage: Stage, slept: list[float]) -> None:
    """A gateway's page in Latin-1 with status 502."""
    said = refusal(stage, faults.status(502, "Fehler: Zeitüberschreitung".encode("latin-1")))
    assert "502" in said.reason


def test_expired_credentials_are_named(stage: Stage, slept: list[float]) -> None:
    """Not retried: they will not become valid by waiting."""
    said = refusal(stage, error(401, "NotAuthenticated", "The required information was incorrect"))
    assert "no valid credentials" in said.reason
    assert "renew" in said.remedy
    assert (slept, count(stage, "/commitments")) == ([], 1)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({}, "config file"), ({"profile": "finance"}, "finance")],
    ids=["no file", "no profile"],
)
def test_missing_credentials_are_named(stage: Stage, settings: dict[str, str], said: str) -> None:
    """Neither ~/.oci/config nor the profile in it."""
    stage.settings |= settings
    if not settings:
        stage.environment = {"HOME": "/nonexistent", "OCI_CONFIG_FILE": ""}
    with pytest.raises(ProviderError, match=said) as raised:
        stage.feed(FEED)
    assert raised.value.provider == "oci"
    assert "oci setup config" in raised.value.remedy


def test_an_instance_without_a_principal_is_told(
    stage: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Auth = instance_principal on a machine that is no instance."""
    monkeypatch.setattr("socket.socket.connect", Mock(side_effect=OSError("no route to host")))
    stage.settings["auth"] = "instance_principal"
    with pytest.raises(ProviderError, match=r"169\.254\.169\.254") as raised:
        stage.feed(FEED)
    assert "instance_principal works on instances only" in raised.value.remedy
    assert slept == []


def test_settings_that_are_none_are_told() -> None:
    """Before anything is asked, with what may be written."""
    with pytest.raises(ProviderError, match="instance_principal"):
        client.connect({"auth": "password"}, True)  # noqa: FBT003  the contract's own order
    with pytest.raises(ProviderError, match="legacy"):
        client.connect({"export": "cur"}, True)  # noqa: FBT003


@pytest.mark.parametrize(
    ("status", "code"), [(404, "NotAuthorizedOrNotFound"), (403, "NotAuthorized")]
)
def test_a_missing_permission_is_named(
    stage: Stage, slept: list[float], status: int, code: str
) -> None:
    """The provider says 404 of what may not be seen; the remedy is the policy's statement."""
    said = refusal(stage, error(status, code, "Authorization failed or not found"))
    assert "a permission is missing" in said.reason
    assert "read subscribed-services in tenancy" in said.remedy
    assert (slept, count(stage, "/commitments")) == ([], 1)


def test_a_bucket_that_may_not_be_seen_needs_the_endorsement(stage: Stage) -> None:
    """Reports lie in the provider's own tenancy."""
    stage.faults = [Fault(error(404, "BucketNotFound", "Either it does not exist or"), BUCKET)]
    with pytest.raises(ProviderError) as raised:
        stage.export()
    assert "endorse group" in raised.value.remedy


def test_a_clock_that_is_wrong_is_named(stage: Stage, slept: list[float]) -> None:
    """The signature's date is more than five minutes off."""
    message = (
        "Date 'Thu, 01 Oct 2026 10:00:00 GMT' is not within allowed clock skew. Current "
        "'Thu, 01 Oct 2026 10:10:00 UTC'"
    )
    said = refusal(stage, error(401, "NotAuthenticated", message))
    assert "clock" in said.reason
    assert "NTP" in said.remedy
    assert slept == []


def test_a_request_that_is_refused_names_the_settings(stage: Stage, slept: list[float]) -> None:
    """A wrong compartment is no fault of the network."""
    said = refusal(stage, error(400, "InvalidParameter", "compartmentId is wrong"))
    assert "400 InvalidParameter" in said.reason
    assert "[providers.oci]" in said.remedy
    assert slept == []


def test_a_token_that_repeats_ends_in_words(stage: Stage, slept: list[float]) -> None:
    """The second page names itself as the next: read three times, then said."""

    def stuck(request: Request, response: Response) -> Response:
        return replace(response, headers={**response.headers, "opc-next-page": "1"})

    said = refusal(stage, stuck)
    assert "3 times" in said.reason
    assert "token" in said.reason


def test_a_page_that_comes_twice_ends_in_words(stage: Stage, slept: list[float]) -> None:
    """The second page is the first once more, under the second's own token."""
    pages: list[bytes] = []

    def twice(request: Request, response: Response) -> Response:
        pages.append(response.body)
        return replace(response, body=pages[0])

    assert "repeats an earlier page" in refusal(stage, twice).reason


def test_a_page_that_comes_twice_once_is_read_again(stage: Stage) -> None:
    """A hiccup: the second reading is whole."""
    whole: list[bytes] = []

    def twice(request: Request, response: Response) -> Response:
        whole.append(response.body)
        return replace(response, body=whole[0])

    rows_with(stage, Fault(twice, COMMITMENTS, times=2))


def test_a_page_that_never_comes_is_not_waited_for_without_end(
    stage: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No byte for longer than the reading time: tried again, then said."""
    monkeypatch.setattr(client, "READ_SECONDS", 0.1)
    done = Event()

    def silent(_: Request, response: Response) -> Response:
        done.wait(2)
        return response

    try:
        said = refusal(stage, silent)
    finally:
        done.set()
    assert "network failed" in said.reason
    assert "5 attempts" in said.reason
    assert client.CONNECT_SECONDS <= 30


def growing(field: str) -> Callable[[Request, Response], Response]:
    """The first item's amount grows from answer to answer."""
    grown = [0]

    def alter(_: Request, response: Response) -> Response:
        text = response.body.decode()
        if f'"{field}": ' not in text:
            return response
        grown[0] += 1
        begin = text.index(f'"{field}": ') + len(field) + 4
        digits = begin + (text[begin] == '"')
        return replace(response, body=f"{text[:digits]}{grown[0]}{text[digits:]}".encode())

    return alter


@pytest.mark.parametrize(
    ("feed", "matching", "field"),
    [
        ("universal-credits", COMMITMENTS, "availableAmount"),
        ("universal-credits-balances", COMMITMENTS, "availableAmount"),
        ("universal-credits-drawdown", r"aggregatedComputedUsages\?.*page=", "costUnrounded"),
        ("cost", r"/20200107/usage\?page=", "computedAmount"),
    ],
)
def test_data_that_changes_between_pages_is_read_again_then_said(
    stage: Stage, feed: str, matching: str, field: str
) -> None:
    """A second aggregate tells: once is read again, three times is said."""
    expected = stage.rows(feed)
    stage.faults = [Fault(growing(field), matching)]
    assert stage.rows(feed) == expected
    said = refusal(stage, growing(field), matching, feed)
    assert "the data changed while it was read, 3 times" in said.reason
    assert "refresh" in said.remedy


def test_an_answer_that_is_too_large_is_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte more than the bound; at the bound it is taken."""
    monkeypatch.setattr(asking, "BODY_MAX_BYTES", 20_000)
    stage.faults = [Fault(faults.huge(20_000), COMMITMENTS)]
    assert len(stage.rows(FEED)) == 2
    said = refusal(stage, faults.huge(20_001))
    assert "20,001 bytes" in said.reason


def test_an_answer_of_200_megabytes_is_refused_soon(stage: Stage) -> None:
    """Within seconds, by the bound that is set."""
    began = time.monotonic()
    said = refusal(stage, faults.huge(200 << 20))
    assert "209,715,200 bytes" in said.reason
    assert time.monotonic() - began < 20  # 1 s where nothing else runs


def test_a_report_that_is_cut_is_fetched_again(stage: Stage, slept: list[float]) -> None:
    """Half a file never stands for the whole; once is fetched again, for ever is said."""
    stage.faults = [Fault(faults.truncated, FILE)]
    reports = stage.export()
    assert len(slept) == 1
    kept = oci.objects(stage.world)
    for report in reports:
        name = f"FOCUS Reports/{report.as_posix().partition('FOCUS Reports/')[2]}"
        assert report.read_bytes() == kept[name][0]
    stage.folder /= "again"
    stage.faults = [Fault(faults.truncated, FILE, times=ALWAYS)]
    with pytest.raises(ProviderError, match="cut short"):
        stage.export()


def test_a_report_shorter_than_listed_is_refused(stage: Stage) -> None:
    """All the bytes that were announced came, and are fewer than the list says."""
    stage.faults = [Fault(faults.shortened, FILE, times=ALWAYS)]
    with pytest.raises(SourceError, match="announced"):
        stage.export()


def test_a_list_of_reports_that_does_not_end_ends_in_words(
    stage: Stage, slept: list[float]
) -> None:
    """The list's token, which is in its body, comes again and again."""

    def stuck(_: Request, response: Response) -> Response:
        listed = {**json.loads(response.body), "nextStartWith": "FOCUS Reports/2026/10/02/"}
        return replace(response, body=json.dumps(listed).encode())

    stage.faults = [Fault(stuck, BUCKET, times=ALWAYS)]
    with pytest.raises(ProviderError, match=r"token|repeats"):
        stage.export()
