"""What is recorded of this provider plays back alone, under other names than the account's."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from tests.providers.gcp.conftest import START, Stage
from tests.twin import gcp
from tests.world.gcp import PROJECT

from trueup.errors import ProviderError
from trueup.fetch.cassette.case import record_case
from trueup.fetch.cassette.provenance import read_provenance, recordings
from trueup.fetch.cassette.replay import replaying
from trueup.fetch.feeds import Place
from trueup.fetch.landing import Landing
from trueup.fetch.providers import Fetched, replayed
from trueup.period import Period
from trueup.providers.gcp.client import connect
from trueup.providers.gcp.connector import connector
from trueup.testing.conformance import tables

PERIOD = Period(START, START + timedelta(days=3))


def record(stage: Stage, folder: Path) -> Fetched:
    """A user's own account, as far as anyone can tell: the live way, all names pseudonymised."""
    stage.play(1)
    with patch.dict(os.environ, gcp.ENVIRONMENT):
        return record_case("gcp", gcp.SETTINGS, PERIOD, folder, b"a key of the owner", START)


def play(folder: Path, workspace: Path) -> Fetched:
    place = Place(Landing.at(workspace / "landing"), workspace / "fetched", START)
    place.folder.mkdir(parents=True)
    return replayed("gcp", folder, PERIOD, place)


def test_a_recording_plays_without_the_network_and_without_the_accounts_names(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every exchange is asked for again: nothing random or dated is in the questions."""
    recorded = record(stage, tmp_path / "case")
    assert recorded.failures == ()
    asked = len(stage.asked)
    monkeypatch.setattr(socket, "getaddrinfo", _nobody)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    found = play(tmp_path / "case", tmp_path / "workspace")
    assert found.failures == ()
    assert [fed.rows for fed in found.feeds] == [fed.rows for fed in recorded.feeds]
    assert len(tables(found, tmp_path / "workspace")) == 5
    assert len(stage.asked) == asked
    settings = read_provenance(tmp_path / "case").settings
    for name, value in gcp.SETTINGS.items():
        assert (settings[name] == value) == (name == "catalog_services")
    for file in recordings(tmp_path / "case"):
        if file.suffix == ".yaml":
            text = file.read_text(encoding="utf-8")
            assert f"/{PROJECT}/" not in text
            assert "oauth2" not in text


def _nobody(*_: Any, **__: Any) -> Any:
    raise AssertionError("the network was asked")


def test_a_question_that_was_not_recorded_is_said(stage: Stage, tmp_path: Path) -> None:
    """Through the core: the recording has no answer, and nothing is retried."""
    connection = connect(gcp.SETTINGS, offline=True)
    stage.connection = connection
    with replaying("gcp", connector(), tmp_path), pytest.raises(ProviderError, match="no answer"):
        stage.rows("compute-commitments")
