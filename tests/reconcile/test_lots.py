"""Lots: opening - drawn - expired = remaining, and what is not known stays unknown."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

import trueup
from tests.reconcile import prepaid
from tests.reconcile.test_terms import terms
from tests.test_worked_hour import CHARGE_COLUMNS, charge
from trueup.period import Period
from trueup.reconcile.lots import Balance, Draws, balance_of, burn_down, credit_row, lot_row
from trueup.reconcile.terms import Terms

OCTOBER = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
LATER = datetime(2026, 12, 1, tzinfo=UTC)


def day(number: int, month: int = 10) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


def drawn(**days: int) -> Draws:
    draws = Draws()
    for name, quantity in days.items():
        draws.add(day(int(name[1:])), Fraction(quantity))
    return draws


def lot(**given: object) -> Terms:
    return terms(interval="full period", layer="funding", unit="credits", **given)


def test_a_stated_balance_is_rolled_to_the_period() -> None:
    """500 on 20 September, 50 drawn by the month's end, 100 in October: 450 - 100 = 350 left."""
    draws = drawn(d5=100)
    draws.add(day(25, 9), Fraction(50))
    one = lot(figure=Decimal(1000), opening=Decimal(500), opening_at=day(20, 9))
    balance = balance_of(one, draws, OCTOBER, None, LATER)
    assert balance == Balance(Fraction(450), Fraction(100), Fraction(0), Fraction(350), Fraction(0))
    row = credit_row(one, balance)
    # to date: 1000 granted - 350 left - 0 expired = 650 drawn
    assert (row["granted"], row["drawn"], row["remaining"]) == (1000, 650, 350)


def test_what_is_left_at_the_end_of_the_term_expires() -> None:
    """A lot that ends on 21 October with 40 of 120 left loses 40, and its picture ends at nought."""
    one = lot(figure=Decimal(120), start=day(1), end=day(21))
    draws = drawn(d3=80)
    balance = balance_of(one, draws, OCTOBER, None, LATER)
    assert balance == Balance(Fraction(120), Fraction(80), Fraction(40), Fraction(0), Fraction(0))
    rows = burn_down(one, draws, balance, [day(3), day(19), day(20)])
    assert [row["remaining"] for row in rows] == [40, 40, 0]


def test_draws_beyond_the_lot_are_overage() -> None:
    """130 drawn from 120: the balance is never negative, 10 are overage."""
    one = lot(figure=Decimal(120), start=day(1))
    balance = balance_of(one, drawn(d3=130), OCTOBER, None, LATER)
    assert [balance.remaining, balance.overage] == [0, 10]


def test_an_unknown_opening_leaves_the_balance_unknown() -> None:
    """A lot of last year, without a stated balance and earlier bills: drawn is known, no more."""
    one = lot(figure=Decimal(120), start=day(1, 1))
    balance = balance_of(one, drawn(d3=5), OCTOBER, day(1), LATER)
    assert balance == Balance(None, Fraction(5), None, None, None)


def test_bills_since_the_start_make_the_opening_known() -> None:
    """Bills reach back to the lot's start: 120 - 20 drawn before October = 100."""
    draws = drawn(d3=5)
    draws.add(day(2, 2), Fraction(20))
    one = lot(figure=Decimal(120), start=day(1, 1))
    balance = balance_of(one, draws, OCTOBER, day(1, 1), LATER)
    assert [balance.opening, balance.remaining] == [100, 95]


def test_an_agreement_does_not_expire() -> None:
    """What a minimum spend lacks at its end is a shortfall, not an expiry."""
    one = terms(
        interval="full period", layer="agreement", figure=Decimal(120), start=day(1), end=day(21)
    )
    balance = balance_of(one, drawn(d3=80), OCTOBER, None, LATER)
    assert [balance.expired, balance.remaining] == [0, 40]


