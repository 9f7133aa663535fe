"""Takes files into a dataset: streams them through a query, writes rows, counts, rejects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from trueup.focus.by_value import ByValue
from trueup.focus.landing import Landed, copy_of
from trueup.focus.projection import (
    CONTROL,
    FAULT_COLUMN,
    FAULT_CURRENCY,
    FAULT_REASON,
    FAULT_VALUE,
    JSON_LOST,
    LATE_HOURS,
    SOURCE_ID,
    SOURCE_ROW,
    Reading,
    select,
)
from trueup.focus.raw import Part, RawStream, gathered
from trueup.focus.rejects import RejectFile
from trueup.focus.session import session
from trueup.focus.whole import UNENDED, not_whole, unended
from trueup.model.dataset import Dataset
from trueup.model.schema import REJECTS, SOURCES
from trueup.model.table import Table
from trueup.model.table_files import TableFiles

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS = 32_768

Finish = Callable[[pa.Table], pa.Table]


class Intake:
    """One dataset being read, as a context: everything is removed again when reading fails."""

    def __init__(self, kind: str, schema: pa.Schema) -> None:
        self._kind = kind
        self._schema = schema
        self._directory: TemporaryDirectory[str] = TemporaryDirectory(prefix=f"trueup-{kind}-")
        self._folder = Path(self._directory.name)
        self._session = session(self._folder)
        self._rejects = RejectFile(self._folder)
        self._sources: list[dict[str, Any]] = []
        self._names: dict[int, str] = {}
        self._landed: list[Landed] = []

    def __enter__(self) -> Self:
        self._connection: duckdb.DuckDBPyConnection = self._session.__enter__()
        self._files = TableFiles(self._folder, self._kind, self._schema)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as ends:  # each comes to its end, even where another fails
            if kind is not None:
                ends.callback(self._directory.cleanup)
            ends.callback(self._session.__exit__, kind, error, trace)
            ends.callback(self._rejects.close)
            ends.callback(self._files.close)

    def read(self, parts: Sequence[Part], reading: Reading, finish: Finish) -> None:
        """Read files of one layout to their ends; SourceError when one breaks off.

        ``finish`` completes the accepted rows of each chunk before they are written.
        """
        stream = RawStream(parts, self._refuse)
        tally = Tally()
        ways: dict[pa.Schema, ByValue] = {}  # chunks may differ in their types
        with closing(stream.chunks()) as chunks:
            for chunk in chunks:
                if chunk.schema not in ways:
                    types = chunk.schema.types[: len(reading.types)]
                    ways[chunk.schema] = ByValue(replace(reading, types=types), self._connection)
                by_value = ways[chunk.schema]
                rows = by_value.rows(chunk)
                if rows is None:
                    for some in self._each_row(chunk, select(by_value.reading)):
                        self._take(some, tally, finish)
                else:
                    tally.accept(rows)
                    self.write(finish(rows))
        for part in parts:
            number = part.source_id
            notes = [*part.notes, *tally.notes(number)]
            counts = stream.rows_in[number], tally.accepted[number]
            self.add_source(number, part.landed, part.format, *counts, notes)

    def _each_row(self, chunk: pa.Table, query: str) -> Iterator[pa.Table]:
        self._connection.register("raw", chunk)
        try:
            result = self._connection.sql(query).to_arrow_reader(BATCH_ROWS)
            yield from gathered(result)
        finally:
            self._connection.unregister("raw")

    def write(self, rows: pa.Table) -> None:
        """Append rows that are complete already."""
        self._files.write(rows)

    def add_source(
        self,
        source_id: int,
        landed: Landed,
        name: str,
        rows_in: int,
        accepted: int,
        notes: Sequence[str],
    ) -> None:
        """Account for a source; what it had and did not give must be among the rejects."""
        self._sources.append(
            {
                "source_id": source_id,
                "source": landed.source,
                "kind": self._kind,
                "format": name,
                "sha256": landed.sha256,
                "size_bytes": landed.size_bytes,
                "rows_in": rows_in,
                "accepted": accepted,
                "note": "; ".join(notes) or None,
            }
        )
        self._names[source_id] = landed.source
        self._landed.append(landed)

    def refuse_copy(self, source_id: int, landed: Landed, first_id: int) -> None:
        """Account for a file with the bytes of one read before: all its records are rejected."""
        first = next(each for each in self._sources if each["source_id"] == first_id)
        count, text = first["rows_in"], copy_of(first["source"])
        for start in range(0, count, BATCH_ROWS):
            numbers = range(start + 1, min(start + BATCH_ROWS, count) + 1)
            rejects = [
                {"source_id": source_id, "row_number": number, "reason": text} for number in numbers
            ]
            self._rejects.extend(Table.from_rows(REJECTS, rejects).to_arrow())
        notes = [text] if count else []
        self.add_source(source_id, landed, first["format"], count, 0, notes)

    def _refuse(self, part: Part, row: int, reason: str, text: str) -> None:
        self._rejects.add(part.source_id, row, reason, text)

    def _take(self, rows: pa.Table, tally: Tally, finish: Finish) -> None:
        faulty = pc.is_valid(rows[FAULT_COLUMN])
        if pc.any(faulty).as_py():
            self._rejects.extend(_rejected(rows.filter(faulty)))
            rows = rows.filter(pc.invert(faulty))
        if rows.num_rows:
            tally.add(rows)
            self.write(finish(rows.drop_columns(list(CONTROL))))

    def dataset(self) -> Dataset:
        """Everything read, with its control totals proved."""
        table = self._files.table(self._directory)
        self._sources.sort(key=lambda source: source["source_id"])
        rejects = self._rejects.table(self._connection, self._names, self._directory)
        for source in self._sources:
            source["rejected"] = self._rejects.counts[source["source_id"]]
        cut = unended(self._landed, self._sources, rejects)
        for source in self._sources:
            if source["source"] in cut:
                source["note"] = "; ".join(filter(None, (source["note"], UNENDED)))
        return Dataset(
            kind=self._kind,
            table=table,
            sources=Table.from_rows(SOURCES, self._sources),
            rejects=rejects,
            directory=self._directory,
            broken=not_whole(self._landed, self._sources, rejects),
        ).checked()


class Tally:
    """What is worth knowing about the accepted rows, by source."""

    def __init__(self) -> None:
        self.accepted: Counter[int] = Counter()
        self._json_lost: Counter[int] = Counter()
        self._late: Counter[int] = Counter()

    def accept(self, rows: pa.Table) -> None:
        """Count accepted rows of which there is nothing to say."""
        _count(self.accepted, rows)

    def add(self, rows: pa.Table) -> None:
        """Count the accepted rows of a batch, and what they have that is worth a note."""
        self.accept(rows)
        _count(self._json_lost, rows.filter(pc.greater(rows[JSON_LOST], 0)))
        _count(self._late, rows.filter(rows[LATE_HOURS]))

    def notes(self, source_id: int) -> list[str]:
        """What a person should know about a source, in words."""
        notes = []
        if self._json_lost[source_id]:
            notes.append(f"{self._json_lost[source_id]} rows have a JSON value that cannot be read")
        if self._late[source_id]:
            count = self._late[source_id]
            notes.append(f"{count} rows have an hour over 23, read as hours after midnight")
        return notes


def _count(counter: Counter[int], rows: pa.Table) -> None:
    for count in pc.value_counts(rows[SOURCE_ID]).to_pylist():
        counter[count["values"]] += count["counts"]


def _rejected(rows: pa.Table) -> pa.Table:
    return pa.table(
        {
            "source_id": rows[SOURCE_ID],
            "source": pa.nulls(rows.num_rows, pa.string()),
            "row_number": rows[SOURCE_ROW],
            "column": rows[FAULT_COLUMN],
            "reason": rows[FAULT_REASON],
            "value": rows[FAULT_VALUE],
            "currency": rows[FAULT_CURRENCY],
        },
        schema=REJECTS,
    )
