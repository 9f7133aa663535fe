"""Parquet files as raw records: any physical types, each record with its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trueup.errors import SourceError
from trueup.focus.landing import Landed
from trueup.focus.raw import RECORD_BYTES_MAX, ROW, Refuse, column
from trueup.model.places import counted

BATCH_ROWS_MAX = 131_072
BATCH_BYTES_MAX = 64 << 20  # unpacked at once: fewer rows where these are wide

# What is unpacked of one column at once is bounded by the file: real ones pack text 50 times.
UNPACKED_BYTES_FREE = 256 << 20
UNPACKED_TIMES_MAX = 256
TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)


def _readable(kind: pa.DataType) -> pa.DataType:
    """The type under which a column is handed on: the engine knows no wide decimals or halves."""
    if pa.types.is_decimal256(kind):
        return pa.string()
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.string()  # text that was written without its logical type
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return pa.string()  # as data frames have it: Arrow computes little with views
    if pa.types.is_string(kind):
        return pa.dictionary(pa.int32(), kind)  # as the file keeps it
    if pa.types.is_dictionary(kind):
        return _readable(kind.value_type)
    if pa.types.is_timestamp(kind) and kind.unit in ("s", "ms"):
        return pa.timestamp("us", kind.tz)  # the engine ends where one is out of range
    return kind


class ParquetFile:
    """One Parquet file (see RawFile)."""

    def __init__(self, landed: Landed) -> None:
        self._landed = landed
        try:
            with pq.ParquetFile(landed.path) as file:
                schema = file.schema_arrow
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
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
                _check_values(batch)
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
        _check_unpacked(about)
        rows_max = BATCH_BYTES_MAX * about.num_rows // max(about.total_byte_size, 1)
        size = min(max(rows_max, 1), BATCH_ROWS_MAX)
        yield from file.iter_batches(size, row_groups=[group])


def _check_unpacked(group: pq.RowGroupMetaData) -> None:
    for index in range(group.num_columns):
        about = group.column(index)
        size = about.total_uncompressed_size
        times = size // max(about.total_compressed_size, 1)
        if size > UNPACKED_BYTES_FREE and times > UNPACKED_TIMES_MAX:
            raise pa.ArrowInvalid(
                f"{about.path_in_schema} unpacks to {size >> 20:,} MiB, {times:,} times its size: "
                "write it with smaller row groups"
            )


def _check_values(batch: pa.RecordBatch) -> None:
    for array in batch.columns:
        values = array.dictionary if pa.types.is_dictionary(array.type) else array
        if values.nbytes > RECORD_BYTES_MAX and _longest(values) > RECORD_BYTES_MAX:
            raise pa.ArrowInvalid(f"a value is longer than {RECORD_BYTES_MAX >> 20} MiB")


def _longest(values: pa.Array) -> int:
    """The size of the longest text, or of a value of another type at the least."""
    if any(is_kind(values.type) for is_kind in TEXTS):
        return pc.max(pc.binary_length(values)).as_py() or 0
    return int(values.nbytes // max(len(values), 1))
