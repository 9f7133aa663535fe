"""The records of one file as they stand: values not yet read, every record with its number."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from trueup.errors import SourceError
from trueup.focus.landing import Landed

if TYPE_CHECKING:
    import pyarrow as pa

ROW = "row"  # the column of record numbers, 1 for the first data record of a file
SOURCE = "source"  # the column of source numbers
PARQUET_MAGIC = b"PAR1"

RECORD_BYTES_MAX = 8 << 20
CHUNK_ROWS = 262_144
CHUNK_BYTES = 128 << 20

Refuse = Callable[[int, str, str], None]  # record number, reason, text


def column(index: int) -> str:
    """The name of the file's column ``index`` among raw columns: headers may hold anything."""
    return f"c{index}"


class RawFile(Protocol):
    """A file whose header is known and whose records can be streamed once or again."""

    @property
    def header(self) -> Sequence[str]: ...

    @property
    def types(self) -> Sequence[pa.DataType]:
        """Physical types, in the order of the header."""

    def batches(self, refuse: Refuse) -> Iterator[pa.RecordBatch]:
        """Stream ``c0 ... cN`` and ``row``; records that have no such columns go to ``refuse``.

        Raises OSError or an Arrow error when the file turns out to be damaged.
        """


@dataclass(frozen=True)
class Part:
    """One file of a dataset: its number among the sources, and what to say about it."""

    source_id: int
    landed: Landed
    file: RawFile
    format: str
    notes: Sequence[str] = ()

    @property
    def source(self) -> str:
        return self.landed.source


@dataclass
class RawStream:
    """Files of one layout read one after another: counts records, remembers why reading stopped."""

    parts: Sequence[Part]
    refuse: Callable[[Part, int, str, str], None]
    rows_in: dict[int, int] = field(default_factory=dict)  # by source_id
    failure: SourceError | None = None

    @property
    def schema(self) -> pa.Schema:
        """The columns of the records."""
        import pyarrow as pa

        types = enumerate(self.parts[0].file.types)
        fields = [pa.field(column(index), kind) for index, kind in types]
        return pa.schema([*fields, pa.field(ROW, pa.int64()), pa.field(SOURCE, pa.int32())])

    def reader(self) -> pa.RecordBatchReader:
        """The records as an Arrow reader for the engine; ``failure`` is set where it breaks off."""
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self._batches())

    def chunks(self) -> Generator[pa.Table]:
        """The records as they stand (see ``gathered``); SourceError where a file breaks off.

        Each table is read in a thread, while the one before is in use.
        """
        return ahead(gathered(self._batches()))

    def _batches(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for part in self.parts:
            self.rows_in[part.source_id] = 0
            try:
                for batch in part.file.batches(self._refusal(part)):
                    self.rows_in[part.source_id] += batch.num_rows
                    source = pa.repeat(pa.scalar(part.source_id, pa.int32()), batch.num_rows)
                    yield batch.append_column(SOURCE, source)
            except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
                self.failure = SourceError(part.source, f"damaged or cut: {error}")
                raise self.failure from error
            except SourceError as error:
                self.failure = error
                raise

    def _refusal(self, part: Part) -> Refuse:
        def refuse(row: int, reason: str, text: str) -> None:
            self.rows_in[part.source_id] += 1
            self.refuse(part, row, reason, text)

        return refuse


def gathered(batches: Iterable[pa.RecordBatch]) -> Generator[pa.Table]:
    """Batches in tables of at most CHUNK_ROWS and CHUNK_BYTES, or of one batch that has more.

    All batches of a table have one schema.
    """
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        rows += batch.num_rows
        size += batch.nbytes
        other = held and batch.schema != held[0].schema
        if held and (rows > CHUNK_ROWS or size > CHUNK_BYTES or other):
            yield pa.Table.from_batches(held)
            held, rows, size = [], batch.num_rows, batch.nbytes
        held.append(batch)
    if rows:
        yield pa.Table.from_batches(held)


def ahead(tables: Generator[pa.Table]) -> Generator[pa.Table]:
    """The same tables, each made in a thread while the one before is in use."""
    with ThreadPoolExecutor(1, thread_name_prefix="trueup-read") as thread:
        try:
            coming = thread.submit(next, tables, None)
            while (table := coming.result()) is not None:
                coming = thread.submit(next, tables, None)
                yield table
        finally:
            thread.submit(tables.close).result()  # there, since it may be at work


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
