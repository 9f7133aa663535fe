"""What is too short, too small, of several kinds or not told for a forecast or an anomaly."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tests.forecast.test_anomaly import (
    CLOUD,
    DAYS,
    FIRST,
    PLANTED,
    at,
    cost,
    found,
    known,
    teams,
    used,
)
from trueup.forecast import anomaly
from trueup.forecast.anomaly import PRICE, SPEND, Anomaly, Judge, metered
from trueup.forecast.cause import _quantities, _Seen
from trueup.forecast.daily import Daily, within
from trueup.forecast.expiry import Balance, last_day
from trueup.forecast.forecaster import Forecaster, _quantile
from trueup.forecast.histories import Known
from trueup.forecast.outlook import Outlook
from trueup.forecast.picture import _remained
from trueup.forecast.season import Expectation
from trueup.forecast.series import DAY, Series
from trueup.model.schema import RESULT_TABLES
from trueup.model.table import Table

D = Decimal
THE_DAY = (FIRST + timedelta(days=PLANTED)).date()


# --- anomalies ---


def judge(daily: Daily, material: Decimal | None = None) -> Judge:
    return Judge(daily, daily.days, material)


@pytest.mark.parametrize(("planted", "days"), [(110, 0), (130, 1)])
def test_what_is_unusual_but_little_is_none(planted: int, days: int) -> None:
    """100 on every day but one: 10 % more is less than the 20 % that count of spend."""
    amounts = {(FIRST + timedelta(days=number)).date(): D(100) for number in range(DAYS)}
    amounts[THE_DAY] = D(planted)
    some = judge(known([]))
    assert len(list(some.unusual(SPEND, amounts))) == days
    assert len(list(some.unusual(PRICE, amounts))) == 1  # of a price 5 % count


def test_a_thing_that_is_metered_in_two_units_has_no_one_quantity() -> None:
    """Tokens and requests of one meter; of a GPU held and busy what is held counts."""
    gpu = CLOUD | {"meter": "gpu", "unit": "GPU-Hours"}
    activity = [
        used(0, 5),
        used(0, 7, unit="Requests"),
        used(0, 2, **gpu) | {"capacity": "allocated"},
        used(0, 1, **gpu),
        used(0, 3, meter="tool_calls", unit="Calls"),
    ]
    quantities = {key[2]: unit for key, (unit, _) in metered(known([], activity)).items()}
    assert quantities == {"gpu": "GPU-Hours", "tool_calls": "Calls"}


def dearer() -> Daily:
    """100 tokens a day for 10.00, on one day for 20.00, and on one day 300 for 30.00."""
    times = {PLANTED: (2, 1), PLANTED + 5: (3, 3)}
    days = [(day, *times.get(day, (1, 1))) for day in range(DAYS)]
    spend = [cost(day, 10 * money) for day, money, _ in days]
    return known(spend, [used(day, 100 * tokens) for day, _, tokens in days])


@pytest.mark.parametrize(("material", "count"), [(D(5), 1), (D(100), 0)])
def test_a_price_or_a_quantity_matters_by_its_money(material: Decimal, count: int) -> None:
    """10.00 by the price of one day, 20.00 by the tokens of another: neither is 100.00."""
    judged = judge(dearer(), material)
    assert len(list(anomaly._of_price(judged))) == count
    assert len(list(anomaly._of_quantity(judged))) == count


def half_used(day: int) -> dict[str, Any]:
    """A plan of 10 a day is used whole, on one day to 4; what is unused costs itself."""
    used_ = D(4) if day == PLANTED else D(10)
    row: dict[str, Any] = {
        "commitment_id": "plan",
        "provider": "cloud",
        "currency": "USD",
        "unit": "USD",
    }
    row |= {"interval_start": at(day)["start"], "interval_end": at(day)["start"] + DAY}
    row |= {"used_quantity": used_, "committed_quantity": D(10), "unused_quantity": 10 - used_}
    return row | {"unused_cost": 10 - used_}


@pytest.mark.parametrize(("material", "money"), [(D(5), [D(6)]), (D(7), [])])
def test_an_unused_commitment_matters_by_its_money(material: Decimal, money: list[Decimal]) -> None:
    """6.00 more than usual were not used on one day."""
    daily = known([], utilization=[half_used(day) for day in range(DAYS)])
    assert [one.money for one in anomaly._of_utilization(judge(daily, material))] == money


def test_what_makes_less_than_a_tenth_drives_nothing() -> None:
    """Ten teams use twice as much: each makes 10 % of the excess. Of eleven each makes 9 %."""
    for count, named in ((10, True), (11, False)):
        spend = [
            cost(day, 20 if day == PLANTED else 10, team=f"t{number:02}", agent="a")
            for day in range(DAYS)
            for number in range(count)
        ]
        [one] = found(known(spend))
        assert ("team" in {driver.name for driver in one.drivers}) is named


def test_a_thing_of_two_units_has_no_effect_of_its_quantity() -> None:
    """Tokens went from 100 to 300, and the same meter counts requests too: neither says how much."""
    plain = [used(day, 300 if day == PLANTED else 100) for day in range(DAYS)]
    double = [used(day, 5, unit="Requests") for day in range(DAYS)]
    days = tuple((FIRST + timedelta(days=day)).date() for day in range(DAYS) if day != PLANTED)
    usual = Expectation(D(40), D(40), D(40), days, weekly=False)
    one = Anomaly(SPEND, THE_DAY, {}, "USD", None, D(120), usual, D(80), {})
    seen = _Seen(one, Fraction(1, len(days)), [])
    assert [*map(list, _quantities(known([], plain), seen).values())] == [[100, 300]]
    assert _quantities(known([], [*plain, *double]), seen) == {}


def test_rows_of_a_scope_are_those_of_all_days_unless_some_are_asked_for() -> None:
    """Two teams on two days; the team that is nobody's is a scope too."""
    daily = known([cost(day, 1, team=team) for day in (0, 1) for team in ("x", None)])
    assert within(daily.spend, {"team": "x"}).num_rows == 2
    assert within(daily.spend, {"team": None}).num_rows == 2
    assert within(daily.spend, {"team": "x"}, [date(2026, 10, 2)]).num_rows == 1
    assert len(found(known(teams()))) == 0


