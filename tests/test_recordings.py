"""The repository's own recordings, held to what every adapter must do with them."""

from __future__ import annotations

from pathlib import Path

from trueup.testing.conformance import Conformance


class TestConformance(Conformance):
    recordings = Path(__file__).parents[1] / "cassettes"
