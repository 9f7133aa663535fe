"""``trueup export``: statements of a past run, or its charges as FOCUS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.cli import desk, options
from trueup.cli.exits import EPILOG

if TYPE_CHECKING:
    from trueup.model.rules import Chargeback as Policy
    from trueup.model.table import Table
    from trueup.workspace.run import Run
    from trueup.workspace.workspace import Workspace

run_option = click.option(
    "--run", "run_id", metavar="RUN", help="A run, as run-0007.  [default: the last]"
)
out = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Write here.",
)


@click.group(epilog=EPILOG)
def command() -> None:
    """Write a past run's statements, or its charges as FOCUS.

    \b
    Examples:
      trueup export chargeback --out statements
      trueup export focus --out focus
    """  # noqa: D301  click keeps what follows a backspace as it stands


@command.command(epilog=EPILOG)
@options.config
@run_option
@click.option("--team", help="Only the statement of this team: nothing of any other is in it.")
@out
def chargeback(file: str, run_id: str | None, team: str | None, out: Path) -> None:
    """Write the statements of a past run, by the chargeback rules as they are now.

    \b
    Examples:
      trueup export chargeback --out statements
      trueup export chargeback --run run-0007 --team search --out for-search
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.errors import ConfigurationError
    from trueup.report.chargeback import BOOK_FILE, PAGE_FILE, Chargeback

    at = desk.desk_of(file)
    run = _run(at.workspace, run_id)
    policy: Policy | None = at.rules.chargeback
    if policy is None:
        raise ConfigurationError(
            f"{file}: nobody is charged: write a table [rules.chargeback], "
            "as docs/how-to/charge-back.md does"
        )
    charged = Chargeback(_kept(at.workspace, run), policy)
    if team is None:
        written = charged.write(out)
    else:
        written = [charged.to_html(out / PAGE_FILE, team), charged.to_excel(out / BOOK_FILE, team)]
    click.echo("\n".join(str(path) for path in written))


@command.command(epilog=EPILOG)
@options.config
@run_option
@out
def focus(file: str, run_id: str | None, out: Path) -> None:
    """Write the charges and contracts of a past run as FOCUS 1.4.

    They are read again from what landed; none of the original files is needed. What FOCUS asks for
    and no source stated is null, and is named.

    \b
    Examples:
      trueup export focus --out focus
    """  # noqa: D301  click keeps what follows a backspace as it stands
    from trueup.recovery import datasets_of, given_by
    from trueup.report.focus import write_datasets

    workspace = desk.desk_of(file).workspace
    run = _run(workspace, run_id)
    read = datasets_of(given_by(workspace, run))
    charges, contracts = read["charges"], read["commitments"]
    if charges is None:
        raise ValueError("a run has charges")
    written = write_datasets(charges.table, None if contracts is None else contracts.table, out)
    click.echo("\n".join([*(str(path) for path in written.files), *written.notes]))


def _run(workspace: Workspace, run_id: str | None) -> Run:
    """The run of that name, else the last; UsageError where there is none."""
    from trueup.errors import UsageError

    runs = workspace.runs()
    if run_id is None and not runs:
        raise UsageError(f"{workspace.folder}: it has never run: `trueup run` fills it")
    return runs[-1] if run_id is None else workspace.run(run_id)


@dataclass(frozen=True)
class _Kept:
    """What a run left in the workspace, as chargeback wants it."""

    start: datetime
    end: datetime
    as_of: datetime
    allocations: Table
    commitments: Table
    identity: Table
    spend: Table
    activity: Table


def _kept(workspace: Workspace, run: Run) -> _Kept:
    from trueup.errors import UsageError

    if "parquet/spend.parquet" not in run.outputs:
        raise UsageError(
            f"{run.run_id} has no table of spend, which statements are made of: perform it again "
            f"with this trueup, `trueup run --known-at {run.as_of:%Y-%m-%dT%H:%M:%SZ}`"
        )
    names = ("allocations", "commitments", "identity", "spend", "activity")
    tables = {name: workspace.table(run.run_id, name) for name in names}
    return _Kept(run.start, run.end, run.as_of, **tables)
