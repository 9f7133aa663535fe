"""``trueup reconcile``: the same as the job, on files named on the command line."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from trueup.cli import options
from trueup.cli.exits import EPILOG
from trueup.cli.gather import GatheringCommand, PathsOption

if TYPE_CHECKING:
    from trueup.model.dataset import Dataset
    from trueup.period import Period

MATERIAL_BREAKS, PARTIAL = 1, 3


class Given(options.Reading):
    """The options, as they were given."""

    charges: tuple[str, ...]
    commitments: tuple[str, ...]
    usage: tuple[str, ...]
    invoices: tuple[str, ...]
    rules: str | None
    period: Period | None
    as_of: datetime | None
    engine: str | None
    out: str | None
    fail_on_breaks: bool | None
    material_amount: Decimal | None


@click.command(cls=GatheringCommand, epilog=EPILOG)
@click.option("--charges", cls=PathsOption, required=True, help="FOCUS or native bills.")
@click.option("--commitments", cls=PathsOption, help="Contract commitments: FOCUS or TOML.")
@click.option("--usage", cls=PathsOption, help="Telemetry.")
@click.option("--invoices", cls=PathsOption, help="Invoices: FOCUS, totals or TOML.")
@click.option("--rules", type=click.Path(), metavar="F", help="Tolerances, rates: a TOML file.")
@options.period
@options.as_of
@options.engine
@options.out
@options.fail_on_breaks
@options.material_amount
@options.reading
@click.pass_context
def command(ctx: click.Context, **given: Unpack[Given]) -> None:
    """Reconcile files, without a configuration.

    Each of --charges, --commitments, --usage and --invoices takes one or more paths, patterns or
    URLs (F...) and may be repeated. Without --out only the summary is printed; without --period
    everything in the files is reconciled.

    \b
    Examples:
      trueup reconcile --charges bills/*.parquet
      trueup reconcile --charges bills/*.csv --commitments contracts.csv \\
          --usage spans.jsonl --period 2026-10 --out out
      trueup reconcile --charges bill.csv --usage calls.csv --usage-format table \\
          --usage-column window_start=TIMESTAMP --usage-constant provider=acme
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.api import reconcile
    from trueup.model.rules import read_rules
    from trueup.report.figures import is_partial

    rules = read_rules(given["rules"])
    if given["material_amount"] is not None:
        rules = rules.model_copy(update={"material_amount": given["material_amount"]})
    out = None if given["out"] is None else Path(given["out"])
    if out is not None:
        _refuse_unwritable(out)
    result = reconcile(
        list(given["charges"]),
        commitments=list(given["commitments"]) or None,
        usage=_usage(given),
        invoices=list(given["invoices"]) or None,
        period=given["period"],
        rules=rules,
        as_of=given["as_of"],
        engine=given["engine"] or "duckdb",
    )
    if out is not None:
        result.write(out)
    click.echo(result.summary())
    if is_partial(result):
        ctx.exit(PARTIAL)
    material = len(result.material_breaks(rules.material_amount))
    if given["fail_on_breaks"] and material:
        click.echo(f"{material} material breaks: exit code {MATERIAL_BREAKS}.", err=True)
        ctx.exit(MATERIAL_BREAKS)


def _usage(given: Given) -> Dataset | None:
    if given["usage"]:
        return options.read_usage(given["usage"], given)
    options.refuse("without --usage", *options.Reading.__annotations__)
    return None


def _refuse_unwritable(out: Path) -> None:
    from trueup.errors import UsageError
    from trueup.job.folder import why_not_writable

    refusal = why_not_writable(out)
    if refusal:
        raise UsageError(f"{out}: {refusal}; choose another folder with --out")
