"""Pools: since when their ledger can be kept, and why it cannot."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.reconcile.test_draws import drawing_of
from tests.reconcile.test_terms import terms
from trueup.period import Period
from trueup.reconcile.draws import SILENT, Draws
from trueup.reconcile.pools import UNSTATED, Pool, opened, pool_of
from trueup.reconcile.terms import Terms


def day(number: int, month: int = 10) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


OCTOBER = Period(day(1), day(1, 11))
LATER = day(1, 12)


def lot(name: str, **given: object) -> Terms:
    usual = {"commitment_id": name, "layer": "funding", "interval": "full period"}
    return terms(**(usual | {"pool": "both", "end": day(1, 12)} | given))


def stated(name: str, opening: int, at: datetime, **given: object) -> Terms:
    return lot(name, opening=Decimal(opening), opening_at=at, **given)


def drawn(*days: tuple[datetime, int]) -> Draws:
    draws = Draws()
    for at, quantity in days:
        draws.add(at, Fraction(quantity))
    return draws


def pool(lots: list[Terms], pooled: Draws, since: datetime | None = None, **own: Draws) -> Pool:
    each = {one.commitment_id: own.get(one.commitment_id, Draws()) for one in lots}
    return opened(lots, each, pooled, OCTOBER, since, LATER)


def closings(found: Pool) -> dict[str, Fraction]:
    assert found.ledger is not None
    return {name: found.ledger.balance(name, OCTOBER.end) for name in found.ledger.held}


def test_lots_whose_credits_buy_different_amounts_have_no_common_draws() -> None:
    """A credit of a buys 1 hour, one of b 2: of what charges drew by order nobody knows how much."""
    a, b = (
        lot(name, figure=Decimal(10), start=day(1), compute_units_per_credit=Decimal(units))
        for name, units in (("a", 1), ("b", 2))
    )
    found = pool([a, b], drawn((day(3), 1)))
    assert (found.unknown, found.ledger) == (
        "a credit of its pool's lots buys different amounts",
        None,
    )
    assert pool([a, b], Draws()).ledger is not None  # nothing was drawn by order


def test_balances_of_different_instants_cannot_be_rolled_together() -> None:
    """One as of 1 September, one as of the 2nd: what was drawn in between nobody can order."""
    lots = [stated("a", 5, day(1, 9)), stated("b", 5, day(2, 9))]
    assert pool(lots, Draws()).unstated == (
        "the balances of its pool's lots are stated at different instants"
    )


def test_balances_stated_within_the_period_cannot_be_rolled_back_by_order() -> None:
    """Of two lots nobody knows which gave what until the 10th."""
    lots = [stated("a", 5, day(10)), stated("b", 5, day(10))]
    assert pool(lots, Draws()).unstated == (
        "the balances of its pool's lots are stated after the period began"
    )


def test_a_balance_stated_within_the_period_is_rolled_back_for_one_lot() -> None:
    """50 on the 10th, 3 + 4 drawn before: 57 at the start, 57 - 3 - 4 - 2 = 48 at the end."""
    found = pool([stated("a", 50, day(10))], drawn((day(4), 4), (day(12), 2)), a=drawn((day(3), 3)))
    assert found.ledger is not None
    assert found.ledger.since == day(1)
    assert found.ledger.held == {"a": Fraction(57)}
    assert closings(found) == {"a": 48}


@pytest.mark.parametrize("figure", [None, Decimal(20)])
def test_a_lot_whose_balance_nobody_states_makes_its_pool_unknown(figure: Decimal | None) -> None:
    """Lot a is stated as of 1 September; b began before, or grants an amount that nobody states."""
    begins = day(1, 9) if figure is None else day(1, 8)
    lots = [stated("a", 5, day(1, 9)), lot("b", figure=figure, start=begins)]
    assert pool(lots, Draws()).unstated == UNSTATED


def test_lots_drawn_in_turn_are_kept_from_the_first_of_them_on() -> None:
    """Lot a of July to September overlaps b of August on: b's draws depend on a's from 1 July.

    12 drawn on 5 August and 3 on 5 October, of 10 + 10: 10 of a, 2 and 3 of b leave 5.
    """
    a = lot("a", figure=Decimal(10), start=day(1, 7), end=day(1, 9))
    b = lot("b", figure=Decimal(10), start=day(1, 8))
    found = pool([a, b], drawn((day(5, 8), 12), (day(5), 3)), since=day(1, 7))
    assert found.ledger is not None
    assert found.ledger.since == day(1, 7)
    assert closings(found) == {"a": 0, "b": 5}
    assert pool([a, b], Draws(), since=day(2, 7)).unstated == UNSTATED  # bills from the 2nd on


def test_a_pool_that_no_charge_tells_of_is_not_known() -> None:
    """No charge of its provider states ContractApplied; of one that does, nothing was drawn."""
    lots = [lot("a", figure=Decimal(10), start=day(1), provider="p")]
    assert pool_of(lots, drawing_of([]), OCTOBER, None, LATER).unknown == SILENT
    told = drawing_of([], telling="p")
    assert closings(pool_of(lots, told, OCTOBER, None, LATER)) == {"a": 10}
