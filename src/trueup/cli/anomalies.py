"""``trueup anomalies``: days on which cost, use, price or utilization was not as expected."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from trueup.cli import desk, options
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from datetime import date

    from trueup.cli.desk import Desk
    from trueup.forecast.cause import Explained
    from trueup.forecast.daily import Daily
    from trueup.period import Period

HEAD = ("DAY", "MONEY", "", "MEASURE", "OF", "ACTUAL", "EXPECTED", "LIMIT", "DROVE IT")


@click.command(name="anomalies", epilog=EPILOG)
@options.config
@options.period
@desk.as_json
def command(file: str, period: Period | None, as_json: bool) -> None:
    """Show days whose cost was not as expected, and why.

    Each day of the last period is compared with the days of four weeks before and after it, of
    every period that the workspace knows. Days are UTC, and what is expected is an estimate.

    \b
    Examples:
      trueup anomalies
      trueup anomalies --period 2026-10 --json
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.report.anomalies import table

    at_desk = desk.desk_of(file)
    known, judged = _days(at_desk, period)
    found, why = _found(at_desk, known, judged)
    if as_json:
        rows = [
            {name: None if value is None else str(value) for name, value in row.items()}
            | {name: row[name] for name in ("days", "weekly")}
            for row in table(found)
        ]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    click.echo(desk.aligned(HEAD, [_line(one) for one in found], "MONEY ACTUAL EXPECTED LIMIT"))
    if not at_desk.workspace.runs():
        click.echo(desk.NEVER_RUN)
    elif why is not None:
        click.echo(why)
    elif not found:
        click.echo(f"Nothing unusual on {len(judged)} days.")


def _days(at_desk: Desk, period: Period | None) -> tuple[Daily, list[date]]:
    """All days that are known, and those to be judged."""
    from trueup.cli.periods import daily_of, runs_of
    from trueup.forecast.daily import whole_days

    runs, wanted = runs_of(at_desk.workspace, period)
    known = daily_of(at_desk.workspace, runs)
    span = period and (period.start, period.end)
    days = {day for run in wanted for day in whole_days(*(span or (run.start, run.end)))}
    return known, sorted(days & set(known.days))


def _found(at_desk: Desk, known: Daily, judged: list[date]) -> tuple[list[Explained], str | None]:
    from trueup.forecast.anomaly import too_short
    from trueup.report.anomalies import found

    why = too_short(known)
    if why is not None:
        return [], why
    return found(known, judged, at_desk.config.run.material_amount), None


def _line(one: Explained) -> tuple[str, ...]:
    from trueup.forecast.anomaly import UTILIZATION
    from trueup.report import numbers
    from trueup.report.anomalies import drivers, subject

    anomaly, usual = one.anomaly, one.anomaly.expected
    show = numbers.percent if anomaly.measure == UTILIZATION else numbers.quantity
    if anomaly.measure == "spend":
        show = numbers.money
    limit = usual.high if anomaly.actual > usual.high else usual.low
    return (
        str(anomaly.day),
        numbers.money(anomaly.money),
        anomaly.currency or "",
        anomaly.measure,
        subject(anomaly),
        show(anomaly.actual),
        show(usual.amount),
        show(limit),
        drivers(one) or "",
    )
