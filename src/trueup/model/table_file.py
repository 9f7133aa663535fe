"""A table on its way to a Parquet file, chunk by chunk: each becomes a row group."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trueup.model.columns import numbers_stored

REPEATS_MIN = 4
MAY_BE_ALONE = (pa.types.is_dictionary, pa.types.is_string, pa.types.is_decimal128)


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
        writer = self._writer or self._opened(self._schema.empty_table())
        writer.close()

    def _opened(self, first: pa.Table) -> pq.ParquetWriter:
        """The writer: text that repeats itself in the first rows goes by its values."""
        alone = {each.name for each in self._schema if _is_alone(first[each.name])}
        fields = [
            each
            if each.name in alone or first[each.name].null_count == len(first)
            else _by_value(each)
            for each in self._schema
        ]
        self._stored = pa.schema(fields)
        repeating = [name for name in self._schema.names if name not in alone]
        times = [each.name for each in self._schema if pa.types.is_timestamp(each.type)]
        self._writer = pq.ParquetWriter(
            self.path,
            self._stored,
            use_dictionary=repeating,
            column_encoding=numbers_stored(self._schema),
            write_statistics=times,  # by which a period is found
            store_schema=False,
        )
        return self._writer


def _by_value(each: pa.Field) -> pa.Field:
    text = pa.types.is_string(each.type)
    return each.with_type(pa.dictionary(pa.int32(), each.type)) if text else each


def _is_alone(rows: pa.ChunkedArray) -> bool:
    """Whether nearly every row has a value of its own: a number of rows, a cost, an id."""
    if pa.types.is_int64(rows.type):
        return True
    if not any(is_kind(rows.type) for is_kind in MAY_BE_ALONE):
        return False
    values = sum(len(part.dictionary_encode().dictionary) for part in rows.chunks)
    return bool(values * REPEATS_MIN > len(rows) - rows.null_count > 0)
