"""Parquet files as raw records: any physical types, each record with its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trueup.errors import SourceError
from trueup.focus.landing import Landed
from trueup.focus.raw import CHUNK_BYTES, ROW, Refuse, column
from trueup.model.places import counted

BATCH_ROWS_MIN, BATCH_ROWS_MAX = 1_024, 131_072


def _readable(kind: pa.DataType) -> pa.DataType:
    """The type under which a column is handed on: the engine knows no wide decimals or halves."""
    if pa.types.is_decimal256(kind):
        return pa.string()
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.string()  # text that was written without its logical type
    if pa.types.is_string(kind):
        return pa.dictionary(pa.int32(), kind)  # as the file keeps it
    if pa.types.is_dictionary(kind):
        return _readable(kind.value_type)
    return kind


class ParquetFile:
    """One Parquet file (see RawFile)."""

    def __init__(self, landed: Landed) -> None:
        self._landed = landed
        try:
            with pq.ParquetFile(landed.path) as file:
                schema = file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            reason = f"not a complete Parquet file: {error}"
            raise SourceError(landed.source, reason) from error
        self.header: Sequence[str] = list(schema.names)
        self.types: Sequence[pa.DataType] = [_readable(kind) for kind in schema.types]

    def batches(self, refuse: Refuse) -> Iterator[pa.RecordBatch]:  # noqa: ARG002  # none is refused
        """Stream the records (see RawFile)."""
        names = [column(index) for index in range(len(self.header))] + [ROW]
        row = 1
        texts = [
            name
            for name, kind in zip(self.header, self.types, strict=True)
            if pa.types.is_dictionary(kind)
        ]
        with pq.ParquetFile(self._landed.path, read_dictionary=texts) as file:
            for batch in _by_row_group(file):
                arrays = [
                    array if array.type == kind else pc.cast(array, kind)
                    for array, kind in zip(batch.columns, self.types, strict=True)
                ]
                numbers = counted(batch.num_rows, row)
                row += batch.num_rows
                yield pa.RecordBatch.from_arrays([*arrays, numbers], names=names)


def _by_row_group(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """Batches that mix no row groups, as each has dictionaries of its own; short of wide rows."""
    for group in range(file.num_row_groups):
        about = file.metadata.row_group(group)
        rows_max = CHUNK_BYTES * about.num_rows // max(about.total_byte_size, 1)
        size = min(max(rows_max, BATCH_ROWS_MIN), BATCH_ROWS_MAX)
        yield from file.iter_batches(size, row_groups=[group])
