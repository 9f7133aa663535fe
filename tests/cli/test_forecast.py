"""`trueup forecast`: what will lapse, told from the history of a workspace."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import row, write_bill
from tests.cli.month import Month, trueup

import trueup as library
from trueup.cli import forecast

pytest.importorskip("statsforecast", reason="trueup[forecast] is not installed")

FIRST = datetime(2026, 8, 3, tzinfo=UTC)  # a Monday
WEEKS = 13
UNTIL = datetime(2026, 12, 1, tzinfo=UTC)
CONFIGURATION = """
[run]
period = "2026-08-03/2026-11-02"
as_of = 2026-11-20T06:00:00Z

[[charges]]
path = "bill.csv"

[[commitments]]
path = "contracts.toml"
"""
CONTRACT = """
[[commitment]]
id = "lot-1"
provider = "Example Cloud"
layer = "funding"
start = 2026-08-03
end = 2026-12-02
total = 20000
credit_unit = "Credits"
compute_unit = "TPU-Chip-Hours"
compute_units_per_credit = "1"
cost_per_credit = "0.30"
currency = "USD"
applies_to = { SkuId = "^chip-" }
"""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """13 weeks in which 100 credits a day were drawn of 20,000: 20,000 - 9,100 = 10,900 remain."""
    folder = tmp_path_factory.mktemp("history")
    with (folder / "bill.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                "ChargePeriodStart",
                "ChargePeriodEnd",
                "BillingPeriodStart",
                "BillingPeriodEnd",
                "ProviderName",
                "BillingCurrency",
                "ChargeCategory",
                "ServiceName",
                "ResourceId",
                "SkuId",
                "BilledCost",
                "EffectiveCost",
                "ConsumedQuantity",
                "ConsumedUnit",
            ]
        )
        for number in range(WEEKS * 7):
            day = FIRST + timedelta(days=number)
            first = day.replace(day=1)
            edges = (
                day,
                day + timedelta(days=1),
                first,
                (first + timedelta(days=31)).replace(day=1),
            )
            writer.writerow(
                [f"{edge:%Y-%m-%dT%H:%M:%SZ}" for edge in edges]
                + [
                    "Example Cloud",
                    "USD",
                    "Usage",
                    "Chips",
                    "c1",
                    "chip-v5",
                    "0",
                    "0",
                    "100",
                    "TPU-Chip-Hours",
                ]
            )
    (folder / "contracts.toml").write_text(CONTRACT, encoding="utf-8")
    (folder / "trueup.toml").write_text(CONFIGURATION, encoding="utf-8")
    done = trueup("run", "-q", "-c", str(folder / "trueup.toml"))
    assert done.exit_code == 0, done.output
    return folder


def test_what_lapses_is_said_in_money(history: Path) -> None:
    """30 days of 100 leave 7,900 of 10,900, at 0.30 that is 2,370; more than 100 was never burnt."""
    found = trueup("forecast", "-c", str(history / "trueup.toml"))
    assert found.exit_code == 0, found.output
    only = trueup("forecast", "-c", str(history / "trueup.toml"), "--commitment", "lot-1")
    assert only.stdout == found.stdout
    use, risk = (line.split() for line in found.stdout.splitlines() if line.startswith("lot-1 "))
    assert use == ["lot-1", "9,100.00", "2026-12-02", *["3,000.00"] * 3, "Credits"]
    assert risk == [
        "lot-1", "10,900.00", "7,900.00", "100.00", "Credits", *["2,370.00"] * 3, "USD", "too",
        "late",
    ]  # fmt: skip


def test_a_machine_reads_exact_text(history: Path) -> None:
    """Amounts are strings, instants are UTC; Python gives the same from the workspace's folder."""
    found = trueup("forecast", "-c", str(history / "trueup.toml"), "--json")
    (row,) = json.loads(found.stdout)
    assert (row["remaining"], row["until"]) == ("10900", "2026-12-02T00:00:00Z")
    assert round(Decimal(row["at_risk"])) == 2370
    (same,) = library.forecast(history / ".trueup").commitments.rows()
    assert same["at_risk"] == Decimal(row["at_risk"])


