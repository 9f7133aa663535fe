"""Exports in a provider's own columns, read as FOCUS columns by the query of their adapter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa

from trueup.adapter.native import NativeExport, lacking
from trueup.adapter.registry import native_exports
from trueup.errors import IntegrityError, SourceError
from trueup.focus.amounts import is_amount
from trueup.focus.lineage import lineage
from trueup.focus.native_by_value import KINDS, RECORD, Group, NativeByValue, Plan
from trueup.focus.projection import text_of
from trueup.focus.raw import ROW, RawFile, Refuse, column, gathered
from trueup.focus.repair import quoted
from trueup.focus.session import session

BATCH_ROWS = 32_768


class NativeFile:
    """A file of a native export as a RawFile of FOCUS columns: exact amounts, all else text.

    Where the query lets its columns be read one by one, batches have other types than these: what
    passes as it is keeps that of the file.
    """

    def __init__(self, file: RawFile, export: NativeExport) -> None:
        self._file = file
        self._export = export
        with TemporaryDirectory() as folder, session(Path(folder)) as engine:
            result = self._result(engine, self._schema().empty_table())
            if result.columns[0] != RECORD:
                raise IntegrityError(f"{export.name}: its query must select {RECORD} first")
            self.header: Sequence[str] = result.columns[1:]
            self._plan = self._planned(engine)
        self.types: Sequence[pa.DataType] = [pa.string()] * len(self.header)

    @property
    def format(self) -> str:
        """The export's name, as sources show it."""
        return self._export.name

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

        reader = pa.RecordBatchReader.from_batches(self._schema(), counted())
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
        every = range(len(self._file.header))
        engine.execute(f"CREATE OR REPLACE VIEW export AS {self._select(every, numbers=False)}")
        return engine.sql(self._export.sql)

    def _select(self, sources: Collection[int], *, numbers: bool) -> str:
        """The columns of the file, of which ``raw`` has these, and those that it lacks."""
        null = "NULL" if numbers else "NULL::VARCHAR"  # of no type, or of that of text
        cells = [f"{ROW} AS {RECORD}"]
        for i, (name, kind) in enumerate(zip(self._file.header, self._file.types, strict=True)):
            value = column(i) if numbers and is_amount(kind) else text_of(i, kind)
            cells.append(f"{value if i in sources else null} AS {quoted(name)}")
        missing = lacking(self._export.optional, self._file.header)
        cells += [f"{null} AS {quoted(name)}" for name in missing]
        return f"SELECT {', '.join(cells)} FROM raw"

    def _planned(self, engine: duckdb.DuckDBPyConnection) -> Plan | None:
        """How to read the export by its values, if its query lets that be seen."""
        names, types = list(self._file.header), self._file.types
        missing = lacking(self._export.optional, names)
        found = lineage(engine, self._export.sql, [RECORD, *names, *missing])
        if found is None:
            return None

        def is_number(output: str) -> bool:
            return KINDS.get(output) == "decimal"

        as_is = {
            output: names.index(source)
            for output, source in found.as_is.items()
            if source in names
            and not (is_number(output) and is_amount(types[names.index(source)]))
        }
        rest = [output for output in self.header if output not in as_is]
        groups = []
        for numbers in (False, True):
            outputs = [output for output in rest if is_number(output) is numbers]
            used = {source for output in outputs for source in found.sources[output]}
            sources = [i for i, name in enumerate(names) if name in used]
            query = (
                f"WITH export AS ({self._select(sources, numbers=numbers)}) "
                f"SELECT * FROM ({found.query(engine, outputs)})"
            )
            groups.append(Group(outputs, sources, query, numbers=numbers))
        try:
            for group in groups:
                raw = pa.schema(group.types(types)).empty_table()
                engine.register("raw", raw)
                engine.sql(group.query)
        except duckdb.Error:  # it does more with numbers than numbers allow
            return None
        return Plan(self.header, as_is, groups)

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
