"""``trueup efficiency``: what was got per credit and per GPU-hour."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from trueup.cli import desk, options
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from trueup.cli.desk import Desk
    from trueup.model.table import Table
    from trueup.period import Period

HEAD = (
    *("FROM", "NAME", "COST", "", "TOKENS", "REQUESTS", "TOOLS", "SESSIONS", "PER-CREDIT"),
    *("PER-GPU-HOUR", "GPU-HELD", "GPU-BUSY", "GPU-USED", "1M-TOKENS"),
)


@click.command(name="efficiency", epilog=EPILOG)
@options.config
@options.period
@click.option(
    "--by",
    type=click.Choice(["team", "agent", "model"]),
    default="team",
    show_default=True,
    help="Whose.",
)
@click.option(
    "--over",
    type=click.Choice(["period", "day", "week"]),
    default="period",
    show_default=True,
    help="In which steps.",
)
@desk.as_json
def command(file: str, period: Period | None, by: str, over: str, as_json: bool) -> None:
    """Show what was got per credit and per GPU-hour.

    Of the last period, or of those that --period touches. PER-CREDIT are tokens for one unit of
    the currency, PER-GPU-HOUR tokens for one GPU-hour held, 1M-TOKENS is the cost of a million.

    \b
    Examples:
      trueup efficiency
      trueup efficiency --by model --over week
    """  # noqa: D301  click keeps what follows a backspace as it stands
    at_desk = desk.desk_of(file)
    rows = [row for table in _tables(at_desk, period, by, over) for row in table]
    if as_json:
        click.echo(json.dumps([_plain(row) for row in rows], ensure_ascii=False, indent=2))
        return
    click.echo(desk.aligned(HEAD, [_line(row) for row in rows], " ".join(HEAD[2:])))
    if not at_desk.workspace.runs():
        click.echo(desk.NEVER_RUN)


def _tables(at_desk: Desk, period: Period | None, by: str, over: str) -> list[Table]:
    """One for each period: sessions are told apart within a period only."""
    from trueup.attribute.efficiency import Span, efficiency
    from trueup.cli.periods import runs_of
    from trueup.model.spend_schema import EFFICIENCY
    from trueup.model.table import Table
    from trueup.workspace.newest import rows_of

    workspace = at_desk.workspace
    tables = []
    for run in runs_of(workspace, period)[1]:
        spend, activity, allocations = (
            rows_of(workspace, [run], name).to_reader()
            for name in ("spend", "activity", "allocations")
        )
        rows = efficiency(Span(run.start, run.end, over), by, spend, activity, [allocations])
        tables.append(Table.from_rows(EFFICIENCY, rows))
    return tables


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Amounts and instants as text."""
    from trueup.period import iso

    return {
        name: iso(value)
        if name in ("start", "end")
        else value
        if value is None or name == "sessions"
        else str(value)
        for name, value in row.items()
    }


def _line(row: Mapping[str, Any]) -> list[str]:
    from trueup.report import numbers

    start: datetime = row["start"]
    shown = {
        name: "-" if row[name] is None else numbers.money(row[name])
        for name in (
            *("cost", "tokens_per_credit", "tokens_per_gpu_hour", "gpu_hours_held"),
            *("gpu_hours_busy", "cost_per_million_tokens"),
        )
    }
    counts = {
        name: "-" if row[name] is None else f"{row[name]:,.0f}"
        for name in ("tokens", "requests", "tool_calls", "sessions")
    }
    used = "-" if row["gpu_utilization"] is None else numbers.percent(row["gpu_utilization"])
    return [
        f"{start:%Y-%m-%d}",
        row["name"] or "(none named)",
        shown["cost"],
        row["currency"] or "",
        *counts.values(),
        shown["tokens_per_credit"],
        shown["tokens_per_gpu_hour"],
        shown["gpu_hours_held"],
        shown["gpu_hours_busy"],
        used,
        shown["cost_per_million_tokens"],
    ]
