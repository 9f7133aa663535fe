"""Whatever goes wrong on the way is retried within bounds, or said in words; never half an answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.providers.oci.refusals import (
    BUCKET,
    COMMITMENTS,
    DRAWDOWN,
    LIST_COMMITMENTS,
    THROTTLED,
    USAGE,
    altered,
    count,
    error,
    refusal,
    rows_with,
)
from tests.providers.oci.stage import Stage
from tests.twin import faults, oci
from tests.twin.exchange import Request, Response
from tests.twin.faults import ALWAYS, Altered, Fault

from trueup.errors import ProviderError
from trueup.fetch.asking import ATTEMPTS_MAX
from trueup.providers.oci.subscriptions import SUBSCRIPTIONS


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


def test_what_is_not_implemented_is_not_tried_again(stage: Stage, slept: list[float]) -> None:
    """501: no waiting will make it."""
    said = refusal(stage, error(501, "MethodNotImplemented", "No such operation"))
    assert "refused the request" in said.reason
    assert slept == []


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


def test_a_body_that_cannot_be_unpacked_is_asked_for_again(
    stage: Stage, slept: list[float]
) -> None:
    """Announced as packed, which it is not (any more)."""

    def packed(_: Request, response: Response) -> Response:
        return replace(response, headers={**response.headers, "content-encoding": "gzip"})

    rows_with(stage, Fault(packed, COMMITMENTS))
    assert len(slept) == 1
    assert "cut short" in refusal(stage, packed).reason


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


def test_an_answer_that_is_a_list_is_none_of_the_usage_api(
    stage: Stage, slept: list[float]
) -> None:
    """Its items lie within an object."""
    said = refusal(stage, faults.status(200, b"[]"), USAGE, "cost")
    assert "without a list of items" in said.reason
    assert count(stage, "/usage") == ATTEMPTS_MAX


def test_a_usage_of_another_shape_is_said(stage: Stage) -> None:
    """A line deep in an answer, which is looked at when the answers are checked."""

    def bare(page: Any) -> Any:
        for entry in page:
            for line in entry["aggregatedComputedUsages"]:
                del line["costUnrounded"]
        return page

    said = refusal(stage, altered(bare), "/aggregatedComputedUsages", DRAWDOWN)
    assert "a usage without" in said.reason
    assert "costUnrounded" in said.reason


def test_a_row_of_another_shape_is_said(stage: Stage) -> None:
    """An instant that is none, which is looked at when the rows are made."""

    def never(page: Any) -> Any:
        return [{**card, "timeStart": "never"} for card in page]

    said = refusal(stage, altered(never), "/ratecards", "rate-cards")
    assert (said.operation, "never" in said.reason) == ("rate-cards", True)


def test_a_list_of_reports_that_is_none_is_asked_for_again(
    stage: Stage, slept: list[float]
) -> None:
    """An object without a list is no empty bucket."""
    stage.faults = [Fault(faults.status(200, b"{}"), BUCKET)]
    assert len(stage.export()) == 3
    assert len(slept) == 1


def test_an_error_in_another_encoding_is_no_crash(stage: Stage, slept: list[float]) -> None:
    """A gateway's page in Latin-1 with status 502."""
    said = refusal(stage, faults.status(502, "Fehler: Zeitüberschreitung".encode("latin-1")))
    assert "502" in said.reason


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


@pytest.mark.parametrize("code", ["BucketNotFound", "NamespaceNotFound"])
def test_a_bucket_that_may_not_be_seen_needs_the_endorsement(code: str, stage: Stage) -> None:
    """Reports lie in the provider's own tenancy."""
    stage.faults = [Fault(error(404, code, "Either it does not exist or"), BUCKET)]
    with pytest.raises(ProviderError) as raised:
        stage.export()
    assert "endorse group" in raised.value.remedy


def test_a_request_that_is_refused_names_the_settings(stage: Stage, slept: list[float]) -> None:
    """A wrong compartment is no fault of the network."""
    said = refusal(stage, error(400, "InvalidParameter", "compartmentId is wrong"))
    assert "400 InvalidParameter" in said.reason
    assert "[providers.oci]" in said.remedy
    assert slept == []
