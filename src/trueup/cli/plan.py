"""``trueup plan``: how much to commit, by a usage history and what is offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

from trueup.cli import desk, options, sheet
from trueup.cli.exits import EPILOG
from trueup.cli.gather import GatheringCommand, PathsOption
from trueup.cli.history import names_of_commitments

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from trueup.cli.desk import Desk
    from trueup.period import Period
    from trueup.report.plan import Plan

OFFERS = ("OFFER", "LEVEL", "UNIT", "INTERVAL", "COST", "SAVING", "REGRET", "CURRENCY", "USED")
IN_FORCE = ("IN FORCE", "IN EACH HOUR", "SERVED", "UNIT", "ENDS", "REMARK")


class Asked(TypedDict):
    """What is handed on to ``trueup.plan`` as it was given."""

    offers: tuple[str, ...]
    where: dict[str, str]
    what_if: dict[str, str]
    period: Period | None
    as_of: datetime | None


class Given(Asked, options.Reading):
    """With how ``--usage`` is read."""


@click.command(cls=GatheringCommand, epilog=EPILOG)
@options.config
@click.option("--usage", cls=PathsOption, help="Telemetry, instead of a configuration's.")
@click.option("--commitments", cls=PathsOption, help="Contracts in force, with --usage.")
@click.option("--rules", type=click.Path(), metavar="F", help="Rates and offers, with --usage.")
@click.option("--offer", "offers", multiple=True, metavar="NAME", help="Only this; repeatable.")
@click.option(
    "--where",
    callback=options.pairs,
    multiple=True,
    metavar="NAME=PATTERN",
    help="Only usage whose column the pattern finds, as model=^chat; repeatable.",
)
@click.option(
    "--what-if",
    callback=options.pairs,
    multiple=True,
    metavar="NAME=CHANGE",
    help="price, spot_price or use changed, as price=+10%; repeatable.",
)
@options.period
@click.option(
    "--as-of",
    callback=options.read_instant,
    metavar="TIME",
    help="The day whose rates hold.  [default: the last of the usage]",
)
@options.reading
@click.option("--html", type=click.Path(dir_okay=False), metavar="FILE", help="Write the curves.")
@desk.as_json
def command(
    file: str,
    usage: tuple[str, ...],
    commitments: tuple[str, ...],
    rules: str | None,
    html: str | None,
    as_json: bool,
    **wanted: Unpack[Given],
) -> None:
    """Say how much to commit: the best level of each offer.

    Usage, rates and offers are those of the configuration, or files: --usage with --rules. What is
    in force, by the contracts and what runs found used, is subtracted first.

    \b
    Examples:
      trueup plan
      trueup plan --what-if price=+10% --offer "1 year" --html plan.html
      trueup plan --usage gpu.csv --rules rules.toml --where model=^chat
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.api import plan

    asked: Any = {name: value for name, value in wanted.items() if name in Asked.__annotations__}
    remark, names = None, {}
    if usage:
        options.refuse("with --usage", "file")
        given: dict[str, Any] = {"usage": options.read_usage(usage, wanted), "rules": rules}
        given["commitments"] = list(commitments) or None
    else:
        options.refuse("without --usage", "commitments", "rules", *options.Reading.__annotations__)
        at_desk = desk.desk_of(file)
        given = _configured(at_desk)
        names = names_of_commitments(at_desk.workspace)
        if not at_desk.workspace.runs():
            remark = f"{desk.NEVER_RUN} What is in force is known by [[commitments]] alone."
    found = plan(**given, **asked)
    if html is not None:
        found.to_html(html)
    if as_json:
        click.echo(found.to_json())
        return
    _say(found, names)
    if remark:
        click.echo(f"\n{remark}")


def _configured(at_desk: Desk) -> dict[str, Any]:
    """Usage of the configuration; contracts of the last run, and what runs found used."""
    from trueup.api import reader_of
    from trueup.errors import ConfigurationError
    from trueup.model.combined import combined
    from trueup.model.schema import UTILIZATION
    from trueup.model.table import Table
    from trueup.recovery import given_by
    from trueup.workspace.newest import newest_runs, rows_of

    config, workspace = at_desk.config, at_desk.workspace
    if not config.usage:
        raise ConfigurationError(f"{config.file}: usage: is missing; a plan needs its hours")
    read = [
        reader_of("usage")(
            [config.located(path) for path in entry.paths],
            format=entry.format,
            columns=dict(entry.columns) or None,
            constants=dict(entry.constants) or None,
        )
        for entry in config.usage
    ]
    runs = newest_runs(workspace.runs())
    if runs:
        groups = given_by(workspace, runs[-1]).groups
        contracts = [group.read() for group in groups if group.kind == "commitments"]
    else:
        paths = [config.located(path) for entry in config.commitments for path in entry.paths]
        contracts = [reader_of("commitments")(paths)] if paths else []
    return {
        "usage": combined(read),
        "rules": config.rules,
        "commitments": combined(contracts) if contracts else None,
        "utilization": Table(UTILIZATION, arrow=rows_of(workspace, runs, "utilization")),
    }


def _say(plan: Plan, names: Mapping[str, str]) -> None:
    click.echo(f"How much to commit: {plan.title}.\n")
    right = ("LEVEL", "COST", "SAVING", "REGRET", "USED")
    click.echo(sheet.aligned(OFFERS, [_offer(row) for row in plan.offers], right))
    if len(plan.in_force):
        rows = [_in_force(row, names) for row in plan.in_force]
        click.echo(f"\n{sheet.aligned(IN_FORCE, rows, ('IN EACH HOUR', 'SERVED'))}")
    remarks = list(plan.remarks())
    if remarks:
        click.echo("\n" + "\n".join(remarks))


def _offer(row: Mapping[str, Any]) -> tuple[str, ...]:
    from trueup.report.plan import interval, level

    return (
        *(row["offer"], level(row), f"{row['unit']} an hour", interval(row)),
        *(sheet.amount(row[name]) for name in ("cost", "saving", "regret")),
        *(row["currency"], sheet.percent(row["utilization"])),
    )


def _in_force(row: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, ...]:
    from trueup.report.names import last_part

    return (
        names.get(row["commitment_id"]) or last_part(row["commitment_id"]),
        *(sheet.quantity(row["committed"]), sheet.quantity(row["served"])),
        row["unit"] or sheet.NONE,
        f"{row['ends']:%Y-%m-%d}" if row["ends"] else "not known",
        f"not subtracted: {row['reason']}" if row["reason"] else "",
    )
