"""Providers asked and replayed: what fails is said with its remedy, the rest is there."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("vcr")

from tests.fetch.nimbus import (
    ANSWERS,
    AT,
    CONNECTOR,
    EXPORT,
    FEED,
    NAME,
    answering,
    recorded,
    stands,
)

from trueup.adapter.feed import COMMITMENTS, Asking, File
from trueup.errors import ConfigurationError, MissingDependency, ProviderError, SourceError
from trueup.fetch.feeds import Place
from trueup.fetch.landing import Landing
from trueup.fetch.providers import Failed, Fetched, fetch_all, fetch_one, paths_of, replayed
from trueup.period import parse_period

OCTOBER = parse_period("2026-10")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path / "fetched"
    folder.mkdir()
    return Place(Landing.at(tmp_path / "landing"), folder, AT)


def asked(place: Place, settings: Mapping[str, Any] | None = None) -> Fetched:
    with answering(ANSWERS) as endpoint:
        return fetch_one(NAME, {"endpoint": endpoint, **(settings or {})}, OCTOBER, place)


def test_a_feed_that_lacks_a_setting_is_not_asked(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which key of the configuration it needs; with it, it is asked."""
    stands(monkeypatch, replace(CONNECTOR, feeds=(replace(FEED, needs=("account",)),)))
    found = asked(place)
    assert found.not_asked == ("plans: needs account in [providers.nimbus]",)
    assert (found.feeds, found.failures) == ((), ())
    assert paths_of([found], COMMITMENTS) == []
    again = asked(place, {"account": "acme"})
    assert again.not_asked == ()
    assert [path.name for path in paths_of([again], COMMITMENTS)] == ["nimbus-plans.csv"]


def test_an_sdk_that_is_missing_fails_its_provider_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy is the line that installs it."""

    def connect(_settings: Mapping[str, Any], _offline: bool) -> SimpleNamespace:
        raise MissingDependency("nimbus-sdk", "nimbus")

    stands(monkeypatch, replace(CONNECTOR, connect=connect))
    (found,) = fetch_all({NAME: {}}, OCTOBER, place)
    assert found.failures == (
        Failed(NAME, "connection", "nimbus-sdk is not installed", "pip install 'trueup[nimbus]'"),
    )


def test_a_file_that_fails_leaves_the_feed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two names that would be one file: the export fails and says so, the plan is there."""

    def files(asker: Asking) -> list[File]:
        (one,) = EXPORT.files(asker)
        return [one, replace(one, name="./oct.csv")]

    stands(monkeypatch, replace(CONNECTOR, exports=(replace(EXPORT, files=files),)))
    found = asked(place)
    (failure,) = found.failures
    assert failure.what == "costs"
    assert failure.reason == "./oct.csv: two files of the export would be oct.csv"
    assert failure.remedy == "see what it says, then run again"
    assert [one.rows for one in found.feeds] == [1]


def test_an_export_without_files_has_nothing_yet(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is no fault of the provider's, and is told apart."""
    stands(monkeypatch, replace(CONNECTOR, exports=(replace(EXPORT, files=lambda _: []),)))
    (failure,) = asked(place).failures
    assert failure.nothing_yet
    assert failure.reason == "the export holds no file for the period"
    assert failure.remedy == "check where [providers.nimbus] looks, and that the export runs"


def test_an_answer_of_another_shape_is_reported(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list in the place of a table: the feed fails, the export is there."""
    stands(monkeypatch)
    with answering({**ANSWERS, "/plans": (200, b"[]")}) as endpoint:
        found = fetch_one(NAME, {"endpoint": endpoint}, OCTOBER, place)
    (failure,) = found.failures
    assert failure.reason == "an answer is not what the API gives: no plans"
    assert "`trueup record` keeps the answer" in failure.remedy
    assert len(found.charges) == 1


def test_a_full_disk_ends_it_all(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider is at fault, and every other would meet the same."""

    def full(*_: object) -> None:
        raise SourceError("oct.csv", "cannot be kept") from OSError(errno.ENOSPC, "full")

    stands(monkeypatch)
    monkeypatch.setattr(Landing, "file", full)
    with pytest.raises(SourceError, match="cannot be kept"):
        asked(place)


def test_a_provider_that_was_not_recorded_says_how(place: Place) -> None:
    """The others are played; the remedy is the command that records it."""
    found = replayed(NAME, None, OCTOBER, place)
    (failure,) = found.failures
    assert (failure.what, failure.reason) == ("replay (replay)", "nothing was recorded")
    assert failure.remedy == "record it: trueup record nimbus --out DIR"


def test_a_recording_is_played_for_its_own_period(
    tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answers as were given; November was never asked."""
    stands(monkeypatch)
    recorded(tmp_path / "one")
    found = replayed(NAME, tmp_path / "one", OCTOBER, place)
    assert found.failures == ()
    assert [(one.feed, one.rows) for one in found.feeds] == [("plans", 1)]
    with pytest.raises(ConfigurationError, match="recorded for the period 2026-10-01T00:00:00Z/"):
        replayed(NAME, tmp_path / "one", parse_period("2026-11"), place)


def test_exchanges_that_are_not_asked_for_are_a_failure(
    tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code no longer asks what was recorded; a failure of its own is told instead."""
    stands(monkeypatch)
    recorded(tmp_path / "one")
    stands(monkeypatch, replace(CONNECTOR, exports=()))
    (failure,) = replayed(NAME, tmp_path / "one", OCTOBER, place).failures
    assert failure.reason.startswith("1 of 2 recorded exchanges in ")
    assert failure.remedy.startswith("replay with the settings and the period of the recording")

    def fetch(asker: Asking) -> list[Any]:
        raise ProviderError(NAME, "ListPlans", "is gone", "ask for something else")

    stands(monkeypatch, replace(CONNECTOR, feeds=(replace(FEED, fetch=fetch),)))
    (failure,) = replayed(NAME, tmp_path / "one", OCTOBER, place).failures
    assert failure == Failed(NAME, "plans (ListPlans)", "is gone", "ask for something else")


def test_a_recording_that_cannot_begin_fails_its_provider(
    tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong before anything is asked leaves no feeds, and says why."""
    stands(monkeypatch)
    recorded(tmp_path / "one")

    def closed() -> None:
        raise ProviderError(NAME, "close", "is closed already", "run again")

    def connect(settings: Mapping[str, Any], offline: bool) -> Any:
        connection = CONNECTOR.connect(settings, offline)
        return SimpleNamespace(get=connection.get, close=closed)  # type: ignore[attr-defined]

    stands(monkeypatch, replace(CONNECTOR, connect=connect))
    found = replayed(NAME, tmp_path / "one", OCTOBER, place)
    assert found == Fetched(
        NAME, (), (), (Failed(NAME, "replay (close)", "is closed already", "run again"),), ()
    )
