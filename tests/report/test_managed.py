"""What the figures are for, in page, workbook and Python: burn, drivers, unused traced, sessions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.report.sample import make_outcome
from trueup.errors import UsageError
from trueup.model.spend_schema import ACTIVITY, RATED, SESSION_COSTS, SPEND
from trueup.report import sessions
from trueup.report.html import render_html
from trueup.report.result import Result

D = Decimal
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
AT = datetime(2026, 10, 28, 9, tzinfo=UTC)  # in the last week of the sample's October
COMMITMENT = {
    "commitment_id": "plan-x",
    "provider": "p",
    "layer": "benefit",
    "unit": "USD",
    "currency": "USD",
}


def spent(start: datetime, length: timedelta, team: str | None, cost: str, **more: Any) -> Any:
    return {
        **dict.fromkeys(SPEND.names),
        "start": start,
        "end": start + length,
        "state": "billed",
        "provider": "p",
        "model": "m",
        "meter": "gpu",
        "team": team,
        "currency": "USD",
        "cost": D(cost),
        **more,
    }


def metered(start: datetime, quantity: str, capacity: str = "busy", **more: Any) -> Any:
    return {
        **dict.fromkeys(ACTIVITY.names),
        "start": start,
        "end": start + HOUR,
        "provider": "p",
        "model": "m",
        "meter": "gpu",
        "capacity": capacity,
        "team": "search",
        "quantity": D(quantity),
        "unit": "GPU-Seconds",
        "rows": 1,
        "sessions": 1,
        **more,
    }


@pytest.fixture(scope="module")
def managed() -> Result:
    """search: 24.00 a day from the 18th to the 24th for 100, 48.00 a day for 200 after that; one
    hour of plan-x of which 5.00 was not used while 3,600 GPU-seconds were held and not busy.
    """
    first = datetime(2026, 10, 18, tzinfo=UTC)
    days = [first + number * DAY for number in range(14)]
    spend = [spent(at, DAY, "search", "24" if at < first + 7 * DAY else "48") for at in days]
    spend += [
        spent(AT - 7 * DAY, HOUR, "ads", "3", meter="tokens"),
        spent(AT, HOUR, "ads", "1", meter="tokens"),
        spent(AT, HOUR, None, "0.5", state="accrued"),
        spent(datetime(2026, 10, 1, tzinfo=UTC), 31 * DAY, None, "9", reason="support"),
    ]
    activity = [metered(at, "100" if at < first + 7 * DAY else "200") for at in days]
    activity += [
        metered(AT, "7200", "allocated", team=None),
        metered(AT, "3600", team=None),
        *(metered(AT - back * 7 * DAY, "1", team="ads", meter="tokens") for back in (0, 1)),
    ]
    unused = {
        "commitment_id": "plan-x",
        "provider": "p",
        "currency": "USD",
        "unit": "USD",
        "interval_start": AT,
        "interval_end": AT + HOUR,
        "committed_quantity": D(8),
        "used_quantity": D(3),
        "unused_quantity": D(5),
        "unused_cost": D(5),
    }
    return Result(
        make_outcome(spend=spend, activity=activity, utilization=[unused], commitments=[COMMITMENT])
    )


def section(result: Result, name: str) -> str:
    """The text of a section of the page, tags as spaces."""
    found = render_html(result).split(f'<section id="{name}"')[1].split("</section>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", found).split())


def test_the_page_says_how_fast_teams_burn(managed: Result) -> None:
    """search: 48 / 24 an hour, 48 a day, (7 x 24 + 7 x 48) / 4 = 126 a week; what is not billed yet
    is accrued, and a cost of the whole month is in no day of the chart: 504 + 4 = 508.
    """
    said = section(managed, "burn")
    assert "search 2.00 48.00 126.00 —" in said
    assert "nobody: no team" in said
    assert "0.50" in said
    assert "508.00 billed, 0.50 accrued." in said


def test_the_page_says_how_far_a_commitment_reaches(managed: Result) -> None:
    """Of plan-x less than a day is known: it says so, and when it expires where that is told."""
    said = section(managed, "burn")
    assert "plan-x p · USD" in said
    assert "Less than 24 hours of its burn are known." in said


def test_drivers_of_the_last_week(managed: Result) -> None:
    """search: 7 x 24 = 168 before, 7 x 48 = 336 now, twice the quantity: all of it by quantity;
    ads: 3 before, 1 now for as much: all of it by price.
    """
    found = managed.drivers().rows()
    rows = {row["name"]: row for row in found if row["name"] is not None}
    accrued = {row["reason"]: row["accrued"] for row in found if row["name"] is None}
    names = ("before", "now", "change", "quantity", "price", "new", "gone", "other", "accrued")
    assert [rows["search"][name] for name in names] == [168, 336, 168, 168, 0, 0, 0, 0, 0]
    assert [rows["ads"][name] for name in names] == [3, 1, -2, 0, -2, 0, 0, 0, 0]
    assert accrued[None] == D("0.5")
    said = section(managed, "drivers")
    assert "search 168.00 336.00 +168.00 +168.00 — — —" in said
    assert "USD 9.00 billed over longer times than a week is left out." in said


def searched(at: datetime, calls: str, cost: str) -> dict[str, Any]:
    known = {"start": at, "end": at + HOUR, "meter": "tool_calls", "tool": "web", "team": "search"}
    return {
        **dict.fromkeys(RATED.names),
        **known,
        "currency": "USD",
        "quantity": D(calls),
        "unit": "Calls",
        "cost": D(cost),
    }


def test_what_is_rated_stands_apart_from_the_bill(managed: Result, tmp_path: Path) -> None:
    """web: 100 calls for 1.00, then 300 for 2.40: 200 x 0.01 more, 300 x -0.002; the team's 336.00
    of the bill has none of it.
    """
    rated = [searched(AT - 7 * DAY, "100", "1"), searched(AT, "300", "2.40")]
    given = {name: getattr(managed, name).rows() for name in ("spend", "activity")}
    result = Result(make_outcome(**given, rated=rated))
    names = ("basis", "before", "now", "quantity", "price")
    rows = [row for row in result.drivers() if row["name"] == "search"]
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("bill", 168, 336, 168, 0),
        ("rated", 1, D("2.40"), 2, D("-0.60")),
    ]
    bill, beside = section(result, "drivers").split("What no bill holds")
    assert "search 168.00 336.00 +168.00" in bill
    assert "web" not in bill
    assert "web 1.00 2.40 +1.40 +2.00 -0.60 — —" in beside
    book = openpyxl.load_workbook(result.to_excel(tmp_path / "report.xlsx"))
    head, *lines = book["Drivers"].values
    assert ("rated", "search") in {
        (line[head.index("basis")], line[head.index("name")]) for line in lines
    }


def test_unused_is_traced_to_what_stood_idle_and_who_was_quiet(managed: Result) -> None:
    """5.00 unused in one hour: an hour of a GPU was held and not busy, and ads cost 2.00 less."""
    [row] = managed.unused_trace().rows()
    assert (row["commitment_id"], row["unused_cost"], row["intervals"], row["hours"]) == (
        *("plan-x", 5, 1, 1),
    )
    assert row["idle"] == [{"meter": "gpu", "unit": "GPU-Seconds", "quantity": 3600}]
    assert [(one["team"], one["less"]) for one in row["quiet"]] == [("ads", 2)]
    said = section(managed, "drivers")
    assert "plan-x p 5.00 USD 1 GPU-Hours of gpu ads 2.00 (1 sessions, before 1)" in said


def test_a_period_without_two_weeks_says_so(managed: Result) -> None:
    """Known up to the 14th there are no two whole weeks; the page says where to look."""
    outcome = managed.outcome
    short = Result(type(outcome)(**{**vars(outcome), "as_of": datetime(2026, 10, 14, tzinfo=UTC)}))
    for ask in (short.drivers, short.unused_trace):
        with pytest.raises(UsageError, match=r"no two weeks to compare: .* to 2026-10-14 00:00"):
            ask()
    assert "`trueup drivers` compares with earlier periods" in section(short, "drivers")
    with pytest.raises(UsageError, match="choose one of day, week"):
        managed.drivers(against="month")
    with pytest.raises(UsageError, match="choose one of team, agent, tool, model"):
        managed.drivers(by="cost")  # type: ignore[arg-type]


def costs() -> list[dict[str, Any]]:
    return [
        {
            **dict.fromkeys(SESSION_COSTS.names),
            "session": name,
            "basis": basis,
            "currency": "USD",
            "cost": D(cost),
            "committed_cost": None if committed is None else D(committed),
        }
        for name, basis, cost, committed in (
            ("s1", "billed", "5", "2"),
            ("s1", "accrued", "1", None),
            ("s2", "billed", "4", "4"),
            ("s3", "rated", "3", "0"),
            (None, "billed", "20", "8"),
        )
    ]


def test_sessions_without_a_name_do_not_lead(tmp_path: Path) -> None:
    """What names no session is said below; of s1 2 was committed and 5 - 2 = 3 on demand."""
    said = section(Result(make_outcome(session_costs=costs())), "sessions")
    assert "s1 6.00 USD 5.00 1.00 — 2.00 3.00" in said
    assert "20.00 USD" not in said
    assert said.index("s1 ") < said.index("s2 ") < said.index("USD 20.00 of use names no session.")


def test_sessions_beyond_the_most_are_one_row() -> None:
    """Of 32 and 1 accrued the two costliest are 20 and 6; the others 4 + 3, of which 4 committed."""
    rows = sessions.table(Result(make_outcome(session_costs=costs())).session_costs, 2).rows()
    names = ("session", "cost", "committed_cost", "on_demand_cost")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (None, 20, 8, 12),
        ("s1", 6, 2, 3),
        ("(all others)", 7, 4, 3),
    ]


def test_the_workbook_has_a_sheet_of_each(managed: Result, tmp_path: Path) -> None:
    """Burn, runway, efficiency and session costs where there is something; figures are numbers."""
    result = Result(
        make_outcome(
            spend=managed.spend.rows(), activity=managed.activity.rows(), session_costs=costs()
        )
    )
    book = openpyxl.load_workbook(result.to_excel(tmp_path / "report.xlsx"))
    assert {"Session costs", "Efficiency", "Burn", "Runway"} <= {*book.sheetnames}
    rows = list(book["Burn"].values)
    team, per_day = rows[0].index("team"), rows[0].index("per day")
    assert [row[per_day] for row in rows if row[team] == "search"] == [48]
    rows = list(book["Session costs"].values)
    assert rows[0][0] == "Total USD"
    assert [row[0] for row in rows[2:]] == [None, "s1", "s2", "s3"]
