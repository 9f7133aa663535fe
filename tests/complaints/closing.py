"""The case that needs a close: a month is run, closed by two persons, and delivered once more."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq
from click.testing import CliRunner
from tests.complaints.golden import Case

from trueup.cli.app import app
from trueup.model.table import Table

OF_OCTOBER = ("restatements", "breaks", "identity")


def tables_after_close(case: Case, folder: Path) -> Mapping[str, Table]:
    """October's tables as of December, and the true-ups that November posts.

    ``folder`` is the empty current folder.
    """
    shutil.copy(case.folder / "trueup.toml", folder)
    (folder / "bills").mkdir()
    shutil.copy(case.folder / "october.csv", folder / "bills" / "october.csv")
    trueup("run")
    trueup("close", "2026-10", user="preparer")
    trueup("close", "2026-10", "--approve", user="approver")
    shutil.copy(case.folder / "october_later.csv", folder / "bills" / "october.csv")
    shutil.copy(case.folder / "november.csv", folder / "bills" / "november.csv")
    trueup("run", "--period", "2026-11", "--as-of", "2026-12-20")
    trueup("run", "--as-of", "2026-12-20")
    out = folder / "out"
    found = {name: read(out / f"2026-10/parquet/{name}.parquet") for name in OF_OCTOBER}
    return found | {"true_ups": read(out / "2026-11/parquet/true_ups.parquet")}


def read(path: Path) -> Table:
    arrow = pq.read_table(path)
    return Table(arrow.schema, arrow=arrow)


def trueup(*args: str, user: str = "nobody") -> None:
    """The command, called by a user of the machine; it has to succeed."""
    found = CliRunner().invoke(app, args, env={"LOGNAME": user})
    assert found.exit_code == 0, found.output
