"""Result tables over all runs, in Delta Lake: for DuckDB, Spark and BI tools. Derived from ``raw``.

One Delta table per result table, partitioned by ``run_id``; a table that is empty in a run is not
written. The journal has the hash of every file; what a killed run left is taken away by the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.workspace.store import digest_of

if TYPE_CHECKING:
    from trueup.model.table import Table

TABLES = "tables"
RUN_ID = "run_id"


def append(folder: Path, run_id: str, tables: Mapping[str, Table]) -> dict[str, str]:
    """Add a run's rows to the Delta tables; the path and SHA-256 of every file this wrote."""
    import pyarrow as pa
    from deltalake import write_deltalake
    from deltalake.transaction import PostCommitHookProperties

    written: dict[str, str] = {}
    for name, table in tables.items():
        if not len(table):
            continue
        place = folder / TABLES / name
        before = set(files_of(place))
        schema = pa.schema([pa.field(RUN_ID, pa.string()), *table.schema])
        batches = (
            pa.RecordBatch.from_arrays(
                [pa.array([run_id] * batch.num_rows), *batch.columns], schema=schema
            )
            for batch in table.reader()
        )
        write_deltalake(
            place,
            pa.RecordBatchReader.from_batches(schema, batches),
            mode="append",
            schema_mode="merge",
            partition_by=[RUN_ID],
            post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
        )
        changed = [path for path in files_of(place) if path not in before or path.name[0] == "_"]
        written |= {path.relative_to(folder).as_posix(): digest_of(path) for path in changed}
    return written


def files_of(place: Path) -> Iterator[Path]:
    """Every file below a folder, in order; none where it is not there."""
    yield from sorted(path for path in place.rglob("*") if not path.is_dir())


def take_away(folder: Path, known: Mapping[str, str]) -> list[str]:
    """Remove the files of the Delta tables that no entry knows: a run was killed before it ended.

    A Delta table is its log: without the last log files it is what it was before that run.
    """
    left = [
        path
        for path in files_of(folder / TABLES)
        if path.relative_to(folder).as_posix() not in known
    ]
    for path in left:
        path.unlink()
    return [path.relative_to(folder).as_posix() for path in left]
