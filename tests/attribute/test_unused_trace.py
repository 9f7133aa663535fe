"""Unused commitment traced to idle capacity and quiet teams, on two hours a week apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.attribute.test_drivers import table
from trueup.attribute.unused_trace import Quiet, traced
from trueup.model.spend_schema import ACTIVITY, SPEND

D = Decimal
HOUR = datetime(2026, 10, 8, 14, tzinfo=UTC)
WEEK = timedelta(days=7)


def unused(quantity: str | None, cost: str | None, **more: Any) -> dict[str, Any]:
    known = {"commitment_id": "plan-1", "provider": "nine", "currency": "USD", "unit": "USD"}
    figures = {"unused_quantity": quantity and D(quantity), "unused_cost": cost and D(cost)}
    at = {"interval_start": HOUR, "interval_end": HOUR + timedelta(hours=1)}
    return {**known, **figures, **at, **more}


def spent(at: datetime, team: str | None, cost: str | None, **more: Any) -> dict[str, Any]:
    known = {"provider": "nine", "currency": "USD", "state": "billed", "cost": cost and D(cost)}
    return {"start": at, "team": team, **known, **more}


def seen(at: datetime, capacity: str, quantity: str, **more: Any) -> dict[str, Any]:
    known = {"provider": "nine", "meter": "gpu", "unit": "GPU-Seconds", "quantity": D(quantity)}
    return {"start": at, "capacity": capacity, **known, **more}


def test_unused_is_exact_and_traced_to_what_was_idle_and_who_was_quiet() -> None:
    """7,200 s held, 5,400 busy: 1,800 idle, 1.55 of the bill. search fell from 9.00 to 4.65: 4.35.

    It had 2 sessions of 5; ads, which rose, is not quiet, nor is who is of another provider.
    """
    spend = [
        spent(HOUR, "search", "4.65"),
        spent(HOUR, None, "1.55", reason="idle"),
        spent(HOUR - WEEK, "search", "9.00"),
        spent(HOUR, "ads", "2.00"),
        spent(HOUR - WEEK, "ads", "1.00"),
        spent(HOUR - WEEK, "else", "99.00", provider="ten"),
    ]
    activity = [
        seen(HOUR, "allocated", "7200"),
        seen(HOUR, "busy", "5400", team="search", sessions=2),
        seen(HOUR - WEEK, "busy", "7200", team="search", sessions=5),
        seen(HOUR, "busy", "900", meter="output_tokens", unit="Tokens", team="ads", sessions=1),
    ]
    rows = [unused("1.50", "1.50"), unused("0", "0", commitment_id="plan-2")]
    [found] = traced(rows, table(SPEND, spend), table(ACTIVITY, activity))
    assert (found.commitment_id, found.unused_cost, found.hours) == ("plan-1", D("1.50"), 1)
    assert found.idle == {("gpu", "GPU-Seconds"): D(1800)}
    assert found.idle_cost == D("1.55")
    assert found.quiet == (Quiet("search", D("4.35"), 2, 5),)


def test_a_team_whose_cost_is_not_known_is_not_called_quiet() -> None:
    """The cost of search was 9.00, and is 1.00 and what nobody knows; ads fell by 3.00 - 1.00."""
    spend = [
        spent(HOUR - WEEK, "search", "9.00"),
        spent(HOUR, "search", "1.00"),
        spent(HOUR, "search", None, state="accrued", currency=None),
        spent(HOUR - WEEK, "ads", "3.00"),
        spent(HOUR, "ads", "1.00"),
    ]
    [found] = traced([unused("1", "1")], table(SPEND, spend), table(ACTIVITY, []))
    assert found.quiet == (Quiet("ads", D("2.00"), 0, 0),)


def test_intervals_too_long_to_tell_are_not_traced() -> None:
    """A month's 30.00 unused stands with its amount and no hour."""
    month = {"interval_end": HOUR + timedelta(days=30)}
    [found] = traced(
        [unused("30", "30", **month)],
        table(SPEND, [spent(HOUR, None, "1.55", reason="idle")]),
        table(ACTIVITY, []),
    )
    assert (found.unused_cost, found.hours, found.idle_cost, found.quiet) == (D(30), 0, D(0), ())


def test_a_figure_that_is_not_known_is_not_guessed() -> None:
    """The quantity of one interval is not known, so neither is the sum; the cost 3.00 is."""
    rows = [unused(None, "1.00"), unused("2", "2.00")]
    [found] = traced(rows, table(SPEND, []), table(ACTIVITY, []))
    assert (found.unused_quantity, found.unused_cost, found.intervals) == (None, D("3.00"), 2)


def test_the_costliest_comes_first_by_currency_then_the_first_by_name() -> None:
    """9.00 before 1.00 twice in USD, whatever euros cost; an amount that is not known is last."""
    rows = [
        unused("1", None, commitment_id="e"),
        unused("1", "1.00", commitment_id="d"),
        unused("1", "1.00", commitment_id="c"),
        unused("1", "9.00", commitment_id="b"),
        unused("1", "2.00", commitment_id="z", currency="EUR"),
    ]
    found = traced(rows, table(SPEND, []), table(ACTIVITY, []))
    assert [each.commitment_id for each in found] == ["z", "b", "c", "d", "e"]


def test_a_cost_that_is_not_known_hides_no_other() -> None:
    """Three idle rows: 1.00, one without a cost, 2.00 of another hour: 3.00 of both hours."""
    later = HOUR + timedelta(hours=1)
    spend = [
        {**spent(HOUR, "search", "0"), "cost": None},
        spent(HOUR, None, "1.00", reason="idle"),
        spent(later, None, "2.00", reason="idle"),
    ]
    two_hours = {"interval_end": later + timedelta(hours=1)}
    [found] = traced([unused("1", "1", **two_hours)], table(SPEND, spend), table(ACTIVITY, []))
    assert (found.hours, found.idle_cost) == (2, D("3.00"))
