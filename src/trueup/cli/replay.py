"""``trueup replay``: a past run performed again from what landed, and compared."""

from __future__ import annotations

import click

from trueup.cli import options
from trueup.cli.exits import EPILOG

DIFFERS = 1


@click.command(epilog=EPILOG)
@click.argument("run")
@options.config
@click.pass_context
def command(ctx: click.Context, run: str, file: str) -> None:
    """Perform a past run again, and compare byte for byte.

    RUN is its name, as `trueup run` says it: run-0007. Nothing is asked of anyone and none of the
    original files is needed. Answers 0 where all is the same, 1 where something differs.

    \b
    Examples:
      trueup replay run-0001
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from functools import partial

    from trueup.carried import Book, completed
    from trueup.config import read_configuration
    from trueup.errors import IntegrityError
    from trueup.job.settings import workspace_of
    from trueup.recovery import replay

    workspace = workspace_of(read_configuration(file))
    past = workspace.run(run)
    before = [entry for entry in workspace.journal.entries() if entry.number < past.number]
    book = Book(workspace, before, past.run_id)
    try:
        found = replay(workspace, past, partial(completed, book))
    except IntegrityError as error:  # what landed is no longer what it was
        click.echo(f"{run}: {error}")
        ctx.exit(DIFFERS)
    for one in found:
        if one.at_byte is None:
            click.echo(f"{one.path}: is there on one side only")
        else:
            seen = f"{one.before!r} then, {one.after!r} now"
            click.echo(f"{one.path}: differs from byte {one.at_byte:,}: {seen}")
    if found:
        from importlib.metadata import version

        made, now = past.body["version"], version("trueup")
        if made != now:
            click.echo(f"{run} was made by trueup {made}, this is {now}: replay it with that one.")
        ctx.exit(DIFFERS)
    click.echo(f"{run}: {len(past.outputs):,} outputs, all the same, byte for byte.")
