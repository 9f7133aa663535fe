"""``trueup budget``: what was spent of what may be spent, and the gate for schedulers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trueup.cli import desk, options, sheet
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from decimal import Decimal

    from trueup.budgets.gate import Answer
    from trueup.budgets.review import Told
    from trueup.budgets.snapshot import Budget

NO = 1
HEAD = ("BUDGET", "SCOPE", "WINDOW", "ACTUAL", "ACCRUED", "FORECAST", "OF", "", "%", "STATE")
NONE = "No [[budget]] is in trueup.toml: docs/how-to/budgets.md shows some."


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
        return
    from trueup.job import reviewed

    at_desk = desk.desk_of(file)
    found, told = reviewed(at_desk.config, at_desk.clock, alerting=alert)
    budgets = [] if found is None else found.snapshot.budgets
    if as_json:
        click.echo(_json([_plain(one) for one in budgets]))
    else:
        click.echo(desk.aligned(HEAD, map(_line, budgets), "ACTUAL ACCRUED FORECAST OF %"))
        for line in (f"{one.name}: {note}" for one in budgets for note in one.notes):
            click.echo(line)
        if found is None:
            click.echo(desk.NEVER_RUN)
        else:
            click.echo(f"Known up to {found.snapshot.as_of:%Y-%m-%dT%H:%M:%SZ}.")
            click.echo(NONE if not budgets else "Forecasts are estimates.")
    if told is not None:
        say(told, quiet=as_json)


def say(told: Told, *, quiet: bool) -> None:
    """What was told on stdout, what could not be on stderr."""
    if not quiet:
        for line in told.delivered:
            click.echo(f"Alert         {line}")
    for line in told.failed:
        click.echo(f"Alert failed  {line}", err=True)


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
@options.as_of
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
        path = Path(snapshot)
    answer = Budget.check(scope, path, as_of or datetime.now(UTC))
    if as_json:
        click.echo(_json(_answer(answer)))
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
        "budgets": [_plain(one) for one in answer.budgets],
    }


def _plain(one: Budget) -> dict[str, Any]:
    return {**vars(one), "left": one.left}


def _json(value: object) -> str:
    def text(found: object) -> str:
        from trueup.money import plain
        from trueup.period import iso

        return iso(found) if isinstance(found, datetime) else plain(found)  # type: ignore[arg-type]  # amounts

    return json.dumps(value, indent=2, ensure_ascii=False, default=text)


def _line(one: Budget) -> tuple[str, ...]:
    scope = " ".join(f"{name}={value}" for name, value in one.scope.items())
    return (one.name, scope or "all", one.window, *_figures(one), one.verdict)


def _figures(one: Budget) -> Iterator[str]:
    from trueup.money import plain

    for value in (one.actual, one.accrued, one.forecast):
        yield _amount(value)
    yield plain(one.amount, 2)
    yield one.currency
    yield "-" if one.accrued is None else str((one.accrued * 100 / one.amount).quantize(_tenth()))


def _tenth() -> Decimal:
    from decimal import Decimal

    return Decimal("0.1")


def _amount(value: Decimal | None) -> str:
    from trueup.money import plain

    return "-" if value is None else plain(value, 2)
