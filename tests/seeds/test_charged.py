"""No wrong statement and no wrong line of a journal passes for what a world says."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import trueup
from tests.seeds.charged import (
    ACCOUNTS,
    FIGURES,
    LINE,
    NAMES,
    assert_charged,
    assert_posted,
    assert_statements,
    charged_by,
    terms,
)
from tests.seeds.results import reconciled
from tests.world import world
from tests.world.charged import Charged, statements
from tests.world.posted import Ledgers, posted
from tests.world.world import World
from trueup.attribute import journal, statement, weights
from trueup.attribute.cost_line import Payer
from trueup.attribute.hierarchy import Hierarchy
from trueup.attribute.mapping import CompanyMap
from trueup.attribute.shared_cost import Sharing
from trueup.attribute.weights import Weights
from trueup.config import read_configuration

START = datetime(2026, 10, 1, tzinfo=UTC)
DIGIT = Decimal("1e-18")  # the last of every table
CENT = Decimal("0.01")
Case = tuple[World, trueup.Result]
Rows = list[dict[str, Any]]
*_, MIXED = terms()  # a policy for each reason


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A world of three days, and the result of its files, which is right."""
    made, folder = world.make(1, START, 3), tmp_path_factory.mktemp("world")
    world.write(made, folder)
    result = reconciled(read_configuration(folder / "trueup.toml"))
    assert_charged(made, result)
    return made, result


def test_every_wrong_figure_of_a_statement_is_found(case: Case) -> None:
    """Each unit is left out, comes twice, and has another value in each of its columns."""
    made, result = case
    right = statements(Charged(made).leaves(MIXED))
    for wrong in _wrong(
        charged_by(result, MIXED, ACCOUNTS[0]).statements.rows(), (*NAMES, *FIGURES)
    ):
        with pytest.raises(AssertionError, match=r"missing|unexpected"):
            assert_statements(right, wrong)


@pytest.mark.parametrize("accounts", ACCOUNTS)
def test_every_wrong_line_of_a_journal_is_found(accounts: Ledgers, case: Case) -> None:
    """The same of its lines; the unit of a cost stands in its text alone."""
    made, result = case
    right = posted(made.ledger, Charged(made).leaves(MIXED), accounts)
    rows = charged_by(result, MIXED, accounts).journal.rows()
    wrong_units = [
        [*rows[:at], row | {"text": f"{row['text']}, lab"}, *rows[at + 1 :]]
        for at, row in enumerate(rows)
        if row["account"] == accounts.cost
    ]
    for wrong in (*_wrong(rows, LINE), *wrong_units):
        with pytest.raises(AssertionError, match=r"missing|unexpected"):
            assert_posted(right, wrong)


def _wrong(rows: Rows, columns: Sequence[str]) -> Iterator[Rows]:
    for at, row in enumerate(rows):
        yield [*rows[:at], *rows[at + 1 :]]
        yield [*rows, row]
        for column in columns:
            yield [*rows[:at], row | {column: _other(row[column])}, *rows[at + 1 :]]


def _other(value: object) -> object:
    if isinstance(value, Decimal):
        return value + DIGIT
    return value + timedelta(days=1) if isinstance(value, date) else f"{value or ''}x"


WRONG: list[tuple[object, str, Callable[[Any], Callable[..., Any]]]] = [
    (CompanyMap, "payer", lambda _: lambda _self, row: Payer(row["team"], row["cost_centre"])),
    (Hierarchy, "knowing", lambda _: lambda known, _lines: known),
    (Sharing, "policy_of", lambda _: lambda sharing, _line: sharing.unused),
    (Weights, "of", lambda of: lambda self, policy, currency, _: of(self, policy, currency, None)),
    (Weights, "of", lambda of: lambda *given: dict.fromkeys(of(*given), 1)),
    (Weights, "_tokens", lambda _: lambda _self, some, _currency: weights._requests(some)),
    (weights, "_gpu_time", lambda _: lambda _some: {}),
    (
        weights,
        "_requests",
        lambda of: lambda some: of([replace(one, rows=bool(one.rows)) for one in some]),
    ),
    (statement, "rounded", lambda of: lambda exact, places: of(exact, places + 1)),
    (journal, "in_minor_units", lambda of: lambda *given: of(*given) + CENT),
]


@pytest.mark.parametrize(("place", "name", "made_wrong"), WRONG)
def test_every_rule_that_is_broken_is_found(
    place: object,
    name: str,
    made_wrong: Callable[[Any], Callable[..., Any]],
    case: Case,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whom something belongs to, by what it is shared, and how it is rounded and posted."""
    monkeypatch.setattr(place, name, made_wrong(getattr(place, name)))
    with pytest.raises(AssertionError):
        assert_charged(*case)


def test_the_file_for_the_ledger_has_every_line(case: Case, tmp_path: Path) -> None:
    """Read back, an empty side is nothing and an empty name is none."""
    made, result = case
    one = {"unused": "proportional"}
    entries = posted(made.ledger, Charged(made).leaves(one), ACCOUNTS[1])
    path = charged_by(result, one, ACCOUNTS[1]).to_csv(tmp_path / "journal.csv")
    with path.open(newline="") as file:
        rows = [
            {
                **{name: text or None for name, text in row.items()},
                "day": date.fromisoformat(row["day"]),
                **{side: Decimal(row[side] or 0) for side in ("debit", "credit")},
            }
            for row in csv.DictReader(file)
        ]
    assert_posted(entries, rows)
