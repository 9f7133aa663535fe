"""What goes wrong on the way: retried within bounds, or an error that says what to do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache

import pytest
from tests.providers.azure.conftest import Stage, world_of
from tests.providers.azure.plans import PLANS
from tests.twin import azure
from tests.twin.azure import blob_refusal, refusal
from tests.twin.exchange import Answerer, Request, Response, as_json
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

from trueup.adapter.feed import exact_json
from trueup.errors import ProviderError
from trueup.fetch import asking
from trueup.providers.azure import client, faults

LOTS = "/Microsoft.Consumption/lots"
LIST, MANIFEST, PART = "comp=list", "manifest.json", r"part_0_0002"
# What is asked and where: a list of the management API, an object, a blob listing and two blobs.
PLACES = [
    pytest.param("agreements", LOTS, id="list"),
    pytest.param("prepayment", "/balances", id="object"),
    pytest.param("price-sheet", "/pricesheets/default", id="sheet"),
    pytest.param("export", LIST, id="listing"),
    pytest.param("export", MANIFEST, id="manifest"),
    pytest.param("export", PART, id="blob"),
]
SAID_WAIT = 7.0


def honest() -> Answerer:
    return azure.answerer(world_of(7), PLANS)


def altered(alter: Altered, matching: str, *, times: int = 1, after: int = 0) -> Answerer:
    """The twin with its answers to some questions altered."""
    return Fault(alter, matching, times, after).over(honest())


def instead(response: Response) -> Altered:
    """Another answer in the place of the right one."""
    return lambda _, __: response


def edited(change: Callable[[str], str]) -> Altered:
    """The answer with its text changed, and its range with it where it is a blob."""

    def answer(_: Request, response: Response) -> Response:
        body = change(response.body.decode()).encode()
        headers = dict(response.headers)
        if "content-range" in headers:
            headers["content-range"] = f"bytes 0-{len(body) - 1}/{len(body)}"
        return replace(response, body=body, headers=headers)

    return answer


def refused(stage: Stage, name: str, answerer: Answerer) -> ProviderError:
    """The error that a source ends in; it names the provider and an operation."""
    with pytest.raises(ProviderError) as caught:
        stage.one(name, answerer)
    assert caught.value.provider == "azure"
    assert caught.value.operation
    assert caught.value.remedy
    return caught.value


@pytest.fixture(scope="module")
def undisturbed(twin: Stage, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """What a source gives when nothing goes wrong."""

    @cache
    def given(name: str) -> str:
        folder, twin.folder = twin.folder, tmp_path_factory.mktemp("undisturbed")
        found = twin.one(name, honest())
        twin.folder = folder
        return found

    return given


Undisturbed = Callable[[str], str]


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


def test_throttling_without_end_is_reported(stage: Stage, slept: list[float]) -> None:
    """After five attempts; the remedy speaks of quota."""
    error = refused(stage, "agreements", altered(status(429), LOTS, times=ALWAYS))
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
    wrong: tuple[object, ...] = ({}, {"properties": {}}, {"properties": {"pricesheets": None}})
    for body in wrong:
        answerer = altered(instead(as_json(body)), "/pricesheets/", times=ALWAYS)
        assert "no list of objects" in refused(stage, "price-sheet", answerer).reason


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
    "response",
    [
        pytest.param(refusal(401, "ExpiredAuthenticationToken", "It expired."), id="expired"),
        pytest.param(refusal(401, "InvalidAuthenticationToken", "It is invalid."), id="invalid"),
        pytest.param(status(401, b"")(Request("", "", "", "", {}, b""), Response(b"")), id="401"),
    ],
)
def test_expired_credentials_are_reported_at_once(
    response: Response, stage: Stage, slept: list[float]
) -> None:
    """Asking again would not help."""
    error = refused(stage, "agreements", altered(instead(response), LOTS, times=ALWAYS))
    assert "no valid credentials" in error.reason
    assert "renew the credentials" in error.remedy
    assert slept == []


def test_expired_credentials_of_the_storage_account(stage: Stage, slept: list[float]) -> None:
    """The same from the container, in its own words."""
    answerer = altered(instead(blob_refusal(401, "InvalidAuthenticationInfo")), LIST, times=ALWAYS)
    assert "no valid credentials" in refused(stage, "export", answerer).reason
    assert slept == []


def test_missing_credentials_are_reported(
    stage: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real chain of credentials, narrowed to the environment, which has none."""
    for name in azure.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    with pytest.raises(ProviderError) as caught:
        stage.one("agreements", honest(), offline=False)
    assert "no valid credentials" in caught.value.reason
    assert "trueup doctor" in caught.value.remedy
    assert stage.asked == []


