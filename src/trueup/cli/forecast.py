"""``trueup forecast``: what will be used of commitments, what will lapse, until when to act."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from trueup.cli import desk, options
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from trueup.model.table import Table

USE = ("COMMITMENT", "USED", "UNTIL", "EXPECTED", "LOW", "HIGH", "UNIT")
RISK = (
    "COMMITMENT",
    "REMAINING",
    "LEFT",
    "AT_RISK",
    "LOW",
    "HIGH",
    "MONEY",
    "BUSIEST_DAY",
    "LAST_DAY",
)
STEPS = ("COMMITMENT", "START", "EXPECTED", "LOW", "HIGH", "UNIT")
SCORES = ("COMMITMENT", "BY", "WEEKS", "FORECASTS", "RATIO", "WITHIN", "SUMS_WITHIN")
FIGURES = (
    "USED EXPECTED LOW HIGH REMAINING LEFT AT_RISK BUSIEST_DAY WEEKS FORECASTS RATIO WITHIN "
    "SUMS_WITHIN"
)
NONE = "-"


@click.command(name="forecast", epilog=EPILOG)
@options.config
@click.option("--commitment", metavar="ID", help="Only this commitment.")
@click.option(
    "--horizon",
    type=click.IntRange(1),
    metavar="DAYS",
    help="How far to look.  [default: to the expiry; 28 where intervals lapse one by one]",
)
@click.option("--by", type=click.Choice(["day", "hour"]), help="Show every day or hour to come.")
@click.option("--backtest", is_flag=True, help="Show how forecasts of this history have fared.")
@desk.as_json
def command(
    file: str,
    commitment: str | None,
    horizon: int | None,
    by: str | None,
    backtest: bool,
    as_json: bool,
) -> None:
    """Forecast use, what will lapse, and until when to act.

    Everything is an estimate from the workspace's history, with the interval in which 80 of 100
    such forecasts came true. It needs 8 whole weeks of history, and trueup[forecast].

    \b
    Examples:
      trueup forecast
      trueup forecast --by hour --horizon 7 --json
      trueup forecast --backtest
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.api import forecast

    at_desk = desk.desk_of(file)
    outlook = forecast(at_desk.workspace.folder, commitment=commitment, horizon_days=horizon)
    if backtest:
        table = outlook.backtest(by or "day")
    else:
        table = outlook.steps(by) if by else outlook.commitments
    if as_json:
        click.echo(_json(table))
        return
    rows = table.rows()
    if backtest:
        _show(SCORES, [_score(row) for row in rows])
    elif by:
        _show(STEPS, [_step(row) for row in rows])
    else:
        _show(USE, [_use(row) for row in rows])
        click.echo("")
        _show(RISK, [_risk(row) for row in rows])
    if not outlook.runs:
        click.echo(desk.NEVER_RUN)
    for row in rows:
        if row.get("reason"):
            click.echo(f"{row.get('commitment_id') or row.get('name')}: {row['reason']}")
        elif row.get("measured_until") and row["measured_until"] < row["until"]:
            click.echo(
                f"{row['commitment_id']}: errors are measured until {_text(row['measured_until'])};"
                " beyond, the interval is extrapolated"
            )


def _show(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    click.echo(desk.aligned(head, rows, FIGURES))


def _use(row: dict[str, Any]) -> list[str]:
    names = ("used", "until", "expected", "expected_low", "expected_high")
    return [row["commitment_id"], *(_text(row[name]) for name in names), row["unit"] or NONE]


def _risk(row: dict[str, Any]) -> list[str]:
    names = ("remaining", "left", "at_risk", "at_risk_low", "at_risk_high", "currency")
    figures = [_text(row[name]) for name in (*names, "busiest_day", "last_day")]
    if row["remaining"] is not None and row["left"] and row["last_day"] is None:
        figures[-1] = "too late"
    return [row["commitment_id"], *figures]


def _step(row: dict[str, Any]) -> list[str]:
    figures = (
        f"{row['start']:%Y-%m-%dT%H}",
        *(_text(row[name]) for name in ("expected", "low", "high")),
    )
    return [row["commitment_id"], *figures, row["unit"] or NONE]


def _score(row: dict[str, Any]) -> list[str]:
    names = ("step", "weeks", "forecasts", "ratio", "coverage", "total_coverage")
    return [row["name"], *(_text(row[name]) for name in names)]


def _text(value: object) -> str:
    """Two decimals, as is right for an estimate; a day; nothing where it is not known."""
    if value is None:
        return NONE
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    return f"{value:%Y-%m-%d}" if isinstance(value, datetime) else str(value)


def _json(table: Table) -> str:
    import json

    from trueup.money import plain
    from trueup.period import iso

    def told(value: object) -> object:
        if isinstance(value, Decimal):
            return plain(value)
        return iso(value) if isinstance(value, datetime) else value

    rows = [{name: told(value) for name, value in row.items()} for row in table.rows()]
    return json.dumps(rows, ensure_ascii=False, indent=2)
