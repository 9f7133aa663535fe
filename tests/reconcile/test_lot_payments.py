"""What lots paid of charges that a rule gave them, and what of it is not known."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.reconcile.test_pools import day, drawn, lot, pool
from trueup.period import Period
from trueup.reconcile.draws import ADJUSTMENT, DRAWDOWN, Draws
from trueup.reconcile.invoice_drawdown import _left
from trueup.reconcile.lot_payments import paid_by_rule
from trueup.reconcile.overage import overage_breaks
from trueup.reconcile.pools import Pool
from trueup.reconcile.terms import Terms

OCTOBER = Period(day(1), day(1, 11))
RULE = '{"SkuId": "x"}'


def ruled(pooled: Draws, **given: object) -> Pool:
    """A lot of 10 from October on that charges of SKU x draw on."""
    usual = {"figure": Decimal(10), "start": day(1), "applies_to": RULE}
    return pool([lot("a", **(usual | given))], pooled)


def test_a_rule_that_no_charge_met_pays_nothing() -> None:
    """Nothing was drawn: there is no hour to pay for."""
    assert list(paid_by_rule([ruled(Draws())], "USD")) == []


@pytest.mark.parametrize(
    "given",
    [
        {"applies_to": None},
        {"layer": "agreement"},
        {"currency": "EUR"},
        {"type": "Promotional credit"},  # Credit charges lower the bill themselves
    ],
)
def test_what_pays_no_usage_by_rule_is_left_out(given: dict[str, object]) -> None:
    """Without a rule, of another layer or currency, or given rather than bought."""
    assert list(paid_by_rule([ruled(drawn((day(3), 4)), **given)], "USD")) == []


def test_what_is_beyond_the_lot_stays_unpaid() -> None:
    """4 on the 3rd are paid whole; of 8 on the 4th 6 are left: 2 / 8 stay unpaid."""
    [found] = paid_by_rule([ruled(drawn((day(3), 4), (day(4), 8)))], "USD")
    assert found.left == {(day(3), False): Fraction(0), (day(4), False): Fraction(1, 4)}
    assert (found.names, found.unknown) == (("a", "both"), None)


@pytest.mark.parametrize(
    ("hour", "unknown"),
    [(day(25, 9), "its balance is known from 2026-10-01 on"), (day(2), None)],
)
def test_draws_before_the_balance_is_known_are_said(hour: datetime, unknown: str | None) -> None:
    """The provider states 10 as of October; what a charge of September left unpaid is not known."""
    stated = {"figure": None, "start": day(1, 9), "opening": Decimal(10), "opening_at": day(1)}
    [found] = paid_by_rule([ruled(drawn((hour, 3)), **stated)], "USD")
    assert found.unknown == unknown


def test_a_ledger_that_cannot_be_kept_is_said() -> None:
    """A lot of July, and nobody states what was left of it in October."""
    [found] = paid_by_rule([ruled(drawn((day(3), 3)), start=day(1, 7))], "USD")
    assert (found.left, found.unknown) == ({}, "its balance before the period is not known")


@pytest.mark.parametrize(
    ("unnamed", "lots", "left"),
    [
        (None, 2, "12.00"),  # no row shows a drawdown
        ("-5.00", 1, "0"),  # its one lot has a row already
        ("-5.00", 2, "7.00"),  # of 12.00 5.00 are shown
        ("-15.00", 2, "0"),
    ],
)
def test_a_drawdown_with_a_row_of_its_own_is_not_taken_off_again(
    unnamed: str | None, lots: int, left: str
) -> None:
    """12.00 were paid by lots."""
    shown = None if unnamed is None else Decimal(unnamed) * 100
    row = {"cost": Decimal(12 * 10**18), "unnamed": shown, "lots": lots}
    assert _left(row, 2) == Decimal(left)


def beyond(own: Draws, pooled: Draws, **given: object) -> Pool:
    """A lot of 10, whose overage costs 2.00 a unit."""
    usual = {"figure": Decimal(10), "start": day(1), "overage_rate": Decimal(2)}
    lots: list[Terms] = [lot("a", **(usual | given))]
    return pool(lots, pooled, a=own)


@pytest.mark.parametrize(("billed", "amounts"), [(24, []), (36, [Decimal(6)])])
@pytest.mark.parametrize("named", [True, False])
def test_overage_is_billed_at_the_rate_of_the_contract(
    named: bool, billed: int, amounts: list[Decimal]
) -> None:
    """12 drawn of 10: a sixth of what is billed is of the 2 beyond it, which cost 2 x 2.00 = 4.00.

    A sixth of 24.00 is 4.00; of 36.00 it is 6.00, 2.00 too much.
    """
    draws = drawn((day(3), 12))
    draws.billed[day(3), DRAWDOWN] = Fraction(billed)
    found = beyond(draws, Draws()) if named else beyond(Draws(), draws)
    assert [one["billed"] for one in overage_breaks(found, OCTOBER)] == amounts
    assert [one["amount"] for one in overage_breaks(found, OCTOBER)] == [2] * len(amounts)


def moved_of(*moves: tuple[int, int, int]) -> Draws:
    """Draws on days of October: day, quantity and what was billed; a negative one gives back."""
    draws = Draws()
    for at, quantity, billed in moves:
        draws.add(day(at), Fraction(quantity), rows=1, billed=Fraction(billed))
    return draws


@pytest.mark.parametrize(
    ("own", "pooled", "billed", "amounts"),
    [
        # 17 of 10, 3 of the 7 beyond given back: 4 cost 8.00; 17.00 x 7/17 - 3.00 were billed.
        ((), ((3, 17, 17), (3, -3, -3)), 4, -4),
        ((), ((3, 17, 17), (4, -3, -3)), 4, -4),  # and the same on another day
        # 12 named, 2 beyond of 24.00: 4.00; then 5 by the rule, all beyond, 15.00: 7 cost 14.00.
        (((3, 12, 24),), ((3, 5, 15),), 19, 5),
        (((3, 12, 24),), ((4, 5, 15),), 19, 5),
    ],
)
def test_overage_is_billed_by_the_charges_that_made_it(
    own: tuple[tuple[int, int, int], ...],
    pooled: tuple[tuple[int, int, int], ...],
    billed: int,
    amounts: int,
) -> None:
    """What gives back takes off, and what names the lot is not what goes by the rule."""
    [found] = overage_breaks(beyond(moved_of(*own), moved_of(*pooled)), OCTOBER)
    assert (found["billed"], found["amount"]) == (billed, amounts)


def test_the_row_of_overage_at_another_rate() -> None:
    """12 of 10 for 36.00: 2 beyond, a sixth of it, 6.00, where 2 x 2.00 = 4.00 are due."""
    [found] = overage_breaks(beyond(Draws(), moved_of((3, 12, 36))), OCTOBER)
    assert found == {
        "class": "price",
        "leg": "balance",
        "provider": None,
        "commitment_id": "a",
        "subject": "a",
        "period_start": OCTOBER.start,
        "period_end": OCTOBER.end,
        "billed": 6,
        "expected": 4,
        "unit": "USD",
        "amount": 2,
        "currency": "USD",
        "priced_by": "contract",
        "rule": "overage_rate",
        "rows_metered": 0,
        "explanation": "2 USD beyond the lot at 2 are 4; 6 was billed.",
        "times": [day(3)],
    }


def test_overage_counts_from_the_first_instant_of_the_period() -> None:
    """As the row above, on the 1st at midnight; what the next month begins with does not."""
    [found] = overage_breaks(beyond(Draws(), moved_of((1, 12, 36))), OCTOBER)
    assert (found["amount"], found["times"]) == (2, [OCTOBER.start])
    draws = Draws()
    draws.add(OCTOBER.end, Fraction(12), rows=1, billed=Fraction(36))
    assert list(overage_breaks(beyond(draws, Draws()), OCTOBER)) == []


def test_what_an_adjustment_takes_too_much_is_billed_by_nobody() -> None:
    """12 of 10 for 24.00: 4.00 of the 2 beyond. 3 more that the bill adjusts have no charge."""
    draws = moved_of((3, 12, 24))
    draws.add(day(3), Fraction(3), ADJUSTMENT, rows=1)
    assert list(overage_breaks(beyond(draws, Draws()), OCTOBER)) == []


def test_a_lot_without_a_rate_or_of_later_hides_no_other() -> None:
    """Of a and b only b states one: 12 named of its 10 for 36.00, 2.00 too much. c is December's."""
    usual = {"figure": Decimal(10), "start": day(1)}
    priced = usual | {"overage_rate": Decimal(2)}
    later = priced | {"start": day(1, 12), "end": day(1, 12).replace(year=2027)}
    lots = [lot("a", **usual), lot("c", **later), lot("b", **priced)]
    [found] = overage_breaks(pool(lots, Draws(), b=moved_of((3, 12, 36))), OCTOBER)
    assert (found["commitment_id"], found["amount"]) == ("b", 2)


