"""Commitments as pools: under which rule, and what a contract promises where no bill says it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.reconcile.test_eligibility import stage
from tests.reconcile.test_terms import terms
from trueup.adapter.rating import Rating
from trueup.engine.engine import Engine
from trueup.reconcile import benefit_pools, commitment_leg, intervals
from trueup.reconcile.benefit_pools import Holding, _promised
from trueup.reconcile.commitments import CommitmentFindings
from trueup.reconcile.terms import Terms

IN_MONEY, IN_UNITS = 0, 1


@pytest.fixture
def rated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Provider p counts some commitments in money, others in units."""
    rating = Rating(stages=(stage(), stage(rule="reserved", consumes="units")))
    known = lambda name: rating if name == "p" else None  # noqa: E731
    monkeypatch.setattr(benefit_pools, "rating_of", known)


def held(provider: str = "p", *places: int, payers: str = "a") -> Holding:
    stages = {f"facts {place}": place for place in places}
    return Holding("plan", provider, None, stages=stages, payers=set(payers))


@pytest.mark.usefixtures("rated")
def test_a_commitment_is_a_pool_under_each_rule_that_its_rows_speak_of() -> None:
    """Of a provider that publishes none there is none."""
    assert [pool.stage.rule for pool in held("p", 1, 0).pools()] == ["plan_rule", "reserved"]
    assert list(held("q", 0).pools()) == []


def promised(
    monkeypatch: pytest.MonkeyPatch, one: Holding, term: Terms, figure: int | None = 10
) -> list[dict[str, Any]]:
    known = None if figure is None else Fraction(figure)
    monkeypatch.setattr(intervals, "first_look", lambda *_: {})
    monkeypatch.setattr(commitment_leg, "figures", lambda *_: {term.commitment_id: (known, None)})
    found = cast("CommitmentFindings", SimpleNamespace(intervals=None, quantity_scale=2))
    return _promised({"plan": one}, found, [term], cast("Engine", None))


@pytest.mark.usefixtures("rated")
@pytest.mark.parametrize(
    ("one", "given", "figure"),
    [
        (held("p", IN_MONEY), {"currency": None}, 10),
        (held("p", IN_MONEY), {"unit": "Hours"}, 10),  # a plan in money that counts in hours
        (held("p", IN_MONEY), {}, None),
        (held("p", IN_MONEY, IN_UNITS), {}, 10),  # two rules
        (held("p", IN_MONEY, payers="ab"), {}, 10),  # two payers
        (held("p", IN_MONEY), {"interval": "daily"}, 10),
        (held("p", IN_MONEY), {"lifecycle": "Pending"}, 10),
    ],
)
def test_what_is_not_told_whole_promises_nothing(
    monkeypatch: pytest.MonkeyPatch, one: Holding, given: dict[str, Any], figure: int | None
) -> None:
    """Its currency, unit, figure, rule and payer are all needed, and an hour to hold it against."""
    assert promised(monkeypatch, one, terms(**given), figure) == []


@pytest.mark.usefixtures("rated")
@pytest.mark.parametrize(("place", "unit"), [(IN_MONEY, "USD"), (IN_UNITS, "Hours")])
def test_a_contract_promises_its_figure_in_each_hour(
    monkeypatch: pytest.MonkeyPatch, place: int, unit: str
) -> None:
    """10 an hour in its own unit, as whole numbers of 10^-18, to the one payer."""
    [row] = promised(monkeypatch, held("p", place), terms(unit=unit))
    assert (row["stage"], row["payer"], row["currency"]) == (place, "a", "USD")
    assert row["figure"] == Decimal(10**19)
    assert row["starts"] == datetime(2026, 1, 1, tzinfo=UTC)
