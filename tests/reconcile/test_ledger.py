"""The ledger of a pool's lots, movement by movement: each balance is counted by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from trueup.errors import IntegrityError
from trueup.period import Period
from trueup.reconcile.draws import ADJUSTMENT, DRAWDOWN, REFUND, Draws
from trueup.reconcile.ledger import (
    EXPIRY,
    GRANT,
    NOTHING,
    OVERAGE,
    OWN,
    POOLED,
    Ledger,
    Lot,
    Movement,
    Roll,
    check,
    check_days,
    ledger_of,
)

F = Fraction
DEFECT = "please report this as a defect"


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 10, day, hour, tzinfo=UTC)


def lot(
    name: str,
    start: int = 1,
    end: int = 11,
    held: int | Fraction | None = None,
    rollover: Fraction = NOTHING,
    adjustments: tuple[tuple[datetime, Fraction], ...] = (),
) -> Lot:
    """Of 100, granted as it starts unless it ``held`` something on the 1st."""
    known = None if held is None else F(held)
    return Lot(name, at(start), at(end), known, F(100), rollover, adjustments)


def drawn(*moves: tuple[datetime, Fraction | int, str | None]) -> Draws:
    """Each move is of one charge."""
    draws = Draws()
    for hour, quantity, kind in moves:
        draws.add(hour, F(quantity), kind, 1)
    return draws


def booked(
    *lots: Lot, own: Mapping[str, Draws] | None = None, pooled: Draws | None = None
) -> Ledger:
    return ledger_of(lots, at(1), own or {}, pooled or Draws(), at(20))


def told(ledger: Ledger, name: str) -> list[tuple[str, Fraction]]:
    """Kind and quantity of each movement of a lot but its end."""
    return [(one.kind, one.quantity) for one in ledger.movements[name] if one.kind != EXPIRY]


def test_each_movement_leaves_its_balance() -> None:
    """100 granted, 30 drawn by 2 charges, 5 refunded: 75, which are lost as the lot ends."""
    draws = drawn((at(3, 9), 10, None), (at(3, 9), 20, None), (at(4), -5, None))
    ledger = booked(lot("a"), own={"a": draws})
    assert ledger.movements["a"] == [
        Movement(at(1), GRANT, F(100), 0, F(100)),
        Movement(at(3, 9), DRAWDOWN, F(-30), 2, F(70), by=OWN),
        Movement(at(4), REFUND, F(5), 1, F(75), by=OWN),
        Movement(at(11), EXPIRY, F(-75), 0, F(0), closing=True),
    ]
    assert [ledger.balance("a", when) for when in (at(1), at(2), at(3, 9), at(3, 10))] == [
        *(0, 100, 100, 70)
    ]


def test_a_roll_forward_of_adjoining_spans() -> None:
    """To the 4th 0 + 100 - 30 = 70, to the 11th 70 + 5 - 75 = 0, then nothing."""
    draws = drawn((at(3, 9), 30, None), (at(4), -5, None))
    ledger = booked(lot("a"), own={"a": draws})
    spans = [Period(at(1), at(4)), Period(at(4), at(11)), Period(at(11), at(12))]
    nought = F(0)
    assert ledger.roll("a", spans) == [
        Roll(nought, F(100), F(30), nought, nought, nought, F(70), nought),
        Roll(F(70), nought, nought, F(5), nought, F(75), nought, nought),
        Roll(*[nought] * 8),
    ]
    assert ledger.roll("a", spans[1:2]) == ledger.roll("a", spans)[1:2]


def test_what_is_drawn_beyond_the_balance_is_overage_and_given_back_first() -> None:
    """Half of 1/2 is held: 1/4 drawn, 1/4 beyond; of 1/3 given back 1/4 is overage, 1/12 refund."""
    draws = drawn((at(2), F(1, 2), None), (at(3), F(-1, 3), None))
    assert told(booked(lot("a", held=F(1, 4)), own={"a": draws}), "a") == [
        (DRAWDOWN, F(-1, 4)),
        (OVERAGE, F(1, 4)),
        (OVERAGE, F(-1, 4)),
        (REFUND, F(1, 12)),
    ]


def test_a_pool_is_drawn_by_its_order_and_given_back_against_it() -> None:
    """5 and 5 held, 5.5 drawn: 5 of a and half of b; 1/4 given back is b's, 1 more 1/4 and 3/4."""
    moves = [(at(2), F(11, 2), None), (at(3), F(-1, 4), None), (at(4), F(-1), None)]
    ledger = booked(lot("a", held=5), lot("b", held=5), pooled=drawn(*moves))
    assert told(ledger, "a") == [(DRAWDOWN, F(-5)), (REFUND, F(3, 4))]
    assert told(ledger, "b") == [(DRAWDOWN, F(-1, 2)), (REFUND, F(1, 4)), (REFUND, F(1, 4))]


