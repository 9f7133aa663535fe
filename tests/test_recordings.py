"""The repository's own recordings, held to what every adapter must do with them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from trueup.fetch.providers import fetch_all
from trueup.period import parse_period
from trueup.testing.conformance import Conformance

CASSETTES = Path(__file__).parents[1] / "cassettes"


class TestConformance(Conformance):
    recordings = CASSETTES


def test_they_can_be_played_again_in_the_same_workspace(tmp_path: Path) -> None:
    """What the first run has landed does not keep the second from asking everything."""
    first, second = (
        fetch_all(
            {"oci": {}},
            parse_period("2026-10"),
            tmp_path,
            datetime(2026, 11, 2, 12, tzinfo=UTC),
            replay=CASSETTES / "*" / "nightly",
        )
        for _ in range(2)
    )
    assert first == second
    assert first[0].failures == ()
    assert len(first[0].charges) == 31
