"""What the newest runs of a workspace know, for commands that look at it over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trueup.forecast.daily import Daily
    from trueup.period import Period
    from trueup.workspace.run import Run
    from trueup.workspace.workspace import Workspace


def runs_of(workspace: Workspace, period: Period | None) -> tuple[list[Run], list[Run]]:
    """The newest runs of a workspace, and those of them that a period holds: else the last.

    Raises UsageError where a period holds none.
    """
    from trueup.workspace.newest import newest_runs

    runs = newest_runs(workspace.runs())
    if period is None:
        return runs, runs[-1:]
    wanted = [run for run in runs if period.start < run.end and run.start < period.end]
    if runs and not wanted:
        raise UsageError(
            f"{period}: it has no run in {workspace.folder}; `trueup run --period {period}` "
            "makes one"
        )
    return runs, wanted


def daily_of(workspace: Workspace, runs: Sequence[Run]) -> Daily:
    """Their days, each period up to the clock of its run."""
    from trueup.forecast.daily import daily
    from trueup.report.anomalies import TABLES
    from trueup.workspace.newest import rows_of

    spans = [(run.start, min(run.end, run.as_of)) for run in runs]
    spend, activity, utilization = (rows_of(workspace, runs, name).to_reader() for name in TABLES)
    return daily(spans, spend, activity, utilization)
