"""`trueup run --due`: what is due, a missed week, and the same night again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result as Ran
from tests.cli.conftest import row, write_bill
from tests.cli.month import Month, trueup

from trueup.errors import IntegrityError, UsageError
from trueup.fetch.providers import Failed, Fetched
from trueup.job import night as night_module
from trueup.job import run as run_module
from trueup.job.due import due
from trueup.job.folder import folder_name
from trueup.period import Period, parse_period
from trueup.report.result import Result
from trueup.workspace.journal import Entry
from trueup.workspace.lock import locked
from trueup.workspace.run import BEGUN, ENDED
from trueup.workspace.workspace import Workspace

SEP, OCT = parse_period("2026-09"), parse_period("2026-10")
DAILY = '[run]\nevery = "day"\n[[charges]]\npath = "bills/*.csv"\n'


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def night(
    period: str, as_of: str, *final_at: str | None, ended: bool = True, partial: bool = False
) -> list[Entry]:
    """A run of a period as the journal has it."""
    found = parse_period(period)
    start, end = found.start.isoformat(), found.end.isoformat()
    finals = {str(number): one and at(one).isoformat() for number, one in enumerate(final_at)}
    body = {
        "period": {"start": start, "end": end},
        "as_of": at(as_of).isoformat(),
        "final_at": finals,
        "failures": [{}] if partial else [],
    }
    begun = Entry(1, BEGUN, at(as_of), {"period": [start, end]}, "", "")
    return [begun, Entry(2, ENDED, at(as_of), body, "", "")] if ended else [begun]


SEPTEMBER = night("2026-09", "2026-10-09", "2026-10-08")
NOT_YET = night("2026-09", "2026-10-07", "2026-10-08")


@pytest.mark.parametrize(
    ("entries", "clock", "expected"),
    [
        ([], "2026-11-03", ["2026-11"]),  # the first night
        (SEPTEMBER, "2026-10-09", ["2026-10"]),
        (NOT_YET, "2026-10-08", ["2026-09", "2026-10"]),
        (SEPTEMBER, "2026-12-24", ["2026-10", "2026-11", "2026-12"]),  # months were missed
        (NOT_YET, "2026-12-01", ["2026-09", "2026-10", "2026-11", "2026-12"]),
        # A run that broke off, and one whose bill does not tell when it is final.
        (night("2026-09", "2026-09-30", ended=False), "2026-10-01", ["2026-09", "2026-10"]),
        (night("2026-09", "2026-10-31", "2026-10-08", None), "2026-10-31", ["2026-09", "2026-10"]),
        (night("2026-09", "2026-11-01", "2026-10-08", None), "2026-11-01", ["2026-10", "2026-11"]),
        (night("2026-09", "2026-10-31"), "2026-11-01", ["2026-09", "2026-10", "2026-11"]),
        # A source is missing: until 31 days after the month, then it is left.
        (
            night("2026-09", "2026-10-30", "2026-10-08", partial=True),
            "2026-10-31",
            ["2026-09", "2026-10"],
        ),
        (night("2026-09", "2026-11-01", "2026-10-08", partial=True), "2026-11-02",
         ["2026-10", "2026-11"]),
        # August is not final, September is.
        ([*night("2026-08", "2026-09-05", "2026-09-08"), *SEPTEMBER], "2026-10-10",
         ["2026-08", "2026-10"]),
        # A month between two that ran was never run.
        (
            [*night("2026-11", "2026-11-20", "2026-12-08"), *SEPTEMBER],
            "2026-11-21",
            ["2026-10", "2026-11"],
        ),
        # A run by a clock that was a year ahead ends nothing.
        (night("2026-11", "2027-11-15", "2026-12-08"), "2026-11-20", ["2026-11"]),
        # The last run of a month counts; periods of another kind do not.
        ([*NOT_YET, *SEPTEMBER], "2026-10-10", ["2026-10"]),
        ([*SEPTEMBER, *night("2026-08-03", "2026-08-04", "2026-09-08")], "2026-10-10", ["2026-10"]),
    ],
)  # fmt: skip
def test_months_are_due_until_they_are_final(
    entries: Sequence[Entry], clock: str, expected: list[str]
) -> None:
    """From the first that is not final to the clock's own, without those that are."""
    assert [folder_name(one) for one in due(entries, "month", at(clock))] == expected


