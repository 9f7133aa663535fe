"""A table on its way to a Parquet file, chunk by chunk: each becomes a row group."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


class TableFile:
    """A Parquet file of a schema, written in order; ``close`` finishes it, rows or none."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self._schema = schema
        self._stored = schema
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: pa.Table) -> None:
        """Append rows that have at least the schema's columns, in any order."""
        rows = rows.select(self._schema.names)
        writer = self._writer or self._opened(rows)
        writer.write_table(rows.cast(self._stored), row_group_size=max(rows.num_rows, 1))

    def close(self) -> None:
        """Finish the file; no rows can follow."""
        if self._writer is None:
            self._opened(self._schema.empty_table())
        if self._writer is not None:
            self._writer.close()

    def _opened(self, first: pa.Table) -> pq.ParquetWriter:
        """The writer. Text that the first rows have goes by its values, as the format keeps it."""
        self._stored = pa.schema([_stored(each, first[each.name]) for each in self._schema])
        # Numbers of rows never repeat.
        repeating = [each.name for each in self._schema if not pa.types.is_int64(each.type)]
        self._writer = pq.ParquetWriter(
            self.path, self._stored, use_dictionary=repeating, store_schema=False
        )
        return self._writer


def _stored(each: pa.Field, rows: pa.ChunkedArray) -> pa.Field:
    if pa.types.is_string(each.type) and rows.null_count < len(rows):
        return each.with_type(pa.dictionary(pa.int32(), each.type))
    return each
