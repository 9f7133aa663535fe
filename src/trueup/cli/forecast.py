"""``trueup forecast``: what will be used of commitments, what will lapse, until when to act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import click

from trueup.cli import desk, options, sheet
from trueup.cli.exits import EPILOG
from trueup.cli.history import names_of_commitments

USE = ("COMMITMENT", "USED", "UNTIL", "EXPECTED", "LOW", "HIGH", "UNIT")
RISK = (
    *("COMMITMENT", "REMAINING", "LEFT", "BUSIEST DAY", "UNIT"),
    *("AT RISK", "LOW", "HIGH", "CURRENCY", "LAST DAY"),
)
STEPS = ("COMMITMENT", "START", "EXPECTED", "LOW", "HIGH", "UNIT")
SCORES = ("COMMITMENT", "STEP", "WEEKS", "FORECASTS", "RATIO", "WITHIN", "SUMS WITHIN")
FIGURES = (
    *("USED", "EXPECTED", "LOW", "HIGH", "REMAINING", "LEFT", "AT RISK", "BUSIEST DAY"),
    *("WEEKS", "FORECASTS", "RATIO", "WITHIN", "SUMS WITHIN"),
)
NO_COMMITMENT = "No commitment is known: neither contracts nor bills of these runs name one."
NO_HISTORY = "nothing of it is known by the {} yet, so that nothing of it is forecast"


@click.command(name="forecast", epilog=EPILOG)
@options.config
@click.option("--commitment", metavar="ID", help="Only this commitment.")
@click.option(
    "--horizon",
    type=click.IntRange(1),
    metavar="DAYS",
    help="How far to look.  [default: to the expiry; 28 where intervals lapse one by one]",
)
@click.option("--over", type=click.Choice(["day", "hour"]), help="Show every day or hour to come.")
@click.option("--backtest", is_flag=True, help="Show how forecasts of this history have fared.")
@desk.as_json
def command(
    file: str,
    commitment: str | None,
    horizon: int | None,
    over: str | None,
    backtest: bool,
    as_json: bool,
) -> None:
    """Forecast use, what will lapse, and until when to act.

    Everything is an estimate from the workspace's history, with the interval in which 80 of 100
    such forecasts came true. It needs 8 whole weeks of history, and trueup[forecast].

    \b
    Examples:
      trueup forecast
      trueup forecast --over hour --horizon 7 --json
      trueup forecast --backtest
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.api import forecast

    if backtest:
        options.refuse("with --backtest", "horizon")
    at_desk = desk.reading(file)
    outlook = forecast(at_desk.workspace.folder, commitment=commitment, horizon_days=horizon)
    if backtest:
        table = outlook.backtest(over or "day")
    else:
        table = outlook.steps(over) if over else outlook.commitments
    if as_json:
        click.echo(sheet.to_json(table.rows()))
    elif not outlook.runs:
        click.echo(desk.NEVER_RUN)
    else:
        names = names_of_commitments(at_desk.workspace)
        rows = [{**row, "called": _called(row, names)} for row in table.rows()]
        if rows:
            _show(rows, over, backtest=backtest)
        why = {} if backtest or not over else outlook.without_steps(over)
        told = {*why, *(row.get("commitment_id") or row["name"] for row in rows)}
        if commitment is None:
            unknown = NO_HISTORY.format(over or "day")
            why |= {each: unknown for each in names if each not in told}
        for identifier, reason in why.items():
            _say(names.get(identifier, identifier), reason)
        if not (rows or why):
            click.echo(NO_COMMITMENT)


def _say(name: str, text: str) -> None:
    from trueup.model.display import legible

    click.echo(f"{legible(name)}: {legible(text)}")


def _called(row: dict[str, Any], names: Mapping[str, str]) -> str:
    identifier: str = row.get("commitment_id") or row["name"]
    return names.get(identifier, identifier)


def _show(rows: list[dict[str, Any]], over: str | None, *, backtest: bool) -> None:
    if backtest:
        click.echo(sheet.aligned(SCORES, [_score(row) for row in rows], FIGURES))
    elif over:
        click.echo(sheet.aligned(STEPS, [_step(row) for row in rows], FIGURES))
    else:
        click.echo(sheet.aligned(USE, [_use(row) for row in rows], FIGURES))
        click.echo("")
        click.echo(sheet.aligned(RISK, [_risk(row) for row in rows], FIGURES))
    for row in rows:
        if row.get("reason"):
            _say(row["called"], row["reason"])
        elif row.get("measured_until") and row["measured_until"] < row["until"]:
            until = _text(row["measured_until"])
            _say(
                row["called"],
                f"errors are measured until {until}; beyond, the interval is extrapolated",
            )


def _use(row: dict[str, Any]) -> list[str]:
    names = ("used", "until", "expected", "expected_low", "expected_high", "unit")
    return [row["called"], *(_text(row[name]) for name in names)]


def _risk(row: dict[str, Any]) -> list[str]:
    names = (
        *("remaining", "left", "busiest_day", "unit"),
        *("at_risk", "at_risk_low", "at_risk_high", "currency", "last_day"),
    )
    figures = [_text(row[name]) for name in names]
    if row["remaining"] is not None and row["left"] and row["last_day"] is None:
        figures[-1] = "too late"
    return [row["called"], *figures]


def _step(row: dict[str, Any]) -> list[str]:
    figures = [_text(row[name]) for name in ("expected", "low", "high", "unit")]
    return [row["called"], f"{row['start']:%Y-%m-%d %H:%M}", *figures]


def _score(row: dict[str, Any]) -> list[str]:
    shares = (sheet.percent(row[name]) for name in ("coverage", "total_coverage"))
    names = ("step", "weeks", "forecasts", "ratio")
    return [row["called"], *(_text(row[name]) for name in names), *shares]


def _text(value: object) -> str:
    """Two decimals, as is right for an estimate; a day; nothing where it is not known."""
    if value is None or isinstance(value, Decimal):
        return sheet.amount(value)
    return f"{value:%Y-%m-%d}" if isinstance(value, datetime) else str(value)
