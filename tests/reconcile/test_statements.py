"""A provider's balance against the ledger: what can be compared, and what explains the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.reconcile.test_pools import LATER, day, drawn, lot, pool
from trueup.reconcile.found import OTHER
from trueup.reconcile.pools import Pool
from trueup.reconcile.statements import Knowledge, Statement, compared, explained, statement_of
from trueup.reconcile.terms import Terms


def said(**given: Any) -> Statement | str:
    """Of 100 GPU-hours, 40 are left on the 10th."""
    row: dict[str, Any] = dict.fromkeys(("granted", "drawn", "expired", "expires_at"))
    row |= {"at": day(10), "remaining": Decimal(40), "granted": Decimal(100)}
    row |= {"unit": "GPU-Hours", "source_id": None, "source_row": None}
    return statement_of(row | given, lot("a", unit="GPU-Hours"))


@pytest.mark.parametrize("lacking", ["at", "remaining"])
def test_a_statement_without_a_balance_is_not_compared(lacking: str) -> None:
    """What is left, and when: both are needed."""
    assert said(**{lacking: None}) == "the provider does not say what is left, and when"


@pytest.mark.parametrize(
    ("unit", "remaining", "granted"),
    [
        ("GPU-Hours", 40, 100),
        ("gpu-hours", 40, 100),
        (None, 40, 100),  # taken as the contract's
        ("GPU-Minutes", Fraction(40, 60), Fraction(100, 60)),
    ],
)
def test_a_statement_is_in_the_unit_of_the_contract(
    unit: str | None, remaining: Fraction, granted: Fraction
) -> None:
    """60 GPU-minutes are a GPU-hour."""
    found = said(unit=unit)
    assert isinstance(found, Statement)
    assert (found.remaining, found.granted, found.drawn) == (remaining, granted, None)


def test_a_statement_in_a_unit_that_does_not_convert_is_not_compared() -> None:
    """Tokens are no GPU-hours."""
    assert said(unit="Tokens") == "the provider counts in Tokens, the contract in GPU-Hours"


def stated(remaining: int, at: datetime | None = None) -> Statement:
    """So much is left, on the 10th or at another instant."""
    return Statement(at or day(10), None, None, None, Fraction(remaining), None)


def two_lots(**given: object) -> Pool:
    """Lots a and b of 10 each from October on; 4 of a were drawn on the 3rd."""
    lots: list[Terms] = [
        lot("a", figure=Decimal(10), start=day(1)),
        lot("b", figure=Decimal(10), **({"start": day(1)} | given)),
    ]
    return pool(lots, drawn((day(3), 4)))


def test_a_pool_without_a_ledger_is_not_compared() -> None:
    """What was drawn is not known, and so is the balance."""
    unknown = drawn()
    unknown.unknown = "no charge says"
    found = pool([lot("a", figure=Decimal(10), start=day(1))], unknown)
    assert compared(found, {"a": stated(10)}, day(10)) == []


def test_a_lot_that_the_provider_does_not_name_is_compared_while_it_runs() -> None:
    """On the 10th a has 10 - 4 = 6 left; of b, 10 are there, and the provider names no b.

    If b starts on the 12th, the provider need not have it yet.
    """
    each = compared(two_lots(), {"a": stated(6)}, day(10))
    assert {one.lot.commitment_id: int(one.rest) for one in each} == {"a": 0, "b": 10}
    early = compared(two_lots(start=day(12)), {"a": stated(6)}, day(10))
    assert [one.lot.commitment_id for one in early] == ["a"]


@pytest.mark.parametrize(
    ("remaining", "explains"),
    [
        (7, True),  # 1 of the 4 drawn within the lag has not reached the provider
        (10, True),  # all 4
        (11, False),  # more is left than ever was: no late charge explains that
    ],
)
def test_late_charges_explain_no_more_than_was_drawn_lately(remaining: int, explains: bool) -> None:
    """4 were drawn on the 3rd, 6 are left by the ledger at the end of it."""
    one = pool([lot("a", figure=Decimal(10), start=day(1))], drawn((day(3), 4)))
    known = Knowledge(day(5), timedelta(days=2), as_of=datetime(2026, 10, 4, 12, tzinfo=UTC))
    each = compared(one, {"a": stated(remaining, day(4))}, None)
    found, notes = explained(one, each, known, lambda _lot, _quantity: False)
    assert bool(notes) is explains
    assert [each.rule for each in found] == ([] if explains else [OTHER])
    settled = Knowledge(day(5), timedelta(days=2), as_of=LATER)
    again = compared(one, {"a": stated(remaining, day(4))}, None)
    assert explained(one, again, settled, lambda _lot, _quantity: False)[1] == []
