"""Result tables over all runs, in Delta Lake: for DuckDB, Spark and BI tools. Derived from ``raw``.

One Delta table per result table, partitioned by ``run_id``; a table that is empty in a run is not
written. The journal has the hash of every file; what a killed run left is taken away by the next,
and a table whose files are no longer those is made anew.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from trueup.errors import IntegrityError
from trueup.workspace.store import all_synced, digest_of, synced

if TYPE_CHECKING:
    import pyarrow as pa

    from trueup.model.table import Table

TABLES = "tables"
RUN_ID = "run_id"
LOG = "_delta_log"
# A run reads the log since the last checkpoint, of every table: it takes time and memory.
CHECKPOINTS = {"delta.checkpointInterval": "10"}
LAST_CHECKPOINT = "_last_checkpoint"  # names the newest checkpoint; the only file ever replaced


def append(folder: Path, run_id: str, tables: Mapping[str, Table]) -> dict[str, str]:
    """Add a run's rows to the Delta tables; the path and SHA-256 of every file this wrote.

    All of it is on the disk, which Delta Lake does not see to.
    """
    written: list[Path] = []
    for name, table in tables.items():
        if not len(table):
            continue
        place = folder / TABLES / name
        before = {path for path in files_of(place / LOG) if path.name != LAST_CHECKPOINT}
        _add(place, run_id, table.reader())
        rows = list(files_of(place / f"{RUN_ID}={run_id}"))
        if not rows:
            raise IntegrityError(f"{place}: the rows of {run_id} are not where they belong")
        written += [path for path in files_of(place / LOG) if path not in before]
        written += rows
    return _hashed(folder, written)


def rebuild(
    folder: Path, name: str, of_runs: Iterable[tuple[str, pa.RecordBatchReader]]
) -> dict[str, str]:
    """Make one Delta table anew, run by run; the path and SHA-256 of every file of it."""
    place = folder / TABLES / name
    if place.exists():
        rmtree(place)
    for run_id, rows in of_runs:
        _add(place, run_id, rows)
    return _hashed(folder, list(files_of(place)))


def _add(place: Path, run_id: str, rows: pa.RecordBatchReader) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake
    from deltalake.transaction import PostCommitHookProperties

    schema = pa.schema([pa.field(RUN_ID, pa.string()), *rows.schema])
    batches = (
        pa.RecordBatch.from_arrays(
            [pa.array([run_id] * batch.num_rows), *batch.columns], schema=schema
        )
        for batch in rows
    )
    write_deltalake(
        place,
        pa.RecordBatchReader.from_batches(schema, batches),
        mode="append",
        schema_mode="merge",
        partition_by=[RUN_ID],
        configuration=CHECKPOINTS,
        post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
    )


def _hashed(folder: Path, files: Collection[Path]) -> dict[str, str]:
    all_synced(files, folder)
    return {path.relative_to(folder).as_posix(): digest_of(path) for path in files}


def files_of(place: Path) -> Iterator[Path]:
    """Every file below a folder, in order; none where it is not there."""
    for folder, below, files in os.walk(place, onerror=_raised):
        below.sort()
        yield from (Path(folder, name) for name in sorted(files))


def _raised(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def take_away(folder: Path, known: Mapping[str, str]) -> list[str]:
    """Remove the files of the Delta tables that no entry knows: a run was killed before it ended.

    A Delta table is its log: without the last log files it is what it was before that run. What
    names the newest checkpoint goes too where it may name one of these; it is only a short cut.
    """
    left = [
        where
        for where in known
        if where.endswith(LAST_CHECKPOINT) and not (folder / where).exists()
    ]
    for path in files_of(folder / TABLES):
        where = path.relative_to(folder).as_posix()
        replaced = path.name == LAST_CHECKPOINT and known.get(where) != digest_of(path)
        if where not in known or replaced:
            path.unlink()
            synced(path.parent)
            left.append(where)
    return left


def damaged(folder: Path, known: Mapping[str, str], suspect: Collection[str]) -> list[str]:
    """The Delta tables of which a file is missing, or a suspect one has other bytes.

    Where any is missing, every file is suspect.
    """
    missing = [where for where in known if not (folder / where).exists()]
    suspect = known if missing else suspect
    changed = (
        where
        for where in suspect
        if where not in missing and digest_of(folder / where) != known[where]
    )
    return sorted({table_of(where) for where in (*missing, *changed)})


def table_of(path: str) -> str:
    """The name of the Delta table that a file belongs to, by its path in the workspace."""
    return path.split("/")[1]
