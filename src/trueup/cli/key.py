"""``trueup key``: signing keys for those who close months."""

from __future__ import annotations

import json

import click

from trueup.cli.exits import EPILOG


@click.group(name="key", epilog=EPILOG)
def command() -> None:
    """Make a signing key for closing months.

    \b
    Examples:
      trueup key new --out close.key --name "Controller"
    """  # noqa: D301  click keeps what follows a backspace as it stands


@command.command(name="new", epilog=EPILOG)
@click.option("--out", required=True, type=click.Path(), metavar="FILE", help="A new file.")
@click.option("--name", required=True, help="Whose key it is, as the close shall name them.")
def new(out: str, name: str) -> None:
    """Make a signing key, and print the block that binds it to a person.

    The file is for its owner alone; set TRUEUP_KEY_PASSPHRASE to encrypt it. The block goes into
    trueup.toml: it is public.

    \b
    Examples:
      trueup key new --out ~/.config/trueup/close.key --name "Controller"
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from pathlib import Path

    from trueup.workspace.keys import new_key

    key = new_key(Path(out).expanduser())
    click.echo("[[person]]")
    click.echo(f"name = {json.dumps(name, ensure_ascii=False)}")
    click.echo(f'public_key = "{key.public}"')
    click.echo('may = ["prepare"]  # or "approve", or both: never both for one month')
