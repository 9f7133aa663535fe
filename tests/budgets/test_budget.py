"""`[[budget]]`, `[alerts]` and `[gate]` as they are written."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.budgets.spent import at
from trueup.budgets.budget import BudgetTerms, Threshold
from trueup.config import read_configuration
from trueup.errors import ConfigurationError

OF_SEARCH = {"name": "search", "scope": {"team": "search"}, "amount": "1000.00", "currency": "USD"}


def terms(**more: Any) -> BudgetTerms:
    return BudgetTerms.model_validate({**OF_SEARCH, **more})


@pytest.mark.parametrize(
    ("period", "known_until", "start", "end", "name"),
    [
        ("day", "2026-11-10T05:00", "2026-11-10", "2026-11-11", "2026-11-10"),
        ("week", "2026-11-10", "2026-11-09", "2026-11-16", "week of 2026-11-09"),  # a Monday
        ("week", "2026-11-15T05:00", "2026-11-09", "2026-11-16", "week of 2026-11-09"),  # a Sunday
        ("month", "2026-02-28T23:59", "2026-02-01", "2026-03-01", "2026-02"),
        ("month", "2026-12-01", "2026-11-01", "2026-12-01", "2026-11"),  # its last instant
        ("quarter", "2026-11-10", "2026-10-01", "2027-01-01", "2026-Q4"),
        ("quarter", "2026-01-01T00:00:01", "2026-01-01", "2026-04-01", "2026-Q1"),
        ("year", "2026-11-10", "2026-01-01", "2027-01-01", "2026"),
        (None, "2026-11-10", "2026-11-01", "2026-12-01", "2026-11"),
    ],
)
def test_a_window_is_of_the_calendar_in_utc(
    period: str | None, known_until: str, start: str, end: str, name: str
) -> None:
    """It holds the last instant of which the spend is known; a month where nothing is said."""
    budget = terms(period=period)
    window = budget.window(at(known_until))
    assert (window.start, window.end) == (at(start), at(end))
    assert budget.window_name(window) == name


def test_a_window_may_roll() -> None:
    """30 days end where the knowledge ends; by default nothing is forecast of them."""
    budget = terms(rolling="30d")
    window = budget.window(at("2026-11-10T06:00"))
    assert (window.start, window.end) == (at("2026-10-11T06:00"), at("2026-11-10T06:00"))
    assert budget.window_name(window) == "the last 720 hours"
    assert [f"{one.on} {one.at} {one.act}" for one in budget.thresholds] == [
        "accrued 80 notify",
        "accrued 100 queue",
    ]
    assert terms(rolling="36h").rolling == timedelta(hours=36)


def test_a_threshold_is_exact() -> None:
    """33.3 % of 0.10 is 0.0333, with every digit."""
    one = Threshold.model_validate({"on": "actual", "at": "33.3%", "act": "stop"})
    assert one.limit(Decimal("0.10")) == Decimal("0.0333")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"scope": {"taem": "search"}}, "'taem' is no part of a scope; did you mean 'team'?"),
        ({"scope": {"commitment": "p", "team": "a"}}, "beside it only provider may stand"),
        ({"amount": 0.1}, "write the number in quotes"),
        ({"amount": "0"}, "greater than 0"),
        ({"rolling": "30"}, 'as "30d" or "24h"'),
        ({"rolling": "30d", "period": "month"}, "either period or rolling"),
        ({"rolling": "30d", "thresholds": [{"on": "forecast", "at": "90%"}]}, "use accrued"),
        ({"thresholds": [{"at": "0.8"}]}, 'as "80%"'),
        ({"thresholds": [{"at": "-1%"}]}, 'as "80%"'),
        ({"thresholds": [{"at": "NaN%"}]}, 'as "80%"'),
        ({"thresholds": [{"at": "80%", "act": "halt"}]}, "'notify', 'queue' or 'stop'"),
        ({"period": "fortnight"}, "'quarter'"),
    ],
)
def test_a_mistake_says_what_would_be_right(wrong: dict[str, Any], says: str) -> None:
    """Scope, amount, window and thresholds are checked when they are read."""
    with pytest.raises(ValidationError) as error:
        terms(**wrong)
    assert says in str(error.value)


def test_the_configuration_holds_budgets(tmp_path: Path) -> None:
    """A bare decimal of the file is exact; two budgets of one name are a mistake of the file."""
    one = '[[budget]]\nname = "a"\namount = 0.1\ncurrency = "USD"\n'
    gate = '[gate]\nmax_age = "36h"\nstale = "stop"\n[alerts]\nurls = ["env:A"]\n'
    file = tmp_path / "trueup.toml"
    file.write_text(one + gate)
    found = read_configuration(file)
    assert found.budget[0].amount == Decimal("0.1")
    assert (found.gate.max_age, found.gate.stale) == (timedelta(hours=36), "stop")
    file.write_text(one + one)
    with pytest.raises(ConfigurationError, match="two budgets have the name 'a'"):
        read_configuration(file)


def test_a_window_that_rolls_may_have_thresholds_of_its_own() -> None:
    """Of what is accrued; a span that was read already stays."""
    own = [{"on": "accrued", "at": "90%"}]
    found = terms(rolling="24h", thresholds=own)
    assert found.thresholds == (Threshold(on="accrued", at=Decimal(90)),)
    assert terms(rolling=timedelta(days=30)).rolling == timedelta(days=30)
    assert terms(rolling=None).rolling is None
