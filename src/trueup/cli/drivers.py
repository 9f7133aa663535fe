"""``trueup drivers``: what drives cost, what changed, and what unused commitment is traced to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from trueup.cli import desk, options, sheet
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
RIGHT = ("BEFORE", "NOW", "CHANGE", "QUANTITY", "PRICE", "NEW OR GONE", "OTHER")
HEAD = ("BEFORE", "NOW", "CURRENCY", *RIGHT[2:], "STATE")
RATED = "rated: in no bill, usage at the rates of the rules; in no other row"
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
    "--top",
    type=click.IntRange(0),
    help=f"How many of each currency; 0: all.  [default: {SHOWN}; as JSON all]",
)
@click.option("--unused", is_flag=True, help="Trace unused commitment instead.")
@desk.as_json
def command(
    file: str,
    by: By,
    against: str,
    until: datetime | None,
    sort: str,
    top: int | None,
    unused: bool,
    as_json: bool,
) -> None:
    """Show what drives cost, and what changed against the time before.

    A change is what more or less was used (QUANTITY, at the price of before), what it costs each
    (PRICE), models and meters that only one of the times has (NEW OR GONE), and what has no
    quantity (OTHER); the four add up to it. What no bill holds and the rules have a rate for, such
    as calls of a search service, has rows of its own: rated. With --unused: which commitments were
    not used, and what stood idle and which teams were quiet in those hours.

    \b
    Examples:
      trueup drivers --by agent --sort change
      trueup drivers --by model --until 2026-10-15
      trueup drivers --unused
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.attribute.drivers import costliest, cut_rows, drivers, rated_drivers
    from trueup.cli.history import table_of, top_of_each

    if unused:
        options.refuse("with --unused", "by", "sort", "top")
    workspace = desk.reading(file).workspace
    now, before = _windows(workspace, until, DAYS[against])
    spend, activity, rated = (table_of(workspace, name) for name in ("spend", "activity", "rated"))
    if unused:
        _show_unused(workspace, now, spend, activity, as_json=as_json)
        return
    asked = (by, now, before)
    found = costliest([*drivers(spend, activity, *asked), *rated_drivers(rated, *asked)])
    if sort == "change":
        found.sort(key=lambda each: (each.currency, -abs(each.change), each.name or ""))
    count = top if top is not None else 0 if as_json else SHOWN
    shown = top_of_each(found, lambda each: each.currency, count)
    cut = cut_rows(spend, (now, before))
    if as_json:
        windows = {"now": _window(now), "before": _window(before)}
        rows = [_as_json(each) for each in shown]
        click.echo(sheet.to_json({**windows, "by": by, "drivers": rows, "billed_longer": cut}))
        return
    if not workspace.runs():
        click.echo(desk.NEVER_RUN)
        return
    click.echo(sheet.aligned((by.upper(), *HEAD), [_line(each, by) for each in shown], RIGHT))
    click.echo(f"\n{now} against {before}, both in UTC")
    if len(found) > len(shown):
        click.echo(f"and {len(found) - len(shown):,} more: --top 0 shows them")
    if any(each.basis == "rated" for each in shown):
        click.echo(RATED)
    for currency, cost in cut.items():
        click.echo(f"not compared: {sheet.amount(cost)} {currency} billed over longer times")
    if before.start < (start := min(run.start for run in workspace.runs())):
        click.echo(f"runs begin at {start:%Y-%m-%d %H:%M}: the time before is not whole")


def _window(period: Period) -> dict[str, datetime]:
    return {"start": period.start, "end": period.end}


def _windows(workspace: Workspace, until: datetime | None, days: int) -> tuple[Period, Period]:
    from datetime import UTC, timedelta

    from trueup.period import Period

    end = until or _last_day(workspace) or datetime.now(UTC)
    length = timedelta(days=days)
    return Period(end - length, end), Period(end - 2 * length, end - length)


