"""Drivers of cost: quantity and price effects by hand, which add up to the change exactly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from trueup.attribute.drivers import Driver, cut_rows, drivers, rated_drivers
from trueup.model.spend_schema import ACTIVITY, RATED, SPEND
from trueup.period import Period

D = Decimal
WEEK = timedelta(days=7)
NOW = Period(datetime(2026, 10, 8, tzinfo=UTC), datetime(2026, 10, 15, tzinfo=UTC))
BEFORE = Period(NOW.start - WEEK, NOW.start)
ABOUT = {"provider": "nine", "model": "chat", "meter": "output_tokens"}
NOTHING = dict.fromkeys(("quantity", "price", "new", "gone", "other"), D(0))


def spent(window: Period, team: str | None, cost: str, **more: Any) -> dict[str, Any]:
    at = {"start": window.start, "end": window.start + timedelta(hours=1)}
    known = {"state": "billed", "currency": "USD", "cost": D(cost), "team": team}
    return {**at, **ABOUT, **known, **more}


def used(window: Period, team: str, quantity: str, **more: Any) -> dict[str, Any]:
    at = {"start": window.start, "end": window.start + timedelta(hours=1)}
    known = {"capacity": "busy", "unit": "Tokens", "quantity": D(quantity), "team": team}
    return {**at, **ABOUT, **known, **more}


def table(schema: pa.Schema, rows: Sequence[dict[str, Any]]) -> pa.Table:
    columns = {name: [row.get(name) for row in rows] for name in schema.names}
    return pa.table(columns, schema=schema)


def found(spend: Sequence[dict[str, Any]], activity: Sequence[dict[str, Any]] = ()) -> list[Driver]:
    return drivers(table(SPEND, spend), table(ACTIVITY, activity), "team", NOW, BEFORE)


def test_a_change_is_quantity_at_the_old_price_and_price_of_the_new_quantity() -> None:
    """100 at 0.10 = 10.00, then 150 at 0.08 = 12.00: 50 x 0.10 = 5.00 more, 150 x -0.02 = -3.00."""
    [driver] = found(
        [spent(BEFORE, "search", "10.00"), spent(NOW, "search", "12.00")],
        [used(BEFORE, "search", "100"), used(NOW, "search", "150")],
    )
    assert (driver.before, driver.now, driver.change) == (D("10"), D("12"), D("2"))
    assert driver.effects == {**NOTHING, "quantity": D("5"), "price": D("-3")}


def test_what_only_one_week_knows_is_new_or_gone_and_named() -> None:
    """Search 4.00 is gone, ads 3.00 is new; in old's second model 1.00 is new, old itself is not."""
    rows = [
        spent(BEFORE, "search", "4.00"),
        spent(NOW, "ads", "3.00"),
        spent(BEFORE, "old", "2.00"),
        spent(NOW, "old", "2.00"),
        spent(NOW, "old", "1.00", model="chat-2"),
    ]
    seen = [used(BEFORE, "old", "7"), used(NOW, "old", "7")]
    by_name = {each.name: each for each in found(rows, seen)}
    assert {name: each.state for name, each in by_name.items()} == {
        "search": "gone",
        "ads": "new",
        "old": "",
    }
    assert by_name["search"].effects == {**NOTHING, "gone": D("-4")}
    assert by_name["old"].effects == {**NOTHING, "new": D("1")}


def test_what_has_no_quantity_is_told_apart_and_stands_under_its_reason() -> None:
    """Idle 1.00 to 1.50, nobody's 2.00: no meter says how much, so that nothing is guessed."""
    rows = [
        spent(BEFORE, None, "1.00", reason="idle"),
        spent(NOW, None, "1.50", reason="idle"),
        spent(NOW, None, "2.00"),
    ]
    assert [
        (each.name, each.reason, each.effects["other"], each.effects["new"]) for each in found(rows)
    ] == [
        (None, None, D(0), D("2.00")),
        (None, "idle", D("0.50"), D(0)),
    ]