def test_what_is_given_back_by_name_is_not_given_back_again_by_order() -> None:
    """3 of a, then 2 of b; a gets 1 by its name, and of 4 by order 2 are b's and 2 a's."""
    own = {"a": drawn((at(4), -1, None))}
    moves = [(at(2), 3, None), (at(3), 2, None), (at(5), -4, None)]
    ledger = booked(lot("a", held=3), lot("b", held=9), own=own, pooled=drawn(*moves))
    assert told(ledger, "a") == [(DRAWDOWN, F(-3)), (REFUND, F(1)), (REFUND, F(2))]
    assert told(ledger, "b") == [(DRAWDOWN, F(-2)), (REFUND, F(2))]


def test_more_than_was_drawn_is_given_back_to_the_last_lot() -> None:
    """2 of a were drawn, 5 are given back: the other 3 are b's."""
    ledger = booked(
        lot("a", held=9), lot("b", held=9), pooled=drawn((at(2), 2, None), (at(3), -5, None))
    )
    assert told(ledger, "a") == [(DRAWDOWN, F(-2)), (REFUND, F(2))]
    assert told(ledger, "b") == [(REFUND, F(3))]


def test_overage_is_of_the_last_lot_that_is_active_else_the_last_that_ended() -> None:
    """All are empty: at the 4th b is the last, at the 8th only a is left, at the 12th a ended last."""
    lots = [lot("a", held=0), lot("b", held=0, end=6), lot("c", start=5, end=7, held=0)]
    moves = [(at(day), day, None) for day in (4, 5, 8, 12)]
    ledger = booked(*lots, pooled=drawn(*moves))
    assert {name: told(ledger, name) for name in ("a", "b", "c")} == {
        "a": [(OVERAGE, F(8)), (OVERAGE, F(12))],
        "b": [(OVERAGE, F(4))],
        "c": [(OVERAGE, F(5))],
    }


def test_an_adjustment_takes_no_more_than_is_held() -> None:
    """The bill takes 7 from 5: 2 are overage; it gives 4, and takes 1 from the pool's last lot."""
    own = {"a": drawn((at(2), 7, ADJUSTMENT), (at(3), -4, ADJUSTMENT))}
    ledger = booked(
        lot("a", held=5), lot("b", held=5), own=own, pooled=drawn((at(4), 1, ADJUSTMENT))
    )
    assert ledger.movements["a"][:3] == [
        Movement(at(2), ADJUSTMENT, F(-5), 1, F(0)),
        Movement(at(2), OVERAGE, F(2), 1, F(0)),
        Movement(at(3), ADJUSTMENT, F(4), 1, F(4)),
    ]
    assert ledger.movements["b"][0] == Movement(at(4), ADJUSTMENT, F(-1), 1, F(4))


def test_the_contract_adjusts_a_lot_from_the_time_it_is_known() -> None:
    """+3 in September is in what is held; +2 on the 5th is not; -1 on the 12th is overage."""
    changes = ((datetime(2026, 9, 5, tzinfo=UTC), F(3)), (at(5), F(2)), (at(12), F(-1)))
    ledger = booked(lot("a", held=5, adjustments=changes))
    assert told(ledger, "a") == [(ADJUSTMENT, F(2)), (OVERAGE, F(1))]
    assert ledger.balance("a", at(6)) == 7


def test_what_rolls_over_goes_to_the_next_lot() -> None:
    """Of 8 left a quarter goes to b, which has begun and goes on; the other 6 are lost."""
    ledger = booked(lot("a", held=8, end=5, rollover=F(1, 4)), lot("b", start=5, end=15, held=1))
    assert ledger.movements == {
        "a": [
            Movement(at(5), ADJUSTMENT, F(-2), 0, F(6), closing=True),
            Movement(at(5), EXPIRY, F(-6), 0, F(0), closing=True),
        ],
        "b": [
            Movement(at(5), ADJUSTMENT, F(2), 0, F(3)),
            Movement(at(15), EXPIRY, F(-3), 0, F(0), closing=True),
        ],
    }


def test_without_a_next_lot_all_is_lost() -> None:
    """B begins a day later, c has ended: 8 are lost, whatever may roll over."""
    lots = [
        lot("a", held=8, end=5, rollover=F(1, 4)),
        lot("b", start=6, held=0),
        lot("c", end=5, held=0),
    ]
    assert [(one.kind, one.quantity) for one in booked(*lots).movements["a"]] == [(EXPIRY, F(-8))]


