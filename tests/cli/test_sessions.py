"""`trueup sessions` and `trueup drivers` on a workspace of two days, and on one that never ran."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.month import trueup

from trueup.attribute.session_tree import session_tree
from trueup.cli import sessions

D = Decimal
HEAD = (
    "ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ProviderName,"
    "BillingCurrency,ChargeCategory,ServiceName,SkuMeter,SkuPriceDetails,BilledCost,EffectiveCost,"
    "ConsumedQuantity,ConsumedUnit\n"
)
MONTH = "2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,Cloud Nine,USD,Usage,Chat,Output"
CONFIGURATION = """
[run]
period = "2026-10"
as_of = 2026-12-01T00:00:00Z

[[charges]]
paths = ["bill.csv"]

[[usage]]
paths = ["usage.csv"]
format = "table"
constants = { provider = "Cloud Nine", model = "chat", meter = "output_tokens", unit = "Tokens" }
columns = { window_start = "at", window_end = "at", session_id = "session", agent = "agent", quantity = "n" }
"""
SEARCHES = """
[[usage]]
paths = ["searches.csv"]
format = "table"
constants = { tool = "web", meter = "tool_calls", unit = "Calls" }
columns = { window_start = "at", window_end = "at", session_id = "session", agent = "agent", quantity = "n" }

[[rules.rate]]
match = { tool = "^web$" }
meter = "tool_calls"
unit = "Calls"
currency = "USD"
tiers = [{ up_to = 100, price = "0.10" }, { price = "0.05" }]
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """15.00 for 1,000,000 tokens of s1; a day later 24.00 for 2,000,000, 3 : 1 of s2 and s1."""
    folder = tmp_path_factory.mktemp("sessions")
    rows = [
        f'2026-10-0{day}T14:00:00Z,2026-10-0{day}T15:00:00Z,{MONTH},"{{""x_Model"": ""chat""}}",'
        f"{cost},{cost},{quantity},Tokens\n"
        for day, cost, quantity in ((2, "15.00", "1000000"), (3, "24.00", "2000000"))
    ]
    (folder / "bill.csv").write_text(HEAD + "".join(rows))
    (folder / "usage.csv").write_text(
        "at,session,agent,n\n"
        "2026-10-02T14:10:00Z,s1,planner,1000000\n"
        "2026-10-03T14:10:00Z,s2,planner,1500000\n"
        "2026-10-03T14:10:00Z,s1,writer,500000\n"
    )
    (folder / "trueup.toml").write_text(CONFIGURATION)
    done = trueup("run", "-c", str(folder / "trueup.toml"))
    assert done.exit_code == 0, done.output
    return folder / "trueup.toml"


def answer(*args: str) -> Any:
    found = trueup(*args, "--json")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_the_costliest_sessions_stand_first(ran: Path) -> None:
    """s1 15.00 + 6.00 = 21.00, s2 18.00; with --top 1 the other is counted."""
    found = answer("sessions", "-c", str(ran))
    assert [(row["session"], row["cost"], row["billed"]) for row in found] == [
        ("s1", "21", "21"),
        ("s2", "18", "18"),
    ]
    assert "more: --top 0" not in trueup("sessions", "-c", str(ran)).stdout
    shown = trueup("sessions", "-c", str(ran), "--top", "1").stdout
    assert "s1" in shown
    assert "s2" not in shown
    assert "and 1 more" in shown


def test_a_session_is_told_step_by_step(ran: Path) -> None:
    """s1: planner 15.00 and writer 6.00 are 21.00, each by its tokens."""
    tree = answer("sessions", "s1", "-c", str(ran))
    assert tree["costs"] == [
        {"basis": "billed", "currency": "USD", "cost": "21", "committed_cost": "0"}
    ]
    assert [(step["name"], step["costs"][0]["cost"]) for step in tree["steps"]] == [
        ("planner", "15"),
        ("writer", "6"),
    ]
    [tool] = tree["steps"][0]["steps"]
    [model] = tool["steps"]
    assert [(row["meter"], row["quantity"]) for row in model["meters"]] == [
        ("output_tokens", "1000000")
    ]
    lines = trueup("sessions", "s1", "-c", str(ran)).stdout.splitlines()
    assert lines[1].split() == ["s1", "21.00", "USD", "billed", "0.00"]


def test_a_session_that_no_run_knows_is_wrong_use(ran: Path) -> None:
    """The answer names it, and what lists those that there are."""
    found = trueup("sessions", "nobody", "-c", str(ran))
    assert found.exit_code == 2
    assert "nobody" in found.output
    assert "trueup sessions" in found.output