def test_days_are_due_once_they_are_over() -> None:
    """A week was missed: each of its days, up to the last that is over."""
    entries = night("2026-10-03", "2026-10-05", "2026-10-05")
    found = due(entries, "day", at("2026-10-11T06:00"))
    assert [folder_name(one) for one in found] == [f"2026-10-{day:02}" for day in range(4, 11)]
    assert [folder_name(one) for one in due([], "day", at("2026-10-11T06:00"))] == ["2026-10-10"]
    # by an earlier clock the run of the 5th is one of a clock ahead, which counts for nothing
    again = due(entries, "day", at("2026-10-04T23:59"))
    assert [folder_name(one) for one in again] == ["2026-10-03"]


def test_a_clock_that_is_off_is_refused() -> None:
    """Two centuries are not caught up in one night."""
    with pytest.raises(UsageError, match="more than 400 months are due, from 2026-10-01 on"):
        due(SEPTEMBER, "month", at("2226-01-01"))


def bill_of_a_day(folder: Path, day: int) -> None:
    """An hour of the plan, used and unused, in a bill that ends with the day."""
    date = f"2026-10-{day:02}"
    own = {
        "BillingPeriodStart": f"{date}T00:00:00Z",
        "BillingPeriodEnd": f"2026-10-{day + 1:02}T00:00:00Z",
        "ChargePeriodStart": f"{date}T14:00:00Z",
        "ChargePeriodEnd": f"{date}T15:00:00Z",
    }
    rows = [{**row(status, cost), **own} for status, cost in (("Used", "8.5"), ("Unused", "1.5"))]
    write_bill(folder / "bills" / f"{date}.csv", *rows)


