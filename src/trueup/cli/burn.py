"""``trueup burn``: how fast credits and money burn, and how far commitments reach."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Unpack

import click

from trueup.cli import desk, options, sheet
from trueup.cli.exits import EPILOG
from trueup.cli.history import names_of_commitments

if TYPE_CHECKING:
    import pyarrow as pa

    from trueup.burn.burn import Burn
    from trueup.workspace.run import Run
    from trueup.workspace.workspace import Workspace

RATES = ("HOUR", "DAY", "WEEK")
COMMITMENTS = ("COMMITMENT", *RATES, "UNIT", "ACCRUED", "REMAINING", "VERDICT", "UNTIL")
TEAMS = ("TEAM", *RATES, "UNIT", "ACCRUED", "UNKNOWN", "UNTIL")
RIGHT = (*RATES, "ACCRUED", "REMAINING", "UNKNOWN")
NO_COMMITMENT = "No commitment: neither a contract nor a bill of these runs names one."


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
@options.reading
@desk.as_json
def command(
    file: str,
    by: str | None,
    watched: tuple[str, ...],
    every: float,
    times: int | None,
    as_json: bool,
    **reading: Unpack[options.Reading],
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
    if not watched:
        options.refuse("without --watch", "every", "times", *reading)
    at_desk = desk.reading(file)
    if watched:
        from trueup.cli.burn_watch import follow

        follow(at_desk, watched, every, times, by, as_json, reading)
        return
    burn = _burn(at_desk.workspace)
    if as_json:
        click.echo(sheet.to_json(tables_of(burn, by)))
    elif burn is None:
        click.echo(desk.NEVER_RUN)
    else:
        click.echo("\n".join(lines(burn, by, names_of_commitments(at_desk.workspace))))


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


def lines(burn: Burn, by: str | None, names: Mapping[str, str]) -> list[str]:
    """The tables that a person reads, and a sentence on each commitment by its name."""
    from trueup.model.display import legible

    rates, runway = burn.rates.rows(), burn.runway.rows()
    found = []
    if by != "team":
        reach = {(row["commitment_id"], row["unit"]): row for row in runway}
        rows = [_commitment(row, reach, names) for row in _of_commitments(rates)]
        found += [sheet.aligned(COMMITMENTS, rows, RIGHT) if rows else NO_COMMITMENT, ""]
        found += [
            f"{legible(names.get(row['commitment_id'], row['commitment_id']))}: "
            f"{legible(row['text'])}"
            for row in runway
        ]
        found += [""] if runway else []
    if by != "commitment":
        of_teams = sorted(
            (row for row in rates if row["by"] == "team"), key=lambda row: row["team"] is None
        )
        found.append(sheet.aligned(TEAMS, [_team(row) for row in of_teams], RIGHT))
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


def _commitment(
    row: dict[str, Any], reach: dict[Any, dict[str, Any]], names: Mapping[str, str]
) -> list[str]:
    of_quantity = row["measure"] == "quantity"
    runway = reach.get((row["commitment_id"], row["unit"]), {}) if of_quantity else {}
    remaining = runway.get("remaining")
    return [
        names.get(row["commitment_id"], row["commitment_id"]),
        *_rates(row),
        row["unit"] if of_quantity else f"{row['unit']} (cost)",
        sheet.amount(row["accrued"]),
        "" if remaining is None else sheet.amount(remaining),
        (runway.get("verdict") or "").replace("_", " "),
        _moment(row["until"]),
    ]


def _team(row: dict[str, Any]) -> list[str]:
    return [
        sheet.named(row["team"], reason=row["reason"]),
        *_rates(row),
        row["unit"] or "",
        sheet.amount(row["accrued"]),
        str(row["unknown"] or ""),
        _moment(row["until"]),
    ]


def _rates(row: dict[str, Any]) -> list[str]:
    return [sheet.amount(row[name]) for name in ("per_hour", "per_day", "per_week")]


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def tables_of(burn: Burn | None, by: str | None) -> dict[str, Any]:
    """Rates and runway for JSON."""
    rates = [row for row in (burn.rates.rows() if burn else []) if by in (None, row["by"])]
    runway = burn.runway.rows() if burn and by != "team" else []
    return {"rates": rates, **({} if by == "team" else {"runway": runway})}
