"""What was got per credit and GPU-hour equals quotients made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from trueup.attribute.efficiency import Span, efficiency
from trueup.errors import UsageError
from trueup.model.schema import ALLOCATIONS
from trueup.model.spend_schema import ACTIVITY, SPEND
from trueup.model.table import Table

START = datetime(2026, 10, 1, tzinfo=UTC)  # a Thursday
END = datetime(2026, 11, 1, tzinfo=UTC)
D = Decimal


def at(day: int) -> dict[str, datetime]:
    start = START + timedelta(days=day - 1, hours=9)
    return {"start": start, "end": start + timedelta(hours=1)}


def cost(day: int, amount: str | None, **more: Any) -> dict[str, Any]:
    known = None if amount is None else D(amount)
    return at(day) | {"provider": "p", "team": "x", "currency": "USD", "cost": known} | more


def used(day: int, meter: str, quantity: str, unit: str, **more: Any) -> dict[str, Any]:
    row = {"provider": "p", "team": "x", "meter": meter, "capacity": "busy", "unit": unit}
    return at(day) | row | {"quantity": D(quantity)} | more


def rows(
    spend: list[dict[str, Any]],
    activity: list[dict[str, Any]],
    sessions: list[dict[str, Any]] | None = None,
    by: str = "team",
    over: str = "period",
) -> list[dict[str, Any]]:
    tables = (
        Table.from_rows(schema, given).reader()
        for schema, given in ((SPEND, spend), (ACTIVITY, activity), (ALLOCATIONS, sessions or []))
    )
    first, second, third = tables
    return efficiency(Span(START, END, over), by, first, second, [third])


def test_a_team_by_hand() -> None:
    """12.00 for 3,000 tokens, 6 requests and 2 sessions, on 4 GPU-hours held and 3 busy.

    250 tokens, half a request and a sixth of a session per credit; 750, 1.5 and 0.5 per GPU-hour;
    12.00 / 3,000 x 1,000,000 = 4,000.00 a million tokens.
    """
    [row] = rows(
        [cost(1, "7.00"), cost(2, "5.00")],
        [
            used(1, "input_tokens", "2", "1000 Tokens"),
            used(2, "output_tokens", "1000", "Tokens"),
            used(1, "requests", "6", "Requests"),
            used(1, "tool_calls", "2", "Calls"),
            used(1, "gpu", "14400", "GPU-Seconds", capacity="allocated"),
            used(1, "gpu", "3", "GPU-Hours"),
        ],
        [
            {"session": name, "team": "x", "model": model, "currency": "USD", "cost": D(1)}
            for name, model in (("s1", "a"), ("s1", "b"), ("s2", "a"), (None, "a"))
        ],
    )
    counted = {name: row[name] for name in ("tokens", "requests", "tool_calls", "sessions")}
    assert counted == {"tokens": 3000, "requests": 6, "tool_calls": 2, "sessions": 2}
    assert (row["gpu_hours_held"], row["gpu_hours_busy"]) == (4, 3)
    assert row["gpu_utilization"] == D("0.75")
    assert row["tokens_per_credit"] == 250
    assert row["requests_per_credit"] == D("0.5")
    assert row["sessions_per_credit"] == D("0.166666666666666667")
    assert row["tokens_per_gpu_hour"] == 750
    assert row["requests_per_gpu_hour"] == D("1.5")
    assert row["sessions_per_gpu_hour"] == D("0.5")
    assert row["cost_per_million_tokens"] == 4000
    assert row["chip_utilization"] is None


def test_a_quantity_stands_beside_the_money_that_paid_for_it() -> None:
    """One provider bills 10 dollars for 100 tokens, the other 5 euros for 20: 10 and 4 each."""
    euros = {"provider": "q", "currency": "EUR"}
    found = rows(
        [cost(1, "10"), cost(1, "5", **euros)],
        [
            used(1, "input_tokens", "100", "Tokens"),
            used(1, "input_tokens", "20", "Tokens", provider="q"),
        ],
    )
    assert {row["currency"]: row["tokens_per_credit"] for row in found} == {"USD": 10, "EUR": 4}


def test_a_provider_that_bills_in_two_currencies_has_no_ratio() -> None:
    """Nothing says which of its 100 tokens were paid for in dollars."""
    spend = [cost(1, "10"), cost(1, "5", currency="EUR")]
    found = rows(spend, [used(1, "input_tokens", "100", "Tokens")])
    assert {row["currency"]: row.get("tokens") for row in found} == {
        "EUR": None,
        "USD": None,
        None: 100,
    }


def test_of_what_nobody_billed_there_is_no_ratio() -> None:
    """100 tokens without any cost: no currency, no quotient; a cost without tokens has none."""
    free, paid = sorted(
        rows([cost(1, "10")], [used(1, "input_tokens", "100", "Tokens", provider=None)]),
        key=lambda row: row["currency"] or "",
    )
    assert (free["currency"], free["tokens"], free["tokens_per_credit"]) == (None, 100, None)
    assert (paid.get("tokens"), paid["cost_per_million_tokens"]) == (None, None)


@pytest.mark.parametrize("amount", ["0", None])
def test_a_divisor_of_nothing_or_unknown_gives_no_ratio(amount: str | None) -> None:
    """Tokens for a cost of zero, or one that is partly unknown."""
    spend = [cost(1, "0"), cost(2, amount)]
    [row] = rows(spend, [used(1, "input_tokens", "100", "Tokens")])
    assert row["tokens_per_credit"] is None
    assert row["cost"] == (None if amount is None else 0)


def test_fees_are_no_cost_of_use_and_idle_capacity_is() -> None:
    """2.00 used, 1.00 idle and 9.00 of tax: 3.00, of which 1.00 is of nobody."""
    idle = cost(1, "1.00", team=None, reason="idle")
    tax = cost(1, "9.00", team=None, reason="tax")
    found = rows([cost(1, "2.00"), idle, tax], [])
    assert {row["name"]: row["cost"] for row in found} == {"x": 2, None: 1}


def test_what_is_nobodys_comes_last_without_a_ratio() -> None:
    """Idle 9.00 is more than x's 2.00, but 100 tokens of nobody's are no 11 a credit."""
    idle = cost(1, "9.00", team=None, reason="idle")
    seen = [used(1, "input_tokens", "100", "Tokens", team=team) for team in ("x", None)]
    found = rows([idle, cost(1, "2.00")], seen)
    assert [(row["name"], row["tokens"], row["tokens_per_credit"]) for row in found] == [
        ("x", 100, 50),
        (None, 100, None),
    ]


def test_weeks_begin_on_monday_and_stay_within_the_period() -> None:
    """October 2026 begins on a Thursday: its first week is four days, the next begins on the 5th."""
    spend = [cost(1, "1"), cost(4, "2"), cost(5, "4")]
    found = rows(spend, [], over="week")
    assert [(row["start"].day, row["end"].day, row["cost"]) for row in found] == [
        (1, 5, 3),
        (5, 12, 4),
    ]


def test_days_leave_out_what_lasts_longer() -> None:
    """A month's charge of 30 belongs to no day, and to the period; sessions to the period only."""
    month = cost(1, "30") | {"start": START, "end": END}
    session = {"session": "s", "team": "x", "currency": "USD", "cost": D(1)}
    [day] = rows([cost(2, "1"), month], [], [session], over="day")
    assert (day["cost"], day.get("sessions")) == (1, None)
    [whole] = rows([cost(2, "1"), month], [], [session])
    assert (whole["cost"], whole["sessions"]) == (31, 1)


