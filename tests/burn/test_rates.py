"""Rates and runway: exact sums over what is known, and what they mean."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tests.burn.test_series import PLAN, at, interval, spent, tables
from trueup.burn.burn import Burn

D = Decimal
LOT = {"lot_id": "lot-1", "commitment_id": "lot-1", "provider": "nimbus", "unit": "Credits"}


def lot(remaining: str, daily: str, days: int, expires: int) -> Burn:
    """A lot that was drawn on once a day up to the 8th, with so much left."""
    return Burn(
        tables(
            movements=[
                {**LOT, "at": at(8 - day, 12), "kind": "drawdown", "quantity": -D(daily)}
                for day in range(1, days + 1)
            ],
            commitments=[
                {
                    "commitment_id": "lot-1",
                    "unit": "Credits",
                    "currency": "USD",
                    "remaining": D(remaining),
                    "expires_at": at(expires),
                }
            ],
            credits=[{**LOT, "cost_per_credit": D("3.00"), "currency": "USD"}],
            spend=[spent(7, 23, "0.00")],
        ),
        at(1),
        at(31),
        at(8),
    )


def test_rates_are_of_the_last_day_week_and_four_weeks_that_are_known() -> None:
    """24 in the last 24 hours, 24 + 60 in 7 days; 28 days are not known, so there is none."""
    burn = Burn(
        tables(spend=[spent(9, 5, "24.00", team="a"), spent(3, 5, "60.00", team="a")]),
        at(1),
        at(31),
        at(9, 6).replace(minute=40),
    )
    [row] = burn.rates.rows()
    assert (row["since"], row["until"]) == (at(1), at(9, 6))
    assert (row["per_hour"], row["per_day"], row["per_week"]) == (D(1), D(12), None)
    assert (row["billed"], row["accrued"]) == (D(84), D(0))


def test_what_is_billed_by_the_day_burns_evenly() -> None:
    """Half of the 3rd lies in the 24 hours before noon of the 4th: 12.00 / 24 = 0.50 an hour."""
    day = {**spent(3, 0, "24.00", team="a"), "end": at(4)}
    burn = Burn(tables(spend=[day, spent(4, 11, "0.00", team="a")]), at(1), at(31), at(4, 12))
    [row] = burn.rates.rows()
    assert row["per_hour"] == D("0.50")


def test_hours_of_a_plan_that_the_bill_does_not_know_are_left_out() -> None:
    """23 hours at 6.00 of the last 24: 6.00 an hour, not 5.75."""
    hours = [*range(22), 23]
    burn = Burn(
        tables(utilization=[interval(2, 23, "6"), *(interval(3, hour, "6") for hour in hours)]),
        at(2),
        at(31),
        at(4),
    )
    assert {row["measure"]: row["per_hour"] for row in burn.rates} == {
        "quantity": D(6),
        "cost": D(6),
    }


def test_a_lot_that_burns_too_slowly_names_what_will_be_left() -> None:
    """100 left, 2 a day, 10 days: 80 will be left, 240.00 at 3.00; 10 a day would use it up."""
    [row] = lot("100", "2", 7, 18).runway.rows()
    assert (row["verdict"], row["basis"], row["per_day"]) == ("too_slow", "last_7_days", D(2))
    assert (row["breakage"], row["breakage_cost"], row["overage"]) == (D(80), D("240.00"), D(0))
    assert row["needed_per_day"] == D(10)
    assert row["exhausted_at"] == at(8) + timedelta(days=50)
    assert row["text"] == (
        "100.00 Credits left, 2.00 a day: 80.00 Credits (240.00 USD) will be left when it expires "
        "on 2026-10-18. Burn 10.00 Credits a day to use it up, or sell, exchange or renew less."
    )


def test_a_lot_that_burns_too_fast_names_when_it_is_gone_to_the_second() -> None:
    """10 left at 3 a day: 3 1/3 days, 80 hours; in 10 days 20 more are wanted, 60.00."""
    [row] = lot("10", "3", 7, 18).runway.rows()
    assert row["verdict"] == "too_fast"
    assert row["exhausted_at"] == at(8) + timedelta(hours=80)
    assert (row["breakage"], row["overage"], row["overage_cost"]) == (D(0), D(20), D("60.00"))
    assert "used up on 2026-10-11, 6 days before it expires" in row["text"]


def test_five_in_a_hundred_is_still_on_course() -> None:
    """100 left, 10 days: at 9.50 a day 5 are left, at 9.49 5.10, at 10.50 5 are lacking."""
    verdicts = {
        daily: lot("100", daily, 7, 18).runway.rows()[0]["verdict"]
        for daily in ("9.50", "9.49", "10.50", "10.51")
    }
    assert verdicts == {
        "9.50": "on_course",
        "9.49": "too_slow",
        "10.50": "on_course",
        "10.51": "too_fast",
    }


def test_a_lot_that_does_not_burn_is_never_exhausted() -> None:
    """Nothing drawn: no instant, a reason, and all of it will be left."""
    [row] = lot("100", "0", 7, 18).runway.rows()
    assert (row["exhausted_at"], row["reason"]) == (None, "at this burn it is never used up")
    assert (row["verdict"], row["breakage"]) == ("too_slow", D(100))


def test_what_is_accrued_no_longer_remains() -> None:
    """A lot in USD: 100 left by the bill, 30 accrued after it: 70 remain."""
    money = {**LOT, "unit": "USD"}
    burn = Burn(
        tables(
            movements=[{**money, "at": at(2), "kind": "drawdown", "quantity": D(-7)}],
            commitments=[
                {
                    "commitment_id": "lot-1",
                    "unit": "USD",
                    "currency": "USD",
                    "remaining": D(100),
                    "expires_at": at(18),
                }
            ],
            spend=[spent(7, 23, "40.00", state="accrued", commitment_id="lot-1", drawn=D(30))],
        ),
        at(1),
        at(31),
        at(8),
    )
    [row] = burn.runway.rows()
    assert (row["at"], row["remaining"]) == (at(8), D(70))
    assert row["per_day"] == D("5.285714285714285714")  # 37 / 7


def test_a_plan_names_what_went_unused_and_what_was_beyond_it() -> None:
    """24 hours of 10: 1 unused in 23 of them, 2 beyond it in one; neither offsets the other."""
    hours = [interval(3, hour, "9", "1") for hour in range(23)]
    hours.append(interval(3, 23, "12", committed_quantity=D(10), overage_quantity=D(2)))
    burn = Burn(
        tables(
            utilization=hours,
            commitments=[{"commitment_id": PLAN, "unit": "USD", "currency": "USD"}],
        ),
        at(3),
        at(31),
        at(4),
    )
    [row] = burn.runway.rows()
    assert (row["verdict"], row["breakage"], row["overage"]) == ("too_slow", D(23), D(2))
    assert row["breakage_cost"] == D(23)
    assert row["text"] == (
        "23.00 USD went unused over the last 24 hours of the bill. In other hours 2.00 USD were "
        "wanted beyond it. Move steady work under it, or commit less when it ends."
    )


def test_unused_of_a_plan_ends_with_the_bill_and_overage_does_not() -> None:
    """24 hours billed, 1 of 10 unused in each; in the next, 13 at the rate: 3 beyond it."""
    draw = {"state": "accrued", "commitment_id": PLAN, "drawn": D(13)}
    burn = Burn(
        tables(
            utilization=[interval(3, hour, "9", "1") for hour in range(24)],
            commitments=[{"commitment_id": PLAN, "unit": "USD", "currency": "USD"}],
            spend=[spent(4, 0, "15", **draw)],
        ),
        at(3),
        at(31),
        at(4, 1),
    )
    [row] = burn.runway.rows()
    assert (row["at"], row["breakage"], row["overage"]) == (at(4), D(24), D(3))


def test_what_the_bill_says_nothing_of_has_its_reason() -> None:
    """A plan without a row on the bill: no figure, no verdict."""
    burn = Burn(
        tables(commitments=[{"commitment_id": PLAN, "unit": "USD", "currency": "USD"}]),
        at(3),
        at(31),
        at(4),
    )
    [row] = burn.runway.rows()
    assert (row["verdict"], row["reason"]) == (None, "the bill has no charge of it")
