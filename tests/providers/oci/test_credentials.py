"""Credentials that are expired or missing, and a clock that is wrong, are each said."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from tests.providers.oci.refusals import (
    FEED,
    count,
    error,
    refusal,
)
from tests.providers.oci.stage import Stage
from tests.twin import faults, oci_instance
from tests.twin.faults import ALWAYS, Altered, Fault

from trueup.errors import ProviderError
from trueup.providers.oci import client
from trueup.providers.oci.subscriptions import SUBSCRIPTIONS


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


@pytest.mark.parametrize(
    "text",
    ["", "no section", "[DEFAULT]\nuser = a\nuser = b\n", "[DEFAULT]\nkey_content = k\n"],
    ids=["empty", "no section", "twice", "key in it"],
)
def test_a_profile_that_is_none_is_told(text: str, stage: Stage, tmp_path: Path) -> None:
    """Whatever is wrong with the file."""
    file = tmp_path / "config"
    file.write_text(text, encoding="utf-8")
    stage.environment = {"HOME": str(tmp_path), "OCI_CONFIG_FILE": str(file)}
    with pytest.raises(ProviderError, match="no valid credentials") as raised:
        stage.feed(FEED)
    assert "oci setup config" in raised.value.remedy


# On an instance


AUTH, METADATA = r"POST auth\.", r"metadata\."


@pytest.fixture
def instance(stage: Stage) -> Iterator[Stage]:
    """What asks runs on an instance of the provider's."""
    stage.answerer = oci_instance.answerer(stage.answerer)
    stage.environment = oci_instance.ENVIRONMENT
    stage.settings["auth"] = "instance_principal"
    yield stage
    with warnings.catch_warnings():  # the SDK leaves open what the metadata service refuses
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_an_instance_is_its_own_credential(instance: Stage) -> None:
    """Its certificate names the tenancy, its metadata the region, tokens are handed out for it."""
    del instance.settings["tenancy"], instance.settings["region"]
    assert len(instance.rows(FEED)) == 2


@pytest.mark.parametrize(
    ("alter", "matching", "said"),
    [
        (error(401, "NotAuthenticated", "The certificate has expired"), AUTH, "has expired"),
        (error(503, "ServiceUnavailable", "Sorry"), AUTH, "Sorry"),
        (faults.reset, AUTH, "Connection aborted"),
        (faults.html, AUTH, "Unable to parse response from auth service"),
        (faults.status(404), METADATA, "404"),
        (faults.html, METADATA, "metadata's certificate is none"),
    ],
    ids=["expired", "5xx", "reset", "html", "no metadata", "html for metadata"],
)
def test_a_principal_that_is_not_to_be_had_is_told(
    alter: Altered, matching: str, said: str, instance: Stage, slept: list[float]
) -> None:
    """Before anything is asked; the SDK itself tries nothing again."""
    instance.faults = [Fault(alter, matching, times=ALWAYS)]
    with pytest.raises(ProviderError, match=said) as raised:
        instance.feed(FEED)
    assert raised.value.operation == "connection"
    assert "no valid credentials" in raised.value.reason
    assert slept == []


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (error(401, "NotAuthenticated", "The certificate has expired"), "no valid credentials"),
        (error(503, "ServiceUnavailable", "Sorry"), "network failed for a moment"),
        (faults.reset, "network failed for a moment"),
        (faults.html, "Unable to parse response from auth service"),
    ],
    ids=["expired", "5xx", "reset", "html"],
)
def test_a_token_that_is_not_renewed_is_said(
    alter: Altered, said: str, instance: Stage, slept: list[float]
) -> None:
    """One is enough to connect; the next is not to be had."""
    instance.faults = [Fault(alter, AUTH, times=ALWAYS, after=1)]
    with pytest.raises(ProviderError, match=said) as raised:
        instance.feed(FEED)
    assert raised.value.operation == SUBSCRIPTIONS.name


def test_a_certificate_that_is_not_renewed_is_said(instance: Stage, slept: list[float]) -> None:
    """The metadata's answer is not repeated: it may be a key."""
    instance.faults = [Fault(faults.html, "GET metadata.*key.pem", times=ALWAYS, after=1)]
    with pytest.raises(ProviderError, match="metadata's private_key is none") as raised:
        instance.feed(FEED)
    assert "Sign in" not in str(raised.value)


def test_an_instance_without_a_principal_is_told(
    stage: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Auth = instance_principal on a machine that is no instance."""
    monkeypatch.setattr("socket.getaddrinfo", Mock(side_effect=OSError("no route to host")))
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
