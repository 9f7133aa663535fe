"""Budgets in the report of a run: what `trueup budget` then prints, and the same when replayed."""

from __future__ import annotations

import json
import re
from pathlib import Path

from click.testing import CliRunner, Result
from tests.cli.month import Month

from trueup.cli.app import app

BUDGETS = """
[[budget]]
name = "both months"
amount = "25.00"
currency = "USD"
rolling = "60d"

[[budget]]
name = "one month"
amount = "20.00"
currency = "USD"

[[budget]]
name = "another currency"
amount = "1.00"
currency = "EUR"
"""


def trueup(month: Month, *args: str) -> Result:
    return CliRunner().invoke(app, [*args, "-c", str(month.folder / "trueup.toml")])


def shown(month: Month, period: str) -> dict[str, list[str]]:
    """Name of a budget -> what the page says of it, cell by cell."""
    page = (month.folder / "out" / period / "report.html").read_text(encoding="utf-8")
    section = page.split('<section id="budgets"')[1].split("</section>")[0]
    rows = [
        [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split())
            for cell in re.findall(r"<td.*?</td>", row)
        ]
        for row in re.findall(r"<tr role=\"row\"><td.*?</tr>", section)
    ]
    return {row[0].removesuffix(" everything"): row[1:] for row in rows}


def test_the_report_has_the_figures_that_budget_prints(tmp_path: Path) -> None:
    """October costs 8.50 + 1.50 = 10.00, November 12.00 + 1.50 = 13.50. In 60 days that is 23.50 of
    25.00, over 80 %; in November alone 13.50 of 20.00; October's report knew of nothing else.
    """
    month = Month(tmp_path)
    month.configure(BUDGETS)
    assert trueup(month, "run", "-q").exit_code == 0
    assert shown(month, "2026-10")["both months"][1:5] == ["10.00", "10.00", "25.00 USD", "40.0 %"]
    month.next_bill("12.00")
    more = ("--period", "2026-11", "--as-of", "2026-12-01")
    assert trueup(month, "run", "-q", *more).exit_code == 0
    found = shown(month, "2026-11")
    assert found["both months"][:5] == [
        *("the last 1440 hours", "23.50", "23.50", "25.00 USD", "94.0 %"),
    ]
    assert found["both months"][5].startswith("80 % accrued: notify")
    assert found["one month"][1:5] == ["13.50", "13.50", "20.00 USD", "67.5 %"]
    assert "23.50 USD of its scope is not counted" not in found["both months"][5]
    assert (
        "13.50 USD of its scope is not counted: the budget is in EUR"
        in found["another currency"][5]
    )
    for one in json.loads(trueup(month, "budget", "--json").stdout):
        mine = found[one["name"]]
        assert mine[0] == one["window"]
        assert [f"{float(one[name]):.2f}" for name in ("actual", "total")] == mine[1:3]
    for run in ("run-0001", "run-0002"):
        replayed = trueup(month, "replay", run)
        assert replayed.exit_code == 0, replayed.stdout


def test_a_run_without_budgets_has_no_such_section(tmp_path: Path) -> None:
    """Nothing stands there."""
    month = Month(tmp_path)
    assert trueup(month, "run", "-q").exit_code == 0
    page = (tmp_path / "out" / "2026-10" / "report.html").read_text(encoding="utf-8")
    assert 'id="budgets"' not in page
