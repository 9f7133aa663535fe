"""`trueup burn`: what burns, from the workspace, and as telemetry grows."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.cli.conftest import call
from tests.cli.month import Month, trueup

from trueup.cli.burn import history


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    monkeypatch.chdir(tmp_path)
    return Month(tmp_path)


def test_a_workspace_that_never_ran(month: Month) -> None:
    """No tables but the command that fills them, exit 0; nothing is made on the disk."""
    found = trueup("burn")
    assert found.exit_code == 0
    assert found.stdout == "This workspace has never run: `trueup run` fills it.\n"
    assert json.loads(trueup("burn", "--json").stdout) == {"rates": [], "runway": []}
    assert not (month.folder / ".trueup").exists()


def test_what_burns_is_told_by_commitment_and_by_team(month: Month) -> None:
    """The tables of the newest run, and a sentence on each commitment."""
    month.run()
    whole = trueup("burn").stdout
    assert "COMMITMENT" in whole
    assert "TEAM" in whole
    assert "TEAM" not in trueup("burn", "--by", "commitment").stdout
    told = json.loads(trueup("burn", "--by", "team", "--json").stdout)
    assert list(told) == ["rates"]
    assert {row["by"] for row in told["rates"]} == {"team"}


def test_a_file_is_followed(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each look that found something; two looks, 1.00 and then 3.00 in all."""

    def sleep(seconds: float) -> None:
        assert seconds == 0.25
        with live.open("a", encoding="utf-8") as file:
            file.write(call("15", 4000))

    monkeypatch.setattr(time, "sleep", sleep)
    found = trueup("burn", "--watch", live.name, "--every", "0.25", "--times", "2")
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert lines[:2] == [
        "1 row; 1.00 USD accrued, 1.00 in the last hour",
        "2 rows; 3.00 USD accrued, 2.00 in the last hour",
    ]
    assert "ads" in lines[-1]


def test_ctrl_c_ends_it_with_the_table(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 0, and what burned stands at the end."""

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    found = trueup("burn", "--watch", str(live), "--by", "team")
    assert found.exit_code == 0, found.output
    assert found.stdout.splitlines()[-1].split()[0] == "ads"


def test_every_look_is_a_line_of_json(live: Path) -> None:
    """Counts and rates, for a machine; the amounts are text."""
    found = trueup("burn", "--watch", str(live), "--times", "1", "--json")
    [line] = found.stdout.splitlines()
    told = json.loads(line)
    assert (told["rows"], told["rejected"], told["known"], told["unread"]) == (1, 0, 0, 0)
    assert [(row["team"], row["accrued"]) for row in told["rates"]] == [("ads", "1")]


def test_how_a_file_is_read_may_be_said_and_a_file_may_come_later(live: Path) -> None:
    """No [[usage]] entry names live.jsonl, so that options do; other.jsonl is not there."""
    file = live.with_name("live.jsonl")
    live.rename(file)
    columns = ("window_start=at", "input_tokens=tokens", "team=team")
    constants = ("provider=nimbus", "model=large")
    reading = [
        *("--usage-format", "table"),
        *(word for each in columns for word in ("--usage-column", each)),
        *(word for each in constants for word in ("--usage-constant", each)),
    ]
    watched = ("--watch", "live.jsonl", "--watch", "other.jsonl", "--times", "1")
    found = trueup("burn", *watched, *reading)
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith("1 row; 1.00 USD accrued")
    assert "other.jsonl: not there yet, waiting" in found.stderr
    assert "`trueup run` fills it" in found.stderr


def test_a_history_ends_at_the_first_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of September, October and December, December alone; of the first two, both."""
    edges = [datetime(2026, month, 1, tzinfo=UTC) for month in (9, 10, 11, 12)]
    edges.append(datetime(2027, 1, 1, tzinfo=UTC))
    september, october, _, december = (
        SimpleNamespace(start=start, end=end) for start, end in pairwise(edges)
    )
    workspace: Any = SimpleNamespace(runs=list)
    monkeypatch.setattr("trueup.workspace.newest.rows_of", lambda _, runs, __: runs)
    for known, told in (
        ([september, october, december], [december]),
        ([september, october], [september, october]),
        ([], []),
    ):
        monkeypatch.setattr("trueup.workspace.newest.newest_runs", lambda _, known=known: known)
        found: tuple[Any, Any] = history(workspace)
        tables, runs = found
        assert (tables["spend"], tables["credits"], runs) == (told, told[-1:], told)
