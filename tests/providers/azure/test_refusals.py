"""What asking again does not help: reported at once, with what to do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from tests.providers.azure.altering import (
    LIST,
    LOTS,
    PLACES,
    altered,
    edited,
    honest,
    instead,
    refused,
)
from tests.providers.azure.conftest import Stage, Undisturbed
from tests.twin import azure
from tests.twin.azure import refusal
from tests.twin.azure_export import blob_refusal
from tests.twin.exchange import Request, Response, as_json
from tests.twin.faults import ALWAYS, Altered, html, reset, shortened, status

from trueup.errors import ProviderError
from trueup.providers.azure import faults


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


@pytest.mark.parametrize(
    ("response", "said", "asked"),
    [
        (status(503, b""), "failed for a moment (5 attempts)", 1),  # MSAL keeps it for a minute
        (status(429, b""), "failed for a moment (5 attempts)", 1),
        (status(429, b"{}"), "failed for a moment (5 attempts)", 1),
        (html, "failed for a moment (5 attempts)", 5),
        (shortened, "failed for a moment (5 attempts)", 5),
        (reset, "failed for a moment (5 attempts)", 5),
        (
            instead(as_json({
                "error": "invalid_client",
                "error_description": "AADSTS700024: Client assertion is not within its valid time.",
            }, 401)),
            "this machine's clock differs", 1,
        ),
    ],
)  # fmt: skip
def test_a_token_service_that_gives_no_token_is_told_from_bad_credentials(
    response: Altered, said: str, asked: int, stage: Stage, slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It fails for a moment, and is asked again by the core alone; or it names the clock."""
    for name, value in azure.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ProviderError) as caught:
        stage.one("agreements", altered(response, "POST login", times=ALWAYS), offline=False)
    assert said in caught.value.reason
    assert len([one for one in stage.asked if one.method == "POST"]) == asked


def test_a_kind_of_credentials_that_is_not_known_is_said_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK names the kinds that it knows."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "nonsense")
    with pytest.raises(ProviderError, match=r"azure: connection: .*nonsense") as caught:
        stage.one("agreements", offline=False)
    assert "AZURE_ environment variables" in caught.value.remedy


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