def test_days_hours_and_the_backtest_are_shown(history: Path) -> None:
    """Three days to come, 24 hours of one, and 2 forecasts of weeks 9 to 13."""
    at = ("-c", str(history / "trueup.toml"))
    days = trueup("forecast", *at, "--over", "day", "--horizon", "3").stdout.splitlines()
    assert [line.split()[1] for line in days[1:]] == [f"2026-11-0{day}" for day in (2, 3, 4)]
    hours = trueup("forecast", *at, "--over", "hour", "--horizon", "1").stdout.splitlines()
    assert len(hours) == 1 + 24
    scores = trueup("forecast", *at, "--backtest").stdout.splitlines()
    assert scores[1].split()[:4] == ["lot-1", "day", "5", "2"]


def test_a_wrong_commitment_is_wrong_use(history: Path) -> None:
    """Exit code 2, with the one that was meant."""
    found = trueup("forecast", "-c", str(history / "trueup.toml"), "--commitment", "lot-2")
    assert found.exit_code == 2
    assert "did you mean 'lot-1'" in found.output


def test_a_workspace_that_never_ran_has_no_forecast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 0, and the command that fills it."""
    monkeypatch.chdir(tmp_path)
    Path("trueup.toml").write_text('[[charges]]\npath = "bill.csv"\n', encoding="utf-8")
    found = trueup("forecast")
    assert found.exit_code == 0
    assert "`trueup run` fills it" in found.stdout
    assert json.loads(trueup("forecast", "--json").stdout) == []


def test_why_there_is_nothing_to_show_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hour of a plan is too short for days to come, and a bill without one has no commitment."""
    monkeypatch.chdir(tmp_path)
    month = Month(tmp_path)
    month.run()
    days = trueup("forecast", "--over", "day").stdout
    assert days.startswith("plan-1: nothing of it is known by the day")
    assert "COMMITMENT" not in days
    (tmp_path / "contracts.toml").unlink()
    text = (tmp_path / "trueup.toml").read_text(encoding="utf-8")
    (tmp_path / "trueup.toml").write_text(text.split("[[commitments]]")[0], encoding="utf-8")
    plain = row("Used", "8.50") | {
        name: "" for name in row("Used", "8.50") if name.startswith("CommitmentDiscount")
    }
    write_bill(tmp_path / "bills" / "oct.csv", plain)
    month.run()
    assert trueup("forecast").stdout.startswith("No commitment is known")
    assert trueup("burn", "--by", "commitment").stdout.startswith("No commitment: ")


def foreseen(**more: object) -> dict[str, Any]:
    """A row of a commitment until December, of which 100 of 200 are left."""
    figures = ("used", "expected", "expected_low", "expected_high", "busiest_day", "reason")
    risk = ("at_risk", "at_risk_low", "at_risk_high", "currency", "measured_until", "last_day")
    known = {"called": "lot-1", "until": UNTIL, "unit": "Credits", "remaining": Decimal(200)}
    return {**dict.fromkeys([*figures, *risk]), **known, "left": Decimal(100), **more}


@pytest.mark.parametrize(
    ("more", "last"),
    [
        ({}, "too late"),
        ({"last_day": UNTIL - timedelta(days=9)}, "2026-11-22"),
        ({"left": Decimal(0)}, "-"),
        ({"remaining": None}, "-"),
    ],
)
def test_the_last_day_to_act_is_a_day_or_over(more: dict[str, Any], last: str) -> None:
    """Too late only where something is left and no day is; nothing is late where nothing lapses."""
    assert forecast._risk(foreseen(**more))[-1] == last


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, []),
        ({"reason": "it has 3 weeks, 8 are needed"}, ["lot-1: it has 3 weeks, 8 are needed"]),
        (
            {"measured_until": UNTIL - timedelta(days=9)},
            ["lot-1: errors are measured until 2026-11-22; beyond, the interval is extrapolated"],
        ),
        ({"measured_until": UNTIL}, []),
    ],
)
def test_what_an_estimate_lacks_is_said_below_it(
    more: dict[str, Any], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Why there is none, or from when its interval was never measured."""
    forecast._show([foreseen(**more)], None, backtest=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[5:] == said
