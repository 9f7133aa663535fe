"""What a scope spent, by hand arithmetic on small tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.budgets.spent import Row, at, outlay, spend
from tests.budgets.test_budget import terms
from trueup.budgets.measure import Measured, measure
from trueup.budgets.outlay import Outlay, spans
from trueup.budgets.projection import Days, weekday_mean
from trueup.period import Period

NOVEMBER = [("2026-11-01", "2026-11-10")]


def figures(found: Measured) -> list[Decimal | None]:
    return [found.actual, found.accrued, found.forecast]


def measured(spent: Outlay, **budget: Any) -> Measured:
    return measure(terms(**budget), spent, weekday_mean)


def test_accrued_is_what_is_billed_and_what_is_still_to_be() -> None:
    """Of search in November 6.20 and 1.10 are billed, 0.05 accrued; ads and October are not its."""
    spent = outlay(
        spend("2026-11-01", "6.20", team="search"),
        spend("2026-11-03T14:00", "1.10", team="search"),
        spend("2026-11-09T23:00", "0.05", team="search", state="accrued"),
        spend("2026-11-03", "100", team="ads"),
        spend("2026-11-03", "100"),  # of nobody
        spend("2026-10-31T23:00", "100", team="search"),
        known=NOVEMBER,
    )
    found = measured(spent)
    assert (found.actual, found.accrued) == (Decimal("7.30"), Decimal("7.35"))
    assert found.notes == ["no forecast: 9 whole days of history are too short"]


def test_all_keys_of_a_scope_must_match() -> None:
    """Team and model together take one of four rows; no scope takes all: 1 + 2 + 4 + 8."""
    spent = outlay(
        spend("2026-11-02", "1", team="search", model="m"),
        spend("2026-11-02", "2", team="search", model="n"),
        spend("2026-11-02", "4", team="ads", model="m"),
        spend("2026-11-02", "8", model="m"),
        known=NOVEMBER,
    )
    assert measured(spent, scope={"team": "search", "model": "m"}).actual == 1
    assert measured(spent, scope={}).actual == 15


def test_currencies_never_mix() -> None:
    """2.50 EUR beside 1.00 USD is named, and in no figure."""
    spent = outlay(
        spend("2026-11-02", "1.00", team="search"),
        spend("2026-11-02", "2.50", team="search", currency="EUR"),
        known=NOVEMBER,
    )
    found = measured(spent)
    assert found.accrued == 1
    assert found.notes[0] == "2.50 EUR of its scope is not counted: the budget is in USD"


def test_a_cost_that_is_not_known_is_named() -> None:
    """Two of three rows have no cost: the sum is of the third, and says that more was spent."""
    spent = outlay(
        spend("2026-11-02", "1.00", team="search"),
        spend("2026-11-02", None, team="search", model="m", state="accrued"),
        spend("2026-11-03", None, team="search", model="m", state="accrued"),
        known=NOVEMBER,
    )
    found = measured(spent)
    assert found.actual == found.accrued == 1
    assert found.notes[0] == "of 2 rows no cost is known, so more was spent than this: m"
    assert found.short == found.notes[0]


def test_a_row_counts_where_it_begins() -> None:
    """A month's fee of 30.00 belongs to the day on which it begins, and the day says so."""
    fee = spend("2026-11-09", "30.00", team="search", hours=720)
    spent = outlay(fee, known=NOVEMBER)
    found = measured(spent, period="day")
    assert found.actual == 30
    assert found.notes[0] == "1 rows reach beyond the window; each counts where it begins"


def test_time_that_no_run_covers_is_named() -> None:
    """November up to the 10th, of which the 3rd and 4th are in no run."""
    spent = outlay(known=[("2026-10-20", "2026-11-03"), ("2026-11-05", "2026-11-10")])
    notes = measured(spent).notes
    assert notes[0] == "no run covers 2026-11-03T00:00:00Z to 2026-11-05T00:00:00Z"


def test_a_rolling_window_ends_now() -> None:
    """The last 24 hours before 10 November, 06:00 hold 2 + 4; 06:00 is in on the 9th only."""
    spent = outlay(
        spend("2026-11-09T05:00", "1", team="search"),
        spend("2026-11-09T06:00", "2", team="search"),
        spend("2026-11-10T05:00", "4", team="search"),
        spend("2026-11-10T06:00", "8", team="search"),
        known=[("2026-11-01", "2026-11-10T06:00")],
    )
    found = measured(spent, rolling="24h")
    assert figures(found) == [6, 6, None]


