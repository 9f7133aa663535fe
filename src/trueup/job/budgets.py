"""Budgets, looked at when a run is done or when asked."""

from __future__ import annotations

from datetime import UTC, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

from trueup.config import Configuration
from trueup.errors import MissingDependency, TrueupError, UsageError
from trueup.job.settings import workspace_of

if TYPE_CHECKING:
    from trueup.budgets.projection import Days
    from trueup.budgets.review import Review, Told


def told_of(config: Configuration, clock: datetime) -> Told | None:
    """What was told of the budgets; the run is done and kept, so that no error of it is raised."""
    from trueup.budgets.review import Told
    from trueup.workspace.workspace import SNAPSHOT

    if not config.budget and not (workspace_of(config).folder / SNAPSHOT).exists():
        return None
    try:
        return reviewed(config, clock, alerting=True)[1]
    except (TrueupError, OSError) as error:
        return Told(failed=[f"budgets were not looked at: {error}; then `trueup budget --alert`"])


def reviewed(
    config: Configuration, clock: datetime, *, alerting: bool
) -> tuple[Review | None, Told | None]:
    """Look at the budgets, renew the gate's snapshot and, on demand, tell what is crossed.

    None where the workspace has never run. Raises UsageError where another process is at work in
    the workspace while alerts are to be told, or the snapshot cannot be written.
    """
    from trueup.budgets.review import alert, review
    from trueup.workspace.lock import locked

    workspace = workspace_of(config)
    found = review(workspace, config.budget, config.gate, clock, projected)
    if found is None or not alerting:
        return found, None
    with locked(workspace.folder, "trueup budget"):
        return found, alert(workspace, found, config.alerts, clock)


def projected(days: Days, start: datetime, end: datetime) -> Decimal | None:
    """What is still to come, estimated by the forecaster, else by the means of weekdays.

    The forecaster needs ``trueup[forecast]`` and eight whole weeks; see ``budgets.projection``.
    """
    from trueup.budgets.projection import CENT, weekday_mean

    if not days:
        return None
    try:
        from trueup.forecast.forecaster import expected
        from trueup.forecast.series import Series

        first = datetime.combine(days[0][0], time(), UTC)
        series = Series.of("spend", None, first, [cost for _, cost in days])
        until = [expected(series, at).expected for at in (end, start)]
    except (MissingDependency, UsageError):
        return weekday_mean(days, start, end)
    return (until[0] - until[1]).quantize(CENT)