# --- series and forecasters ---


@pytest.mark.parametrize(
    ("values", "filled"),
    [
        ([1, 2, 3, 4, 5, np.nan, 7, 8, 9, 10, 11, 12, 13], [6, 13]),  # of the week after
        ([1, 2, 3, 4, 5, np.nan, 7, 8], [6, 30 / 7]),  # no week after it: the mean of the others
        ([1, 2, 3, 4, 5, 6, 7, np.nan], [8, 1]),  # of the week before
        ([np.nan], [1, 0]),  # nothing is known
    ],
)
def test_a_hole_is_filled_by_another_week(values: list[float], filled: list[float]) -> None:
    """The nth value becomes that of a week before or after, else what is usual."""
    place, expected = filled
    series = Series("lot", None, DAY, FIRST, np.array(values, float))
    assert series.filled()[int(place) - 1] == pytest.approx(expected)


def test_without_an_error_there_is_no_doubt() -> None:
    """No forecast of the past could be compared yet."""
    assert _quantile(np.array([]), 1) == 0
    assert _quantile(np.array([1.0, 2.0]), 1) == 2  # of few, the largest


@pytest.mark.parametrize("days", [0, -3])
def test_after_the_expiry_no_day_is_left_to_change(days: int) -> None:
    """The history ends on the day of the expiry, or later."""
    series = Series("lot", "credits", DAY, FIRST, np.array([100.0] * 70))
    forecaster = cast("Forecaster", SimpleNamespace(series=series))
    assert last_day(forecaster, Balance(D(500), series.end + days * DAY)) is None


# --- outlooks ---


def run(**tables: list[dict[str, Any]]) -> Known:
    made = {
        name: Table.from_rows(schema, tables.get(name, [])).to_arrow()
        for name, schema in RESULT_TABLES.items()
    }
    return Known(FIRST, FIRST + 70 * DAY, FIRST + 99 * DAY, lambda name: made[name])


