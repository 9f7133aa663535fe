"""``trueup verify``: every byte of a workspace, against what the journal says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trueup.cli import options
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from trueup.workspace.verify import Verification

DIFFERS = 1
SHOWN_MAX = 50


@click.command(epilog=EPILOG)
@options.config
@click.option(
    "--head", metavar="HASH", help="A head that was written down: it must still be there."
)
@click.pass_context
def command(ctx: click.Context, file: str, head: str | None) -> None:
    """Look at every byte of the workspace; name what differs.

    Answers 0 where all is as it was left, 1 where something was changed, is missing, was moved or
    came in, and names it; 2 where no run was ever kept. The head that it prints stands for
    everything up to now: write it down elsewhere, and give it with --head next time, so that
    nothing can be cut off the end.

    \b
    Examples:
      trueup verify
      trueup verify -c trueup.toml --head 4be0...
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.config import read_configuration
    from trueup.errors import UsageError
    from trueup.job.settings import workspace_of
    from trueup.workspace.verify import verify

    folder = workspace_of(read_configuration(file)).folder
    found = verify(folder, head)
    if not found.entries and not found.differences:
        raise UsageError(
            f"{folder}: nothing is here to look at; `trueup run` fills it, unless its workspace is "
            "another one ([run] workspace)"
        )
    _say(found)
    ctx.exit(DIFFERS if found.differences else 0)


def _say(found: Verification) -> None:
    from trueup.model.display import legible

    for one in found.differences[:SHOWN_MAX]:
        click.echo(legible(f"{one.where}: {one.what}; {one.remedy}"))
    more = len(found.differences) - SHOWN_MAX
    if more > 0:
        click.echo(f"and {more:,} more")
    for what in found.unchecked:
        click.echo(f"not checked: {what}; that needs a journal that is whole")
    if found.at_work:
        click.echo(f"{found.at_work} is at work: what it writes is not compared yet")
    for where in found.left_over:
        by = "being written" if found.at_work else "left by a run that was killed"
        click.echo(legible(f"{where}: {by}; the next run tidies it up"))
    looked = f"{found.entries:,} entries, {found.files:,} files, {found.size_bytes:,} bytes"
    verdict = f"{len(found.differences):,} differ" if found.differences else "all as they were left"
    if found.unchecked:
        verdict += f", {len(found.unchecked)} things were not checked"
    click.echo(f"{looked}: {verdict}.")
    click.echo(f"head {found.head}")
