"""`trueup burn --watch`: which files are read how, and what a look says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.cli.conftest import RATE, call
from tests.cli.month import Month, trueup

from trueup.cli import burn_watch
from trueup.cli.burn_watch import _clock, _looks, _seen, _show, how_of, line, watch_of
from trueup.cli.desk import desk_of
from trueup.cli.options import Reading
from trueup.config import read_configuration
from trueup.model.spend_schema import SPEND
from trueup.period import Period
from trueup.watch.growing_file import How
from trueup.watch.watch import Watch

NOTHING_SAID = Reading(usage_format=None, columns={}, constants={})


@pytest.fixture
def watch(live: Path) -> Iterator[Watch]:
    """The watch of that file, which has looked once."""
    found = watch_of(desk_of("trueup.toml"), [live.name], NOTHING_SAID)
    assert found.look() == 1
    yield found
    found.close()


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("", How()),
        ('[[usage]]\npath = "other.jsonl"\nformat = "table"\n', How()),
        (
            '[[usage]]\npaths = ["other.jsonl", "calls-1.jsonl"]\nformat = "table"\n',
            How("table"),
        ),
    ],
    ids=["none", "another file", "the second of two"],
)
def test_a_file_is_read_as_its_entry_says(live: Path, text: str, how: How) -> None:
    """Without an entry that names it, by its content."""
    (live.parent / "trueup.toml").write_text(text, encoding="utf-8")
    assert how_of(read_configuration("trueup.toml"), live.name, NOTHING_SAID) == how


def test_a_name_with_brackets_is_no_pattern_of_itself(live: Path) -> None:
    """calls[1].jsonl is the file of that name, and not calls1.jsonl alone."""
    text = '[[usage]]\npath = "calls[1].jsonl"\nformat = "table"\n'
    (live.parent / "trueup.toml").write_text(text, encoding="utf-8")
    assert how_of(read_configuration("trueup.toml"), "calls[1].jsonl", NOTHING_SAID) == How("table")


@dataclass
class Growing:
    """A watch that finds so many rows at each look, and burns its number."""

    rows: list[int]
    latest: datetime | None = None
    looks: int = 0
    burned: list[datetime] = field(default_factory=list)

    def look(self) -> int:
        self.looks += 1
        return self.rows.pop(0)

    def burn(self, clock: datetime) -> int:
        self.burned.append(clock)
        return self.looks


def test_a_look_that_found_nothing_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of four looks is told whatever it found; of the others the third found rows."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    desk: Any = SimpleNamespace(config=SimpleNamespace(run=SimpleNamespace(as_of=None)))
    growing: Any = Growing([0, 0, 2, 0])
    told: list[Any] = list(_looks(desk, growing, 0.5, 4))
    assert told == [1, 3]
    assert slept == [0.5] * 3


def test_the_clock_is_now_or_the_configurations(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixed clock moves on with telemetry that is later; without one it is the machine's."""
    fixed = datetime(2026, 11, 2, tzinfo=UTC)
    run = SimpleNamespace(as_of=fixed)
    desk: Any = SimpleNamespace(config=SimpleNamespace(run=run))
    later: Any = Growing([], latest=fixed + timedelta(hours=1))
    earlier: Any = Growing([], latest=fixed - timedelta(hours=1))
    none: Any = Growing([])
    assert [_clock(desk, each) for each in (later, earlier, none)] == [
        fixed + timedelta(hours=1),
        fixed,
        fixed,
    ]
    run.as_of = None
    assert abs(_clock(desk, later) - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_terminal_shows_the_whole_table(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anew at each look, above the line; in a file the line stands alone."""
    cleared: list[bool] = []
    monkeypatch.setattr("click.clear", lambda: cleared.append(True))
    burn = watch.burn(datetime(2026, 11, 3, 15, tzinfo=UTC))
    said = "1 row; 1.00 USD accrued, 1.00 in the last hour"
    _show(watch, burn, "team", {})
    assert capsys.readouterr().out == f"{said}\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    _show(watch, burn, "team", {})
    *table, last = capsys.readouterr().out.splitlines()
    assert last == said
    assert any(one.startswith("ads ") for one in table)
    assert cleared == [True]


def test_what_has_no_rate_and_what_nothing_is_known_of_is_said(watch: Watch) -> None:
    """Each meter once by its name, and from when to when no rate reaches."""
    one = SimpleNamespace(meter="input_tokens", provider="nimbus")
    told: Any = SimpleNamespace(
        metered=SimpleNamespace(rows=2, rejected=1, known=3, unread=4),
        accrued=dict,
        prices=SimpleNamespace(unpriced=[one, one]),
        gap=Period(datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 3, 14, tzinfo=UTC)),
    )
    assert line(told) == (
        "2 rows; 1 rejected; 3 of hours that runs know already; 4 in a unit that is not their "
        "meter's; without a [[rules.rate]]: input_tokens of nimbus; nothing is known from "
        "2026-11-02 00:00 to 2026-11-03 14:00: no rate reaches over it"
    )


def test_what_is_billed_for_a_month_is_not_seen_by_the_hour() -> None:
    """An hour until 15:00 and a fee until the end of the month: 15:00; with neither, the run's end."""
    start, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    hour = datetime(2026, 10, 3, 14, tzinfo=UTC)
    rows = [{"start": start, "end": end}, {"start": hour, "end": hour + timedelta(hours=1)}]
    names = SPEND.empty_table().column_names

    def spend(some: list[dict[str, datetime]]) -> Any:
        import pyarrow as pa

        schema = SPEND.empty_table().schema
        return pa.Table.from_pylist([dict.fromkeys(names) | row for row in some], schema=schema)

    assert _seen(spend(rows), end) == hour + timedelta(hours=1)
    assert _seen(spend(rows[:1]), end) == end


def test_after_a_run_only_what_it_does_not_know_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bill reaches 15:00 of the 3rd: of calls at 14:10 and 15:10 the later accrues 0.50."""
    monkeypatch.chdir(tmp_path)
    month = Month(tmp_path)
    month.configure(RATE)
    month.run()
    (tmp_path / "calls.jsonl").write_text(
        "".join(call(hour, 1000).replace("11-03", "10-03") for hour in ("14", "15"))
    )
    reading = [
        *("--usage-format", "table"),
        *(f"--usage-column={name}" for name in ("window_start=at", "input_tokens=tokens")),
        *("--usage-column", "team=team", "--usage-constant", "provider=nimbus"),
        *("--usage-constant", "model=large"),
    ]
    found = trueup("burn", "--watch", "calls.jsonl", "--times", "1", "--json", *reading)
    assert found.exit_code == 0, found.output
    assert "has never run" not in found.stderr
    told = json.loads(found.stdout)
    assert (told["rows"], told["known"]) == (2, 1)
    assert told["accrued"] == {"USD": "0.5"}


def test_a_watch_without_runs_begins_with_nothing(live: Path) -> None:
    """Whatever hour a call is of, no run knows it."""
    known = burn_watch._known(desk_of("trueup.toml"))
    assert (known.start, known.tables["spend"].num_rows) == (None, 0)
