"""``trueup init``: a commented configuration to start from."""

from __future__ import annotations

from pathlib import Path

import click

HEAD = """\
# What `trueup run` reads, how it judges and where the results go.
# Paths start from this file's folder; patterns (*.csv) and URLs work too. A line that begins with
# `#key` is off: remove the # to turn it on. `trueup doctor -c FILE` says what works.

[run]
# A year 2026, a quarter 2026-Q4, a month 2026-10, a day 2026-10-03, an hour 2026-10-03T14 or
# START/END, in UTC, END not in it. Without it: everything in the files. A nightly job leaves it
# out: `trueup run --due` knows which months (or days, by every = "day") are to be run.
#period = "2026-10"
# The run's clock, on which lag and age depend. Without it: the wall clock.
#as_of = "2026-11-05T06:00:00Z"
# Results go to <out>/<period>/, without a period to <out>/all/: result.json, report.html,
# report.xlsx and Parquet.
out = "out"
# duckdb on this machine, or spark where one machine is outgrown. Both give the same answer.
engine = "duckdb"
# Exit with 1 when there are breaks of at least material_amount; without that, any break counts.
fail_on_breaks = false
#material_amount = "100.00"

# Bills: FOCUS 1.0 to 1.4 as CSV, CSV.gz or Parquet. At least one.
[[charges]]
paths = ["bills/*.csv"]
#name = "all accounts"

# Contracts: FOCUS Contract Commitment 1.3 or 1.4, or a TOML file of [[commitment]] tables.
#[[commitments]]
#paths = ["contracts.csv"]

# Invoices: FOCUS Invoice Detail, or a table of totals (invoice_id, issuer, billing_period,
# currency, amount_due). Without them no amount due is compared.
#[[invoices]]
#paths = ["invoices.csv"]

# Telemetry: recognised by its content. Without it bill and usage are not compared. Files in which
# the same call may stand twice belong into one entry: there it is counted once.
#[[usage]]
#paths = ["telemetry/*.jsonl"]

# Any other table: which of its columns is which, and what is the same in every row.
#[[usage]]
#paths = ["calls.csv"]
#format = "table"
#columns = { window_start = "TIMESTAMP", input_tokens = "ContextTokens" }
#constants = { provider = "acme" }

# What may be spent, told and asked for: `trueup budget check --scope team=search`.
#[[budget]]
#name = "search"
#scope = { team = "search" }
#amount = "1000.00"
#currency = "USD"
#period = "month"

# Where it is told that a budget's threshold was crossed or that a night went wrong; needs
# pip install 'trueup[alerts]'.
#[alerts]
#urls = ["env:TRUEUP_ALERTS"]
#on = ["failed", "partial", "material_breaks"]

# A night's figures for those who watch over machines; needs pip install 'trueup[metrics]'.
#[metrics]
#textfile = "/var/lib/node_exporter/trueup.prom"
#otlp = "http://localhost:4318"

# Tolerances, rates, factors. They may stand in a file of their own: rules = "rules.toml", written
# above [run].
#[rules]
# What is held but not busy: shown apart, given to its owner, or spread over its users.
#idle = "apart"
#[[rules.tolerance]]
#leg = "usage"
#relative = "0.01"
"""


@click.command()
@click.option(
    "--out",
    "file",
    type=click.Path(dir_okay=False),
    default="trueup.toml",
    show_default=True,
    metavar="FILE",
    help="Where to write it.",
)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def command(file: str, force: bool) -> None:
    """Write a commented trueup.toml to start from.

    A file that is there stays as it is, unless --force is given.

    \b
    Examples:
      trueup init
      trueup init --out examples/mine/trueup.toml
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.errors import UsageError

    path = Path(file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as stream:
            stream.write(template())
    except FileExistsError as error:
        raise UsageError(f"{path}: is there already; --force overwrites it") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error
    click.echo(f"Wrote {path}. Edit it, then try: trueup doctor -c {path}")


def template() -> str:
    """The configuration that ``init`` writes: the common part, then a block per provider."""
    from trueup.adapter.registry import providers

    blocks = [adapter.configuration_template.strip() for adapter in providers().values()]
    return "\n\n".join([HEAD.strip(), *blocks]) + "\n"
