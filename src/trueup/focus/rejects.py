"""Rejected records on their way to a table: any number of them, never all in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trueup.focus.repair import literal
from trueup.model.schema import REJECTS
from trueup.model.table import Table

if TYPE_CHECKING:
    import duckdb

BUFFER_ROWS = 10_000
VALUE_CHARACTERS_MAX = 200


class RejectFile:
    """Collects rejects in any order; ``table`` gives them sorted by source and record.

    Safe to use from the engine's threads and the reader's at once.
    """

    def __init__(self, directory: Path) -> None:
        self._unsorted = directory / "rejects-unsorted.parquet"
        self._sorted = directory / "rejects.parquet"
        self._writer: pq.ParquetWriter | None = None
        self._rows: list[dict[str, Any]] = []
        self._lock = Lock()
        self.counts: Counter[int] = Counter()  # by source_id

    def add(self, source_id: int, row: int, reason: str, text: str) -> None:
        """Reject one record as a whole."""
        with self._lock:
            self._rows.append(
                {
                    "source_id": source_id,
                    "row_number": row,
                    "reason": reason,
                    "value": text[:VALUE_CHARACTERS_MAX],
                }
            )
            if len(self._rows) >= BUFFER_ROWS:
                self._flush()

    def extend(self, rejects: pa.Table) -> None:
        """Reject the records of a table that has REJECTS' columns; ``source`` may be null."""
        with self._lock:
            self._write(rejects)

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            self._write(Table.from_rows(REJECTS, rows).to_arrow())

    def _write(self, rejects: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._unsorted, REJECTS)
        for count in pc.value_counts(rejects["source_id"]).to_pylist():
            self.counts[count["values"]] += count["counts"]
        self._writer.write_table(rejects.cast(REJECTS))

    def close(self) -> None:
        """Finish the file; no reject can follow."""
        with self._lock:
            self._flush()
            if self._writer is not None:
                self._writer.close()

    def table(
        self, connection: duckdb.DuckDBPyConnection, names: Mapping[int, str], keep: object
    ) -> Table:
        """All rejects, sorted, with the sources' names; ``keep`` owns the directory."""
        self.close()
        if self._writer is None:
            return Table.from_rows(REJECTS, [])
        sources = pa.table({"id": list(names), "name": list(names.values())})
        connection.register("source_names", sources)
        connection.execute(
            "COPY (SELECT * EXCLUDE (id, name) REPLACE (name AS source) "
            f"FROM read_parquet({literal(str(self._unsorted))}) "
            "JOIN source_names ON id = source_id "
            f"ORDER BY source_id, row_number) TO {literal(str(self._sorted))} (FORMAT parquet)"
        )
        self._unsorted.unlink()
        return Table(REJECTS, files=[self._sorted], keep=keep)
