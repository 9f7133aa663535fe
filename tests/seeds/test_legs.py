"""Faults of all further classes, found by trueup in 50 worlds as their own answers state them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.seeds.charged import assert_charged
from tests.seeds.results import (
    assert_same,
    asserted_tables,
    comparable,
    inputs_of,
    restated,
)
from tests.some import some
from tests.world import faults, world
from tests.world.comparison import LEG_ROWS, NAMES_OF_ROWS, Row
from trueup.api import outcome_of
from trueup.config import read_configuration
from trueup.report.result import Result

START = datetime(2026, 10, 1, tzinfo=UTC)
SEEDS = some(range(1, 51), 2)
ANSWERS = ("answers.json", "answers_of_faults.json")


@pytest.mark.parametrize("seed", SEEDS)
def test_every_fault_of_a_seed_is_found_and_nothing_else(seed: int, tmp_path: Path) -> None:
    """Three days with further faults: every break of every leg, and every table, to the digit."""
    made = faults.make(seed, START, 3)
    faults.write(made, tmp_path)
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
        "claims": result.claims.rows(),
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
    assert_charged(made.world, result)


def _by_leg(breaks: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Breaks of the first two legs, and of the others."""
    first = ("usage", "commitment")
    ours = [row for row in breaks if row["leg"] in first and row["rule"] != "three_sources"]
    return ours, [row for row in breaks if row not in ours]


@pytest.fixture(scope="module")
def first() -> dict[str, list[dict[str, object]]]:
    """The answers of one world's faults, as they are read from their file."""
    made = faults.make(1, START, 3)
    return world.read_answers(world.answers_json(dict(faults.answers(made))))


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("leg_breaks", "amount"),
        ("leg_breaks", "expected"),
        ("claims", "expected"),
        ("roll_forward", "closing"),
        ("invoices", "amount_due"),
        ("conversions", "difference"),
        ("restatements", "effective_delta"),
        ("restatements", "quantity_after"),
        ("restated_breaks", "billed"),
    ],
)
def test_one_wrong_digit_of_a_leg_is_found(
    table: str, column: str, first: dict[str, list[dict[str, object]]]
) -> None:
    """A leg that is off in the last digit of one figure does not pass."""
    found = {name: [dict(row) for row in rows] for name, rows in first.items()}
    assert_same(first, found, LEG_ROWS)
    row = next(row for row in found[table] if row.get(column))
    exponent = Decimal(str(row[column])).as_tuple().exponent
    row[column] = Decimal(str(row[column])) + Decimal(1).scaleb(int(exponent))
    with pytest.raises(AssertionError, match=rf"1 differences\s+{table}: .*{column} is"):
        assert_same(first, found, LEG_ROWS)


def test_a_fault_too_few_and_one_too_many_are_found(
    first: dict[str, list[dict[str, object]]],
) -> None:
    """A break that is not found is named, and so is one of another class in its place."""
    [one, *rest] = first["leg_breaks"]
    found = first | {"leg_breaks": [*rest, {**one, "class": "quantity"}]}
    with pytest.raises(
        AssertionError, match=r"2 differences\s+leg_breaks: missing .*\n\s*leg_breaks: unexp"
    ):
        assert_same(first, found, LEG_ROWS)
