"""Months of worlds are quiet, and three times a team's use of a day is found in one run.

It is planted in what the reconciliation of a real month gives: cost and metered use of one team on
one usual day, times three.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import trueup
from tests.seeds.results import reconciled
from tests.some import some
from tests.world import world
from trueup.config import read_configuration
from trueup.model.table import Table
from trueup.report.result import Result

START = datetime(2026, 10, 1, tzinfo=UTC)
SEEDS = (7, *range(13, 24))  # the bundled month; by 1 to 9 the limits were chosen
TEAMS = ("claims", "forecasting", "platform")  # the mid-size ones; routing costs twice as much


@pytest.fixture(scope="module", params=[SEEDS[at] for at in some(range(len(SEEDS)), 1)])
def month(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder: Path = tmp_path_factory.mktemp(f"world-{request.param}")
    world.write(world.make(request.param, START, 31), folder)
    return reconciled(read_configuration(str(folder / "trueup.toml")))


def planted(month: Result, team: str, day: date) -> Result:
    """The month with three times the team's cost and use on a day."""
    tables = dict(month.outcome.tables)
    for name, figure in (("spend", "cost"), ("activity", "quantity")):
        rows = tables[name].rows()
        for row in rows:
            if (row["team"], row["start"].date()) == (team, day) and row[figure] is not None:
                row[figure] *= 3
        tables[name] = Table.from_rows(tables[name].schema, rows)
    return trueup.Result(replace(month.outcome, tables=tables))


def usual_day(month: Result, team: str) -> date:
    """The day on which the team's cost in dollars is the middle one."""
    costs: dict[date, Decimal] = {}
    for row in month.spend:
        if (row["team"], row["currency"]) == (team, "USD"):
            day = row["start"].date()
            costs[day] = costs.get(day, Decimal(0)) + (row["cost"] or 0)
    return sorted(costs, key=lambda day: costs[day])[len(costs) // 2]


def test_a_clean_month_has_at_most_one_anomaly(month: Result) -> None:
    """Nobody planted anything in how much is used."""
    assert len(month.anomalies()) <= 1


@pytest.mark.parametrize("team", TEAMS)
def test_three_times_a_team_is_found_in_one_run(month: Result, team: str) -> None:
    """The day is found, with the team: as its own cost, or as what drove the use of a meter."""
    day = usual_day(month, team)
    rows = [row for row in planted(month, team, day).anomalies() if row["day"] == day]
    named = [row for row in rows if row["team"] == team or f"team {team} +" in row["drivers"]]
    assert any(row["money"] > 0 for row in named)
    for row in rows:
        if row["measure"] == "spend":
            effects = row["quantity_effect"] + row["price_effect"] + row["other_effect"]
            assert row["money"] == row["actual"] - row["expected"] == effects
