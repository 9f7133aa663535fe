"""``trueup anomalies`` and ``trueup efficiency`` on what a workspace knows of two periods."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trueup.cli.app import app

FIRST, DAYS = date(2026, 9, 1), 40  # September, and ten days of October
PLANTED = date(2026, 10, 5)
BILL = (
    "ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ServiceProviderName,"
    "BillingCurrency,ChargeCategory,ServiceName,SkuMeter,BilledCost,EffectiveCost,"
    "ConsumedQuantity,ConsumedUnit"
)
CONFIGURATION = """
[run]
as_of = 2026-12-01T06:00:00Z

[[charges]]
paths = ["bill.csv"]

[[usage]]
paths = ["usage.csv"]
format = "table"
constants = { provider = "aws", model = "flash", unit = "Tokens" }
"""


def configured(folder: Path) -> Path:
    """600 tokens a day for 6.00, 400 of team x and 200 of team y: on one day three times of y."""
    bill, usage = [BILL], ["window_start,window_end,meter,quantity,session_id,agent,team"]
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        hour = f"{day}T09:00:00Z,{day}T10:00:00Z"
        month = f"{day:%Y-%m}-01,{'2026-10-01' if day.month == 9 else '2026-11-01'}"
        x, y = 400, 200 * (3 if day == PLANTED else 1)
        cost = f"{(x + y) / 100:.2f}"
        bill.append(
            f"{hour},{month},AWS,USD,Usage,Amazon Bedrock,USE1-flash-output-tokens,{cost},{cost},"
            f"{x + y},Tokens"
        )
        usage.append(f"{hour},output_tokens,{x},sx,a,x")
        usage.append(f"{hour},output_tokens,{y},sy{day},b,y")
    (folder / "bill.csv").write_text("\n".join(bill), encoding="utf-8")
    (folder / "usage.csv").write_text("\n".join(usage), encoding="utf-8")
    file = folder / "trueup.toml"
    file.write_text(CONFIGURATION, encoding="utf-8")
    return file


def asked(file: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "-c", str(file)])


@pytest.fixture(scope="module")
def two_periods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = configured(tmp_path_factory.mktemp("watched"))
    short = asked(file, "run", "-q", "--period", "2026-10-01/2026-10-11")
    assert short.exit_code == 0, short.output
    alone = asked(file, "anomalies")
    assert (alone.exit_code, "10 whole days is too short" in alone.output) == (0, True)
    assert asked(file, "run", "-q", "--period", "2026-09").exit_code == 0
    return file


@pytest.mark.parametrize("command", ["anomalies", "efficiency"])
def test_a_workspace_that_has_never_run_says_so(tmp_path: Path, command: str) -> None:
    """No head of an empty table but which command fills it; as JSON no rows."""
    file = configured(tmp_path)
    told = asked(file, command)
    assert told.exit_code == 0
    assert told.output == "This workspace has never run: `trueup run` fills it.\n"
    found = json.loads(asked(file, command, "--json").output)
    if command == "anomalies":
        assert (found["state"], found.pop("anomalies")) == ("never_run", [])
    else:
        assert found == []


def test_a_day_is_compared_with_earlier_periods(two_periods: Path) -> None:
    """Ten days of October alone are too short; beside September the 5th cost 4.00 more than 2.00."""
    told = asked(two_periods, "anomalies", "--period", "2026-10", "--json")
    [row] = json.loads(told.output)["anomalies"]
    assert (row["day"], row["agent"], row["money"]) == ("2026-10-05", "b", "4")
    assert (
        "2026-10-05   4.00  USD       spend    agent b, team y"
        in asked(two_periods, "anomalies").output
    )


def test_a_quiet_period_says_so(two_periods: Path) -> None:
    """Nothing was planted in September."""
    told = asked(two_periods, "anomalies", "--period", "2026-09")
    assert "Nothing unusual on 30 days." in told.output
    assert told.exit_code == 0
    quiet = json.loads(asked(two_periods, "anomalies", "--period", "2026-09", "--json").output)
    assert (quiet["state"], quiet["anomalies"]) == ("quiet", [])


def test_a_period_without_a_run_is_refused(two_periods: Path) -> None:
    """The message says how to make one."""
    told = asked(two_periods, "anomalies", "--period", "2026-08")
    assert told.exit_code == 2
    assert "`trueup run --period" in told.output


def test_efficiency_of_each_period(two_periods: Path) -> None:
    """September: 30 x 400 tokens of x for 120.00, in one session; 30 x 200 of y, in 30."""
    told = asked(two_periods, "efficiency", "--period", "2026-09", "--json")
    rows = [
        (row["name"], float(row["tokens"]), row["sessions"], float(row["cost"]))
        for row in json.loads(told.output)
    ]
    assert rows == [("x", 12_000, 1, 120), ("y", 6_000, 30, 60)]
    text = asked(two_periods, "efficiency", "--by", "model", "--over", "week").output
    assert "2026-10-05  flash" in text
