"""`trueup run --log-format json`: every line of stderr is one object, and none holds a secret."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.cli.test_run import GOOD, PARTIAL, configure

from trueup.budgets.review import Told
from trueup.cli.app import app
from trueup.cli.log import JsonLog
from trueup.job.outcome import JobOutcome
from trueup.sources import Failure

JSON = ("run", "--log-format", "json")


def events(text: str) -> list[dict[str, Any]]:
    """Every line; ValueError where one is no JSON."""
    return [json.loads(line) for line in text.splitlines()]


def logged(*args: str) -> tuple[Result, list[dict[str, Any]]]:
    found = CliRunner().invoke(app, [*JSON, *args])
    return found, events(found.stderr)


def test_a_night_can_be_followed(folder: Path) -> None:
    """From beginning to end: the run, each source with its rows, what failed, the exit code."""
    configure(folder, PARTIAL)
    found, told = logged()
    assert found.exit_code == 3
    assert found.stdout.startswith("October 2026")  # what failed stands in the log, not above it
    names = [one["event"] for one in told if one["event"] != "step"]
    assert names == ["run_begun", "source_begun", "source_failed", "source_read", "run_ended"]
    assert {one["run_id"] for one in told} == {"run-0001"}
    assert all(list(one)[:3] == ["time", "level", "event"] for one in told)
    begun, failed, read, ended = told[0], told[2], told[3], told[-1]
    assert (begun["start"], begun["as_of"]) == (
        "2026-10-01T00:00:00+00:00",
        "2026-12-01T00:00:00+00:00",
    )
    assert (failed["level"], failed["source"]) == ("error", "broken.csv")
    assert "[[charges]] entry" in failed["remedy"]
    assert (read["rows"], read["rejected"], read["files"]) == (1, 0, 1)
    assert read["newest"] == "2026-10-03T15:00:00+00:00"
    assert (ended["level"], ended["exit_code"], ended["failures"]) == ("warning", 3, 1)
    assert ended["seconds"] > 0
    assert datetime.fromisoformat(ended["time"]) > datetime.fromisoformat(begun["time"])


def test_a_quiet_log_has_only_what_failed(folder: Path) -> None:
    """Nothing of a good night; the source and the end of a partial one."""
    configure(folder, GOOD)
    assert logged("-q")[0].output == ""
    configure(folder, PARTIAL)
    assert [one["event"] for one in logged("-q")[1]] == ["source_failed", "run_ended"]


def test_an_error_is_a_line_of_the_log(folder: Path) -> None:
    """Also where no run begins: the last line says why and the exit code."""
    found, (stopped,) = logged()
    assert (found.exit_code, stopped["exit_code"], stopped["level"]) == (2, 2, "error")
    assert stopped["error"].startswith("trueup.toml: there is no such file")
    configure(folder, GOOD)
    told = logged("--out", "used.csv/out")[1]
    assert [one["event"] for one in told] == ["stopped"]


def test_a_defect_brings_its_traceback(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody expected is one line too, with exit code 4."""
    configure(folder, GOOD)
    monkeypatch.setattr("trueup.job.run.why_not_writable", lambda _: 1 // 0)
    found, told = logged()
    assert (found.exit_code, told[-1]["exit_code"]) == (4, 4)
    assert "ZeroDivisionError" in told[-1]["trace"]


def test_no_line_holds_a_secret() -> None:
    """Who signs in by a URL, signatures and tokens are hidden in every field."""
    shown = io.StringIO()
    log = JsonLog(stream=shown)
    url = "https://me:c4nary-1@host/bill.csv?sig=c4nary-2"
    log.begun("run-0001", None, datetime(2026, 12, 1, tzinfo=UTC))
    log.reading("charges", url)
    log.failed(Failure("charges", url, f"{url} answered 403", f"look at {url}"))
    log.told("alert", Told([f"told {url}"], [f"not told {url}"]))
    log.stopped(f"Error: {url}", 2, f"Traceback: {url}")
    assert len(events(shown.getvalue())) == 6
    assert "c4nary" not in shown.getvalue()
    assert shown.getvalue().count("https://***@host/bill.csv?sig=***") == 8


@pytest.mark.parametrize(
    ("exit_code", "error", "event", "level"),
    [
        (0, None, "run_ended", "info"),
        (1, None, "run_ended", "warning"),
        (4, "ZeroDivisionError: 1/0", "run_broke_off", "error"),
    ],
)
def test_how_a_run_ended_is_its_level(
    exit_code: int, error: str | None, event: str, level: str
) -> None:
    """Good, with material breaks, or broken off with the reason."""
    stream = io.StringIO()
    log = JsonLog(stream=stream)
    log.ended(JobOutcome(None, (), None, (), 0, exit_code, error=error))
    (told,) = events(stream.getvalue())
    assert (told["event"], told["level"], told["exit_code"]) == (event, level, exit_code)
    assert told.get("error") == error