@pytest.mark.parametrize(
    ("given", "since", "opening"),
    [
        # 500 left on 20 September, 50 drawn until October
        ({"opening": Decimal(500), "opening_at": day(20, 9)}, None, 450),
        # 500 left on the 10th, 100 drawn since the 1st
        ({"opening": Decimal(500), "opening_at": day(10)}, None, 600),
        # the whole figure, in a term that starts with the period
        ({"figure": Decimal(120), "start": day(1)}, None, 120),
        # 120 since 1 September, of which the bill shows 50 drawn
        ({"figure": Decimal(120), "start": day(1, 9)}, day(1, 9), 70),
        ({"figure": Decimal(120), "start": day(1, 9)}, day(2, 9), None),
        ({"figure": Decimal(120), "start": day(1, 9)}, None, None),
        ({"figure": None}, day(1, 9), None),
    ],
)
def test_what_an_agreement_still_asks_for_when_the_period_begins(
    given: dict[str, object], since: datetime | None, opening: int | None
) -> None:
    """Stated, or counted from its start on; 100 are drawn on the 5th, 50 were on 25 September."""
    draws = drawn(d5=100)
    draws.add(day(25, 9), Fraction(50))
    one = terms(interval="full period", layer="agreement", **given)
    balance = balance_of(one, draws, OCTOBER, since, LATER)
    assert [balance.opening, balance.drawn] == [opening, 100]
    assert balance.remaining == (None if opening is None else max(opening - 100, 0))


def test_a_lot_that_ended_before_the_period_is_lost_only_once() -> None:
    """Ended on 1 September with 100 left: that loss is September's, October shows nothing."""
    one = lot(
        figure=Decimal(120),
        start=day(1, 1),
        end=day(1, 9),
        opening=Decimal(100),
        opening_at=day(1, 8),
    )
    balance = balance_of(one, Draws(), OCTOBER, None, LATER)
    assert [balance.opening, balance.expired, balance.remaining] == [0, 0, 0]


def test_a_lot_that_starts_later_is_not_there_yet() -> None:
    """A contract from December has no balance in October."""
    one = lot(figure=Decimal(120), start=day(1, 12), end=day(31, 12))
    assert balance_of(one, Draws(), OCTOBER, None, LATER) == Balance(None, None, None, None, None)


def test_what_is_drawn_after_the_end_is_not_served() -> None:
    """120 granted, 80 drawn, 40 lost on the 21st; 5 drawn on the 25th are overage."""
    one = lot(figure=Decimal(120), start=day(1), end=day(21))
    balance = balance_of(one, drawn(d3=80, d25=5), OCTOBER, None, LATER)
    assert [balance.drawn, balance.expired, balance.remaining, balance.overage] == [85, 40, 0, 5]


def test_draws_of_a_period_shorter_than_a_day_are_seen() -> None:
    """8 drawn at 14:00: the hour from 14:00 sees them, opening 100 - 3 drawn at 9:00 = 97."""
    draws = Draws()
    draws.add(datetime(2026, 10, 3, 9, tzinfo=UTC), Fraction(3))
    draws.add(datetime(2026, 10, 3, 14, tzinfo=UTC), Fraction(8))
    hour = Period(datetime(2026, 10, 3, 14, tzinfo=UTC), datetime(2026, 10, 3, 15, tzinfo=UTC))
    one = lot(figure=Decimal(120), start=day(1, 1), opening=Decimal(100), opening_at=day(1))
    balance = balance_of(one, draws, hour, None, LATER)
    assert [balance.opening, balance.drawn, balance.remaining] == [97, 8, 89]


def agreement(**given: object) -> Terms:
    return terms(interval="full period", layer="agreement", unit="USD", **given)


def test_an_agreement_counts_what_its_stated_balance_or_its_term_leaves() -> None:
    """Of 120, by 30 drawn in September and 50 in October, 20 of them on the 3rd.

    90 stated on 20 September, before the 30: 60. 80 stated on the 10th, after 20: 100. Bills since
    it began: 120 - 30 = 90; without them it is not known, but what was drawn is.
    """
    draws = drawn(d3=20, d15=30, d31=0)
    draws.add(day(25, 9), Fraction(30))

    def counted(since: datetime | None = None, **given: object) -> Balance:
        one = agreement(figure=Decimal(120), start=day(1, 1), **given)
        return balance_of(one, draws, OCTOBER, since, LATER)

    nought, fifty = Fraction(0), Fraction(50)
    before = counted(opening=Decimal(90), opening_at=day(20, 9))
    assert before == Balance(Fraction(60), fifty, nought, Fraction(10), nought)
    after = counted(opening=Decimal(80), opening_at=day(10))
    assert after == Balance(Fraction(100), fifty, nought, fifty, nought)
    at_once = counted(opening=Decimal(45), opening_at=day(1))
    assert at_once == Balance(Fraction(45), fifty, nought, nought, Fraction(5))
    assert counted(since=day(1, 1)) == Balance(Fraction(90), fifty, nought, Fraction(40), nought)
    assert counted(since=day(2, 1)) == Balance(None, fifty, None, None, None)
    assert counted(opening=Decimal(90)) == Balance(None, fifty, None, None, None)
    assert counted() == Balance(None, fifty, None, None, None)