def test_by_model() -> None:
    """Two models of one team: 1,000 tokens for 1.00, and for 4.00."""
    spend = [cost(1, "1", model="mini"), cost(1, "4", model="large")]
    activity = [
        used(1, "output_tokens", "1000", "Tokens", model=name) for name in ("mini", "large")
    ]
    found = rows(spend, activity, by="model")
    assert [(row["name"], row["cost_per_million_tokens"]) for row in found] == [
        ("large", 4000),
        ("mini", 1000),
    ]


@pytest.mark.parametrize(("by", "over"), [("tool", "day"), ("team", "year")])
def test_another_view_than_there_is_is_refused(by: str, over: str) -> None:
    """The message says which there are."""
    with pytest.raises(UsageError, match="it is by team, agent, model and over period, day, week"):
        rows([], [], by=by, over=over)


def test_tokens_of_every_kind_are_counted_and_chips_like_gpus() -> None:
    """1 + 2 + 3 + 4 = 10 tokens; of 4 chip-hours held 1 was busy."""
    [row] = rows(
        [cost(1, "5")],
        [
            used(1, "input_tokens", "1", "Tokens"),
            used(1, "cache_read_tokens", "2", "Tokens"),
            used(1, "cache_write_tokens", "3", "Tokens"),
            used(1, "output_tokens", "4", "Tokens"),
            used(1, "tpu_chip", "4", "TPU-Chip-Hours", capacity="allocated"),
            used(1, "tpu_chip", "3600", "TPU-Chip-Seconds"),
        ],
        [{"session": "s", "team": "x", "currency": "USD", "cost": D(1)}],
    )
    assert (row["tokens"], row["chip_hours_held"], row["chip_hours_busy"]) == (10, 4, 1)
    assert row["chip_utilization"] == D("0.25")
    assert type(row["sessions"]) is int


def test_the_costliest_comes_first_then_the_first_by_name() -> None:
    """4.00 of z before 1.00 of a and b; what has no cost, tokens of c, comes after them."""
    found = rows(
        [cost(1, "1", team="b"), cost(1, "4", team="z"), cost(1, "1", team="a")],
        [used(1, "input_tokens", "9", "Tokens", team="c")],
    )
    assert [row["name"] for row in found] == ["z", "a", "b", "c"]