def test_a_commitment_costs_what_is_used_and_what_is_not() -> None:
    """Used 8.50 and unused 1.50 of plan-1 are billed, 0.25 is accrued on it; plan-2 is another's."""
    spent = outlay(
        spend("2026-11-02", "7.77", team="search"),
        known=NOVEMBER,
        commitments=[
            spend("2026-11-02", "8.50", commitment_id="plan-1"),
            spend("2026-11-02", "1.50", commitment_id="plan-1"),
            spend("2026-11-09", "0.25", commitment_id="plan-1", state="accrued"),
            spend("2026-11-02", "9.99", commitment_id="plan-2"),
        ],
    )
    found = measured(spent, scope={"commitment": "plan-1"})
    assert figures(found) == [10, Decimal("10.25"), None]


def test_a_commitment_that_no_run_knows_is_not_at_zero() -> None:
    """Its figures are not known, which is said."""
    found = measured(outlay(known=NOVEMBER), scope={"commitment": "plan-9"})
    assert (found.actual, found.accrued, found.forecast) == (None, None, None)
    [note] = found.notes
    assert note.startswith("what commitment 'plan-9' cost, or what was drawn from it, is not known")
    assert note.endswith("; no run knows commitment 'plan-9'")


def test_a_scope_of_no_row_is_named_with_what_is_near() -> None:
    """Nothing is of `serch`, while `search` spent; what is spelled right is not named."""
    spent = outlay(spend("2026-11-02", "8.50", team="search", model="m"), known=NOVEMBER)
    found = measured(spent, scope={"team": "serch", "model": "m"})
    said = "no row is of this scope; no run knows team 'serch'; did you mean 'search'?"
    assert said in found.notes
    assert not [note for note in measured(spent).notes if "scope" in note]


def test_a_sum_has_every_digit() -> None:
    """Twenty digits before the point and eighteen behind: no sum of them is rounded or runs over."""
    large = "99999999999999999999.999999999999999999"
    spent = outlay(*[spend("2026-11-02", large, team="search")] * 3, known=NOVEMBER)
    assert measured(spent).actual == Decimal("299999999999999999999.999999999999999997")


def daily(first: str, costs: Sequence[int]) -> list[Row]:
    """A row at noon of each day from the first."""
    start = at(first).toordinal()
    days = (date.fromordinal(start + number).isoformat() for number in range(len(costs)))
    return [
        spend(f"{day}T12:00", str(cost), team="search")
        for day, cost in zip(days, costs, strict=True)
    ]


def test_a_forecast_adds_each_weekday_to_come() -> None:
    """Four weeks of 10 on weekdays, 1 at weekends, up to Monday 9 November at noon.

    The last 28 whole days are 12 October to 8 November. Of November 2 to 6 cost 10, 1, 7 and 8
    cost 1: 53 are spent. To come are half of Monday the 9th, 5, then 10 to 30 November: 15
    weekdays and 6 days of weekends, 156. 53 + 5 + 156 = 214.
    """
    weeks = daily("2026-10-12", [10, 10, 10, 10, 10, 1, 1] * 4)
    spent = outlay(*weeks, known=[("2026-10-12", "2026-11-09T12:00")])
    found = measured(spent)
    assert figures(found) == [53, 53, 214]
    assert found.notes == []


def test_days_without_a_row_cost_nothing() -> None:
    """In 14 known days only Mondays cost something, 4 and 8: each Monday to come costs 6.

    Known is 26 October to 8 November; Mondays to come are 9, 16, 23 and 30 November; of the two
    known the one of 2 November is in November: 8 + 4 x 6 = 32.
    """
    rows = [
        spend("2026-10-26", "4", team="search"),
        spend("2026-11-02", "8", team="search"),
    ]
    spent = outlay(*rows, known=[("2026-10-26", "2026-11-09")])
    assert measured(spent).forecast == 32


def test_a_fee_of_a_month_is_not_expected_every_day() -> None:
    """28 days of 1.00, and a fee of 30.00 on 1 November: 8 + 30 + 22 to come, and it is said."""
    fee = spend("2026-11-01", "30", team="search", hours=720)
    rows = daily("2026-10-12", [1] * 28)
    found = measured(outlay(fee, *rows, known=[("2026-10-12", "2026-11-09")]))
    assert found.forecast == 60
    assert found.notes == ["the forecast expects no more of the 1 rows that are longer than a day"]


