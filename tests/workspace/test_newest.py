from __future__ import annotations

from datetime import UTC, datetime

from trueup.workspace.journal import Entry
from trueup.workspace.newest import newest_runs
from trueup.workspace.run import Run


def run(number: int, start: str, end: str) -> Run:
    body = {"run": f"run-{number:04d}", "period": {"start": start, "end": end}}
    return Run(Entry(number, "run", datetime(2026, 11, 1, tzinfo=UTC), body, "", ""))


def test_the_newest_run_of_each_period_stands_for_the_older_ones() -> None:
    """Of two Octobers the second; September stays; a day of October does not take October away."""
    october, day, september, again = (
        run(1, "2026-10-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00"),
        run(2, "2026-10-03T00:00:00+00:00", "2026-10-04T00:00:00+00:00"),
        run(3, "2026-09-01T00:00:00+00:00", "2026-10-01T00:00:00+00:00"),
        run(4, "2026-10-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00"),
    )
    assert newest_runs([october, day, september, again]) == [september, again]
    assert newest_runs([october, day, september]) == [september, october]
    assert newest_runs([]) == []


def test_of_periods_that_overlap_in_part_the_newest_stands() -> None:
    """From 15 September to 15 October, run last: it stands for both months, which it cuts."""
    october = run(1, "2026-10-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00")
    across = run(2, "2026-09-15T00:00:00+00:00", "2026-10-15T00:00:00+00:00")
    assert newest_runs([october, across]) == [across]
    assert newest_runs([across, october]) == [october]
