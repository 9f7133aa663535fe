"""`trueup export`: statements of a past run, and its charges as FOCUS."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from tests.cli.conftest import row, write_bill

from trueup.cli import export
from trueup.cli.app import app
from trueup.errors import UsageError

CONFIGURATION = '[run]\nperiod = "2026-10"\n[[charges]]\npaths = ["used.csv", "unused.csv"]\n'
POLICY = '[rules.chargeback]\nunused = "owner"\nowners = { "plan-1" = "search" }\n'


def trueup(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def test_a_past_run_is_charged_by_the_rules_of_today(folder: Path) -> None:
    """1.50 unused goes to its owner, named after the run; the bill has changed since."""
    (folder / "trueup.toml").write_text(CONFIGURATION, encoding="utf-8")
    never = trueup("export", "chargeback", "--out", "none")
    assert (never.exit_code, "has never run" in never.stderr) == (2, True)
    focus = trueup("export", "focus", "--out", "none")
    assert (focus.exit_code, focus.stdout) == (never.exit_code, never.stdout)
    assert not (folder / "none").exists()
    assert trueup("run", "-q", "--as-of", "2026-11-20").exit_code == 0
    write_bill(folder / "unused.csv", row("Unused", "9.99"))
    refused = trueup("export", "chargeback", "--out", "none")
    assert (refused.exit_code, "[rules.chargeback]" in refused.stderr) == (2, True)
    (folder / "trueup.toml").write_text(CONFIGURATION + POLICY, encoding="utf-8")
    written = trueup("export", "chargeback", "--run", "run-0001", "--out", "all")
    assert written.exit_code == 0, written.output
    rows = pq.read_table(folder / "all" / "statements.parquet").to_pylist()
    assert {row["team"]: row["amount"] for row in rows if row["level"] == "team"} == {
        "search": Decimal("1.50"),
        "(nobody)": Decimal("8.50"),
    }
    assert trueup("export", "chargeback", "--team", "search", "--out", "one").exit_code == 0
    assert sorted(path.name for path in (folder / "one").iterdir()) == [
        "statements.html",
        "statements.xlsx",
    ]


def test_charges_of_a_past_run_are_focus(folder: Path) -> None:
    """Without the files that it read; what FOCUS wants and nobody said is named."""
    (folder / "trueup.toml").write_text(CONFIGURATION, encoding="utf-8")
    assert trueup("run", "-q", "--as-of", "2026-11-20").exit_code == 0
    (folder / "used.csv").unlink()
    written = trueup("export", "focus", "--out", "focus")
    assert written.exit_code == 0, written.output
    assert "InvoiceIssuerName is null in 2 rows" in written.stdout
    costs = pq.read_table(folder / "focus" / "CostAndUsage.parquet")["EffectiveCost"].to_pylist()
    assert sorted(costs) == [Decimal("1.50"), Decimal("8.50")]


def test_a_run_without_a_table_of_spend_says_how_to_get_one() -> None:
    """An older trueup kept none: the run is performed again as it was known."""
    run: Any = SimpleNamespace(
        run_id="run-0001", outputs={"result.json": "aa"}, as_of=datetime(2026, 11, 20, tzinfo=UTC)
    )
    nothing: Any = None
    with pytest.raises(UsageError, match="run-0001 has no table of spend") as refused:
        export._kept(nothing, run)
    assert "`trueup run --known-at 2026-11-20T00:00:00Z`" in str(refused.value)
