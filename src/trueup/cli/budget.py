"""``trueup budget``: what was spent of what may be spent, and the gate for schedulers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trueup.cli import desk, options, sheet
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from trueup.budgets.gate import Answer
    from trueup.budgets.review import Told
    from trueup.budgets.snapshot import Budget

NO = 1
HEAD = (
    *("BUDGET", "SCOPE", "WINDOW", "ACTUAL", "+ACCRUED", "TOTAL", "FORECAST"),
    *("LIMIT", "CURRENCY", "USED", "STATE"),
)
RIGHT = ("ACTUAL", "+ACCRUED", "TOTAL", "FORECAST", "LIMIT", "USED")


@click.group(name="budget", epilog=EPILOG, invoke_without_command=True)
@options.config
@click.option("--alert", is_flag=True, help="Tell what is crossed and was not told yet.")
@desk.as_json
@click.pass_context
def command(ctx: click.Context, file: str, alert: bool, as_json: bool) -> None:
    """Show budgets; answer whether work may start.

    Measures every [[budget]] of the configuration on what the workspace's runs know, and writes
    the snapshot that `trueup budget check` answers from. `trueup run` does the same at its end,
    and tells what was crossed.

    \b
    Examples:
      trueup budget
      trueup budget check --scope team=search --scope agent=planner
    """  # noqa: D301  click keeps what follows a backspace as it stands
    if ctx.invoked_subcommand is not None:
        options.refuse(f"before {ctx.invoked_subcommand}", "file", "alert", "as_json")
        return
    from trueup.job.budgets import reviewed

    at_desk = desk.desk_of(file)
    found, told = reviewed(at_desk.config, at_desk.clock, alerting=alert)
    budgets = [] if found is None else found.snapshot.budgets
    if as_json:
        click.echo(sheet.to_json([_plain(one) for one in budgets]))
    elif found is None:
        click.echo(desk.NEVER_RUN)
    elif not budgets:
        click.echo(f"No [[budget]] is in {file}: docs/how-to/budgets.md shows some.")
    else:
        from trueup.model.display import legible

        rows = map(_line, budgets)
        click.echo(sheet.aligned(HEAD, rows, RIGHT, names=("BUDGET", "SCOPE")))
        for one in budgets:
            for note in one.notes:
                click.echo(f"{legible(one.name)}: {legible(note)}")
        click.echo(f"Known up to {found.snapshot.as_of:%Y-%m-%dT%H:%M:%SZ}.")
        click.echo("TOTAL is ACTUAL and what is metered and not billed. Forecasts are estimates.")
    if told is not None:
        say(told, quiet=as_json)


def say(told: Told, what: str = "Alert", *, quiet: bool) -> None:
    """What was told on stdout, what could not be on stderr."""
    if not quiet:
        for line in told.delivered:
            click.echo(f"{what:<14}{line}")
    for line in told.failed:
        click.echo(f"{what} failed  {line}", err=True)


@command.command(name="check", epilog=EPILOG)
@click.option(
    "--scope",
    multiple=True,
    callback=options.pairs,
    metavar="NAME=VALUE",
    help="What is known of the work, as team=search; repeatable.",
)
@options.config
@click.option(
    "--snapshot",
    type=click.Path(),
    metavar="FILE",
    help="The snapshot; quicker than a configuration.  [default: the workspace's]",
)
@click.option(
    "--as-of",
    callback=options.read_instant,
    metavar="TIME",
    help="When it is asked: the age of the snapshot is counted to then.  [default: now]",
)
@desk.as_json
@click.pass_context
def check(
    ctx: click.Context,
    scope: dict[str, str],
    file: str,
    snapshot: str | None,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """Say whether work of a scope may start: allow, queue or stop.

    The first word says which; the exit code is 0 for allow, 1 for queue or stop. Every budget
    whose scope is part of the given one counts, and the strictest answers. Nothing is computed:
    the answer is of the last snapshot, with the age of what it knows.

    \b
    Examples:
      trueup budget check --scope team=search --scope agent=planner
      trueup budget check --scope model=m-large --snapshot .trueup/budgets.json --json
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.budgets.snapshot import ALLOW, Budget

    if snapshot is None:
        from trueup.workspace.workspace import SNAPSHOT

        path = desk.desk_of(file).workspace.folder / SNAPSHOT
    else:
        options.refuse("with --snapshot", "file")
        path = Path(snapshot)
    answer = Budget.check(scope, path, as_of or datetime.now(UTC))
    if as_json:
        click.echo(sheet.to_json(_answer(answer)))
    else:
        from trueup.model.display import legible

        click.echo(legible(str(answer)))
        for note in answer.notes:
            click.echo(f"  {legible(note)}")
    ctx.exit(0 if answer.verdict == ALLOW else NO)


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "verdict": answer.verdict,
        "reason": answer.reason,
        "as_of": answer.as_of,
        "age_seconds": answer.age.days * 86_400 + answer.age.seconds,
        "stale": answer.stale,
        "left": answer.left,
        "budget": None if answer.budget is None else answer.budget.name,
        "budgets": [
            {**_plain(one), "verdict": verdict, "reason": reason, "left": left}
            for verdict, reason, one, left in answer.judged
        ],
    }


def _plain(one: Budget) -> dict[str, Any]:
    """With ``accrued`` as everywhere but in a snapshot: only what is not billed."""
    return {**vars(one), "accrued": one.not_billed, "total": one.accrued, "left": one.left}


def _line(one: Budget) -> tuple[str, ...]:
    scope = " ".join(f"{name}={value}" for name, value in one.scope.items())
    figures = (one.actual, one.not_billed, one.accrued, one.forecast, one.amount)
    used = None if one.accrued is None else one.accrued / one.amount
    return (
        *(one.name, scope or "all", one.window),
        *map(sheet.amount, figures),
        *(one.currency, sheet.percent(used), one.verdict),
    )