def test_a_client_secret_that_expired_is_reported(
    stage: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token service refuses; its code is passed on."""
    for name, value in azure.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    said = "AADSTS7000222: The provided client secret keys are expired."
    answer = as_json({"error": "invalid_client", "error_description": said}, 401)
    with pytest.raises(ProviderError, match="AADSTS7000222") as caught:
        stage.one("agreements", altered(instead(answer), "POST login", times=ALWAYS), offline=False)
    assert "no valid credentials" in caught.value.reason


def test_credentials_of_the_environment_are_used(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, undisturbed: Undisturbed
) -> None:
    """A token from the token service goes to the management API and nowhere else."""
    expected = undisturbed("agreements")
    for name, value in azure.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    stage.asked.clear()
    assert stage.one("agreements", honest(), offline=False) == expected
    sent = {(one.host, one.headers.get("authorization")) for one in stage.asked}
    assert sent == {(azure.LOGIN, None), (azure.MANAGEMENT, "Bearer from-the-twin")}


@pytest.mark.parametrize(
    ("name", "where", "response", "permission"),
    [
        ("agreements", LOTS, refusal(403, "AuthorizationFailed", "No."), "Microsoft.Consumption/lots/read"),
        ("agreements", LOTS, refusal(401, "Unauthorized", "No."), "Microsoft.Consumption/lots/read"),
        (
            "reservations", "/reservations", refusal(403, "Forbidden", "No."),
            "Microsoft.Capacity/reservationOrders/reservations/read",
        ),
        (
            "savings-plan-utilization", "benefitUtil", refusal(403, "RBACAccessDenied", "No."),
            "Microsoft.CostManagement/benefitUtilizationSummaries/read",
        ),
        (
            "export", LIST, blob_refusal(403, "AuthorizationPermissionMismatch"),
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
        ),
    ],
)  # fmt: skip
def test_a_missing_permission_is_named(
    name: str, where: str, response: Response, permission: str, stage: Stage, slept: list[float]
) -> None:
    """Which one, in the remedy; nothing is asked again."""
    error = refused(stage, name, altered(instead(response), where, times=ALWAYS))
    assert "a permission is missing" in error.reason
    assert permission in error.remedy
    assert slept == []


def test_what_does_not_exist_is_a_matter_of_settings(stage: Stage, slept: list[float]) -> None:
    """404: the operator is sent to the configuration."""
    answerer = altered(instead(refusal(404, "BillingAccountNotFound", "No.")), LOTS)
    assert "[providers.azure]" in refused(stage, "agreements", answerer).remedy
    assert slept == []


def repeating(request: Request, response: Response) -> Response:
    """A page whose next address is its own."""
    body = exact_json(response.body)
    body["nextLink"] = f"https://{request.host}{request.path}?{request.query_text}"
    return as_json(body)


def test_a_token_that_repeats_is_refused(stage: Stage) -> None:
    """The second page leads to itself: read again three times, then reported."""
    answerer = altered(repeating, rf"{LOTS}\?.*skiptoken", times=ALWAYS)
    error = refused(stage, "agreements", answerer)
    assert "the data changed while it was read, 3 times" in error.reason
    assert "repeats an earlier page" in error.reason or "was given before" in error.reason


def test_a_page_that_comes_twice_is_noticed(stage: Stage, undisturbed: Undisturbed) -> None:
    """The first page in the place of the second, once: read again, and whole."""
    expected = undisturbed("balances")
    first: list[bytes] = []

    def again(_: Request, response: Response) -> Response:
        first.append(response.body)
        return replace(response, body=first[0])

    answerer = altered(again, "/BRKN-EUR/.*events", times=2)
    assert stage.one("balances", answerer) == expected
    assert len([one for one in stage.asked if one.path.endswith("/events")]) > 10


def test_a_page_that_never_comes_ends_in_an_error(
    stage: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The read times out, five times."""
    monkeypatch.setattr(client, "READ_SECONDS", 0.05)
    done = threading.Event()

    def never(_: Request, response: Response) -> Response:
        done.wait(2)
        return replace(response, reset=True)

    error = refused(stage, "agreements", altered(never, rf"{LOTS}\?.*skiptoken", times=ALWAYS))
    done.set()
    assert "failed for a moment (5 attempts)" in error.reason
    assert "timed out" in error.reason


def test_hours_that_change_between_pages_are_read_again(
    stage: Stage, undisturbed: Undisturbed
) -> None:
    """Details that do not make the day's hours, once."""
    expected = undisturbed("reservation-hours")
    late = edited(lambda text: text.replace('"usedHours": 1', '"usedHours": 9', 1))
    assert stage.one("reservation-hours", altered(late, "reservationDetails")) == expected


def test_hours_that_never_agree_are_an_error(stage: Stage) -> None:
    """Named with the day, after three readings."""
    late = edited(lambda text: text.replace('"usedHours": ', '"usedHours": 9'))
    answerer = altered(late, "reservationDetails", times=ALWAYS)
    error = refused(stage, "reservation-hours", answerer)
    assert "3 times" in error.reason
    assert "2026-10-01: 3800 hours, its instances make" in error.reason


def test_instances_of_a_lost_page_are_noticed(stage: Stage) -> None:
    """A page of details without its rows is a page like any other: the day's sum says so."""
    empty = edited(lambda text: as_json({**exact_json(text.encode()), "value": []}).body.decode())
    answerer = altered(empty, "reservationDetails.*skiptoken=4", times=ALWAYS)
    assert "its instances make" in refused(stage, "reservation-hours", answerer).reason


def test_a_balance_that_changes_between_its_answers_is_read_again(
    stage: Stage, undisturbed: Undisturbed
) -> None:
    """The lot says 1.00 more than its last event left, once; then for ever."""
    expected = undisturbed("balances")
    stale = edited(lambda text: text.replace('"value": 465315.9', '"value": 465316.9'))
    assert stage.one("balances", altered(stale, LOTS)) == expected
    error = refused(stage, "balances", altered(stale, LOTS, times=ALWAYS))
    assert "lot MACC-2025-77120: balance 465316.92895425" in error.reason


def test_an_export_that_is_being_delivered_is_listed_again(
    stage: Stage, undisturbed: Undisturbed
) -> None:
    """A manifest that names a blob which is not there yet."""
    expected = undisturbed("export")
    early = edited(lambda text: text.replace("part_0_0002", "part_0_0003"))
    assert stage.one("export", altered(early, MANIFEST)) == expected
    error = refused(stage, "export", altered(early, MANIFEST, times=ALWAYS))
    assert "part_0_0003" in error.reason


@pytest.mark.parametrize(
    "response", [blob_refusal(412, "ConditionNotMet"), blob_refusal(404, "BlobNotFound")]
)
def test_a_blob_that_is_replaced_after_it_was_listed(
    response: Response, stage: Stage, slept: list[float], undisturbed: Undisturbed
) -> None:
    """The container is listed again; what stays replaced is reported."""
    expected = undisturbed("export")
    assert stage.one("export", altered(instead(response), PART)) == expected
    stage.folder = stage.folder / "again"
    error = refused(stage, "export", altered(instead(response), PART, times=ALWAYS))
    assert "was replaced after it was listed" in error.reason


def test_a_clock_that_is_off_is_told_from_a_token_that_expired(
    stage: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider's Date says that this machine is an hour behind."""
    behind = datetime.now(UTC).timestamp() - 3600
    monkeypatch.setattr(faults, "now", lambda: behind)
    refusing = refusal(401, "ExpiredAuthenticationToken", "It expired.")
    error = refused(stage, "agreements", altered(instead(refusing), LOTS, times=ALWAYS))
    assert "this machine's clock differs" in error.reason
    assert "behind the provider's" in error.reason
    assert "NTP" in error.remedy
    assert slept == []


@pytest.mark.parametrize(
    "said",
    [
        "AADSTS700024: Client assertion is not within its valid time range.",
        "AADSTS500133: Assertion is not within its valid time range.",
        "The access token is not yet valid.",
    ],
)
def test_a_clock_that_is_off_is_told_by_what_is_said(
    said: str, stage: Stage, slept: list[float]
) -> None:
    """Some refusals name the reason themselves."""
    answerer = altered(instead(refusal(401, "InvalidAuthenticationToken", said)), LOTS)
    assert "clock" in refused(stage, "agreements", answerer).reason


def test_the_clock_is_only_looked_at_where_credentials_are_refused() -> None:
    """No date, or one that is none, says nothing of the clock."""
    assert faults.skew_seconds({}) == 0.0
    assert faults.skew_seconds({"date": "yesterday"}) == 0.0
    now = format_datetime(datetime.now(UTC), usegmt=True)
    assert abs(faults.skew_seconds({"date": now})) < 60


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


def test_an_answer_never_leads_the_token_to_another_host(stage: Stage, slept: list[float]) -> None:
    """A next page elsewhere is a broken answer; nothing is sent there."""
    elsewhere = edited(
        lambda text: text.replace(f"https://{azure.MANAGEMENT}/", "https://evil.example/")
    )
    answerer = altered(elsewhere, LOTS, times=ALWAYS)
    assert "leads to another host: evil.example" in refused(stage, "agreements", answerer).reason


@pytest.mark.parametrize(("name", "where"), PLACES)
def test_redirects_are_not_followed(
    name: str, where: str, stage: Stage, slept: list[float]
) -> None:
    """A 302 to the login page of a proxy ends in an error."""
    answerer = altered(status(302, b"", location=f"https://{azure.LOGIN}/in"), where, times=ALWAYS)
    assert "302" in refused(stage, name, answerer).reason
    assert azure.LOGIN not in {one.host for one in stage.asked}


def test_nothing_is_ever_written(stage: Stage, slept: list[float]) -> None:
    """The SDK's own pipeline would register a resource provider here, by a POST."""
    conflict = refusal(
        409, "MissingSubscriptionRegistration",
        "The subscription is not registered to use namespace 'Microsoft.Consumption'. See "
        "https://aka.ms/rps-not-found for how to register subscriptions.",
    )  # fmt: skip
    refused(stage, "price-sheet", altered(instead(conflict), "/pricesheets/", times=ALWAYS))
    assert {one.method for one in stage.asked} == {"GET"}
