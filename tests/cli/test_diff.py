"""`trueup diff`: what changed between two runs, and why."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.month import Month, trueup


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    monkeypatch.chdir(tmp_path)
    return Month(tmp_path)


def diff(*args: str) -> dict[str, Any]:
    found = trueup("diff", *args, "--json")
    assert found.exit_code == 0, found.output
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


def test_two_runs_of_the_same_files_differ_in_nothing(month: Month) -> None:
    """Performed twice: no source, rule, charge, break or figure is another."""
    month.run()
    month.run()
    found = diff("run-0001", "run-0002")
    assert [found[name] for name in ("hashes", "sources", "rules", "figures", "charges")] == [
        [], [], [], [], [],
    ]  # fmt: skip
    assert found["breaks_changed"] == 0
    assert "same" in trueup("diff", "run-0001", "run-0002").stdout


def test_a_changed_bill_and_a_changed_rule_are_named(month: Month) -> None:
    """8.50 becomes 8.00 and a tolerance is added: source, rule, charge, break and figures by -0.50."""
    month.run()
    month.bill("8.00")
    month.configure('\n[rules]\nmaterial_amount = "5"\n')
    month.run()
    found = diff("run-0001", "run-0002")
    assert [(row["what"], row["name"]) for row in found["sources"]] == [
        ("changed", "charges bills/oct.csv")
    ]
    assert [row["name"] for row in found["hashes"]] == ["result", "rules"]
    assert [(row["name"], row["after"]) for row in found["rules"]] == [("material_amount", "5")]
    (charge,) = found["charges"]
    assert (charge["resource_id"], charge["effective_before"], charge["effective_delta"]) == (
        "e1",
        "8.50",
        "-0.50",
    )
    (changed,) = found["breaks"]
    assert (changed["what"], changed["before"], changed["after"]) == ("changed", "-1.00", "-1.50")
    figures = {(row["table"], row["figure"]): row["difference"] for row in found["figures"]}
    assert figures["control_totals", "effective_cost"] == "-0.50"
    assert figures["identity", "billed"] == "-0.50"
    text = trueup("diff", "run-0001", "run-0002").stdout
    assert "changed: e1 2026-10-03T14:00:00Z 8.50 -> 8.00 USD (-0.50)" in text
    assert "changed: charges bills/oct.csv" in text


def test_a_break_that_went_and_a_break_that_came(month: Month) -> None:
    """9.50 + 1.50 = 11.00 clears the break; the other way round it is new."""
    month.run()
    month.bill("9.50")
    month.run()
    assert [row["what"] for row in diff("run-0001", "run-0002")["breaks"]] == ["cleared"]
    assert [row["what"] for row in diff("run-0002", "run-0001")["breaks"]] == ["new"]


def test_the_last_runs_of_two_periods(month: Month) -> None:
    """Figures of October and November side by side; charges are not compared item by item."""
    month.next_bill("9.50")
    month.run()
    month.run("--period", "2026-11")
    found = diff("2026-10", "2026-11")
    assert [head["run"] for head in found["runs"]] == ["run-0001", "run-0002"]
    assert found["charges"] is None
    figures = {(row["table"], row["figure"]): row["difference"] for row in found["figures"]}
    assert figures["identity", "billed"] == "1.00"
    text = trueup("diff", "2026-10", "2026-11").stdout
    assert ("only in run-0001: " in text, "cleared" in text) == (True, False)


def test_runs_that_are_not_there(month: Month) -> None:
    """No run of that name or period: exit 2, with what there is or how to make one."""
    none = trueup("diff", "run-0001", "run-0002")
    assert (none.exit_code, "it has never run: `trueup run` makes" in none.output) == (2, True)
    month.run()
    unknown = trueup("diff", "run-0001", "run-0009")
    assert (unknown.exit_code, "the last are run-0001" in unknown.output) == (2, True)
    never = trueup("diff", "run-0001", "2026-12")
    assert (never.exit_code, "`trueup run --period 2026-12`" in never.output) == (2, True)


def test_an_item_is_told_by_the_figure_that_moved(month: Month) -> None:
    """Only the billed cost of the unused 1.50 becomes 1.60: billed, +0.10, not 0.00 of effective."""
    month.run()
    bill = next(Path("bills").glob("*.csv"))
    lines = bill.read_text(encoding="utf-8").splitlines()
    names = next(csv.reader(lines[:1]))
    rows = list(csv.DictReader(lines))
    changed = next(each for each in rows if each["EffectiveCost"] == "1.50")
    billed = Decimal(changed["BilledCost"])
    changed["BilledCost"] = str(billed + Decimal("0.10"))
    with bill.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    month.run()
    said = trueup("diff", "run-0001", "run-0002").stdout
    assert f"billed {billed:.2f} -> {billed + Decimal('0.10'):.2f} USD (0.10)" in said