def test_what_is_given_back_after_the_end_is_lost_within_the_quarter() -> None:
    """2 come back on the 12th to a lot that ended on the 11th."""
    draws = drawn((at(2), 8, None), (at(12), -2, None))
    assert booked(lot("a", held=8), own={"a": draws}).movements["a"][1:] == [
        Movement(at(12), REFUND, F(2), 1, F(2), by=OWN),
        Movement(at(12) + timedelta(minutes=15), EXPIRY, F(-2), 0, F(0), closing=True),
    ]


def test_a_charge_of_the_hour_in_which_a_lot_begins_draws_on_it() -> None:
    """Granted at 9:30, drawn from 9:00 on: 100 - 1; what was drawn at 8:00 is overage."""
    half_past = at(2, 9).replace(minute=30)
    one = replace(lot("a"), start=half_past)
    draws = drawn((at(2, 8), 3, None), (at(2, 9), 1, None))
    assert told(booked(one, own={"a": draws}), "a") == [
        (OVERAGE, F(3)),
        (GRANT, F(100)),
        (DRAWDOWN, F(-1)),
    ]


TWO = (lot("a", end=31, held=10), lot("b", end=31, held=10))


def given(*moves: tuple[int, int], kind: str | None = None) -> Draws:
    """Quantities by the day on which they were drawn."""
    return drawn(*((at(day), quantity, kind) for day, quantity in moves))


def balances(ledger: Ledger) -> dict[str, Fraction]:
    return {name: ledger.balance(name, at(20)) for name in ledger.held}


def test_only_adjustments_since_the_ledger_opens_are_booked() -> None:
    """10 held on the 1st have seen September's 7 already; 5 on the 2nd make 15."""
    before = datetime(2026, 9, 20, tzinfo=UTC)
    adjusted = lot("a", end=31, held=10, adjustments=((before, F(7)), (at(2), F(5))))
    assert balances(booked(adjusted)) == {"a": 15}


def test_a_lot_that_no_charge_names_is_drawn_by_the_order_alone() -> None:
    """12 by order: 10 of a, 2 of b; 1 given back goes to b, which was drawn last."""
    assert balances(booked(*TWO, pooled=given((3, 12), (4, -1)))) == {"a": 0, "b": 9}


def test_an_adjustment_of_the_pool_is_of_its_last_lot() -> None:
    """An Adjustment charge of 4 names no lot: b, the last that is active, has 10 - 4 = 6."""
    ledger = booked(*TWO, pooled=given((3, 4), kind=ADJUSTMENT))
    assert balances(ledger) == {"a": 10, "b": 6}
    assert [one.kind for one in ledger.movements["b"]] == [ADJUSTMENT]


def test_more_given_back_than_one_lot_gave_goes_to_the_last() -> None:
    """3 drawn of a, 5 given back: 3 to a, the 2 left to b."""
    assert balances(booked(*TWO, pooled=given((3, 3), (4, -5)))) == {"a": 10, "b": 12}


def test_what_a_lot_got_back_by_name_is_not_given_back_again() -> None:
    """First b gave 3, then a 5, which a got back by name: 3 given back by order are b's."""
    own = {"a": given((4, 5), (5, -5)), "b": given((3, 3))}
    ledger = booked(*TWO, own=own, pooled=given((6, -3)))
    assert balances(ledger) == {"a": 10, "b": 10}
    assert [one.kind for one in ledger.movements["a"]] == [DRAWDOWN, REFUND]


def test_what_a_lot_got_back_in_part_is_given_back_in_part() -> None:
    """First b gave 3, then a 5, of which 2 came back by name: of 4 by order 3 are a's and 1 b's."""
    own = {"a": given((4, 5), (5, -2)), "b": given((3, 3))}
    assert balances(booked(*TWO, own=own, pooled=given((6, -4)))) == {"a": 10, "b": 8}


def test_what_another_lot_gave_since_is_given_back_first() -> None:
    """First a gave 5, then b 3; 2 of a came back by name. Of 4 by order 3 are b's and 1 a's."""
    own = {"a": given((3, 5), (5, -2)), "b": given((4, 3))}
    assert balances(booked(*TWO, own=own, pooled=given((6, -4)))) == {"a": 8, "b": 10}


def test_a_drawing_that_is_booked_nowhere_stops_the_run() -> None:
    """5 were drawn on a lot that the pool does not have."""
    with pytest.raises(IntegrityError) as caught:
        booked(lot("a", held=1), lot("b", held=1), own={"c": drawn((at(2), 5, None))})
    assert str(caught.value) == f"lots a, b: 5 was drawn, but 0 is booked; {DEFECT}"


