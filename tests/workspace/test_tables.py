"""Result tables over all runs in Delta Lake; what a killed run left of them goes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from tests.workspace.month import ran, written
from trueup.errors import IntegrityError
from trueup.model.table import Table
from trueup.report.parquet import write_parquet
from trueup.workspace.store import digest_of
from trueup.workspace.tables import LAST_CHECKPOINT, TABLES, append, files_of, take_away
from trueup.workspace.verify import verify
from trueup.workspace.workspace import Workspace

AT = datetime(2026, 11, 9, tzinfo=UTC)
SCHEMA = pa.schema([("subject", pa.string()), ("amount", pa.decimal128(38, 18))])


def table(*amounts: int) -> Table:
    return Table.from_rows(SCHEMA, [{"subject": "x", "amount": amount} for amount in amounts])


def rows(folder: Path, name: str) -> list[tuple[str, int]]:
    """Run and amount of each row of a Delta table, as any reader of Delta sees them."""
    found = DeltaTable(str(folder / TABLES / name)).to_pyarrow_table().to_pylist()
    return sorted((row["run_id"], int(row["amount"])) for row in found)


def test_runs_stand_side_by_side_and_every_file_is_hashed(tmp_path: Path) -> None:
    """Twelve runs, past a checkpoint; one table has rows in all, one is empty and not written."""
    known = append(tmp_path, "run-0001", {"breaks": table(1, 2), "claims": table()})
    for number in range(2, 13):
        known |= append(tmp_path, f"run-{number:04d}", {"breaks": table(number + 1)})
    first = [("run-0001", 1), ("run-0001", 2)]
    assert rows(tmp_path, "breaks") == first + [(f"run-{n:04d}", n + 1) for n in range(2, 13)]
    there = {p.relative_to(tmp_path).as_posix(): digest_of(p) for p in files_of(tmp_path)}
    assert there == known
    assert {path.split("/")[1] for path in known} == {"breaks"}


def test_rows_that_are_not_where_they_belong_stop_the_run(tmp_path: Path) -> None:
    """A name that Delta Lake spells another way, and a file in the place of a folder."""
    with pytest.raises(IntegrityError, match="the rows of run 1:ä are not where they belong"):
        append(tmp_path, "run 1:ä", {"breaks": table(1)})
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(NotADirectoryError):
        list(files_of(file))
    assert list(files_of(tmp_path / "nowhere")) == []


def test_a_column_that_comes_later_is_null_before(tmp_path: Path) -> None:
    """Tables gain columns over the versions."""
    append(tmp_path, "run-0001", {"breaks": table(1)})
    wider = SCHEMA.append(pa.field("cause", pa.string()))
    later = Table.from_rows(wider, [{"subject": "x", "amount": 2, "cause": "late"}])
    append(tmp_path, "run-0002", {"breaks": later})
    found = DeltaTable(str(tmp_path / TABLES / "breaks")).to_pyarrow_table().to_pylist()
    assert {row["run_id"]: row["cause"] for row in found} == {"run-0001": None, "run-0002": "late"}


def test_a_killed_run_s_tables_go_also_where_it_wrote_a_checkpoint(tmp_path: Path) -> None:
    """Run 10 writes the first checkpoint and dies; the table is that of 9 runs, and goes on."""
    known: dict[str, str] = {}
    for number in range(1, 10):
        known |= append(tmp_path, f"run-{number:04d}", {"breaks": table(number)})
    log = tmp_path / TABLES / "breaks" / "_delta_log"
    assert not (log / LAST_CHECKPOINT).exists()
    append(tmp_path, "run-0010", {"breaks": table(10), "claims": table(7)})
    assert (log / LAST_CHECKPOINT).exists()
    left = take_away(tmp_path, known)
    assert {"tables/breaks/_delta_log/_last_checkpoint"} < set(left)
    assert len(rows(tmp_path, "breaks")) == 9
    assert {p.relative_to(tmp_path).as_posix() for p in files_of(tmp_path)} == known.keys()
    append(tmp_path, "run-0011", {"breaks": table(11), "claims": table(8)})
    assert rows(tmp_path, "breaks")[-2:] == [("run-0009", 9), ("run-0011", 11)]
    assert rows(tmp_path, "claims") == [("run-0011", 8)]


@pytest.mark.parametrize(
    "spoil",
    [Path.unlink, lambda path: path.write_bytes(b""), lambda path: rmtree(path.parents[1])],
    ids=["gone", "empty", "all gone"],
)
@pytest.mark.parametrize("suffix", ["parquet", "json"])
def test_a_table_whose_files_differ_is_made_anew_by_the_next_run(
    tmp_path: Path, spoil: Callable[[Path], object], suffix: str
) -> None:
    """From what runs kept, a column that came later and all; the other tables are left alone."""
    workspace = Workspace(tmp_path)
    keep(workspace, {"claims": table(8)})  # a run without a break
    keep(workspace, {"breaks": table(1, 2), "claims": table(9)})
    wider = SCHEMA.append(pa.field("cause", pa.string()))
    keep(workspace, {"breaks": Table.from_rows(wider, [{"subject": "y", "cause": "late"}])})
    known = workspace.table_files()
    before = DeltaTable(str(tmp_path / TABLES / "breaks")).to_pyarrow_table().to_pylist()
    spoil(max((tmp_path / TABLES / "breaks").rglob(f"*.{suffix}")))
    assert [one.where for one in verify(tmp_path).differences]
    workspace.begin(AT, {})
    (rebuilt,) = (one.body for one in workspace.journal.entries() if one.kind == "rebuilt")
    assert rebuilt["table"] == "breaks"
    after = DeltaTable(str(tmp_path / TABLES / "breaks")).to_pyarrow_table().to_pylist()
    assert sorted(map(repr, after)) == sorted(map(repr, before))
    files = workspace.table_files()
    assert {(path, digest) for path, digest in known.items() if "claims" in path} < files.items()
    assert verify(tmp_path).differences == []


def keep(workspace: Workspace, of_run: dict[str, Table]) -> None:
    """A run that ended with these tables, each kept as a run keeps it."""
    outputs = {}
    for name, rows in of_run.items():
        kept = write_parquet(rows, workspace.folder / "written.parquet")
        outputs[f"parquet/{name}.parquet"] = workspace.store.put_file(kept)
        kept.unlink()
    run_id = workspace.begin(AT, {})
    workspace.end(run_id, AT, {"inputs": [], "outputs": outputs}, of_run)


def test_a_table_is_read_without_threads_of_pools(tmp_path: Path) -> None:
    """A process that only looks starts none: one that ends while they begin is aborted, code 134."""
    if not Path("/proc/self/task").exists():
        pytest.skip("only Linux tells a process's threads under /proc")
    ran(written(tmp_path))
    looks = (
        "import os, pathlib, sys, pyarrow.parquet, pyarrow.dataset\n"
        "from trueup.workspace.workspace import Workspace\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "table = Workspace(pathlib.Path(sys.argv[1])).table('run-0001', 'commitments')\n"
        "print(len(table), len(os.listdir('/proc/self/task')) - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", looks, str(tmp_path / ".trueup")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "1 0\n"