def test_what_changed_is_quantity_and_price(ran: Path) -> None:
    """Planner: 15.00 to 18.00, half as much again at 15.00 = 7.50, 3.00 less a million = -4.50."""
    args = ("drivers", "-c", str(ran), "--by", "agent", "--against", "day", "--until", "2026-10-04")
    told = answer(*args)
    assert told["now"] == {"start": "2026-10-03T00:00:00Z", "end": "2026-10-04T00:00:00Z"}
    found = {row["name"]: row for row in told["drivers"]}
    planner = found["planner"]
    assert [planner[name] for name in ("before", "now", "change")] == ["15", "18", "3"]
    assert [planner[name] for name in ("quantity", "price", "other")] == ["7.5", "-4.5", "0"]
    assert (found["writer"]["state"], found["writer"]["new"]) == ("new", "6")
    shown = trueup(*args, "--sort", "change", "--top", "1").stdout
    assert "writer" in shown  # 6.00 is more than 3.00
    assert "planner" not in shown


def test_a_service_in_no_bill_stands_apart_with_what_it_costs(ran: Path, tmp_path: Path) -> None:
    """100 calls at 0.10 = 10.00, then 300 at 0.05 = 15.00: 200 x 0.10 more, 300 x -0.05."""
    for name in ("bill.csv", "usage.csv"):
        shutil.copy(ran.parent / name, tmp_path)
    (tmp_path / "searches.csv").write_text(
        "at,session,agent,n\n"
        "2026-10-02T14:10:00Z,s1,planner,100\n"
        "2026-10-03T09:10:00Z,s2,planner,300\n"
    )
    file = tmp_path / "trueup.toml"
    file.write_text(CONFIGURATION + SEARCHES)
    assert trueup("run", "-c", str(file)).exit_code == 0
    args = (
        "drivers",
        "-c",
        str(file),
        "--by",
        "agent",
        "--against",
        "day",
        "--until",
        "2026-10-04",
    )
    found = [row for row in answer(*args)["drivers"] if row["name"] == "planner"]
    names = ("basis", "before", "now", "change", "quantity", "price")
    assert [tuple(row[name] for name in names) for row in found] == [
        ("bill", "15", "18", "3", "7.5", "-4.5"),
        ("rated", "10", "15", "5", "20", "-15"),
    ]
    shown = trueup(*args).stdout
    [line] = [line.split() for line in shown.splitlines() if line.endswith("rated")]
    assert line[:5] == ["planner", "10.00", "15.00", "USD", "5.00"]
    assert "rated: in no bill" in shown


def test_a_week_before_the_first_run_is_named(ran: Path) -> None:
    """Until the 4th: the days before October are of no run."""
    shown = trueup("drivers", "-c", str(ran), "--until", "2026-10-04").stdout
    assert "runs begin at 2026-10-01" in shown


def test_nothing_unused_is_said(ran: Path) -> None:
    """There is no commitment, so nothing is traced."""
    args = ("drivers", "--unused", "-c", str(ran))
    assert answer(*args)["unused"] == []
    assert "Nothing was unused" in trueup(*args).stdout


@pytest.mark.parametrize(
    "args", [("sessions",), ("sessions", "s1"), ("drivers",), ("drivers", "--unused")]
)
def test_a_workspace_that_has_never_run_says_what_fills_it(
    args: tuple[str, ...], tmp_path: Path
) -> None:
    """0, no rows, and the command."""
    (tmp_path / "trueup.toml").write_text(CONFIGURATION)
    found = trueup(*args, "-c", str(tmp_path / "trueup.toml"))
    assert found.exit_code == 0, found.output
    assert "`trueup run` fills it" in found.stdout


def test_a_step_without_a_price_has_its_line() -> None:
    """An agent whose calls nobody priced stands with its meter, not with a cost of 0.00."""
    row = {
        "session": "s1",
        "agent": "planner",
        "called_by": None,
        "tool": None,
        "model": "chat",
        "meter": "output_tokens",
        "quantity": D(5),
        "unit": "Tokens",
        "cost": None,
        "currency": None,
        "basis": "accrued",
        "committed_cost": None,
        "reasoning": D(2),
    }
    root, agent, *_, meter = sessions._lines(session_tree("s1", [row]), 0)
    assert root == ("s1", *[""] * 6)
    assert agent == ("  planner", *[""] * 6)
    assert meter[1:] == ("5", "Tokens, 2 of it reasoning", "-", "", "accrued", "-")
    assert meter[0].strip() == "output_tokens"