@pytest.fixture
def daily(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes a folder with a daily job, and stands in it; a day is final at its end."""

    def make(name: str) -> Path:
        folder = tmp_path / name
        (folder / "bills").mkdir(parents=True)
        lag = '[[rules.lag]]\nprovider = "Example Cloud"\nfinal_after = "P0D"\n'
        (folder / "trueup.toml").write_text(DAILY + lag, encoding="utf-8")
        monkeypatch.chdir(folder)
        return folder

    for way in ("to_html", "to_excel"):  # half of the time, and no figure that tables lack
        monkeypatch.setattr(Result, way, lambda _result, path: path)

    return make


def at_night(folder: Path, day: int) -> Ran:
    """The job on a morning, when the bill of the day before has come."""
    bill_of_a_day(folder, day - 1)
    return trueup("run", "-q", "--due", "--as-of", f"2026-10-{day:02}T06:00")


def money(folder: Path) -> dict[str, list[Any]]:
    """Of each day's last run, how its cost adds up."""
    runs = Workspace(folder / ".trueup").runs()
    return {folder_name(Period(run.start, run.end)): run.body["identity"] for run in runs}


def figures(folder: Path, day: str) -> str:
    """The hash of all tables of a day's last run that tell of the day."""
    period = parse_period(day)
    run = Workspace(folder / ".trueup").last_run(period.start, period.end)
    assert run is not None
    return run.hashes["result"]


def written(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (folder / "out").rglob("*")
        if path.is_file()
    }


def test_a_missed_week_is_caught_up_day_by_day(daily: Callable[[str], Path]) -> None:
    """Each day is a run; its money is that of a job that missed no night, and 8.50 + 1.50."""
    every = daily("every")
    for day in range(5, 12):
        found = at_night(every, day)
        assert (found.exit_code, found.output) == (0, "")
    missed = daily("missed")
    assert at_night(missed, 5).exit_code == 0
    for day in range(5, 10):
        bill_of_a_day(missed, day)
    found = at_night(missed, 11)
    assert (found.exit_code, found.output) == (0, "")
    runs = Workspace(missed / ".trueup").runs()
    assert [run.start.day for run in runs] == [4, 5, 6, 7, 8, 9, 10]
    assert money(missed) == money(every)
    for rows in money(missed).values():
        ((unused, billed),) = [(row["unused"], row["billed"]) for row in rows]
        assert (Decimal(unused), Decimal(billed)) == (Decimal("1.5"), Decimal(10))
    # The last day was run by the same clock in both: all of its figures are the same.
    assert figures(missed, "2026-10-10") == figures(every, "2026-10-10")
    head = Workspace(missed / ".trueup").journal.head
    assert trueup("run", "--due", "--as-of", "2026-10-11T06:00").stdout.startswith("Nothing is due")
    assert Workspace(missed / ".trueup").journal.head == head


def test_the_same_night_again_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a byte of the results, of a month with a break; the workspace has one more run."""
    monkeypatch.chdir(tmp_path)
    Month(tmp_path)
    sources = 'charges = { path = "bills/*.csv" }\ncommitments = { path = "contracts.toml" }\n'
    (tmp_path / "trueup.toml").write_text(sources, encoding="utf-8")
    again = ("run", "-q", "--due", "--as-of", "2026-10-20T06:00")
    assert trueup(*again).exit_code == 0
    workspace = Workspace(tmp_path / ".trueup")
    before, raw = written(tmp_path), set((tmp_path / ".trueup" / "raw").rglob("*"))
    assert trueup(*again).exit_code == 0
    assert written(tmp_path) == before
    first, second = workspace.runs()
    assert second.outputs == first.outputs
    assert first.body["tables"]["breaks"] == 1
    assert set((tmp_path / ".trueup" / "raw").rglob("*")) == raw


def test_one_period_that_breaks_off_ends_not_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """September does not add up: named, exit code 4; October is run. Wrong use ends the night."""
    monkeypatch.setattr("trueup.job.night.due", lambda *_: [SEP, OCT])
    (folder / "trueup.toml").write_text('[[charges]]\npath = "*used.csv"\n', encoding="utf-8")
    real = run_module.run

    def run(config: Any, settings: Any, progress: Any) -> Any:
        if settings.period == SEP:
            raise IntegrityError("2 in, 1 out")
        return real(config, settings, progress)

    monkeypatch.setattr(night_module, "run", run)
    found = trueup("run", "--due")
    assert (found.exit_code, found.stderr.splitlines()[0]) == (4, "Error: 2026-09: 2 in, 1 out")
    assert [path.name for path in (folder / "out").iterdir()] == ["2026-10"]
    with locked(folder / ".trueup", "somebody else"):
        found = trueup("run", "--due", "-q")
    assert (found.exit_code, found.stderr.count("somebody else")) == (2, 1)


def test_a_bill_that_is_not_there_yet_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the first days of a month that is no failure; later, and without --due, it is one."""
    (folder / "trueup.toml").write_text("[providers.aws]\n", encoding="utf-8")
    lacking = Failed("aws", "export (export)", "the export holds no file", "look", nothing_yet=True)
    monkeypatch.setattr(
        "trueup.fetch.providers.fetch_all",
        lambda *_, **__: [Fetched("aws", (), (), (lacking,), ())],
    )
    early = trueup("run", "--due", "--as-of", "2026-10-02T06:00")
    assert (early.exit_code, early.stdout) == (0, "2026-10: no bill yet\n")
    late = trueup("run", "--due", "--as-of", "2026-10-05T06:00")
    assert late.exit_code == 2
    assert "2026-10: no charges could be read" in late.stderr
    assert trueup("run", "--period", "2026-10", "--as-of", "2026-10-02T06:00").exit_code == 2
    monkeypatch.setattr("trueup.fetch.providers.fetch_all", None)
    asked = trueup("run", "--due", "--dry-run", "--as-of", "2026-11-02").stdout
    assert "results      out/2026-10\n  results      out/2026-11\n" in asked


@pytest.mark.parametrize("more", ["--period=2026-10", "--out=x", "--known-at=2026-10-01"])
def test_what_has_no_effect_beside_it_is_refused(folder: Path, more: str) -> None:
    """Periods, their folders and clocks are its own; one in the configuration is refused, too."""
    (folder / "trueup.toml").write_text('[[charges]]\npath = "*used.csv"\n', encoding="utf-8")
    assert "has no effect with --due" in trueup("run", "--due", more).stderr
    text = '[run]\nperiod = "2026-10"\n[[charges]]\npath = "*used.csv"\n'
    (folder / "trueup.toml").write_text(text, encoding="utf-8")
    found = trueup("run", "--due")
    assert (found.exit_code, "run.period: what is due" in found.stderr) == (2, True)
