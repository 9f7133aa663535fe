"""``trueup burn``: how fast credits and money burn, and how far commitments reach."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from trueup.cli import desk, options
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from trueup.burn.burn import Burn
    from trueup.cli.desk import Desk

RATES = ("HOUR", "DAY", "WEEK")
COMMITMENTS = ("COMMITMENT", *RATES, "UNIT", "ACCRUED", "REMAINING", "VERDICT", "UNTIL")
TEAMS = ("TEAM", *RATES, "UNIT", "ACCRUED", "UNKNOWN", "UNTIL")
RIGHT = "HOUR DAY WEEK ACCRUED REMAINING UNKNOWN"


@click.command(name="burn", epilog=EPILOG)
@options.config
@click.option(
    "--by",
    type=click.Choice(["commitment", "team"]),
    help="Only what commitments, or what teams burn.  [default: both]",
)
@desk.as_json
def command(file: str, by: str | None, as_json: bool) -> None:
    """Say how fast credits and money burn, per hour, day and week, and how far they reach.

    From the newest run of each period: what is billed, and what telemetry says where the bill has
    not arrived. The rates are of the last 24 hours, 7 and 28 days that are known.

    \b
    Examples:
      trueup burn
      trueup burn --by team --json
    """  # noqa: D301  click keeps what follows a backspace as it stands
    at_desk = desk.desk_of(file)
    burn = burn_of(at_desk)
    if as_json:
        click.echo(json.dumps(_json(burn, by), ensure_ascii=False, indent=2))
        return
    click.echo("\n".join(lines(burn, by)))
    if burn is None:
        click.echo(desk.NEVER_RUN)


def burn_of(at_desk: Desk) -> Burn | None:
    """The burn of the newest runs that follow one another without a gap; None without a run."""
    from trueup.burn.burn import TABLES, Burn
    from trueup.workspace.newest import newest_runs, rows_of

    runs = newest_runs(at_desk.workspace.runs())
    if not runs:
        return None
    last = [runs[-1]]
    for run in reversed(runs[:-1]):
        if run.end != last[0].start:
            break
        last.insert(0, run)
    tables = {name: rows_of(at_desk.workspace, last, name) for name in TABLES}
    for name in ("commitments", "credits"):  # how they stand now
        tables[name] = rows_of(at_desk.workspace, last[-1:], name)
    return Burn(tables, last[0].start, last[-1].end, last[-1].as_of)


def lines(burn: Burn | None, by: str | None) -> list[str]:
    """The tables that a person reads, and a sentence on each commitment."""
    from trueup.model.display import legible

    rates = burn.rates.rows() if burn else []
    runway = burn.runway.rows() if burn else []
    found = []
    if by != "team":
        reach = {(row["commitment_id"], row["unit"]): row for row in runway}
        rows = [_commitment(row, reach) for row in rates if row["by"] == "commitment"]
        found += [desk.aligned(COMMITMENTS, rows, RIGHT), ""]
        found += [f"{legible(row['commitment_id'])}: {legible(row['text'])}" for row in runway]
        found += [""] if runway else []
    if by != "commitment":
        found.append(
            desk.aligned(TEAMS, [_team(row) for row in rates if row["by"] == "team"], RIGHT)
        )
    return found


def _commitment(row: dict[str, Any], reach: dict[Any, dict[str, Any]]) -> list[str]:
    of_quantity = row["measure"] == "quantity"
    runway = reach.get((row["commitment_id"], row["unit"]), {}) if of_quantity else {}
    remaining = runway.get("remaining")
    return [
        row["commitment_id"],
        *_rates(row),
        row["unit"],
        _figure(row["accrued"]),
        "" if remaining is None else _figure(remaining),
        (runway.get("verdict") or "").replace("_", " "),
        _moment(row["until"]),
    ]


def _team(row: dict[str, Any]) -> list[str]:
    return [
        row["team"] or f"(nobody: {(row['reason'] or '').replace('_', ' ')})",
        *_rates(row),
        row["unit"] or "",
        _figure(row["accrued"]),
        str(row["unknown"] or ""),
        _moment(row["until"]),
    ]


def _rates(row: dict[str, Any]) -> list[str]:
    return [_figure(row[name]) for name in ("per_hour", "per_day", "per_week")]


def _figure(value: Decimal | None) -> str:
    from trueup.burn.advice import shown

    return "-" if value is None else shown(value)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _json(burn: Burn | None, by: str | None) -> dict[str, Any]:
    rates = [row for row in (burn.rates.rows() if burn else []) if by in (None, row["by"])]
    runway = burn.runway.rows() if burn and by != "team" else []
    return {
        "rates": [_plain(row) for row in rates],
        **({} if by == "team" else {"runway": [_plain(row) for row in runway]}),
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    from trueup.money import plain
    from trueup.period import iso

    def value(each: Any) -> Any:
        if isinstance(each, Decimal):
            return plain(each)
        return iso(each) if isinstance(each, datetime) else each

    return {name: value(each) for name, each in row.items()}