def test_a_team_that_is_called_as_nobody_is_shown_stands_apart() -> None:
    """3.00 of a team "(idle)" are not the 1.50 that stood idle."""
    rows = [spent(NOW, "(idle)", "3.00"), spent(NOW, None, "1.50", reason="idle")]
    assert [(each.name, each.reason, each.now) for each in found(rows)] == [
        ("(idle)", None, D("3.00")),
        (None, "idle", D("1.50")),
    ]


def test_currencies_stand_apart_and_accrued_is_told() -> None:
    """5.00 EUR billed; 3.00 USD, of which 1.00 accrued; a cost that is not known counts nowhere."""
    rows = [
        spent(NOW, "search", "5.00", currency="EUR"),
        spent(NOW, "search", "2.00"),
        spent(NOW, "search", "1.00", state="accrued"),
        {**spent(NOW, "search", "0"), "cost": None, "currency": None, "state": "accrued"},
    ]
    assert [(each.currency, each.now, each.accrued) for each in found(rows)] == [
        ("EUR", D("5.00"), D(0)),
        ("USD", D("3.00"), D("1.00")),
    ]


def test_what_is_accrued_of_several_models_is_added_up() -> None:
    """1.00 and 0.50 of two models, 2.00 of which is billed: 1.50 of 3.50."""
    rows = [
        spent(NOW, "search", "1.00", state="accrued"),
        spent(NOW, "search", "0.50", state="accrued", model="chat-2"),
        spent(NOW, "search", "2.00"),
    ]
    assert [(each.now, each.accrued) for each in found(rows)] == [(D("3.50"), D("1.50"))]


def test_held_capacity_is_no_measure_of_use() -> None:
    """10 hours busy both weeks; that 20, then 40 were held changes nothing: all of 2.00 is price."""
    busy = [used(week, "search", "10", unit="GPU-Hours") for week in (BEFORE, NOW)]
    held = [
        used(week, "search", quantity, unit="GPU-Hours", capacity="allocated")
        for week, quantity in ((BEFORE, "20"), (NOW, "40"))
    ]
    [driver] = found(
        [spent(BEFORE, "search", "10.00"), spent(NOW, "search", "12.00")], [*busy, *held]
    )
    assert driver.effects == {**NOTHING, "price": D("2")}


def test_what_is_billed_over_longer_times_is_named_and_left_out() -> None:
    """A month's 30.00 is in neither week; an hour's 1.00 is in one."""
    month = {"start": datetime(2026, 10, 1, tzinfo=UTC), "end": datetime(2026, 11, 1, tzinfo=UTC)}
    rows = [{**spent(NOW, "search", "30.00"), **month}, spent(NOW, "search", "1.00")]
    assert [each.now for each in found(rows)] == [D("1.00")]
    assert cut_rows(table(SPEND, rows), (NOW, BEFORE)) == {"USD": D("30.00")}


COSTS = st.decimals(-100, 10000, places=18)
WEEKS = st.sampled_from([BEFORE, NOW])
SPENT = st.builds(
    lambda week, team, cost, model: spent(week, team, str(cost), model=model),
    WEEKS,
    st.sampled_from(["a", "b"]),
    COSTS,
    st.sampled_from(["chat", "other", None]),
)
USED = st.builds(
    lambda week, team, quantity: used(week, team, str(quantity)),
    WEEKS,
    st.sampled_from(["a", "b"]),
    st.decimals(0, 10**6, places=3),
)


@given(st.lists(SPENT, max_size=8), st.lists(USED, max_size=8))
def test_effects_always_add_up_to_the_change(
    rows: list[dict[str, Any]], seen: list[dict[str, Any]]
) -> None:
    """Whatever was used, no unit of the change is lost, and no cost of a week is."""
    every = found(rows, seen)
    for driver in every:
        assert sum(driver.effects.values(), D(0)) == driver.change
    for week, side in ((BEFORE, "before"), (NOW, "now")):
        expected = sum((row["cost"] for row in rows if row["start"] == week.start), D(0))
        assert sum((getattr(driver, side) for driver in every), D(0)) == expected