RIGHT = Roll(F(10), F(5), F(4), F(3), F(2), F(16), F(0), F(7))  # 10 + 5 - 4 + 3 + 2 - 16 = 0


def test_a_roll_forward_that_does_not_add_up_stops_the_run() -> None:
    """10 + 5 - 4 + 3 + 2 - 16 is 0, which may be; 1 is not 0, and nothing is below it."""
    check(RIGHT, "lot a")
    terms = "10 + 5 - 4 + 3 + 2"
    with pytest.raises(IntegrityError) as wrong:
        check(replace(RIGHT, closing=F(1)), "lot a")
    assert str(wrong.value) == f"lot a: {terms} - 16 = 0, but the balance is 1; {DEFECT}"
    with pytest.raises(IntegrityError) as below:
        check(replace(RIGHT, expired=F(17), closing=F(-1)), "lot a")
    assert str(below.value) == f"lot a: {terms} - 17 = -1, but the balance is -1; {DEFECT}"


DAYS = [
    Roll(F(10), F(1), F(3), F(0), F(2), F(0), F(10), F(0)),  # 10 + 1 - 3 + 2 = 10
    Roll(F(10), F(4), F(1), F(3), F(0), F(16), F(0), F(7)),  # 10 + 4 - 1 + 3 - 16 = 0
]


def test_days_add_up_to_their_period() -> None:
    """Granted 1 + 4, drawn 3 + 1, refunded 3, adjusted 2, expired 16; without days nothing is said."""
    check_days(DAYS, RIGHT, "lot a")
    check_days([], RIGHT, "lot a")


@pytest.mark.parametrize("name", ["granted", "drawn", "refunded", "adjusted", "expired"])
def test_a_figure_that_its_days_do_not_add_up_to_stops_the_run(name: str) -> None:
    """It is named."""
    whole = replace(RIGHT, **{name: getattr(RIGHT, name) + 1})
    with pytest.raises(IntegrityError) as caught:
        check_days(DAYS, whole, "lot a")
    assert str(caught.value) == f"lot a: its days do not add up to the period in {name}; {DEFECT}"


def test_days_lead_from_the_opening_to_the_closing() -> None:
    """The first opens with the period's opening, each with what the one before left."""
    with pytest.raises(IntegrityError) as first:
        check_days(DAYS, replace(RIGHT, opening=F(9)), "lot a")
    assert str(first.value).startswith(
        "lot a: a day opens with 10, but the one before it left None"
    )
    with pytest.raises(IntegrityError) as second:
        check_days([DAYS[0], replace(DAYS[1], opening=F(9))], RIGHT, "lot a")
    assert str(second.value) == (
        f"lot a: a day opens with 9, but the one before it left 10; {DEFECT}"
    )
    with pytest.raises(IntegrityError) as last:
        check_days(DAYS, replace(RIGHT, closing=F(1)), "lot a")
    assert str(last.value) == f"lot a: its days do not add up to the period in closing; {DEFECT}"
    with pytest.raises(IntegrityError, match=r"in granted, drawn; please"):
        check_days(DAYS, replace(RIGHT, granted=F(1), drawn=F(1)), "lot a")


def test_what_was_given_back_by_name_is_not_given_back_again_by_order() -> None:
    """15 by order: 10 of a, 5 of b; 4 back to a by name. Of 12 by order b gets 5 and a the 6 left.

    The last was drawn by nobody: it is the last lot's.
    """
    named, by_order = given((3, -4)), given((2, 15), (4, -12))
    ledger = booked(*TWO, own={"a": named}, pooled=by_order)
    assert balances(ledger) == {"a": 10, "b": 11}


def test_who_drew_is_told_of_each_movement() -> None:
    """12 that name a and 9 by order: a holds 10, so that 2 are its own overage; b holds the 9."""
    ledger = booked(*TWO, own={"a": given((2, 12))}, pooled=given((2, 9), (3, -1)))
    told_of = [(one.kind, one.quantity, one.by) for name in "ab" for one in ledger.movements[name]]
    assert told_of == [
        (DRAWDOWN, F(-10), OWN),
        (OVERAGE, F(2), OWN),
        (OVERAGE, F(-1), POOLED),
        (DRAWDOWN, F(-9), POOLED),
    ]


def test_what_is_drawn_as_the_ledger_opens_is_booked() -> None:
    """On the 1st at midnight, which is its first instant."""
    assert balances(booked(TWO[0], own={"a": given((1, 4))})) == {"a": 6}
