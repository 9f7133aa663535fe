"""Credentials that are expired, missing or refused, and a clock that is wrong, are each said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from tests.providers.gcp.conftest import Stage
from tests.providers.gcp.refusals import (
    COMPUTE,
    each,
    error,
    refusal,
    rows_with,
)
from tests.twin import faults
from tests.twin.faults import Altered, Fault

from trueup.errors import ProviderError
from trueup.fetch.asking import ATTEMPTS_MAX
from trueup.providers.gcp import client


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


@pytest.mark.parametrize(
    "alter", [faults.reset, faults.status(503, b"{}")], ids=["reset", "status"]
)
def test_a_token_endpoint_that_fails_is_no_missing_credential(
    alter: Altered, live: Stage, slept: list[float]
) -> None:
    """It is asked again, as often as anything else."""
    said = refusal(live, "compute-commitments", alter, TOKENS)
    assert "network failed for a moment" in said.reason
    assert f"{ATTEMPTS_MAX} attempts" in said.reason


@pytest.mark.parametrize("alter", [faults.html, faults.shortened], ids=["html", "half"])
def test_what_is_no_token_is_asked_for_again(
    alter: Altered, live: Stage, slept: list[float]
) -> None:
    """A login page, or half an answer, with status 200: the SDK looks for the token in its text."""
    said = refusal(live, "compute-commitments", alter, TOKENS)
    assert "token service" in said.reason
    assert f"{ATTEMPTS_MAX} attempts" in said.reason


def test_a_clock_that_is_right_within_minutes_is_not_blamed(
    live: Stage, slept: list[float]
) -> None:
    """Four minutes of difference are none that a token would be refused for."""
    at = format_datetime(datetime.now(UTC) + timedelta(minutes=4), usegmt=True)
    invalid = error(401, "authError", "Invalid credentials", date=at)
    assert "no valid credentials" in refusal(live, "compute-commitments", invalid, COMPUTE).reason


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
