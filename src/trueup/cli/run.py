"""``trueup run``: the nightly job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from trueup.cli import options
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from trueup.job.outcome import JobOutcome
    from trueup.period import Period

MATERIAL_BREAKS = 1
FAILURES_SHOWN = 10


class Given(TypedDict):
    """The options, as they were given."""

    file: str
    period: Period | None
    as_of: datetime | None
    out: str | None
    engine: str | None
    fail_on_breaks: bool | None
    material_amount: Decimal | None
    quiet: bool
    replay: str | None
    known_at: datetime | None


@click.command(epilog=EPILOG)
@options.config
@options.period
@options.as_of
@options.out
@options.engine
@options.fail_on_breaks
@options.material_amount
@click.option(
    "--replay",
    type=click.Path(),
    metavar="DIR",
    help="Play providers' recorded answers from here instead of asking.",
)
@options.known_at
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what failed.")
@click.pass_context
def command(ctx: click.Context, **given: Unpack[Given]) -> None:
    """Perform the nightly job that a trueup.toml describes.

    Reads every source in turn, reconciles, prints a summary and writes the results to the
    configuration's out folder, in a folder for the period. A source that cannot be read is
    named, the rest is done and kept, and the exit code is 3. What was read and written is kept in
    the workspace; --known-at performs what was known on a past day again from there.

    \b
    Examples:
      trueup run
      trueup run -c examples/nightly/trueup.toml --period 2026-10
      trueup run --fail-on-breaks --material-amount 100
      trueup run --known-at 2026-11-05
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.cli.progress import progress_for
    from trueup.config import read_configuration
    from trueup.job.run import run
    from trueup.job.settings import Settings

    settings = Settings(
        period=given["period"],
        as_of=given["as_of"],
        out=None if given["out"] is None else Path(given["out"]),
        engine=given["engine"],
        fail_on_breaks=given["fail_on_breaks"],
        material_amount=given["material_amount"],
        replay=None if given["replay"] is None else Path(given["replay"]),
        known_at=given["known_at"],
    )
    config = read_configuration(given["file"])
    with progress_for(given["quiet"]) as progress:
        outcome = run(config, settings, progress)
    _say(outcome, given["quiet"])
    if outcome.told is not None:
        from trueup.cli.budget import say

        say(outcome.told, quiet=given["quiet"])
    ctx.exit(outcome.exit_code)


def _say(outcome: JobOutcome, quiet: bool) -> None:
    """The summary on stdout; what failed before it, or on stderr where there is no summary."""
    from trueup.model.display import legible_lines

    if outcome.result is None:
        click.echo("Error: no charges could be read, so nothing was reconciled.", err=True)
    if outcome.failures:
        click.echo(legible_lines("\n".join(_failed(outcome))), err=quiet or outcome.result is None)
    if outcome.result is not None and not quiet:
        click.echo(outcome.result.summary())
        click.echo(f"Evidence      {outcome.run_id}")
    if outcome.exit_code == MATERIAL_BREAKS:
        click.echo(f"{outcome.material_breaks} material breaks: exit code 1.", err=True)


def _failed(outcome: JobOutcome) -> Iterator[str]:
    """What a partial run is without, and the remedies, each once; the summary has the reasons."""
    count = len(outcome.failures)
    shown = outcome.failures[:FAILURES_SHOWN]
    if outcome.result is not None:
        sources = "1 source" if count == 1 else f"{count:,} sources"
        lacking = "could not be read; every figure is without them"
        if any(failure.partly for failure in outcome.failures):
            lacking = "could not be read, or not to the end; no figure has what is missing"
        yield f"PARTIAL RUN: {sources} {lacking}."
    for failure in shown:
        yield f"  {failure.kind}: {failure.text}"
    if count > FAILURES_SHOWN:
        yield f"  and {count - FAILURES_SHOWN:,} more"
    yield from dict.fromkeys(failure.remedy for failure in shown)
    if outcome.result is not None:
        yield ""
