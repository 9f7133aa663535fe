"""No SDK gets past the block of the network, nor past the recorder: every feed and export asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.twin.server import RESOLVE

from trueup.adapter.feed import Export, Feed
from trueup.adapter.registry import providers
from trueup.errors import ProviderError
from trueup.fetch.asking import Asker
from trueup.fetch.cassette.replay import replaying
from trueup.fetch.feeds import Place, exported, fed
from trueup.fetch.landing import Landing
from trueup.fetch.settings import connector_of
from trueup.period import parse_period
from trueup.testing.conformance import Case, find_cases

pytest.importorskip("vcr")
CASES = find_cases(Path(__file__).parents[2] / "cassettes")


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A recording, whose settings let everything be asked; nobody sleeps between attempts."""
    found: Case = request.param
    for module in providers()[found.provenance.provider].sdk_modules:
        pytest.importorskip(module)
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("socket.getaddrinfo", RESOLVE)  # a twin may run for the whole session
    return found


def askers(case: Case) -> Iterator[tuple[Feed | Export, Asker]]:
    """Each feed and export that a provider declares, and who asks for it as in a replay."""
    known = case.provenance
    connector = connector_of(known.provider)
    connection = connector.connect(known.settings, True)  # noqa: FBT003  the contract's own order
    period, at = parse_period(known.period), known.clock
    assert at is not None
    for source in connector.sources:
        assert all(known.settings.get(name) for name in source.needs)
        yield (
            source,
            Asker(known.provider, connector, connection, known.settings, period, at),
        )


def ask(source: Feed | Export, asker: Asker, folder: Path) -> None:
    place = Place(Landing.at(folder / "landing"), folder, asker.at)
    if isinstance(source, Feed):
        fed(source, asker, place)
    else:
        exported(source, asker, place)


def test_every_provider_has_a_canary() -> None:
    """One recording at least has the settings to ask each provider for everything."""
    assert {case.provenance.provider for case in CASES} == set(providers())


def test_without_a_recording_production_is_asked_and_blocked(case: Case, tmp_path: Path) -> None:
    """The block sees each SDK, so that no test reaches a provider without anybody's noticing."""
    hosts = "|".join(connector_of(case.provenance.provider).hosts)
    for source, asker in askers(case):
        with pytest.raises(Exception, match=f"no test reaches the network: '(?:{hosts})'"):
            ask(source, asker, tmp_path)


def test_what_was_not_recorded_is_not_asked_elsewhere(case: Case, tmp_path: Path) -> None:
    """With nothing recorded the replay refuses each first question itself: no socket is reached."""
    provider = case.provenance.provider
    with replaying(provider, connector_of(provider), tmp_path):
        for source, asker in askers(case):
            with pytest.raises(ProviderError, match="the recording has no answer to this question"):
                ask(source, asker, tmp_path)
