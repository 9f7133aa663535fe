"""The records of one file as they stand: values not yet read, every record with its number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from trueup.errors import SourceError
from trueup.focus.landing import Landed

if TYPE_CHECKING:
    import pyarrow as pa

ROW = "row"  # the column of record numbers, 1 for the first data record
PARQUET_MAGIC = b"PAR1"

Refuse = Callable[[int, str, str], None]  # record number, reason, text


def column(index: int) -> str:
    """The name of the file's column ``index`` among raw columns: headers may hold anything."""
    return f"c{index}"


class RawFile(Protocol):
    """A file whose header is known and whose records can be streamed once or again."""

    header: Sequence[str]
    types: Sequence[pa.DataType]  # physical types, in the order of the header

    def batches(self, refuse: Refuse) -> Iterator[pa.RecordBatch]:
        """Stream ``c0 ... cN`` and ``row``; records that have no such columns go to ``refuse``.

        Raises OSError or an Arrow error when the file turns out to be damaged.
        """


@dataclass
class RawStream:
    """A raw file being read: counts its records and remembers why reading stopped."""

    file: RawFile
    source: str
    refuse: Refuse
    rows_in: int = 0
    failure: SourceError | None = field(default=None)

    def reader(self) -> pa.RecordBatchReader:
        """The records as an Arrow reader for the engine; ``failure`` is set where it breaks off."""
        import pyarrow as pa

        types = enumerate(self.file.types)
        fields = [pa.field(column(index), kind) for index, kind in types]
        schema = pa.schema([*fields, pa.field(ROW, pa.int64())])
        return pa.RecordBatchReader.from_batches(schema, self._counted())

    def _refuse(self, row: int, reason: str, text: str) -> None:
        self.rows_in += 1
        self.refuse(row, reason, text)

    def _counted(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        try:
            for batch in self.file.batches(self._refuse):
                self.rows_in += batch.num_rows
                yield batch
        except (OSError, pa.ArrowException) as error:
            self.failure = SourceError(self.source, f"damaged or cut: {error}")
            raise self.failure from error
        except SourceError as error:
            self.failure = error
            raise


def open_raw(landed: Landed) -> RawFile:
    """Open a file as Parquet or as delimited text, by its content; SourceError if it is neither."""
    from trueup.focus.columnar import ParquetFile
    from trueup.focus.delimited import DelimitedFile

    try:
        with landed.path.open("rb") as file:
            is_parquet = file.read(4) == PARQUET_MAGIC
        return ParquetFile(landed) if is_parquet else DelimitedFile(landed)
    except OSError as error:
        reason = f"cannot be read, damaged or cut ({error.strerror or error})"
        raise SourceError(landed.source, reason) from error
