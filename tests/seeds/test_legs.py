"""Faults of all further classes, found by trueup in 50 worlds as their own answers state them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.seeds.results import (
    assert_same,
    asserted_tables,
    comparable,
    inputs_of,
    restated,
)
from tests.world import faults, world
from tests.world.comparison import LEG_ROWS, NAMES_OF_ROWS, Row
from trueup.api import outcome_of
from trueup.config import read_configuration
from trueup.report.result import Result

START = datetime(2026, 10, 1, tzinfo=UTC)
SEEDS = range(1, 51)
ANSWERS = ("answers.json", "answers_of_faults.json")


@pytest.mark.parametrize("seed", SEEDS)
def test_every_fault_of_a_seed_is_found_and_nothing_else(seed: int, tmp_path: Path) -> None:
    """Three days with further faults: every break of every leg, and every table, to the digit."""
    faults.write(faults.make(seed, START, 3), tmp_path)
    config = read_configuration(tmp_path / "trueup.toml")
    assert config.run.as_of
    inputs = inputs_of(config, asserted_tables(tmp_path / "asserted"))
    result = Result(
        outcome_of(
            inputs,
            period=config.run.period,
            rules=config.rules,
            as_of=config.run.as_of,
            engine="duckdb",
        )
    )
    texts = [(tmp_path / name).read_text() for name in ANSWERS]
    expected = {name: rows for one in texts for name, rows in world.read_answers(one).items()}
    found = comparable(result, tmp_path)
    ours, further = _by_leg(found["breaks"])
    of_legs: dict[str, Sequence[Row]] = {
        "leg_breaks": further,
        "roll_forward": [row for row in result.roll_forward.rows() if row["span"] == "period"],
        "invoices": result.invoices.rows(),
        "conversions": result.conversions.rows(),
        **restated(inputs.charges, tmp_path / "restated", config.run.period),
    }
    control_totals = [row for row in found["control_totals"] if row["kind"] != "invoices"]
    assert_same(
        expected,
        {**found, "breaks": ours, "control_totals": control_totals, **of_legs},
        {**NAMES_OF_ROWS, **LEG_ROWS},
    )


def _by_leg(breaks: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Breaks of the first two legs, and of the others."""
    first = ("usage", "commitment")
    ours = [row for row in breaks if row["leg"] in first and row["rule"] != "three_sources"]
    return ours, [row for row in breaks if row not in ours]
