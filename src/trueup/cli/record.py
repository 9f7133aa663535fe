"""``trueup record``: a provider's answers kept for offline runs, without ids or secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.cli import options

if TYPE_CHECKING:
    from trueup.period import Period

PARTIAL = 3


@click.command()
@click.argument("provider")
@click.option(
    "-c",
    "--config",
    "file",
    type=click.Path(),
    default="trueup.toml",
    show_default=True,
    metavar="FILE",
    help="The configuration with the provider's settings.",
)
@options.period
@click.option(
    "--out", required=True, type=click.Path(), metavar="DIR", help="A new folder to record into."
)
@click.option(
    "--key-file",
    type=click.Path(),
    default="~/.config/trueup/pseudonyms.key",
    show_default=True,
    metavar="FILE",
    help="The key of the pseudonyms: made at first use, never stored in a recording.",
)
@click.pass_context
def command(
    ctx: click.Context, provider: str, file: str, period: Period | None, out: str, key_file: str
) -> None:
    """Record a provider's answers, to be replayed offline.

    Asks your own account as `trueup run` does and keeps every exchange. Ids and addresses become
    pseudonyms, headers that may hold keys are dropped, and nothing is written that still holds
    an id or a secret.

    \b
    Examples:
      trueup record PROVIDER --period 2026-10 --out recordings/october
      trueup run --replay recordings/october
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from datetime import UTC, datetime

    from trueup.config import read_configuration
    from trueup.errors import UsageError
    from trueup.fetch.cassette.case import key_of, record_case

    config = read_configuration(file)
    if provider not in config.providers:
        known = ", ".join(config.providers) or "none"
        raise UsageError(f"{file}: has no [providers.{provider}]; configured are: {known}")
    asked_for = period or config.run.period
    if asked_for is None:
        raise UsageError("recording needs a period: --period 2026-10")
    folder = Path(out)
    fetched = record_case(
        provider,
        config.providers[provider].given,
        asked_for,
        folder,
        key_of(Path(key_file).expanduser(), folder),
        datetime.now(UTC),
    )
    from trueup.model.display import legible_lines

    for one in fetched.not_asked:
        click.echo(f"not asked: {one}")
    for failure in fetched.failures:
        said = f"failed: {failure.what}: {failure.reason}; {failure.remedy}"
        click.echo(legible_lines(said), err=True)
    click.echo(f"recorded {len(fetched.feeds)} feeds of {provider} in {folder}")
    ctx.exit(PARTIAL if fetched.failures else 0)