def _last_day(workspace: Workspace) -> datetime | None:
    """The end of what runs know: of a period that is not over, of its last whole day."""
    from trueup.workspace.newest import newest_runs

    runs = newest_runs(workspace.runs())
    if not runs:
        return None
    last = runs[-1]
    return min(last.end, last.as_of.replace(hour=0, minute=0, second=0, microsecond=0))


def _line(each: Driver, by: str) -> tuple[str, ...]:
    effects = each.effects
    only_one = effects["new"] + effects["gone"]
    figures = (effects["quantity"], effects["price"], only_one, effects["other"])
    return (
        sheet.named(each.name, by, each.reason),
        sheet.amount(each.before),
        sheet.amount(each.now),
        each.currency,
        sheet.amount(each.change),
        *map(sheet.amount, figures),
        ", ".join(filter(None, (_basis(each), each.state))),
    )


def _basis(each: Driver) -> str:
    if each.basis == "rated":
        return "rated"
    return f"{sheet.amount(each.accrued)} accrued" if each.accrued and not each.state else ""


def _as_json(each: Driver) -> dict[str, Any]:
    return {
        "basis": each.basis,
        "name": each.name,
        "reason": each.reason,
        "currency": each.currency,
        "before": each.before,
        "now": each.now,
        "accrued": each.accrued,
        "change": each.change,
        **each.effects,
        "state": each.state or None,
    }


def _show_unused(
    workspace: Workspace, now: Period, spend: pa.Table, activity: pa.Table, *, as_json: bool
) -> None:
    from trueup.attribute.unused_trace import traced
    from trueup.cli.history import names_of_commitments, table_of

    rows = [
        row
        for row in table_of(workspace, "utilization").to_pylist()
        if row["interval_start"] >= now.start and row["interval_end"] <= now.end
    ]
    found = traced(rows, spend, activity)
    if as_json:
        told = {"now": _window(now), "unused": [_trace_json(each) for each in found]}
        click.echo(sheet.to_json(told))
        return
    if not workspace.runs():
        click.echo(desk.NEVER_RUN)
        return
    names = names_of_commitments(workspace)
    for each in found:
        name = names.get(each.commitment_id, each.commitment_id)
        click.echo("\n".join(_trace_lines(each, name)))
    click.echo(INDICATION if found else f"Nothing was unused in whole intervals of {now}.")


def _trace_lines(each: Traced, name: str) -> list[str]:
    from trueup.model.display import legible
    from trueup.report.numbers import count

    cost = f"{sheet.amount(each.unused_cost)} {each.currency or ''}".rstrip()
    quantity = f"{sheet.quantity(each.unused_quantity)} {each.unit or ''}".rstrip()
    unused = f"{legible(name)}: {cost} unused ({quantity})"
    lines = [f"{unused}, {count(each.intervals, 'interval')}"]
    if not each.hours:
        return [*lines, "  its intervals are too long to tell in which hours"]
    lines += [
        f"  idle: {_in_hours(amount, unit)} of {meter} held and not busy"
        for (meter, unit), amount in each.idle.items()
    ]
    if each.idle_cost:
        lines.append(f"  idle: {sheet.amount(each.idle_cost)} {each.currency} of the bill")
    lines += [
        f"  quiet: {legible(team.team)} cost {sheet.amount(team.less)} {each.currency} less than "
        f"in these hours a week before; sessions {team.sessions:,}, before {team.sessions_before:,}"
        for team in each.quiet[:TEAMS_SHOWN]
    ]
    return lines


def _in_hours(amount: Decimal, unit: str) -> str:
    thing = unit.removesuffix("Seconds")
    return (
        f"{sheet.amount(amount / 3600)} {thing}Hours"
        if thing != unit
        else f"{sheet.amount(amount)} {unit}"
    )


def _trace_json(each: Traced) -> dict[str, Any]:
    return {
        **vars(each),
        "idle": [
            {"meter": meter, "unit": unit, "quantity": amount}
            for (meter, unit), amount in each.idle.items()
        ],
        "quiet": [vars(team) for team in each.quiet],
    }
