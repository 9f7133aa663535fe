"""``trueup drivers``: what drives cost, what changed, and what unused commitment is traced to."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from trueup.cli import desk, options
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from trueup.attribute.drivers import By, Driver
    from trueup.attribute.unused_trace import Traced
    from trueup.period import Period
    from trueup.workspace.workspace import Workspace

DAYS = {"day": 1, "week": 7}
SHOWN = 10
TEAMS_SHOWN = 3
HEAD = ("BEFORE", "NOW", "", "CHANGE", "QUANTITY", "PRICE", "NEW-OR-GONE", "OTHER", "")
RIGHT = "BEFORE NOW CHANGE QUANTITY PRICE NEW-OR-GONE OTHER"
INDICATION = (
    "What is unused is exact. What stood idle or was quiet in those hours is an indication of why: "
    "nobody meters what did not run."
)


@click.command(name="drivers", epilog=EPILOG)
@options.config
@click.option(
    "--by",
    type=click.Choice(["team", "agent", "tool", "model"]),
    default="team",
    show_default=True,
    help="What to tell apart.",
)
@click.option(
    "--against",
    type=click.Choice(list(DAYS)),
    default="week",
    show_default=True,
    help="The last days are compared with as many before.",
)
@click.option(
    "--until",
    callback=options.read_instant,
    metavar="TIME",
    help="The end of the last days.  [default: the end of the newest run]",
)
@click.option(
    "--sort",
    type=click.Choice(["cost", "change"]),
    default="cost",
    show_default=True,
    help="The costliest first, or what changed most.",
)
@click.option(
    "--top", type=click.IntRange(0), default=SHOWN, show_default=True, help="Shown; 0: all."
)
@click.option("--unused", is_flag=True, help="Trace unused commitment instead.")
@desk.as_json
def command(
    file: str,
    by: By,
    against: str,
    until: datetime | None,
    sort: str,
    top: int,
    unused: bool,
    as_json: bool,
) -> None:
    """Show what drives cost, and what changed against the time before.

    A change is what more or less was used (QUANTITY, at the price of before), what it costs each
    (PRICE), models and meters that only one of the times has (NEW-OR-GONE), and what has no
    quantity (OTHER); the four add up to it. With --unused: which commitments were not used, and
    what stood idle and which teams were quiet in those hours.

    \b
    Examples:
      trueup drivers --by agent --sort change
      trueup drivers --by model --until 2026-10-15
      trueup drivers --unused
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.attribute.drivers import cut_rows, drivers
    from trueup.cli.history import table_of, top_of_each

    workspace = desk.desk_of(file).workspace
    now, before = _windows(workspace, until, DAYS[against])
    spend, activity = (table_of(workspace, name) for name in ("spend", "activity"))
    if unused:
        _show_unused(workspace, now, spend, activity, as_json=as_json)
        return
    found = drivers(spend, activity, by, now, before)
    if sort == "change":
        found.sort(key=lambda each: (each.currency, -abs(each.change), each.name))
    shown = top_of_each(found, lambda each: each.currency, top)
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in shown], ensure_ascii=False, indent=2))
        return
    click.echo(desk.aligned((by.upper(), *HEAD), [_line(each) for each in shown], RIGHT))
    if not workspace.runs():
        click.echo(desk.NEVER_RUN)
        return
    click.echo(f"\n{now} against {before}, both in UTC")
    if len(found) > len(shown):
        click.echo(f"and {len(found) - len(shown):,} more: --top 0 shows them")
    for currency, cost in cut_rows(spend, (now, before)).items():
        click.echo(f"left out: {_amount(cost)} {currency} billed over longer times than these")
    start = min(run.start for run in workspace.runs())
    if before.start < start:
        click.echo(f"runs begin at {start:%Y-%m-%d %H:%M}: the time before is not whole")


def _windows(workspace: Workspace, until: datetime | None, days: int) -> tuple[Period, Period]:
    from datetime import UTC, timedelta

    from trueup.period import Period

    runs = workspace.runs()
    end = until or max((run.end for run in runs), default=datetime.now(UTC))
    length = timedelta(days=days)
    return Period(end - length, end), Period(end - 2 * length, end - length)