@pytest.mark.parametrize(("cents", "found"), [(2406, 0), (2407, 1)])
def test_each_charge_may_be_rounded(cents: int, found: int) -> None:
    """Two charges, half a cent each: a sixth of 24.06 is 4.01, a cent more than 2 x 2.00."""
    draws = Draws()
    draws.add(day(3), Fraction(12), rows=2, billed=Fraction(cents, 100))
    assert len(list(overage_breaks(beyond(draws, Draws()), OCTOBER))) == found
    # On two days: 10 are the lot's; then 2 beyond it by two charges, one each.
    draws = moved_of((3, 10, 0), (4, 1, 0), (5, 1, 0))
    draws.billed[day(4), DRAWDOWN] = Fraction(2) + Fraction(cents - 2400, 600)
    draws.billed[day(5), DRAWDOWN] = Fraction(2)
    assert len(list(overage_breaks(beyond(draws, Draws()), OCTOBER))) == found


def test_less_than_a_unit_beyond_a_lot_is_drawn_not_given_back() -> None:
    """10.5 of 10 for 10.50: half a unit, 0.50 of it, where 0.5 x 2.00 = 1.00 is due."""
    draws = Draws()
    draws.add(day(3), Fraction(21, 2), rows=1, billed=Fraction(21, 2))
    [found] = overage_breaks(beyond(draws, Draws()), OCTOBER)
    assert (found["billed"], found["expected"]) == (Decimal("0.5"), 1)


