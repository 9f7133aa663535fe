"""Rates and runway: exact sums over what is known, and what they mean."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

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


def draining(price: str | None, *more: dict[str, Any]) -> Burn:
    """A lot of which 4 credits an hour were drawn on the 2nd; 12.00 USD an hour accrued after."""
    draw = {"state": "accrued", "commitment_id": "lot-1", "drawn": D("12.00")}
    return Burn(
        tables(
            movements=[
                {**LOT, "at": at(2, hour), "kind": "drawdown", "quantity": D(-4)}
                for hour in range(24)
            ],
            credits=[{**LOT, "cost_per_credit": price and D(price), "currency": "USD"}],
            commitments=[
                {
                    "commitment_id": "lot-1",
                    "unit": "Credits",
                    "currency": "USD",
                    "remaining": D(500),
                    "expires_at": at(31),
                }
            ],
            spend=[
                *(spent(2, hour, "12.00") for hour in range(24)),
                *(spent(3, hour, "12.00", **draw) for hour in range(24)),
                *more,
            ],
        ),
        at(2),
        at(31),
        at(4),
    )


def of_lot(burn: Burn) -> dict[str, Any]:
    [row] = [row for row in burn.rates if row["unit"] == "Credits"]
    return row


def test_a_lot_burns_on_by_its_price_where_the_bill_ends() -> None:
    """12.00 USD an hour at 3.00 a credit are 4 credits, as billed before: 500 - 24 x 4 remain."""
    burn = draining("3.00")
    rate = of_lot(burn)
    assert (rate["until"], rate["per_hour"], rate["accrued"]) == (at(4), D(4), D(96))
    [row] = burn.runway.rows()
    assert (row["at"], row["per_day"], row["remaining"]) == (at(4), D(96), D(404))


def test_a_lot_without_a_price_is_known_as_far_as_its_bill() -> None:
    """What telemetry saw since is no number of credits: 4 an hour up to the 3rd, and 500 remain."""
    burn = draining(None)
    rate = of_lot(burn)
    assert (rate["until"], rate["per_hour"]) == (at(3), D(4))
    assert (rate["accrued"], rate["unknown"]) == (D(0), 24)
    [row] = burn.runway.rows()
    assert (row["at"], row["per_day"], row["remaining"]) == (at(3), D(96), D(500))


def test_an_hour_of_a_lot_that_is_not_known_leaves_no_rate() -> None:
    """It is drawn on up to the 4th, but one hour of the day before is not known."""
    [row] = [
        row
        for row in Burn(
            tables(
                movements=[
                    {**LOT, "at": at(day, hour), "kind": "drawdown", "quantity": D(-4)}
                    for day, hour in ((2, 5), (3, 23))
                ],
                spend=[
                    spent(3, 7, "9.00", state="accrued", commitment_id="lot-1", drawn=D("9.00")),
                ],
            ),
            at(2),
            at(31),
            at(4),
        ).rates
        if row["by"] == "commitment"
    ]
    assert (row["unit"], row["until"], row["per_hour"]) == ("Credits", at(4), None)


def test_meters_of_others_do_not_say_that_a_lot_rests() -> None:
    """No rate names the lot, so telemetry of the 3rd tells nothing of it: it ends with the bill."""
    burn = draining("3.00")
    alone = Burn(
        tables(
            movements=[{**LOT, "at": at(2, 5), "kind": "drawdown", "quantity": D(-24)}],
            spend=[spent(2, 23, "1.00"), spent(3, 23, "1.00", state="accrued")],
        ),
        at(2),
        at(31),
        at(4),
    )
    assert [of_lot(one)["until"] for one in (burn, alone)] == [at(4), at(3)]
    assert of_lot(alone)["per_hour"] == D(1)


def test_a_lot_rests_only_where_no_meter_waits_for_the_bill() -> None:
    """24 drawn on the 2nd; bills go to the 4th: nought since, but for what is not billed of it."""
    drawn = [{**LOT, "at": at(2, 23), "kind": "drawdown", "quantity": D(-24)}]
    commitment = {"commitment_id": "lot-1", "unit": "Credits", "remaining": D(500)}
    waiting = spent(3, 7, "9.00", state="accrued")
    for more, expires, known, per_hour, reason in (
        ([], at(31), at(4), D(0), "at this burn it is never used up"),
        ([waiting], at(31), at(3), D(1), None),
        ([waiting], at(3, 12), at(3), D(1), "it has expired"),
    ):
        burn = Burn(
            tables(
                movements=drawn,
                commitments=[{**commitment, "expires_at": expires}],
                spend=[spent(3, 23, "1.00"), *more],
            ),
            at(2),
            at(31),
            at(4),
        )
        assert (of_lot(burn)["until"], of_lot(burn)["per_hour"]) == (known, per_hour)
        assert [row["reason"] for row in burn.runway] == [reason]


def until(*rows: dict[str, Any], by: str = "a") -> Any:
    burn = Burn(tables(spend=rows), at(1), at(31), at(20))
    [row] = [row for row in burn.rates if row["team"] == by]
    return row["until"], row["per_hour"]


def test_a_team_is_known_as_far_as_its_own_providers() -> None:
    """Of team a 24.00 in 24 hours of nimbus up to the 5th; another's bill of the 6th is not its."""
    own = spent(4, 5, "24.00", team="a")
    last = spent(4, 23, "0", team="b")
    other = spent(5, 23, "7.00", team="b", provider="stratus")
    assert until(own, last, other) == (at(5), D(1))
    assert until(own, last, other, by="b") == (at(5), D(0))
    # What is accrued of others on its provider is none of it either, until it has some itself.
    metered = spent(5, 23, "1.00", team="b", state="accrued")
    assert until(own, last, metered) == (at(5), D(1))
    more = spent(5, 1, "48.00", team="a", state="accrued")
    assert until(own, last, metered, more) == (at(6), D(2))


def test_a_provider_that_stopped_a_week_before_no_longer_holds_a_team_back() -> None:
    """Where nimbus ended with the 4th, stratus counts alone from a week after, not before."""
    own = spent(4, 23, "24.00", team="a")
    for day, known in ((11, at(5)), (12, at(12))):
        after = spent(day - 1, 23, "1.00", team="a", provider="stratus")
        assert until(own, after)[0] == known


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
