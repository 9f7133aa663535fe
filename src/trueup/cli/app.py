"""The group of all commands, with their one-line help, so that ``--help`` imports none of them."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from trueup.cli.exits import EPILOG, ExitCodes, ended_by_sigterm

# name -> (module that defines `command`, one line of help)
COMMANDS = {
    "run": ("trueup.cli.run", "Perform the nightly job that a trueup.toml describes."),
    "reconcile": ("trueup.cli.reconcile", "Reconcile files, without a configuration."),
    "record": ("trueup.cli.record", "Record a provider's answers, to be replayed offline."),
    "init": ("trueup.cli.init", "Write a commented trueup.toml to start from."),
    "breaks": ("trueup.cli.breaks", "Show breaks with their state and age; decide on them."),
    "close": ("trueup.cli.close", "Close a period: prepare, approve, reopen, pack."),
    "diff": ("trueup.cli.diff", "Say what changed between two runs, and why."),
    "burn": ("trueup.cli.burn", "Say how fast credits and money burn, and how far they reach."),
    "forecast": ("trueup.cli.forecast", "Forecast use, what will lapse, and until when to act."),
    "budget": ("trueup.cli.budget", "Show budgets; answer whether work may start."),
    "plan": ("trueup.cli.plan", "Say how much to commit: the best level of each offer."),
    "sessions": ("trueup.cli.sessions", "Show which sessions cost most, or SESSION step by step."),
    "drivers": (
        "trueup.cli.drivers",
        "Show what drives cost, and what changed against the time before.",
    ),
    "anomalies": ("trueup.cli.anomalies", "Show days whose cost was not as expected, and why."),
    "efficiency": ("trueup.cli.efficiency", "Show what was got per credit and per GPU-hour."),
    "export": ("trueup.cli.export", "Write a past run's statements, or its charges as FOCUS."),
    "verify": ("trueup.cli.verify", "Look at every byte of the workspace; name what differs."),
    "replay": ("trueup.cli.replay", "Perform a past run again, and compare byte for byte."),
    "key": ("trueup.cli.key", "Make a signing key for closing months."),
    "doctor": ("trueup.cli.doctor", "Say what works and what does not; change nothing."),
}


class Commands(click.Group):
    """Imports a command when it is called; turns errors into one line and an exit code."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            close = get_close_matches(name, COMMANDS, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Commands: {', '.join(COMMANDS)}."
            raise click.UsageError(f"There is no command {name!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        with ExitCodes(ctx), ended_by_sigterm():
            return super().invoke(ctx)


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"trueup {version('trueup')}")
        ctx.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def app() -> None:
    """Reconcile prepaid cloud compute: contract, bill and telemetry, to the last digit.

    \b
    Examples:
      trueup run -c examples/nightly/trueup.toml
      trueup reconcile --charges bills/*.csv --usage spans.jsonl --out out
    """  # noqa: D301  click keeps what follows a backspace as it stands