def test_draws_that_no_charge_prices_are_not_judged() -> None:
    """What ContractApplied alone tells has no cost of its own: 2 beyond, and nothing billed."""
    assert list(overage_breaks(beyond(drawn((day(3), 12)), Draws()), OCTOBER)) == []


@pytest.mark.parametrize(
    ("own", "pooled", "left"),
    [
        # 12 of 10: a sixth is not paid; of the 3 given back two thirds had not been.
        ((), ((3, 12, 0), (4, -3, 0)), {(3, False): "1/6", (4, True): "2/3"}),
        ((), ((3, 12, 0), (3, -3, 0)), {(3, False): "1/6", (3, True): "2/3"}),
        # 10 name the lot: of what goes by the rule nothing is paid.
        (((3, 10, 0),), ((3, 10, 0),), {(3, False): "1"}),
    ],
)
def test_what_no_lot_paid_of_charges_that_go_by_its_rule(
    own: tuple[tuple[int, int, int], ...],
    pooled: tuple[tuple[int, int, int], ...],
    left: dict[tuple[int, bool], str],
) -> None:
    """The part beyond, of what they drew and of what they gave back."""
    rule = {"applies_to": '{"ServiceName": "x"}', "unit": "USD", "currency": "USD"}
    one = beyond(moved_of(*own), moved_of(*pooled), **rule)
    [found] = paid_by_rule([one], "USD")
    assert found.left == {(day(at), back): Fraction(part) for (at, back), part in left.items()}


def test_overage_without_a_rate_or_a_ledger_is_not_judged() -> None:
    """Nothing says what a unit beyond the lot costs, or how much is beyond it."""
    draws = drawn((day(3), 12))
    draws.billed[day(3), DRAWDOWN] = Fraction(36)
    for given in ({"overage_rate": None}, {"start": day(1, 7)}):
        assert list(overage_breaks(beyond(draws, Draws(), **given), OCTOBER)) == []
