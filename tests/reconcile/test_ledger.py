"""The ledger of a pool: what is booked on which lot, and figures that do not add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from trueup.errors import IntegrityError
from trueup.reconcile.draws import ADJUSTMENT, DRAWDOWN, Draws
from trueup.reconcile.ledger import Ledger, Lot, Roll, _Booking, check, check_days, ledger_of


def day(number: int) -> datetime:
    return datetime(2026, 10, number, tzinfo=UTC)


def lot(name: str, held: int, *adjustments: tuple[datetime, Fraction]) -> Lot:
    """A lot of October that holds so much on the 1st."""
    start, end = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    return Lot(name, start, end, Fraction(held), Fraction(held), adjustments=adjustments)


def draws(*given: tuple[int, int], kind: str | None = None) -> Draws:
    """Quantities by the day on which they were drawn."""
    found = Draws()
    for number, quantity in given:
        found.add(day(number), Fraction(quantity), kind, rows=1)
    return found


def kept(lots: list[Lot], own: dict[str, Draws], pooled: Draws) -> Ledger:
    return ledger_of(lots, day(1), own, pooled, day(31))


def balances(ledger: Ledger) -> dict[str, Fraction]:
    return {name: ledger.balance(name, day(31)) for name in ledger.held}


# 100 + 20 granted - 30 drawn + 5 refunded + 1 adjusted - 6 expired = 90
ROLL = Roll(*map(Fraction, (100, 20, 30, 5, 1, 6, 90, 0)))


def test_a_roll_forward_that_adds_up_passes() -> None:
    """100 + 20 - 30 + 5 + 1 - 6 = 90."""
    check(ROLL, "lot")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"closing": Fraction(91)}, "lot: 100 .* = 90, but the balance is 91"),
        # 100 + 20 - 130 + 5 + 1 - 6 = -10: it adds up, and is negative
        ({"drawn": Fraction(130), "closing": Fraction(-10)}, "= -10, but the balance is -10"),
    ],
)
def test_a_roll_forward_that_does_not_add_up_stops_the_run(
    wrong: dict[str, Fraction], said: str
) -> None:
    """The figures are named, for the report of the defect."""
    with pytest.raises(IntegrityError, match=said):
        check(replace(ROLL, **wrong), "lot")


# 100 - 30 = 70, then 70 - 20 = 50
FIRST = Roll(*map(Fraction, (100, 0, 30, 0, 0, 0, 70, 0)))
SECOND = Roll(*map(Fraction, (70, 0, 20, 0, 0, 0, 50, 0)))
WHOLE = Roll(*map(Fraction, (100, 0, 50, 0, 0, 0, 50, 0)))


def test_days_that_lead_from_opening_to_closing_pass() -> None:
    """100 - 30 - 20 = 50; of no days nothing is asked."""
    check_days([FIRST, SECOND], WHOLE, "lot")
    check_days([], WHOLE, "lot")


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ([replace(FIRST, opening=Fraction(99))], "a day opens with 99, but the one before it left"),
        ([FIRST, replace(SECOND, opening=Fraction(71))], "opens with 71, .* left 70"),
        ([FIRST], "do not add up to the period in drawn"),  # 30 of 50
        ([FIRST, replace(SECOND, drawn=Fraction(21))], "in drawn"),  # 51 of 50
        ([FIRST, replace(SECOND, closing=Fraction(49))], "in closing"),
    ],
)
def test_days_that_do_not_lead_there_stop_the_run(days: list[Roll], said: str) -> None:
    """A gap between two days, a sum that is not the period's, another closing."""
    with pytest.raises(IntegrityError, match=said):
        check_days(days, WHOLE, "lot")


def test_a_drawing_that_is_booked_nowhere_stops_the_run() -> None:
    """5 were drawn, and the ledger has no movement."""
    booking = _Booking([lot("a", 100)], day(1), day(31))
    with pytest.raises(IntegrityError, match="lots a: 5 was drawn, but 0 is booked"):
        booking._check([draws((3, 5))])


def test_only_adjustments_since_the_ledger_opens_are_booked() -> None:
    """10 held on the 1st have seen September's 7 already; 5 on the 2nd make 15."""
    before = datetime(2026, 9, 20, tzinfo=UTC)
    ledger = kept([lot("a", 10, (before, Fraction(7)), (day(2), Fraction(5)))], {}, Draws())
    assert balances(ledger) == {"a": 15}


def test_a_lot_that_no_charge_names_is_drawn_by_the_order_alone() -> None:
    """12 by order: 10 of a, 2 of b; 1 given back goes to b, which was drawn last."""
    pooled = draws((3, 12), (4, -1))
    assert balances(kept([lot("a", 10), lot("b", 10)], {}, pooled)) == {"a": 0, "b": 9}


def test_an_adjustment_of_the_pool_is_of_its_last_lot() -> None:
    """An Adjustment charge of 4 names no lot: b, the last that is active, has 10 - 4 = 6."""
    pooled = draws((3, 4), kind=ADJUSTMENT)
    ledger = kept([lot("a", 10), lot("b", 10)], {}, pooled)
    assert balances(ledger) == {"a": 10, "b": 6}
    assert [one.kind for one in ledger.movements["b"]] == [ADJUSTMENT]


def test_more_given_back_than_was_drawn_goes_to_the_last_lot() -> None:
    """3 drawn of a, 5 given back: 3 to a, the 2 left to b."""
    ledger = kept([lot("a", 10), lot("b", 10)], {}, draws((3, 3), (4, -5)))
    assert balances(ledger) == {"a": 10, "b": 12}


def test_what_a_lot_got_back_by_name_is_not_given_back_again() -> None:
    """First b gave 3, then a 5, which a got back by name: 3 given back by order are b's."""
    own = {"a": draws((4, 5), (5, -5)), "b": draws((3, 3))}
    ledger = kept([lot("a", 10), lot("b", 10)], own, draws((6, -3)))
    assert balances(ledger) == {"a": 10, "b": 10}
    assert [one.kind for one in ledger.movements["a"]] == [DRAWDOWN, "refund"]


def test_what_a_lot_got_back_in_part_is_given_back_in_part() -> None:
    """First b gave 3, then a 5, of which 2 came back by name: of 4 by order 3 are a's and 1 b's."""
    own = {"a": draws((4, 5), (5, -2)), "b": draws((3, 3))}
    ledger = kept([lot("a", 10), lot("b", 10)], own, draws((6, -4)))
    assert balances(ledger) == {"a": 10, "b": 8}


def test_what_another_lot_gave_since_is_given_back_first() -> None:
    """First a gave 5, then b 3; 2 of a came back by name. Of 4 by order 3 are b's and 1 a's."""
    own = {"a": draws((3, 5), (5, -2)), "b": draws((4, 3))}
    ledger = kept([lot("a", 10), lot("b", 10)], own, draws((6, -4)))
    assert balances(ledger) == {"a": 8, "b": 10}
