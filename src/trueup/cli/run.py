"""``trueup run``: the nightly job."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from trueup.cli import options
from trueup.cli.exits import EPILOG, LOG

if TYPE_CHECKING:
    from trueup.budgets.review import Told
    from trueup.cli.log import JsonLog
    from trueup.job.night import Night
    from trueup.job.outcome import JobOutcome
    from trueup.job.settings import Settings
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
    log_format: str
    dry_run: bool
    due: bool
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
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Progress on stderr: for people, or one JSON object a line.",
)
@click.option("--due", is_flag=True, help="Run every period that is due: missed, or not final yet.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Read and check everything; say what would be asked and written; do neither.",
)
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
      trueup run -q --due
      trueup run --fail-on-breaks --material-amount 100
      trueup run --known-at 2026-11-05
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.cli.progress import progress_for
    from trueup.config import read_configuration
    from trueup.job.folder import folder_name
    from trueup.job.night import Night

    quiet, log = given["quiet"], _log(ctx, given)
    _refuse_together(given)
    config = read_configuration(given["file"])
    settings = _settings(given)
    night = Night(config, settings, partial(_tell, quiet, log))
    if given["dry_run"]:
        ctx.exit(_rehearse(night, quiet, log))
    with night:
        for period in night.periods():
            with progress_for(quiet, log) as progress:
                outcome = night.run(period, progress)
            _say(outcome, quiet, log, f"{folder_name(period)}: " if given["due"] else "")
            if outcome.told is not None:
                _tell(quiet, log, "budget", outcome.told)
    if not night.ended and not quiet:
        click.echo("Nothing is due: every period up to now was final at its last run.")
    ctx.exit(night.exit_code)


def _refuse_together(given: Given) -> None:
    """Raise UsageError for options that have no effect beside others."""
    if given["dry_run"]:
        options.refuse("with --dry-run", "known_at")
    if given["due"]:
        options.refuse("with --due", "period", "out", "known_at")


def _rehearse(night: Night, quiet: bool, log: JsonLog | None) -> int:
    from trueup.cli.progress import progress_for
    from trueup.cli.rehearsal import lines_of
    from trueup.job.rehearsal import rehearsed

    with progress_for(quiet, log) as progress:
        found = rehearsed(night.config, night.settings, night.periods(), progress, os.environ)
    if not quiet:
        click.echo("\n".join(lines_of(found)))
    elif log is None:
        for failure in found.failures:
            click.echo(f"{failure.kind}: {failure.text}", err=True)
    return found.exit_code


def _settings(given: Given) -> Settings:
    from trueup.job.settings import Settings

    return Settings(
        period=given["period"],
        as_of=given["as_of"],
        out=None if given["out"] is None else Path(given["out"]),
        engine=given["engine"],
        fail_on_breaks=given["fail_on_breaks"],
        material_amount=given["material_amount"],
        replay=None if given["replay"] is None else Path(given["replay"]),
        due=given["due"],
        known_at=given["known_at"],
    )


def _log(ctx: click.Context, given: Given) -> JsonLog | None:
    """Who writes the log, errors included, where it is for machines."""
    if given["log_format"] == "text":
        return None
    from trueup.cli.log import JsonLog

    log: JsonLog = JsonLog(quiet=given["quiet"])
    ctx.meta[LOG] = log
    return log


def _tell(quiet: bool, log: JsonLog | None, what: str, told: Told) -> None:
    """What was sent or written beside the results, on stdout; what could not be, on stderr."""
    if log is not None:
        log.told(what, told)
        return
    from trueup.cli.budget import say

    say(told, "Metrics" if what == "metrics" else "Alert", quiet=quiet)


def _say(outcome: JobOutcome, quiet: bool, log: JsonLog | None, name: str) -> None:
    """The summary on stdout; what failed before it, or on stderr where there is no summary.

    ``name`` is the period's, where there are several.
    """
    from trueup.job.outcome import DONE
    from trueup.model.display import legible_lines

    if outcome.nothing_yet and outcome.exit_code == DONE:
        if not quiet:
            click.echo(f"{name}no bill yet")
    elif log is None:
        if outcome.result is None:
            why = outcome.error or "no charges could be read, so nothing was reconciled."
            click.echo(legible_lines(f"Error: {name}{why}"), err=True)
        if outcome.failures:
            said = "\n".join(_failed(outcome))
            click.echo(legible_lines(name + said), err=quiet or outcome.result is None)
    if outcome.result is not None and not quiet:
        click.echo(outcome.result.summary())
        click.echo(f"Evidence      {outcome.run_id}")
    if outcome.exit_code == MATERIAL_BREAKS and log is None:
        click.echo(f"{name}{outcome.material_breaks} material breaks: exit code 1.", err=True)


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
