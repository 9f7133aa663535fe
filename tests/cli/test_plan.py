"""`trueup plan`: usage and rules in, the best levels out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.cli.conftest import row, write_bill

from trueup.cli.app import app
from trueup.cli.plan import _say

RULES = """
[[{0}rate]]
match = {{}}
meter = "gpu"
unit = "GPU-Hours"
price = "4.00"
commitment_id = "plan-1"
commitment_price = "2.00"
currency = "USD"

[[{0}offer]]
name = "reserved"
unit = "GPU-Hours"
hourly = "2.50"
currency = "USD"

[[{0}offer]]
name = "savings plan"
currency = "USD"
"""
CONFIGURATION = """
[run]
period = "2026-10"
as_of = 2026-11-20T06:00:00Z

[[charges]]
paths = ["bill.csv"]

[[usage]]
paths = ["gpus.csv"]

[[commitments]]
paths = ["contracts.toml"]
""" + RULES.format("rules.")
CONTRACT = """
[[commitment]]
id = "plan-1"
provider = "Example Cloud"
layer = "benefit"
category = "Spend"
cost = "2.00"
per = "interval"
interval = "hourly"
start = 2026-01-01
end = 2027-01-01
currency = "USD"
"""


def plan(*args: str) -> Result:
    return CliRunner().invoke(app, ["plan", *args])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two hours from 14:00 on of 3 GPUs, one of which plan-1 serves at 2.00."""
    monkeypatch.chdir(tmp_path)
    lines = ["window_start,window_end,provider,resource_id,gpu"]
    for number in range(2):
        start = datetime(2026, 10, 3, 14, tzinfo=UTC) + timedelta(hours=number)
        end = start + timedelta(hours=1)
        lines.append(f"{start.isoformat()},{end.isoformat()},Example Cloud,e1,3")
    (tmp_path / "gpus.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "rules.toml").write_text(RULES.format(""))
    (tmp_path / "contracts.toml").write_text(CONTRACT)
    (tmp_path / "trueup.toml").write_text(CONFIGURATION)
    write_bill(tmp_path / "bill.csv", row("Used", "1.50"), row("Unused", "0.50"))
    return tmp_path


FILES = ("--usage", "gpus.csv", "--rules", "rules.toml")


def test_files_are_enough(place: Path) -> None:
    """3 GPUs are 24.00 on demand, 12.00 at 2.00 and 15.00 at 2.50; the interval is refused."""
    found = plan(*FILES)
    assert found.exit_code == 0, found.stderr
    lines = [" ".join(line.split()) for line in found.stdout.splitlines()]
    assert "savings plan 6.00 USD an hour - 12.00 12.00 - USD 100.0 %" in lines
    assert "reserved 3 GPU-Hours an hour - 15.00 9.00 - USD 100.0 %" in lines
    assert any(line.startswith("No interval: 2 hours are 0 whole weeks") for line in lines)
    assert "never run" not in found.stdout


def test_json_holds_the_same(place: Path) -> None:
    """One offer of two, at a tenth less on demand: 6 x 3.60 without it."""
    found = plan(*FILES, "--offer", "reserved", "--what-if", "price=-10%", "--json")
    told = json.loads(found.stdout)
    (offer,) = told["offers"]
    assert (offer["level"], offer["cost"], offer["cost_without"]) == ("3", "15", "21.6")
    assert told["what_if"] == {"price": "-10%"}


def test_a_configuration_has_everything(place: Path) -> None:
    """Before any run the contract serves one GPU of three; two are left to plan for."""
    found = plan("--where", "resource=^e1$")
    assert found.exit_code == 0, found.stderr
    lines = [" ".join(line.split()) for line in found.stdout.splitlines()]
    assert "reserved 2 GPU-Hours an hour - 10.00 6.00 - USD 100.0 %" in lines
    assert "plan-1 2 4 USD 2027-01-01" in lines
    assert any(line.startswith("This workspace has never run") for line in lines)


def test_a_run_tells_what_was_used_of_it(place: Path) -> None:
    """At 14:00 the bill has 1.50 of plan-1 used: it served 1.50, and 2.00 in the hour after."""
    assert CliRunner().invoke(app, ["run"]).exit_code == 0
    found = plan("--json")
    assert found.exit_code == 0, found.stderr
    told = json.loads(found.stdout)
    assert told["in_force"][0]["served"] == "3.5"
    # 6 GPU-hours less 3.50 / 2.00: 4.25 x 4.00
    assert {offer["cost_without"] for offer in told["offers"]} == {"17"}
    assert "never run" not in plan().stdout


def test_the_curve_is_written(place: Path) -> None:
    """A page of its own, with a drawing of each offer and nothing from elsewhere."""
    assert plan(*FILES, "--html", "plan.html").exit_code == 0
    page = (place / "plan.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 4  # two offers, for wide and narrow screens
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_wrong_use_is_told(place: Path) -> None:
    """Each with exit code 2 and the remedy."""
    for args, text in (
        (("--rules", "rules.toml"), "--rules has no effect without --usage"),
        ((*FILES, "--what-if", "price=10"), "as price=+10%"),
        ((*FILES, "--offer", "x"), "no offer is called 'x'"),
        ((*FILES, "--where", "resource=^x$"), "no usage to plan for"),
        (("--usage", "gpus.csv"), "no commitment is offered"),
    ):
        found = plan(*args)
        assert found.exit_code == 2
        assert text in " ".join(found.stderr.split())
    (place / "trueup.toml").write_text('[[charges]]\npaths = ["bill.csv"]\n')
    assert "usage: is missing" in plan().stderr


@pytest.mark.parametrize("remarks", [[], ["one was left out"]])
def test_remarks_stand_below_the_table(
    remarks: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there are none, the table is the last."""
    found: Any = SimpleNamespace(
        title="October", offers=[], in_force=[], remarks=lambda: iter(remarks)
    )
    _say(found, {})
    head, empty, table, *rest = capsys.readouterr().out.splitlines()
    assert (head, empty) == ("How much to commit: October.", "")
    assert table.startswith("OFFER")
    assert rest == (["", *remarks] if remarks else [])
