"""What goes wrong on the way: asked again within bounds, never a part taken for the whole."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from tests.providers.azure.altering import (
    LIST,
    LOTS,
    MANIFEST,
    PLACES,
    altered,
    edited,
    honest,
    instead,
    refused,
)
from tests.providers.azure.conftest import Stage, Undisturbed
from tests.twin import azure
from tests.twin.exchange import Request, Response, as_json
from tests.twin.faults import (
    ALWAYS,
    Altered,
    Fault,
    html,
    huge,
    reset,
    shortened,
    status,
    truncated,
)

from trueup.adapter.feed import BrokenAnswer, exact_json
from trueup.errors import ProviderError
from trueup.fetch import asking
from trueup.providers.azure import client, faults

SAID_WAIT = 7.0


@pytest.mark.parametrize(("name", "where"), PLACES)
def test_throttling_waits_as_long_as_it_is_told(
    name: str, where: str, stage: Stage, slept: list[float], undisturbed: Undisturbed
) -> None:
    """429 with Retry-After: that many seconds, once, then everything."""
    expected = undisturbed(name)
    fault = status(429, b"", retry_after="7")
    assert stage.one(name, altered(fault, where)) == expected
    assert slept == [SAID_WAIT]


def test_throttling_by_several_meters_waits_for_the_longest(
    stage: Stage, slept: list[float], undisturbed: Undisturbed
) -> None:
    """Cost Management has a meter of its own, which azure-core does not read."""
    expected = undisturbed("savings-plan-utilization")
    waits = {
        "retry_after": "3",
        "x_ms_ratelimit_microsoft.costmanagement_entity_retry_after": "11",
        "x_ms_ratelimit_microsoft.costmanagement_qpu_retry_after": "42",
    }
    answerer = altered(status(429, b"{}", **waits), "benefitUtilizationSummaries")
    assert stage.one("savings-plan-utilization", answerer) == expected
    assert slept == [42.0]


def test_throttling_until_a_date_is_held_against_the_providers_clock(
    stage: Stage, slept: list[float]
) -> None:
    """90 seconds after the answer's own date, whatever this machine's clock says."""
    told = {"date": "Mon, 05 Oct 2026 00:00:00 GMT", "retry-after": "Mon, 05 Oct 2026 00:01:30 GMT"}
    assert faults.longest_wait(told) == 90.0
    assert faults.longest_wait({"retry-after": "soon"}) is None


@pytest.mark.parametrize(("name", "where"), PLACES)
def test_throttling_that_says_nothing_waits_longer_each_time(
    name: str, where: str, stage: Stage, slept: list[float], undisturbed: Undisturbed
) -> None:
    """Three times 429, each wait at least as long as 1, 2 and 4 seconds."""
    expected = undisturbed(name)
    assert stage.one(name, altered(status(429), where, times=3)) == expected
    assert [wait >= least for wait, least in zip(slept, (1, 2, 4), strict=True)] == [True] * 3


@pytest.mark.parametrize("fault", [status(429), status(503, retry_after="1")])
def test_throttling_without_end_is_reported(
    fault: Altered, stage: Stage, slept: list[float]
) -> None:
    """After five attempts; the remedy speaks of quota. 503 that names a wait is throttling too."""
    error = refused(stage, "agreements", altered(fault, LOTS, times=ALWAYS))
    assert "(5 attempts)" in error.reason
    assert "quota" in error.remedy
    assert len(slept) == 4


def test_a_wait_that_is_too_long_is_reported_not_waited_for(
    stage: Stage, slept: list[float]
) -> None:
    """An hour is more than the bound of 15 minutes."""
    refused(stage, "agreements", altered(status(429, b"{}", retry_after="3600"), LOTS))
    assert slept == []


@pytest.mark.parametrize(("name", "where"), PLACES)
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(status(500), id="500"),
        pytest.param(status(502, b"<html>Bad gateway</html>"), id="502"),
        pytest.param(status(503, b""), id="503"),
        pytest.param(status(408), id="408"),
        pytest.param(status(202), id="202"),
        pytest.param(reset, id="reset"),
        pytest.param(truncated, id="cut"),
        pytest.param(shortened, id="shortened"),
        pytest.param(html, id="html"),
    ],
)
def test_what_fails_for_a_moment_is_asked_again(
    fault: Altered, name: str, where: str, stage: Stage, slept: list[float],
    undisturbed: Undisturbed,
) -> None:  # fmt: skip
    """Once broken, then whole: the same as undisturbed, never a part of it."""
    expected = undisturbed(name)
    assert stage.one(name, altered(fault, where)) == expected
    assert slept


@pytest.mark.parametrize(("name", "where"), PLACES)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(status(503, b""), "failed for a moment", id="503"),
        pytest.param(reset, "failed for a moment", id="reset"),
        pytest.param(truncated, "cut short|moment", id="cut"),
        pytest.param(html, "not what the API gives", id="html"),
        pytest.param(shortened, "not what the API gives", id="shortened"),
    ],
)
def test_what_stays_broken_is_an_error_not_a_short_read(
    fault: Altered, said: str, name: str, where: str, stage: Stage, slept: list[float]
) -> None:
    """Five attempts, then an error with provider, operation and remedy."""
    error = refused(stage, name, altered(fault, where, times=ALWAYS))
    assert "(5 attempts)" in error.reason
    assert any(part in error.reason for part in said.split("|"))
    assert slept
    assert not list(stage.folder.rglob("coming-*"))


@pytest.mark.parametrize(("name", "where"), PLACES)
def test_the_sdk_never_retries(name: str, where: str, stage: Stage, slept: list[float]) -> None:
    """Five questions for five attempts."""
    fault = Fault(status(503, b""), where, ALWAYS)
    refused(stage, name, fault.over(honest()))
    assert (ALWAYS - fault.times, len(slept)) == (5, 4)


@pytest.mark.parametrize("offline", [True, False])
def test_a_host_that_cannot_be_reached_is_asked_again(
    stage: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch, *, offline: bool
) -> None:
    """No network: the request never leaves, nor, without ``offline``, that for a token."""
    for name, value in azure.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such host")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ProviderError, match=r"failed for a moment \(5 attempts\)"):
        stage.one("agreements", honest(), offline=offline)


def test_a_body_shorter_than_announced_is_refused_whatever_urllib3_counts() -> None:
    """Some versions of it hand over what came."""
    short = SimpleNamespace(headers={"content-length": "3"}, read=lambda: b"{}")
    with pytest.raises(BrokenAnswer, match="2 bytes came of the 3 announced"):
        client._checked(short)


@pytest.mark.parametrize("body", [b"<html><body>Sign in</body></html>", b"<EnumerationResults/>"])
def test_xml_of_something_else_is_no_list_of_blobs(
    body: bytes, stage: Stage, slept: list[float], undisturbed: Undisturbed
) -> None:
    """Not a crash, nor a list without blobs."""
    expected = undisturbed("export")
    page = Response(body, 200, {"content-type": "application/xml"})
    assert stage.one("export", altered(instead(page), LIST)) == expected
    assert len(slept) == 1


def test_a_number_that_is_none_is_a_broken_answer(stage: Stage, slept: list[float]) -> None:
    """The SDK refuses to read it."""
    odd = edited(lambda text: re.sub(r"<Content-Length>\d+", "<Content-Length>many", text))
    reason = refused(stage, "export", altered(odd, LIST, times=ALWAYS)).reason
    assert "not what the API gives (5 attempts)" in reason


@pytest.mark.parametrize("after", [0, 1])
def test_a_list_without_value_is_not_an_empty_list(
    after: int, stage: Stage, slept: list[float]
) -> None:
    """The SDK takes ``{}``, or an error with status 200, for a last page without rows."""
    wrong: tuple[object, ...] = (
        {},
        {"error": {"code": "Oops"}},
        {"value": None},
        {"value": 5},
        {"value": ["a"]},
    )
    for body in wrong:
        answerer = altered(instead(as_json(body)), LOTS, times=ALWAYS, after=after)
        assert "a list without value" in refused(stage, "agreements", answerer).reason


@pytest.mark.parametrize("body", [[], [1], 5, None, "text", {"value": [{"properties": 5}]}])
@pytest.mark.parametrize(
    "name", ["agreements", "balances", "reservations", "savings-plans", "price-sheet", "prepayment"]
)
def test_json_of_another_shape_is_a_broken_answer(
    body: object, name: str, stage: Stage, slept: list[float]
) -> None:
    """Whatever the SDK makes of it, it ends in an error of the provider."""
    answerer = altered(instead(as_json(body)), "management", times=ALWAYS)
    assert "not what the API gives" in refused(stage, name, answerer).reason


def test_a_price_sheet_without_prices_is_not_an_empty_one(stage: Stage, slept: list[float]) -> None:
    """Nor is an object without properties."""
    bodies: tuple[object, ...] = ({}, {"properties": {}}, {"properties": {"pricesheets": None}})
    for body in bodies:
        answerer = altered(instead(as_json(body)), "/pricesheets/", times=ALWAYS)
        reason = refused(stage, "price-sheet", answerer).reason
        assert "(5 attempts)" in reason
        assert "no list of objects" in reason


def test_a_price_sheet_whose_next_page_has_no_token_is_not_the_whole(
    stage: Stage, slept: list[float]
) -> None:
    """It says that more follows, and not how to ask for it."""
    link = f"https://{azure.MANAGEMENT}/more"
    body = as_json({"properties": {"pricesheets": [], "nextLink": link}})
    answerer = altered(instead(body), "/pricesheets/", times=ALWAYS)
    assert "nextLink has no skiptoken" in refused(stage, "price-sheet", answerer).reason


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "not an object"),
        ({}, "a manifest without blobs"),
        ({"blobs": 5}, "a manifest without blobs"),
        ({"blobs": [{"byteCount": 1}]}, "blobName is missing"),
    ],
)
def test_a_manifest_of_another_kind_is_broken(
    body: object, said: str, stage: Stage, slept: list[float]
) -> None:
    """Asked for again, then reported: never an export without files."""
    blob = edited(lambda _: as_json(body).body.decode())
    reason = refused(stage, "export", altered(blob, MANIFEST, times=ALWAYS)).reason
    assert "(5 attempts)" in reason
    assert said in reason


def test_a_manifest_that_names_fewer_blobs_than_it_counts_is_broken(
    stage: Stage, slept: list[float]
) -> None:
    """Two counted, one named."""

    def short(text: str) -> str:
        manifest = exact_json(text.encode())
        manifest["blobs"].pop()
        return as_json(manifest).body.decode()

    answerer = altered(edited(short), MANIFEST, times=ALWAYS)
    error = refused(stage, "export", answerer)
    assert "a manifest of 2 blobs that names 1" in error.reason


@pytest.mark.parametrize(
    ("name", "where"), [("agreements", rf"{LOTS}\?.*skiptoken"), ("export", f"{LIST}.*marker")]
)
def test_a_page_that_never_comes_ends_in_an_error(
    name: str, where: str, stage: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The read times out, five times."""
    monkeypatch.setattr(client, "READ_SECONDS", 0.05)
    done = threading.Event()

    def never(_: Request, response: Response) -> Response:
        done.wait(2)
        return replace(response, reset=True)

    error = refused(stage, name, altered(never, where, times=ALWAYS))
    done.set()
    assert "failed for a moment (5 attempts)" in error.reason
    assert "timed out" in error.reason


@pytest.mark.parametrize("name", ["consumption", "container"])
def test_a_connection_is_waited_for_ten_seconds(name: str, stage: Stage) -> None:
    """And an answer for a minute."""
    made = client.Connection(azure.SETTINGS, client.Replayed())._client(name)
    pipeline = made._pipeline if name == "container" else made._client._pipeline
    bounds = pipeline._transport.connection_config
    assert (bounds.timeout, bounds.read_timeout) == (10, 60)


@pytest.mark.parametrize(("name", "where"), PLACES[:4])
def test_an_answer_above_the_bound_is_refused(
    name: str, where: str, stage: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blanks that make a valid answer too large."""
    monkeypatch.setattr(asking, "BODY_MAX_BYTES", 20_000)
    error = refused(stage, name, altered(huge(30_000), where, times=ALWAYS))
    assert "30,000 bytes, more than the bound of 20,000" in error.reason
    assert slept == []


def test_an_answer_of_200_megabytes_is_refused(stage: Stage) -> None:
    """Within a few seconds, and not taken for a list."""
    error = refused(stage, "agreements", altered(huge(200_000_000), LOTS, times=ALWAYS))
    assert "200,000,000 bytes" in error.reason
