"""Reads a chunk of records by its values: each distinct one once, however many rows repeat it.

A bill repeats itself: a million rows have a few hundred SKUs. What a value means does not hang on
its row, so the query that reads rows reads the distinct values too, in a table in which each column
stands alone. Where none of them is in doubt, the rows are put together from them, and no row needs
a look of its own; where one is, the whole chunk is left to the query over its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from trueup.focus.columns import ARROW_TYPES, Column
from trueup.focus.projection import (
    DOUBT,
    SOURCE_ID,
    SOURCE_ROW,
    Reading,
    carried,
    select_values,
)
from trueup.focus.raw import ROW, SOURCE, column

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class _Distinct:
    """One column of a chunk as its distinct values, and for each row which one it has."""

    values: pa.Array
    indices: pa.Array | None  # none: every row has its own, in order

    @classmethod
    def of(cls, array: pa.Array) -> _Distinct:
        if pa.types.is_nested(array.type):
            return cls(array, None)
        if not pa.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        return cls(array.dictionary, array.indices)

    def padded(self, rows: int) -> pa.Array:
        nulls = pa.nulls(rows - len(self.values), self.values.type)
        return pa.concat_arrays([self.values, nulls])

    def spread(self, read: pa.Array) -> pa.Array:
        """What was read of each value, for every row."""
        read = read.slice(0, len(self.values))
        if self.indices is None:
            return read
        if read.equals(self.values):
            return pa.DictionaryArray.from_arrays(self.indices, self.values)
        return read.take(self.indices)


class ByValue:
    """Reads chunks of one layout by their values."""

    def __init__(self, reading: Reading, connection: duckdb.DuckDBPyConnection) -> None:
        self._reading = reading
        self._connection = connection
        self._query = select_values(reading)
        self._carried = [k for k in reading.present if carried(k, reading.kind_of(k))]
        self._positions = {
            name: index
            for name, index in (*reading.positions.items(), *reading.texts.items())
            if name not in {known.name for known in self._carried}
        }
        self._needed = [
            column(reading.positions[name]) for name in (*reading.required, *reading.instead)
        ]

    def rows(self, chunk: pa.Table) -> pa.Table | None:
        """The accepted rows, which are all of the chunk; None where a row may be another case."""
        if any(chunk[name].null_count for name in self._needed):
            return None
        try:
            found = {known.name: self._cast(chunk, known) for known in self._carried}
        except pa.ArrowInvalid:  # an instant that is out of range
            return None
        values = self._read(chunk)
        if values is None:
            return None
        found |= values
        span = self._reading.span
        wrong = pc.less if span.may_be_empty else pc.less_equal
        if pc.any(wrong(found[span.end], found[span.start])).as_py():
            return None
        return self._table(chunk, found)

    def _cast(self, chunk: pa.Table, known: Column) -> pa.Array:
        array = _whole(chunk[column(self._reading.positions[known.name])])
        if pa.types.is_date(array.type):
            array = array.cast(pa.timestamp("ms"))  # its beginning, in UTC
        return array.cast(ARROW_TYPES[known.kind])

    def _read(self, chunk: pa.Table) -> dict[str, pa.Array] | None:
        raw = {
            index: _Distinct.of(_whole(chunk[column(index)]))
            for index in set(self._positions.values())
        }
        most = max((len(one.values) for one in raw.values()), default=0)
        padded = {column(index): one.padded(most) for index, one in raw.items()}
        self._connection.register("raw", pa.table(padded))
        try:
            read = self._connection.sql(self._query).to_arrow_table()
        finally:
            self._connection.unregister("raw")
        if pc.any(read[DOUBT]).as_py():
            return None
        return {
            name: raw[index].spread(_whole(read[name])) for name, index in self._positions.items()
        }

    def _table(self, chunk: pa.Table, found: dict[str, pa.Array]) -> pa.Table:
        reading, rows = self._reading, chunk.num_rows
        result = {SOURCE_ID: chunk[SOURCE], SOURCE_ROW: chunk[ROW]}
        for known in reading.columns:
            if known.name in found:
                result[known.name] = found[known.name]
            elif known.removed is None:
                result[known.name] = pa.nulls(rows, ARROW_TYPES[known.kind])
        for name, others in reading.first_of.items():
            result[name] = _first([found[other] for other in others], rows)
        return pa.table(result | {name: found[name] for name in reading.texts})


def _whole(chunked: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    if chunked.num_chunks == 1:
        return chunked.chunk(0)
    return pa.concat_arrays(chunked.unify_dictionaries().chunks)


def _first(arrays: list[pa.Array], rows: int) -> pa.Array:
    if not arrays:
        return pa.nulls(rows, pa.string())
    if len(arrays) == 1 or not arrays[0].null_count:
        return arrays[0]
    return pc.coalesce(*(array.cast(pa.string()) for array in arrays))