LOT = Series("lot", "USD", DAY, FIRST, np.array([100.0] * 70))
EXPIRY = LOT.end + 30 * DAY
CREDIT = {"commitment_id": "lot", "expires_at": EXPIRY}


def burnt(remaining: str | None, days_ago: int = 1) -> dict[str, Any]:
    row = {"commitment_id": "lot", "day": LOT.end - days_ago * DAY, "unit": "USD"}
    return row | {"remaining": None if remaining is None else D(remaining)}


@pytest.mark.parametrize(
    ("rows", "remaining", "reason"),
    [
        ([burnt("70", 2), burnt("60")], 60, None),
        ([burnt("70", 2)], None, "what remains of it is not known"),  # as of the day before
        ([burnt(None)], None, "what remains of it is not known"),
        ([], None, "what remains of it is not known"),
    ],
)
def test_what_remains_is_that_of_the_last_day(
    rows: list[dict[str, Any]], remaining: int | None, reason: str | None
) -> None:
    """Of the last day of the history, and of no other."""
    outlook = Outlook([run(burn_down=rows, credits=[CREDIT])])
    expires, balance, why = outlook._standing(LOT, by_interval=False)
    assert (expires, why) == (EXPIRY, reason)
    assert (balance.remaining if balance else None) == remaining
    assert outlook._standing(LOT, by_interval=True) == (EXPIRY, None, None)
    assert Outlook([run()])._standing(LOT, by_interval=False) == (None, None, None)


def milestone(**given: Any) -> dict[str, Any]:
    """1000 are to be reached by the expiry, 700 are."""
    row = {"commitment_id": "lot", "status": "on_the_way", "due_at": EXPIRY, "unit": "USD"}
    return row | {"target": D(1000), "counted": D(700)} | given


@pytest.mark.parametrize(
    ("rows", "remaining", "reason"),
    [
        ([milestone()], 300, None),
        ([milestone(status="met"), milestone(target=D(800))], 100, None),
        ([milestone(due_at=LOT.end), milestone(due_at=None), milestone()], 300, None),
        ([milestone(counted=D(1200))], 0, None),
        ([milestone(counted=None)], None, "what counted so far is not known"),
        ([milestone(target=None, reason="no target")], None, "no target"),
    ],
)
def test_what_is_short_of_the_next_milestone_remains(
    rows: list[dict[str, Any]], remaining: int | None, reason: str | None
) -> None:
    """The first that is neither met nor over; what does not say how much counted has no balance."""
    at_, balance, why = Outlook([run(agreements=rows)])._standing(LOT, by_interval=False)
    assert (at_, why) == (EXPIRY, reason)
    assert (balance.remaining if balance else None) == remaining


def test_a_unit_of_an_interval_costs_its_part_of_the_fee() -> None:
    """744.00 for 7,440 units are 0.10 each; a row without a fee or a figure says nothing."""
    said = {"commitment_id": "lot", "currency": "USD", "committed_cost": D(744)}
    rows = [said, said | {"committed_quantity": D(0)}, said | {"committed_quantity": D(7440)}]
    rows.insert(0, {"commitment_id": "lot", "currency": "EUR", "committed_quantity": D(1)})
    assert Outlook([run(commitments=rows)])._cost_of_interval(LOT) == (D("0.1"), "USD")
    assert Outlook([run(commitments=rows[:3])])._cost_of_interval(LOT) == (None, None)


def test_a_picture_shows_the_days_on_which_it_is_known_what_remained() -> None:
    """Of two days one is not known; another lot's are none of it."""
    other = burnt("5") | {"commitment_id": "other"}
    rows = [burnt("70", 2), burnt(None), other]
    assert _remained([run(burn_down=rows)], "lot") == {LOT.end - 2 * DAY: D(70)}


def test_only_the_commitments_that_are_asked_for_are_drawn() -> None:
    """The lot has a history, and nobody asked for its picture."""
    pytest.importorskip("statsforecast", reason="trueup[forecast] is not installed")
    days = [
        {"commitment_id": "lot", "day": FIRST + number * DAY, "unit": "USD", "used_quantity": D(1)}
        for number in range(70)
    ]
    assert Outlook([run(burn_down=days, credits=[CREDIT])]).pictures([]).rows() == []
