"""``trueup anomalies``: days on which cost, use, price or utilization was not as expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trueup.cli import desk, options, sheet
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from datetime import date

    from trueup.cli.desk import Desk
    from trueup.forecast.cause import Explained
    from trueup.forecast.daily import Daily
    from trueup.period import Period

HEAD = (
    *("DAY", "MONEY", "CURRENCY", "MEASURE", "OF"),
    *("ACTUAL", "EXPECTED", "LIMIT", "UNIT", "DROVE IT"),
)
RIGHT = ("MONEY", "ACTUAL", "EXPECTED", "LIMIT")


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

    at_desk = desk.reading(file)
    known, judged = _days(at_desk, period)
    found, why = _found(at_desk, known, judged)
    state, said = _state(at_desk, len(found), len(judged), why)
    if as_json:
        told = {"state": state, "reason": said, "anomalies": table(found).rows()}
        click.echo(sheet.to_json(told))
        return
    if found:
        rows = [_line(one) for one in found]
        click.echo(sheet.aligned(HEAD, rows, RIGHT, names=("OF", "DROVE IT")))
    if said is not None:
        click.echo(said)


def _state(at_desk: Desk, found: int, judged: int, why: str | None) -> tuple[str, str | None]:
    """A word for a machine, and what a person is told where no day is unusual."""
    if not at_desk.workspace.runs():
        return "never_run", desk.NEVER_RUN
    if why is not None:
        return "too_short", why
    return ("found", None) if found else ("quiet", f"Nothing unusual on {judged} days.")


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
    from trueup.forecast.anomaly import PRICE, SPEND, UTILIZATION
    from trueup.report.anomalies import drivers, subject

    anomaly, usual = one.anomaly, one.anomaly.expected
    show = {SPEND: sheet.amount, UTILIZATION: sheet.percent}.get(anomaly.measure, sheet.quantity)
    currency, unit = anomaly.currency or sheet.NONE, anomaly.unit or sheet.NONE
    units = {SPEND: currency, PRICE: f"{currency} per {unit}", UTILIZATION: ""}
    limit = usual.high if anomaly.actual > usual.high else usual.low
    return (
        str(anomaly.day),
        sheet.amount(anomaly.money),
        currency,
        anomaly.measure,
        subject(anomaly),
        show(anomaly.actual),
        show(usual.amount),
        show(limit),
        units.get(anomaly.measure, unit),
        drivers(one) or "",
    )
