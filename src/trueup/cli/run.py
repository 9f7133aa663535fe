"""``trueup run``: the nightly job."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.cli import options

if TYPE_CHECKING:
    from trueup.job import JobOutcome
    from trueup.period import Period


@click.command()
@click.option(
    "-c",
    "--config",
    "file",
    type=click.Path(),
    default="trueup.toml",
    show_default=True,
    metavar="FILE",
    help="The configuration.",
)
@options.period
@options.as_of
@options.out
@options.engine
@options.fail_on_breaks
@options.material_amount
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what failed.")
@click.pass_context
def command(
    ctx: click.Context,
    file: str,
    period: Period | None,
    as_of: datetime | None,
    out: str | None,
    engine: str | None,
    fail_on_breaks: bool | None,
    material_amount: Decimal | None,
    quiet: bool,
) -> None:
    """Perform the nightly job that a configuration describes.

    Reads every source in turn, reconciles, prints a summary and writes the results to the
    configuration's out folder, in a folder for the period. A source that cannot be read is
    named, the rest is done and kept, and the exit code is 3.

    \b
    Examples:
      trueup run
      trueup run -c examples/nightly/trueup.toml --period 2026-10
      trueup run --fail-on-breaks --material-amount 100
    """
    from trueup.cli.progress import progress_for
    from trueup.config import read_configuration
    from trueup.job import Settings, run

    settings = Settings(
        period=period,
        as_of=as_of,
        out=None if out is None else Path(out),
        engine=engine,
        fail_on_breaks=fail_on_breaks,
        material_amount=material_amount,
    )
    config = read_configuration(file)
    with progress_for(quiet) as progress:
        outcome = run(config, settings, progress)
    _say(outcome, quiet)
    ctx.exit(outcome.exit_code)


def _say(outcome: JobOutcome, quiet: bool) -> None:
    if outcome.result is not None and not quiet:
        click.echo(outcome.result.summary())
    if outcome.failures:
        _say_failures(outcome)
    elif outcome.exit_code:
        click.echo(f"{outcome.material_breaks} material breaks: exit code 1.", err=True)


def _say_failures(outcome: JobOutcome) -> None:
    count = len(outcome.failures)
    sources = "1 source" if count == 1 else f"{count} sources"
    if outcome.result is None:
        click.echo(f"Error: no charges could be read; {sources} failed:", err=True)
    else:
        click.echo(f"PARTIAL RUN: {sources} could not be read, the rest is done:", err=True)
    for failure in outcome.failures:
        click.echo(f"  {failure.kind}: {failure.text}", err=True)
        click.echo(f"    {failure.remedy}", err=True)
