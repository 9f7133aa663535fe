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
    import pyarrow as pa

    from trueup.burn.burn import Burn
    from trueup.workspace.run import Run
    from trueup.workspace.workspace import Workspace

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
@click.option(
    "--watch",
    "watched",
    multiple=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Follow this growing telemetry file; repeatable.",
)
@click.option(
    "--every",
    type=click.FloatRange(0.01),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="How often to look at what is watched.",
)
@click.option(
    "--times",
    type=click.IntRange(1),
    help="How many times to look.  [default: until Ctrl-C]",
)
@desk.as_json
def command(
    file: str,
    by: str | None,
    watched: tuple[str, ...],
    every: float,
    times: int | None,
    as_json: bool,
) -> None:
    """Say how fast credits and money burn, and how far they reach.

    Per hour, day and week, from the newest run of each period: what is billed, and what telemetry
    says where the bill has not arrived. The rates are of the last 24 hours, 7 and 28 days that are
    known. With --watch, what is appended to files of JSON lines or tables is priced by
    [[rules.rate]], from where the last run ends.

    \b
    Examples:
      trueup burn
      trueup burn --by team --json
      trueup burn --watch spans.jsonl --every 10
    """  # noqa: D301  click keeps what follows a backspace as it stands
    at_desk = desk.desk_of(file)
    if watched:
        from trueup.cli.burn_watch import follow

        follow(at_desk, watched, every, times, by, as_json)
        return
    burn = _burn(at_desk.workspace)
    if as_json:
        click.echo(json.dumps(plain_tables(burn, by), ensure_ascii=False, indent=2))
        return
    click.echo("\n".join(lines(burn, by)))
    if burn is None:
        click.echo(desk.NEVER_RUN)


def history(workspace: Workspace) -> tuple[dict[str, pa.Table], list[Run]]:
    """The tables of burn over the newest runs that follow one another without a gap."""
    from trueup.burn.burn import NOW, TABLES
    from trueup.workspace.newest import newest_runs, rows_of

    runs: list[Run] = []
    for run in reversed(newest_runs(workspace.runs())):
        if runs and run.end != runs[0].start:
            break
        runs.insert(0, run)
    tables = {name: rows_of(workspace, runs[-1:] if name in NOW else runs, name) for name in TABLES}
    return tables, runs


def _burn(workspace: Workspace) -> Burn | None:
    """The burn that runs know; None without a run."""
    from trueup.burn.burn import Burn

    tables, runs = history(workspace)
    return Burn(tables, runs[0].start, runs[-1].end, runs[-1].as_of) if runs else None


def lines(burn: Burn | None, by: str | None) -> list[str]:
    """The tables that a person reads, and a sentence on each commitment."""
    from trueup.model.display import legible

    rates = burn.rates.rows() if burn else []
    runway = burn.runway.rows() if burn else []
    found = []
    if by != "team":
        reach = {(row["commitment_id"], row["unit"]): row for row in runway}
        rows = [_commitment(row, reach) for row in _of_commitments(rates)]
        found += [desk.aligned(COMMITMENTS, rows, RIGHT), ""]
        found += [f"{legible(row['commitment_id'])}: {legible(row['text'])}" for row in runway]
        found += [""] if runway else []
    if by != "commitment":
        of_teams = sorted(
            (row for row in rates if row["by"] == "team"), key=lambda row: row["team"] is None
        )
        found.append(desk.aligned(TEAMS, [_team(row) for row in of_teams], RIGHT))
    return found


def _of_commitments(rates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without money that only repeats a quantity in money."""
    told = {"measure": None}
    quantities = [row | told for row in rates if row["measure"] == "quantity"]
    return [
        row
        for row in rates
        if row["by"] == "commitment"
        and (row["measure"] == "quantity" or row | told not in quantities)
    ]


def _commitment(row: dict[str, Any], reach: dict[Any, dict[str, Any]]) -> list[str]:
    of_quantity = row["measure"] == "quantity"
    runway = reach.get((row["commitment_id"], row["unit"]), {}) if of_quantity else {}
    remaining = runway.get("remaining")
    return [
        row["commitment_id"],
        *_rates(row),
        row["unit"] if of_quantity else f"{row['unit']} (cost)",
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


def plain_tables(burn: Burn | None, by: str | None) -> dict[str, Any]:
    """Rates and runway as JSON."""
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
