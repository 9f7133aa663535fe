"""The repository's own recordings, held to what every adapter must do with them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from trueup.fetch.feeds import Place
from trueup.fetch.landing import Landing
from trueup.fetch.providers import fetch_all
from trueup.period import parse_period
from trueup.testing.conformance import Conformance
from trueup.workspace.journal import Journal
from trueup.workspace.store import Store

CASSETTES = Path(__file__).parents[1] / "cassettes"


class TestConformance(Conformance):
    recordings = CASSETTES


def test_they_can_be_played_again_in_the_same_workspace(tmp_path: Path) -> None:
    """What the first run has landed does not keep the second from asking everything."""
    store = Store(tmp_path)
    landing = Landing(store, Journal(tmp_path, store), recorded=True)
    first, second = (
        fetch_all(
            {"oci": {}},
            parse_period("2026-10"),
            Place(landing, tmp_path / "fetched", datetime(2026, 11, 2, 12, tzinfo=UTC)),
            replay=CASSETTES / "*" / "nightly",
        )
        for _ in range(2)
    )
    assert first == second
    assert first[0].failures == ()
    assert len(first[0].charges) == 31