def test_an_agreement_of_the_period_opens_with_its_figure() -> None:
    """120 from 1 October on, 50 drawn: 70; without a figure only the 50 are known."""
    draws = drawn(d3=20, d15=30)
    known = balance_of(agreement(figure=Decimal(120), start=day(1)), draws, OCTOBER, None, LATER)
    assert [known.opening, known.remaining] == [120, 70]
    rate_card = balance_of(agreement(start=day(1)), draws, OCTOBER, None, LATER)
    assert rate_card == Balance(None, Fraction(50), None, None, None)


def test_an_agreement_whose_draws_are_not_known_or_that_starts_later_has_no_balance() -> None:
    """Nothing is taken for nought."""
    nothing = Balance(None, None, None, None, None)
    silent = Draws(unknown="nobody says")
    one = agreement(figure=Decimal(120), start=day(1))
    assert balance_of(one, silent, OCTOBER, None, LATER) == nothing
    later = agreement(figure=Decimal(120), start=day(1, 11))
    assert balance_of(later, Draws(), OCTOBER, None, LATER) == nothing


KNOWN = Balance(Fraction(90), Fraction(130), Fraction(0), Fraction(0), Fraction(40))
FIGURES = {"opening": 90, "drawn": 130, "expired": 0, "remaining": 0, "overage_quantity": 40}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # credits: no money is committed
        (
            {"unit": "credits"},
            {"quantity_basis": "credits", "committed_quantity": 100, "used_quantity": 130}
            | {"committed_cost": None, "used_cost": None},
        ),
        # money, of the contract's own basis where it states one
        (
            {"unit": "USD"},
            {"quantity_basis": "spend", "committed_quantity": 100, "used_quantity": 130}
            | {"committed_cost": 100, "used_cost": 130},
        ),
        (
            {"unit": "USD", "quantity_basis": "tokens"},
            {"quantity_basis": "tokens", "committed_quantity": 100, "committed_cost": 100},
        ),
        # neither a unit nor a currency: not money
        (
            {"unit": None, "currency": None},
            {"quantity_basis": "credits", "committed_cost": None, "used_cost": None},
        ),
        # given, not bought
        (
            {"unit": "USD", "type": "Promotional"},
            {"quantity_basis": "spend", "committed_quantity": None, "used_quantity": None}
            | {"committed_cost": None, "used_cost": None},
        ),
        (
            {"unit": "USD", "figure": None},
            {"committed_quantity": None, "used_quantity": 130}
            | {"committed_cost": None, "used_cost": 130},
        ),
    ],
)
def test_the_row_of_a_lot_says_what_was_committed_and_used(
    given: dict[str, object], expected: dict[str, object]
) -> None:
    """100 granted, 90 of it left before the period, 130 drawn: 40 beyond it."""
    one = terms(**{"interval": "full period", "layer": "funding", "figure": Decimal(100)} | given)
    row = lot_row(one, KNOWN, "none", provisional=True)
    told = {"status": "complete", "provisional": True, "reason": None, "commitment_id": "plan"}
    wanted = FIGURES | told | expected
    assert {name: row[name] for name in wanted} == wanted


def test_the_row_of_a_lot_says_why_its_balance_is_not_known() -> None:
    """The reason given, else that it is not known; what was drawn makes it complete."""
    one = lot(figure=Decimal(100))
    drawn_only = Balance(None, Fraction(5), None, None, None)
    row = lot_row(one, drawn_only, None, provisional=False)
    assert (row["status"], row["provisional"]) == ("complete", False)
    assert row["reason"] == "its balance before the period is not known"
    assert [row[name] for name in ("opening", "drawn", "expired", "remaining")] == [
        *(None, 5, None, None)
    ]
    row = lot_row(one, Balance(None, None, None, None, None), "nobody says", provisional=True)
    assert (row["status"], row["reason"], row["drawn"]) == ("not_covered", "nobody says", None)


