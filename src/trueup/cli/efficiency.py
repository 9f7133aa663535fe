"""``trueup efficiency``: what was got per credit and per GPU-hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from trueup.cli import desk, options, sheet
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from trueup.cli.desk import Desk
    from trueup.model.table import Table
    from trueup.period import Period

HEAD = (
    *("COST", "CURRENCY", "TOKENS", "REQUESTS", "TOOL CALLS", "SESSIONS", "TOKENS PER CREDIT"),
    *("TOKENS PER GPU-HOUR", "GPU-HOURS HELD", "GPU-HOURS BUSY", "GPU USED", "COST OF 1M TOKENS"),
)
FIGURES = {
    **dict.fromkeys(("tokens", "requests", "tool_calls", "sessions"), "{:,.0f}".format),
    **dict.fromkeys(
        ("tokens_per_credit", "tokens_per_gpu_hour", "gpu_hours_held", "gpu_hours_busy"),
        sheet.amount,
    ),
    "gpu_utilization": sheet.percent,
    "cost_per_million_tokens": sheet.amount,
}
INCLUDED = "COST includes what is accrued: metered, its charge still to come."


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

    Of the last period, or of those that --period touches. A credit is one unit of the currency, and
    GPU-hours are those held. COST includes what is accrued. What is nobody's has no ratio.

    \b
    Examples:
      trueup efficiency
      trueup efficiency --by model --over week
    """  # noqa: D301  click keeps what follows a backspace as it stands
    at_desk = desk.reading(file)
    rows = [row for table in _tables(at_desk, period, by, over) for row in table]
    if as_json:
        click.echo(sheet.to_json(rows))
    elif not at_desk.workspace.runs():
        click.echo(desk.NEVER_RUN)
    else:
        head = ("FROM", by.upper(), *HEAD)
        right = [name for name in HEAD if name != "CURRENCY"]
        click.echo(sheet.aligned(head, [_line(row) for row in rows], right, names=[by.upper()]))
        click.echo(INCLUDED)


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


def _line(row: Mapping[str, Any]) -> list[str]:
    start: datetime = row["start"]
    return [
        f"{start:%Y-%m-%d}",
        sheet.named(row["name"], row["by"]),
        sheet.amount(row["cost"]),
        row["currency"] or sheet.NONE,
        *(sheet.NONE if row[name] is None else show(row[name]) for name, show in FIGURES.items()),
    ]