def _line(each: Driver) -> tuple[str, ...]:
    effects = each.effects
    only_one = effects["new"] + effects["gone"]
    figures = (effects["quantity"], effects["price"], only_one, effects["other"])
    return (
        each.name,
        _amount(each.before),
        _amount(each.now),
        each.currency,
        _amount(each.change),
        *map(_amount, figures),
        each.state or (f"{_amount(each.accrued)} accrued" if each.accrued else ""),
    )


def _amount(value: Decimal) -> str:
    """To the cent: exact figures are in the JSON."""
    from decimal import Decimal as Number

    cents = value.quantize(Number("0.01"))
    return f"{cents or abs(cents):,}"  # no sign on nought


def _as_json(each: Driver) -> dict[str, Any]:
    from trueup.money import plain

    return {
        "name": each.name,
        "currency": each.currency,
        "before": plain(each.before),
        "now": plain(each.now),
        "accrued": plain(each.accrued),
        "change": plain(each.change),
        **{name: plain(amount) for name, amount in each.effects.items()},
        "state": each.state or None,
    }


def _show_unused(
    workspace: Workspace, now: Period, spend: pa.Table, activity: pa.Table, *, as_json: bool
) -> None:
    from trueup.attribute.unused_trace import traced
    from trueup.cli.history import table_of

    rows = [
        row
        for row in table_of(workspace, "utilization").to_pylist()
        if row["interval_start"] >= now.start and row["interval_end"] <= now.end
    ]
    found = traced(rows, spend, activity)
    if as_json:
        click.echo(json.dumps([_trace_json(each) for each in found], ensure_ascii=False, indent=2))
        return
    if not workspace.runs():
        click.echo(desk.NEVER_RUN)
        return
    for each in found:
        click.echo("\n".join(_trace_lines(each)))
    click.echo(INDICATION if found else f"Nothing was unused in whole intervals of {now}.")


def _trace_lines(each: Traced) -> list[str]:
    from trueup.model.display import legible
    from trueup.money import plain

    cost = "-" if each.unused_cost is None else f"{plain(each.unused_cost, 2)} {each.currency}"
    quantity = "-" if each.unused_quantity is None else plain(each.unused_quantity)
    named = f"{legible(each.commitment_id)}: {cost} unused ({quantity} {each.unit or ''})"
    lines = [f"{named}, {each.intervals:,} interval{'s' if each.intervals > 1 else ''}"]
    if not each.hours:
        return [*lines, "  its intervals are too long to tell in which hours"]
    lines += [
        f"  idle: {_in_hours(amount, unit)} of {meter} held and not busy"
        for (meter, unit), amount in each.idle.items()
    ]
    if each.idle_cost:
        lines.append(f"  idle: {_amount(each.idle_cost)} {each.currency} of the bill")
    lines += [
        f"  quiet: {legible(team.team)} cost {_amount(team.less)} {each.currency} less than in "
        f"these hours a week before; sessions {team.sessions:,}, before {team.sessions_before:,}"
        for team in each.quiet[:TEAMS_SHOWN]
    ]
    return lines


def _in_hours(amount: Decimal, unit: str) -> str:
    thing = unit.removesuffix("Seconds")
    return (
        f"{_amount(amount / 3600)} {thing}Hours" if thing != unit else f"{_amount(amount)} {unit}"
    )


def _trace_json(each: Traced) -> dict[str, Any]:
    from trueup.money import plain

    def text(value: Decimal | None) -> str | None:
        return None if value is None else plain(value)

    return {
        "commitment_id": each.commitment_id,
        "provider": each.provider,
        "currency": each.currency,
        "unit": each.unit,
        "unused_quantity": text(each.unused_quantity),
        "unused_cost": text(each.unused_cost),
        "intervals": each.intervals,
        "hours": each.hours,
        "idle": [
            {"meter": meter, "unit": unit, "quantity": plain(amount)}
            for (meter, unit), amount in each.idle.items()
        ],
        "idle_cost": plain(each.idle_cost),
        "quiet": [
            {
                "team": team.team,
                "less": plain(team.less),
                "sessions": team.sessions,
                "sessions_before": team.sessions_before,
            }
            for team in each.quiet
        ],
    }