def test_the_row_of_credits_is_to_date() -> None:
    """120 granted - 40 lost - 30 left = 50 drawn, whatever was drawn in the period."""
    one = lot(
        figure=Decimal(120),
        provider="p",
        compute_unit="DBU",
        compute_units_per_credit=Decimal(2),
        cost_per_credit=Decimal("1.50"),
    )
    balance = Balance(Fraction(90), Fraction(20), Fraction(40), Fraction(30), Fraction(0))
    row = {
        "lot_id": "plan",
        "commitment_id": "plan",
        "provider": "p",
        "unit": "credits",
        "granted": Decimal(120),
        "drawn": Decimal(50),
        "expired": Decimal(40),
        "remaining": Decimal(30),
        "expires_at": datetime(2027, 1, 1, tzinfo=UTC),
        "compute_unit": "DBU",
        "compute_units_per_credit": Decimal(2),
        "cost_per_credit": Decimal("1.50"),
        "currency": "USD",
    }
    assert credit_row(one, balance) == row
    unknown = credit_row(one, Balance(None, Fraction(20), None, None, None))
    assert unknown == row | {"drawn": None, "expired": None, "remaining": None}
    assert credit_row(lot(provider="p"), balance)["drawn"] is None


def test_each_day_has_its_draws_and_what_remained() -> None:
    """10: 4 on the 1st, 7 on the 2nd of which 1 is beyond it, then nothing; not known stays so."""
    one = lot(provider="p", end=day(5))
    days = [day(1), day(2), day(3)]
    balance = Balance(Fraction(10), Fraction(11), Fraction(0), Fraction(0), Fraction(1))
    about = {"commitment_id": "plan", "provider": "p", "unit": "credits"}
    assert burn_down(one, drawn(d1=4, d2=7), balance, days) == [
        about | {"day": day(1), "used_quantity": 4, "remaining": 6},
        about | {"day": day(2), "used_quantity": 7, "remaining": 0},
        about | {"day": day(3), "used_quantity": 0, "remaining": 0},
    ]
    unknown = burn_down(
        one, Draws(unknown="nobody says"), Balance(None, None, None, None, None), days[:1]
    )
    assert unknown == [about | {"day": day(1), "used_quantity": None, "remaining": None}]


def test_a_lot_that_never_expires_on_the_way_keeps_what_is_left() -> None:
    """It ends on the 2nd with nothing lost: what remains stays as counted."""
    one = lot(end=day(2))
    kept = Balance(Fraction(10), Fraction(4), Fraction(0), Fraction(6), Fraction(0))
    rows = burn_down(one, drawn(d1=4), kept, [day(1), day(2)])
    assert [row["remaining"] for row in rows] == [6, 6]


LOT = """
[[commitment]]
id = "lot"
provider = "aws"
layer = "funding"
category = "Spend"
cost = "100.00"
currency = "USD"
interval = "full period"
start = 2026-10-03T00:00:00Z
end = 2027-01-01T00:00:00Z
opening_quantity = "90.00"
opening_at = 2026-10-03T00:00:00Z
"""
ELEMENT = '{"Elements":[{"ContractCommitmentId":"lot","ContractCommitmentAppliedCost":1e1}]}'


# What is drawn hour by hour: costs are cut at running totals of cents, quantities at 18 decimals.
CENTS = ("3.33", "3.33", "3.34")
FINER = ("3.333333333333333333", "3.333333333333333333", "3.333333333333333334")


