"""Exports in a provider's own columns, read as FOCUS columns by the query of their adapter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.adapter.native import NativeExport, lacking
from trueup.adapter.registry import native_exports
from trueup.errors import IntegrityError, SourceError
from trueup.focus.projection import text_of
from trueup.focus.raw import ROW, RawFile, Refuse, column
from trueup.focus.repair import quoted
from trueup.focus.session import session

if TYPE_CHECKING:
    import duckdb

RECORD = "record"
BATCH_ROWS = 32_768


class NativeFile:
    """A file of a native export as a RawFile of FOCUS columns: exact amounts, all else text."""

    def __init__(self, file: RawFile, export: NativeExport) -> None:
        self._file = file
        self._export = export
        with TemporaryDirectory() as folder, session(Path(folder)) as engine:
            result = self._result(engine, pa.Table.from_batches([], self._schema()))
            schema = result.to_arrow_table().schema
        if schema.names[0] != RECORD:
            raise IntegrityError(f"{export.name}: its query must select {RECORD} first")
        self.header: Sequence[str] = schema.names[1:]
        self.types: Sequence[pa.DataType] = [
            kind if pa.types.is_decimal128(kind) else pa.string() for kind in schema.types[1:]
        ]

    @property
    def format(self) -> str:
        """The export's name, as sources show it."""
        return self._export.name

    def batches(self, refuse: Refuse) -> Iterator[pa.RecordBatch]:
        """Stream the mapped records; SourceError where the query loses or repeats one."""
        taken = 0

        def records() -> Iterator[pa.RecordBatch]:
            nonlocal taken
            for batch in self._file.batches(refuse):
                taken += batch.num_rows
                yield batch

        given = 0
        with TemporaryDirectory() as folder, session(Path(folder)) as engine:
            reader = pa.RecordBatchReader.from_batches(self._schema(), records())
            for batch in self._result(engine, reader).to_arrow_reader(BATCH_ROWS):
                given += batch.num_rows
                yield self._shaped(batch)
        if given != taken:
            raise SourceError(self.format, f"{taken:,} records became {given:,} rows")

    def _schema(self) -> pa.Schema:
        fields = [pa.field(column(i), kind) for i, kind in enumerate(self._file.types)]
        return pa.schema([*fields, pa.field(ROW, pa.int64())])

    def _result(self, engine: duckdb.DuckDBPyConnection, raw: Any) -> duckdb.DuckDBPyRelation:
        engine.register("raw", raw)
        texts = [
            f"{text_of(index, kind)} AS {quoted(name)}"
            for index, (name, kind) in enumerate(
                zip(self._file.header, self._file.types, strict=True)
            )
        ]
        missing = lacking(self._export.optional, self._file.header)
        texts += [f"NULL::VARCHAR AS {quoted(name)}" for name in missing]
        engine.execute(
            f"CREATE VIEW export AS SELECT {ROW} AS {RECORD}, {', '.join(texts)} FROM raw"
        )
        return engine.sql(self._export.sql)

    def _shaped(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        values = [batch.column(i + 1).cast(kind) for i, kind in enumerate(self.types)]
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
