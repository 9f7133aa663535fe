"""``trueup doctor``: what works and what does not, with a remedy, without changing anything."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from trueup.cli.exits import EPILOG
from trueup.redacted import redacted

if TYPE_CHECKING:
    from trueup.cli.checks import Check
    from trueup.config import Configuration

DEFAULT_FILE = "trueup.toml"
WIDTH_MIN, WIDTH_MAX = 60, 140
STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "off": "dim"}
ORDER = ("off", "ok", "warn", "fail")  # what fails stands last: the end is what a terminal shows


@click.command(epilog=EPILOG)
@click.option(
    "-c",
    "--config",
    "file",
    type=click.Path(),
    metavar="FILE",
    help="The configuration to check.  [default: trueup.toml, if there is one]",
)
@click.pass_context
def command(ctx: click.Context, file: str | None) -> None:
    """Say what works and what does not; change nothing.

    Looks at Python, packages and engines, at each provider's SDK and credential variables (whether
    they are set, never their values), and at what the configuration names. What fails stands
    last, with what to do, above a line that counts; then the exit code is 1.

    \b
    Examples:
      trueup doctor
      trueup doctor -c examples/nightly/trueup.toml
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.cli.checks import FAIL, WARN, clouds, configured, machine

    config, found = _configuration(file)
    checks = [*machine(config, os.environ), *clouds(config, os.environ), *found]
    if config is not None:
        checks += configured(config)
    _show(sorted(checks, key=lambda check: ORDER.index(check.status)))
    failed = sum(check.status == FAIL for check in checks)
    warned = sum(check.status == WARN for check in checks)
    verdict = f"{failed} failed" if failed else "Everything needed works"
    click.echo(f"{verdict}, {warned} {'warning' if warned == 1 else 'warnings'}.")
    ctx.exit(1 if failed else 0)


def _configuration(file: str | None) -> tuple[Configuration | None, list[Check]]:
    """The configuration where it is valid, and a check of it, or one for each mistake in it."""
    from trueup.cli.checks import FAIL, OK, WARN, Check
    from trueup.config import read_configuration
    from trueup.errors import ConfigurationError

    path = Path(file or DEFAULT_FILE)
    if file is None and not path.exists():
        remedy = "`trueup init` writes one, -c names another"
        return None, [Check("configuration", WARN, f"no {path} here", remedy)]
    try:
        return read_configuration(path), [Check("configuration", OK, f"{path} is valid")]
    except ConfigurationError as error:
        mistakes = str(error).splitlines()
        return None, [Check("configuration", FAIL, line, "correct it") for line in mistakes]


def _show(checks: Sequence[Check]) -> None:
    """A table as wide as the terminal; plain text, and no colour where NO_COLOR says so."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from trueup.model.display import legible

    width = min(max(get_terminal_size((100, 24)).columns, WIDTH_MIN), WIDTH_MAX)
    table = Table(box=None, pad_edge=False, show_header=True)
    table.add_column("", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("found", overflow="fold", ratio=3)
    table.add_column("remedy", overflow="fold", ratio=2)
    for check in checks:
        style = STYLES[check.status]
        cells = (legible(redacted(text)) for text in (check.subject, check.found, check.remedy))
        table.add_row(Text(check.status, style=style), *(Text(cell) for cell in cells))
    Console(width=width, highlight=False).print(table)