@pytest.mark.parametrize(
    ("given", "more", "parts"),
    [
        ({"CommitmentDiscountId": "", "ContractApplied": ELEMENT}, "", CENTS),
        ({"CommitmentDiscountId": "lot"}, "", FINER),
        ({"CommitmentDiscountId": ""}, 'applies_to = { SkuId = "^sku-e1$" }', CENTS),
    ],
    ids=["by ContractApplied", "by id", "by rule"],
)
def test_a_charge_cut_by_the_period_draws_its_part(
    tmp_path: Path, given: dict[str, str], more: str, parts: tuple[str, ...]
) -> None:
    """10.00 from 13:00 to 16:00, an hour at a time: the parts draw 90.00 down to 80.00."""
    row = charge("e1", "10.00", "3") | given
    row |= {"ChargePeriodStart": "2026-10-03T13:00Z", "ChargePeriodEnd": "2026-10-03T16:00Z"}
    if not row["CommitmentDiscountId"]:
        row |= {"CommitmentDiscountStatus": "", "CommitmentDiscountQuantity": ""}
    with (tmp_path / "bill.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*CHARGE_COLUMNS, "ContractApplied"], restval="")
        writer.writeheader()
        writer.writerow(row)
    (tmp_path / "lot.toml").write_text(LOT + more)
    left = Decimal(90)
    for hour, cents, part in zip((13, 14, 15), CENTS, map(Decimal, parts), strict=True):
        result = trueup.reconcile(
            tmp_path / "bill.csv",
            commitments=tmp_path / "lot.toml",
            period=f"2026-10-03T{hour}",
            as_of="2026-12-01",
        )
        [one] = result.commitments.rows()
        assert [one["opening"], one["drawn"], one["remaining"]] == [left, part, left - part]
        assert result.identity.rows()[0]["billed"] == Decimal(cents)
        left -= part
    assert left == 80


def prepaid_lot(name: str, start: str, end: str, total: str, more: str = "") -> str:
    return f"""
[[commitment]]
id = "{name}"
provider = "{prepaid.VENDOR}"
type = "Credits"
layer = "funding"
total = "{total}"
credit_unit = "USD"
currency = "USD"
start = {start}
end = {end}
{more}
"""


def test_what_the_contract_adjusts_is_not_drawn(tmp_path: Path) -> None:
    """Granted 50 on the 4th, + 20 on the 10th, 3 drawn and - 5 on the 20th: 62 remain.

    To date 65 was granted: 65 = 3 + 0 + 62. Each day has what the ledger has as it ends.
    """
    moved = """adjustments = [
    { at = 2026-10-10T12:00:00Z, quantity = "20" },
    { at = 2026-10-20T12:00:00Z, quantity = "-5" },
]"""
    contract = prepaid_lot("lot", "2026-10-04", "2027-01-01", "50", moved)
    rows = [prepaid.cost("3.00", prepaid.at(20, 13), {"lot": "3.00"})]
    result = prepaid.reconciled(tmp_path, rows, contract)
    [one] = result.commitments.rows()
    figures = ("opening", "drawn", "used_quantity", "expired", "remaining")
    assert [one[name] for name in figures] == [65, 3, 3, 0, 62]
    [lot_to_date] = result.credits.rows()
    to_date = ("granted", "drawn", "expired", "remaining")
    assert [lot_to_date[name] for name in to_date] == [65, 3, 0, 62]
    left = {row["day"].day: row["remaining"] for row in result.burn_down.rows()}
    assert [left[number] for number in (3, 4, 9, 10, 19, 20, 31)] == [0, 50, 50, 70, 70, 62, 62]


def test_what_expired_before_the_period_was_not_drawn(tmp_path: Path) -> None:
    """Granted 100 in September, 13.25 drawn, 86.75 lost as it ended: October says the same.

    It is drawn in turn with a lot that goes on, so that the ledger reaches back to its start.
    """
    contract = prepaid_lot("old", "2026-09-01", "2026-10-01", "100", 'pool = "p"')
    contract += prepaid_lot("new", "2026-09-15", "2027-01-01", "40", 'pool = "p"')
    rows = [
        prepaid.cost("13.25", prepaid.at(3, 9, month=9), {"old": "13.25"}),
        prepaid.cost("2.00", prepaid.at(5, 9), {"new": "2.00"}),
    ]
    first = prepaid.cost("0.00", prepaid.at(1, 0, month=9))
    for period, remains in (("2026-09", 40), ("2026-10", 38)):
        result = prepaid.reconciled(tmp_path, [first, *rows], contract, period=period)
        found = {row["lot_id"]: row for row in result.credits.rows()}
        figures = ("granted", "drawn", "expired", "remaining")
        old = [found["old"][name] for name in figures]
        assert old == [100, Decimal("13.25"), Decimal("86.75"), 0]
        assert [found["new"][name] for name in figures] == [40, 40 - remains, 0, remains]
