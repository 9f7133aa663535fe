"""Exports in a provider's own columns, read as FOCUS columns by the query of their adapter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa

from trueup.adapter.native import NativeExport
from trueup.adapter.registry import native_exports
from trueup.errors import SourceError
from trueup.focus.native_by_value import NativeByValue
from trueup.focus.native_layout import Layout, known, named
from trueup.focus.raw import ROW, RawFile, Refuse, column, gathered
from trueup.focus.session import session

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS = 32_768


class NativeFile:
    """A file of a native export as a RawFile of FOCUS columns: exact amounts, all else text.

    Where the query lets its columns be read one by one, batches have other types than these: what
    passes as it is keeps that of the file.
    """

    def __init__(self, file: RawFile, export: NativeExport) -> None:
        self._file = file
        self._layout = Layout(export, named(file.header), tuple(file.types))
        header, self._plan = known(self._layout)
        self.header: Sequence[str] = header
        self.types: Sequence[pa.DataType] = [pa.string()] * len(header)

    @property
    def format(self) -> str:
        """The export's name, as sources show it."""
        return self._layout.export.name

    def batches(self, refuse: Refuse) -> Iterator[pa.RecordBatch]:
        """Stream the mapped records; SourceError where the query loses or repeats one."""
        records = self._file.batches(refuse)
        with TemporaryDirectory() as folder, session(Path(folder)) as engine:
            if self._plan is None:
                yield from self._by_row(engine, records)
                return
            by_value = NativeByValue(self._plan, engine)
            for chunk in gathered(records):
                batch = by_value.records(chunk)
                if batch is None:
                    yield from self._by_row(engine, chunk.to_batches())
                else:
                    yield batch

    def _by_row(
        self, engine: duckdb.DuckDBPyConnection, records: Iterable[pa.RecordBatch]
    ) -> Iterator[pa.RecordBatch]:
        taken = given = 0

        def counted() -> Iterator[pa.RecordBatch]:
            nonlocal taken
            for batch in records:
                taken += batch.num_rows
                yield batch

        reader = pa.RecordBatchReader.from_batches(self._layout.schema, counted())
        for batch in self._layout.rows(engine, reader).to_arrow_reader(BATCH_ROWS):
            given += batch.num_rows
            yield self._shaped(batch)
        if given != taken:
            raise SourceError(self.format, f"{taken:,} records became {given:,} rows")

    def _shaped(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        values = [
            array if pa.types.is_decimal128(array.type) else array.cast(pa.string())
            for array in batch.columns[1:]
        ]
        names = [column(i) for i in range(len(self.header))]
        return pa.RecordBatch.from_arrays(
            [*values, batch.column(0).cast(pa.int64())], names=[*names, ROW]
        )


def as_focus(file: RawFile) -> RawFile:
    """The file itself, or, where an adapter knows its columns, the file read as FOCUS."""
    for export in native_exports():
        if export.recognises(file.header):
            return NativeFile(file, export)
    return file