def called(window: Period, tool: str, calls: str, cost: str, **more: Any) -> dict[str, Any]:
    at = {"start": window.start, "end": window.start + timedelta(hours=1)}
    priced = {"quantity": D(calls), "unit": "Calls", "currency": "USD", "cost": D(cost)}
    return {**at, "meter": "tool_calls", "team": "ads", "tool": tool, **priced, **more}


def test_what_is_rated_changes_by_quantity_and_price_of_each_service() -> None:
    """Search: 100 for 1.00, then 300 for 2.70: 200 x 0.01 = 2.00 more, 300 x -0.001 = -0.30.

    Lookup is new with 5.00. Of the team both together: a call of one is no call of the other.
    """
    rows = [
        called(BEFORE, "search", "100", "1.00"),
        called(NOW, "search", "300", "2.70"),
        called(NOW, "lookup", "50", "5.00"),
    ]
    of_search = {**NOTHING, "quantity": D("2"), "price": D("-0.3")}
    of_lookup = {**NOTHING, "new": D("5")}
    by_tool = rated_drivers(table(RATED, rows), "tool", NOW, BEFORE)
    assert [(each.name, each.basis, each.now, each.effects) for each in by_tool] == [
        ("lookup", "rated", D("5"), of_lookup),
        ("search", "rated", D("2.7"), of_search),
    ]
    [team] = rated_drivers(table(RATED, rows), "team", NOW, BEFORE)
    assert (team.name, team.before, team.now) == ("ads", D("1"), D("7.7"))
    assert team.effects == {**of_search, "new": D("5")}


def test_a_service_that_changes_its_currency_is_gone_in_one_and_new_in_the_other() -> None:
    """100 calls for 1.00 USD, then 100 for 2.00 EUR: nothing of it is a price in either."""
    rows = [
        called(BEFORE, "search", "100", "1.00"),
        called(NOW, "search", "100", "2.00", currency="EUR"),
    ]
    euro, dollar = rated_drivers(table(RATED, rows), "tool", NOW, BEFORE)
    assert (euro.currency, euro.effects) == ("EUR", {**NOTHING, "new": D("2")})
    assert (dollar.currency, dollar.effects) == ("USD", {**NOTHING, "gone": D("-1")})


def test_in_two_currencies_at_once_each_has_its_own_calls() -> None:
    """USD: 100 calls for 1.00, then 50 for 0.50: -50 x 0.01; the 50 in EUR are none of them."""
    rows = [
        called(BEFORE, "search", "100", "1.00"),
        called(NOW, "search", "50", "0.50"),
        called(NOW, "search", "50", "0.40", currency="EUR"),
    ]
    dollar = rated_drivers(table(RATED, rows), "tool", NOW, BEFORE)[1]
    assert dollar.effects == {**NOTHING, "quantity": D("-0.5")}


def at(day: int) -> datetime:
    """Midnight of a day of October, counted on from September where it is below 1."""
    return datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=day - 1)


def test_a_row_that_one_edge_of_one_window_cuts_is_left_out() -> None:
    """From the 14th to the 16th now ends, from the 7th to the 9th before does; September is in none."""
    rows = [
        {**spent(NOW, "search", cost), "start": at(first), "end": at(last)}
        for cost, first, last in (("1", 14, 16), ("2", 7, 9), ("4", -6, -4), ("8", 9, 10))
    ]
    assert cut_rows(table(SPEND, rows), (NOW, BEFORE)) == {"USD": D("3")}
    assert cut_rows(table(SPEND, rows), (BEFORE, NOW)) == {"USD": D("3")}