def test_nothing_is_expected_of_a_window_that_is_over() -> None:
    """Known to the end of October: its forecast is what it cost."""
    spent = outlay(*daily("2026-10-01", [2] * 31), known=[("2026-10-01", "2026-11-01")])
    found = measured(spent)
    assert figures(found) == [62, 62, 62]


def test_another_forecaster_takes_the_place() -> None:
    """It is given every whole day and the time to come; what it says is added."""
    asked: list[tuple[Days, datetime, datetime]] = []

    def expected(days: Days, start: datetime, end: datetime) -> Decimal:
        asked.append((days, start, end))
        return Decimal("0.5")

    spent = outlay(
        spend("2026-11-02", "4", team="search"), known=[("2026-11-01T12:00", "2026-11-04")]
    )
    assert measure(terms(), spent, expected).forecast == Decimal("4.5")
    days = [(date(2026, 11, 2), Decimal(4)), (date(2026, 11, 3), Decimal(0))]
    assert asked == [(days, at("2026-11-04"), at("2026-12-01"))]


COST = st.decimals("-1000000", "1000000", places=18)
ROW = st.tuples(st.sampled_from(["search", "ads", None]), st.sampled_from(["m", "n"]), COST)


@given(st.lists(ROW))
def test_parts_of_a_whole_add_up_to_it(rows: list[tuple[str | None, str, Decimal]]) -> None:
    """The models' budgets add up to the whole's, and each is what plain Python adds up to."""
    made = [
        {**spend("2026-11-02", str(cost), model=model), "team": team} for team, model, cost in rows
    ]
    spent = outlay(*made, known=NOVEMBER)
    parts = [measured(spent, scope={"model": model}).actual for model in ("m", "n")]
    assert all(part is not None for part in parts)
    whole = measured(spent, scope={}).actual
    assert whole == sum(filter(None, parts)) == sum(cost for *_, cost in rows)


def test_only_the_last_28_days_are_looked_at() -> None:
    """28 days at 1 follow 7 days at 50: a week to come costs 7."""
    days = [
        (date.fromordinal(740_000 + number), Decimal(50 if number < 7 else 1))
        for number in range(35)
    ]
    assert weekday_mean(days, at("2026-11-01"), at("2026-11-08")) == 7


def test_spans_that_touch_are_one() -> None:
    """October, November and a part of it again are one span; January stands alone."""
    given_ = [
        ("2026-11-01", "2026-12-01"),
        ("2026-10-01", "2026-11-01"),
        ("2026-11-05", "2026-11-06"),
    ]
    spans_ = spans(
        [*((at(start), at(end)) for start, end in given_), (at("2027-01-01"), at("2027-01-02"))]
    )
    assert [(span.start, span.end) for span in spans_] == [
        (at("2026-10-01"), at("2026-12-01")),
        (at("2027-01-01"), at("2027-01-02")),
    ]


def test_a_run_of_the_window_that_was_partial_may_lack_spend() -> None:
    """One of November says so of November's budget, one of October does not."""
    whole = outlay(spend("2026-11-02", "1", team="search"), known=NOVEMBER)
    months = [
        Period(at("2026-10-01"), at("2026-11-01")),
        Period(at("2026-11-01"), at("2026-12-01")),
    ]
    before, now = (replace(whole, partial=[(month, "run-0003")]) for month in months)
    said = "run-0003 was partial: what it could not read is in no figure"
    assert [measured(one).short for one in (whole, before, now)] == ["", "", said]
    assert said in measured(now).notes


@pytest.mark.parametrize("count", [0, 13])
def test_a_history_too_short_gives_no_forecast(count: int) -> None:
    """Fewer than 14 days tell too little of weekdays."""
    days = [(date.fromordinal(740_000 + number), Decimal(1)) for number in range(count)]
    assert weekday_mean(days, at("2026-11-01"), at("2026-11-02")) is None


def test_a_run_before_its_period_knows_nothing_of_it() -> None:
    """Its clock is before the start, or at it: no span."""
    start = at("2026-11-01")
    assert spans([(start, at("2026-10-20")), (start, start)]) == []
