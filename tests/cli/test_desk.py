"""What commands that look at runs say before their figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.month import Month, trueup

COMMANDS = ("burn", "drivers", "sessions", "efficiency", "anomalies", "forecast")


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    monkeypatch.chdir(tmp_path)
    return Month(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_figures_of_a_partial_run_say_so(month: Month, command: str) -> None:
    """A source of the run was missing: what it would have had is in no figure of any command."""
    month.configure('\n[[charges]]\npath = "gone.csv"\n')
    assert trueup("run", "-q", "--period", "2026-10").exit_code == 3
    found = trueup(command)
    assert found.exit_code == 0
    assert found.stderr == (
        "Note: 2026-10 is of run-0001, a partial run: what it could not read is in no figure "
        "below.\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_figures_of_a_whole_run_have_no_word_before_them(month: Month, command: str) -> None:
    """Nothing is said where nothing is missing."""
    assert trueup("run", "-q", "--period", "2026-10").exit_code == 0
    assert trueup(command).stderr == ""
