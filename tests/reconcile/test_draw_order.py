"""The order in which the lots of a pool are drawn, as the contract states it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.reconcile.test_terms import terms
from trueup.errors import UsageError
from trueup.reconcile.draw_order import in_draw_order
from trueup.reconcile.terms import Terms


def lot(name: str, start: int, end: int, priority: int, order: str | None = None) -> Terms:
    return terms(
        commitment_id=name,
        start=datetime(2026, start, 1, tzinfo=UTC),
        end=datetime(2026, end, 1, tzinfo=UTC),
        priority=Decimal(priority),
        draw_order=order,
    )


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (None, "bca"),  # a has priority 2; of the others b ends in 6, c in 9
        ("start", "cab"),  # c from 1, a from 2, b from 3
        ("-start", "bac"),
        ("-expiry", "acb"),  # a and c end in 9, by name; b in 6
        ("expiry, -start", "bac"),  # b in 6; a from 2 before c from 1
    ],
)
def test_lots_are_drawn_in_the_order_of_the_contract(order: str | None, expected: str) -> None:
    """Priority, expiry and start, each the other way round with a minus; then the name."""
    lots = [lot("a", 2, 9, 2, order), lot("b", 3, 6, 1), lot("c", 1, 9, 1)]
    assert "".join(one.commitment_id for one in in_draw_order(lots)) == expected


def test_an_unknown_criterion_is_named_with_those_there_are() -> None:
    """`size` says nothing about which lot comes first."""
    with pytest.raises(UsageError, match=r"a: draw_order 'size' .* made of priority, expiry and"):
        in_draw_order([lot("a", 1, 9, 0, "priority,size")])
