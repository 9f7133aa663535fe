"""A bad night is told in one message, by Apprise, to a server that keeps what it gets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.month import Month, trueup
from tests.job.receiver import Receiver, receiving

from trueup.errors import UsageError
from trueup.job.alerts import FAILURES_SHOWN, _message
from trueup.job.outcome import JobOutcome, broken_off
from trueup.sources import Failure

BROKEN = "colour,size\nred,3\n"


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    """October, with one break of 1.00."""
    monkeypatch.chdir(tmp_path)
    return Month(tmp_path)


def configure(month: Month, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, on: str) -> None:
    monkeypatch.setenv("NIGHT", receiver.url.replace("http://", "json://"))
    month.configure(f'[alerts]\nurls = ["env:NIGHT"]\n{on}')


def messages(receiver: Receiver) -> list[tuple[str, str]]:
    found = [json.loads(body) for _, body in receiver.posted]
    return [(one["title"], one["message"]) for one in found]


def test_a_partial_night_says_what_is_missing(
    month: Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message: the file, why, what to do, where the rest is; by default, and to stdout too."""
    (month.folder / "bills" / "nov.csv").write_text(BROKEN, encoding="utf-8")
    with receiving() as receiver:
        configure(month, receiver, monkeypatch, "")
        ran = trueup("run")
    assert ran.exit_code == 3
    ((title, text),) = messages(receiver)
    assert title == "trueup: 2026-10 partial"
    first, count, why, remedy, where = text.splitlines()
    assert first == "2026-10: partial (exit code 3)."
    assert count == "Material breaks: 1."
    assert why.startswith("charges: bills/nov.csv: not a FOCUS Cost and Usage file")
    assert remedy.startswith("Correct the file, or its [[charges]] entry")
    assert where == "Look at out/2026-10, run-0001 in the workspace."
    assert "Alert         trueup: 2026-10 partial: told env:NIGHT" in ran.stdout


def test_a_failed_night_is_told_however_it_failed(
    month: Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No charges at all, and an error before anything was read."""
    (month.folder / "bills" / "oct.csv").write_text(BROKEN, encoding="utf-8")
    with receiving() as receiver:
        configure(month, receiver, monkeypatch, "")
        assert trueup("run", "-q").exit_code == 2
        assert trueup("run", "-q", "--out", "trueup.toml/x").exit_code == 2
    (first, unread), (second, wrong) = messages(receiver)
    assert first == second == "trueup: 2026-10 failed"
    assert "bills/oct.csv: not a FOCUS" in unread
    assert unread.endswith("Nothing was written: results of nights before stand as they are.")
    assert "is a file, not a folder; results go there" in wrong


def test_material_breaks_are_told_where_asked(
    month: Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The break of 1.00 is material from 1.00 on, not from 1.01; good nights are silent."""
    with receiving() as receiver:
        configure(month, receiver, monkeypatch, "")
        month.run("--material-amount", "1.00")
        configure(month, receiver, monkeypatch, 'on = ["material_breaks"]\n')
        month.run("--material-amount", "1.01")
        assert receiver.posted == []
        month.run("--material-amount", "1.00")
    ((title, text),) = messages(receiver)
    assert title == "trueup: 2026-10 material breaks"
    assert text.splitlines()[1] == "Material breaks: 1."


def test_what_cannot_be_told_is_said(month: Month, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is not set, a service that refuses: on stderr, the exit code stays."""
    (month.folder / "bills" / "nov.csv").write_text(BROKEN, encoding="utf-8")
    with receiving(status=500) as receiver:
        configure(month, receiver, monkeypatch, "")
        refused = trueup("run", "-q")
        monkeypatch.delenv("NIGHT")
        unset = trueup("run", "-q")
    assert (refused.exit_code, unset.exit_code) == (3, 3)
    assert "the service refused it, or could not be reached; `apprise -vv" in refused.stderr
    assert "not told to env:NIGHT: it is not set; set NIGHT to a URL of Apprise" in unset.stderr


def test_a_long_message_is_cut() -> None:
    """Two more sources than are told: they are counted; a remedy stands once."""
    failures = tuple(
        Failure("usage", f"{number}.csv", "the file is empty", "Deliver it.")
        for number in range(FAILURES_SHOWN + 2)
    )
    outcome = JobOutcome(None, failures, None, (), 0, 3)
    lines = list(_message(outcome, "partial"))
    assert lines[0] == "all: partial (exit code 3)."
    assert lines[FAILURES_SHOWN] == f"usage: {FAILURES_SHOWN - 1}.csv: the file is empty"
    assert lines[FAILURES_SHOWN + 1 :] == [
        "and 2 more",
        "Deliver it.",
        "Nothing was written: results of nights before stand as they are.",
    ]


def test_a_night_that_broke_off_does_not_say_that_nothing_was_written() -> None:
    """Its results may be there already when the evidence finds the disk full."""
    outcome = broken_off(UsageError("no space left on the disk"), None)
    *_, said = _message(outcome, "it failed")
    assert said.startswith("It may have replaced results; no evidence of them is kept.")
