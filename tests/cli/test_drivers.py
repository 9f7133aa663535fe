"""`trueup drivers --unused`: what a trace says of a commitment."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.cli.month import Month, trueup

from trueup.attribute.unused_trace import Quiet, Traced
from trueup.cli.drivers import _in_hours, _trace_json, _trace_lines

D = Decimal
TRACED = Traced(
    commitment_id="plan-1",
    provider="nimbus",
    currency="USD",
    unit="USD",
    unused_quantity=D("1.50"),
    unused_cost=D("1.50"),
    intervals=1,
    hours=1,
    idle={("gpu", "GPU-Seconds"): D("1800"), ("seats", "Seats"): D("2")},
    idle_cost=D("1.55"),
    quiet=tuple(Quiet(f"team-{number}", D(9 - number), 2, 5) for number in range(4)),
)


def test_idle_capacity_and_three_quiet_teams_are_told() -> None:
    """1,800 GPU-seconds are half an hour; of four teams the three that fell most are named."""
    assert _trace_lines(TRACED, "the plan") == [
        "the plan: 1.50 USD unused (1.5 USD), 1 interval",
        "  idle: 0.50 GPU-Hours of gpu held and not busy",
        "  idle: 2.00 Seats of seats held and not busy",
        "  idle: 1.55 USD of the bill",
        *(
            f"  quiet: team-{number} cost {9 - number}.00 USD less than in these hours a week "
            "before; sessions 2, before 5"
            for number in range(3)
        ),
    ]


def test_long_intervals_tell_no_hours() -> None:
    """A month's lot: nobody can say when it was unused; nothing else is said of it."""
    told = replace(TRACED, hours=0, intervals=2, currency=None, unit=None, unused_quantity=None)
    assert _trace_lines(told, "the lot") == [
        "the lot: 1.50 unused (-), 2 intervals",
        "  its intervals are too long to tell in which hours",
    ]


def test_nothing_idle_on_the_bill_is_not_told() -> None:
    """No line of 0.00."""
    told = replace(TRACED, idle={}, idle_cost=D(0), quiet=())
    assert _trace_lines(told, "p") == ["p: 1.50 USD unused (1.5 USD), 1 interval"]


@pytest.mark.parametrize(
    ("amount", "unit", "shown"),
    [("7200", "Chip-Seconds", "2.00 Chip-Hours"), ("7200", "Tokens", "7,200.00 Tokens")],
)
def test_seconds_are_shown_as_hours(amount: str, unit: str, shown: str) -> None:
    """7,200 / 3,600 = 2; what is no time stays."""
    assert _in_hours(D(amount), unit) == shown


def test_a_machine_reads_every_team_and_meter() -> None:
    """All four teams, and the capacity by its meter and unit."""
    told = _trace_json(TRACED)
    assert [team["team"] for team in told["quiet"]] == [f"team-{number}" for number in range(4)]
    assert told["idle"] == [
        {"meter": "gpu", "unit": "GPU-Seconds", "quantity": D("1800")},
        {"meter": "seats", "unit": "Seats", "quantity": D("2")},
    ]


def test_an_hour_that_an_edge_cuts_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until 14:30: 8.50 + 1.50 of the hour from 14:00 are in neither week; 1.50 is traced."""
    monkeypatch.chdir(tmp_path)
    Month(tmp_path).run()
    cut = trueup("drivers", "--until", "2026-10-03T14:30").stdout
    assert "not compared: 10.00 USD billed over longer times" in cut
    whole = trueup("drivers", "--until", "2026-10-04").stdout
    assert "not compared" not in whole
    traced = trueup("drivers", "--unused", "--until", "2026-10-04").stdout.splitlines()
    assert traced[0] == "plan-1: 1.50 USD unused (1.5 USD), 1 interval"
    assert traced[-1].startswith("What is unused is exact.")
