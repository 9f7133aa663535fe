"""Reads a chunk of records by its values: each distinct one once, however many rows repeat it.

A bill repeats itself: a million rows have a few hundred SKUs. What a value means does not hang on
its row, so the query that reads rows reads the distinct values too, in a table in which each column
stands alone. Where none of them is in doubt, the rows are put together from them, and no row needs
a look of its own; where one is, the whole chunk is left to the query over its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from trueup.focus.columns import ARROW_TYPES, Kind
from trueup.focus.distinct import Distinct, Values, read_each, read_stacked
from trueup.focus.known import KnownColumns
from trueup.focus.projection import (
    DOUBT,
    PLAIN_TEXT,
    READERS,
    SOURCE_ID,
    SOURCE_ROW,
    Reading,
    carried,
    of_kind,
    plain_texts,
    select_texts,
)
from trueup.focus.query import Query
from trueup.focus.raw import ROW, SOURCE, column
from trueup.model.arrays import whole

if TYPE_CHECKING:
    import duckdb


FIRST_MICROSECOND = -62_135_596_800_000_000  # of the year 1, since 1970
END_MICROSECOND = 253_402_300_800_000_000  # of the year 9999


class ByValue:
    """Reads chunks of one layout by their values."""

    def __init__(self, reading: Reading, connection: duckdb.DuckDBPyConnection) -> None:
        self.reading = reading
        plain = plain_texts(reading)
        self._texts = Query(connection, select_texts(reading, plain))
        self._plain_text = Query(connection, PLAIN_TEXT)
        self._kinds = {kind: Query(connection, of_kind(kind)) for kind in READERS}
        self._carried = [k for k in reading.present if carried(k.kind, reading.kind_of(k))]
        self._names = {
            name: column(index)
            for name, index in (*reading.positions.items(), *reading.texts.items())
            if name not in {known.name for known in self._carried}
        }
        by_text = {name: raw for name, raw in self._names.items() if name in plain}
        others = {name: raw for name, raw in self._names.items() if name not in plain}
        self._plain = KnownColumns(by_text, self._plain_made)
        self._others = KnownColumns(others, self._others_made)
        self._needed = [
            column(reading.positions[name]) for name in (*reading.required, *reading.instead)
        ]

    def rows(self, chunk: pa.Table) -> pa.Table | None:
        """The accepted rows, which are all of the chunk; None where a row may be another case."""
        reading = self.reading
        if any(chunk[name].null_count for name in self._needed):
            return None
        try:
            found = {
                known.name: _kept(chunk[column(reading.positions[known.name])], known.kind)
                for known in self._carried
            }
        except pa.ArrowInvalid:  # an instant that is out of range
            return None
        values = self._read(chunk)
        if values is None:
            return None
        found |= values
        span = reading.span
        wrong = pc.less if span.may_be_empty else pc.less_equal
        if pc.any(wrong(found[span.end], found[span.start])).as_py():
            return None
        return self._table(chunk, found)

    def _read(self, chunk: pa.Table) -> dict[str, pa.Array] | None:
        distinct = Distinct({raw: chunk[raw] for raw in self._names.values()})
        found: dict[str, pa.Array] = {}
        for columns in (self._plain, self._others):
            made = columns.made(distinct.values)
            if made is None:
                return None
            found |= made
        return {name: distinct.spread(raw, found[name]) for name, raw in self._names.items()}

    def _plain_made(self, values: Values) -> dict[str, pa.Array]:
        read = read_stacked(values, self._plain_text)
        return {name: whole(read[raw]["text"]) for name, raw in self._plain.names.items()}

    def _others_made(self, values: Values) -> dict[str, pa.Array] | None:
        """What values are read as; None where one is in doubt."""
        read = read_each(values, self._texts)
        if pc.any(read[DOUBT]).as_py():
            return None
        names = self._others.names
        found = {name: whole(read[name]) for name in names}
        for kind in READERS:
            of_this = [k.name for k in self.reading.present if k.kind == kind and k.name in names]
            amounts = self._of_kind(kind, {name: found[name] for name in of_this})
            if amounts is None:
                return None
            found |= amounts
        return found

    def _of_kind(self, kind: Kind, texts: dict[str, pa.Array]) -> dict[str, pa.Array] | None:
        """The values of all columns of a kind by one query, which takes longest to plan."""
        if not texts:
            return {}
        stack = Distinct({"text": pa.chunked_array(list(texts.values()), pa.string())})
        read = read_each(stack.values, self._kinds[kind])
        if pc.any(read[DOUBT]).as_py():
            return None
        values = whole(read["value"]).take(stack.of_rows["text"])
        rows = len(values) // len(texts)
        return {name: values.slice(place * rows, rows) for place, name in enumerate(texts)}

    def _table(self, chunk: pa.Table, found: dict[str, pa.Array]) -> pa.Table:
        reading, rows = self.reading, chunk.num_rows
        result = {SOURCE_ID: chunk[SOURCE], SOURCE_ROW: chunk[ROW]}
        for known in reading.columns:
            if known.name in found:
                result[known.name] = found[known.name]
            elif known.removed is None:
                result[known.name] = pa.nulls(rows, ARROW_TYPES[known.kind])
        for name, others in reading.first_of.items():
            result[name] = _first([found[other] for other in others], rows)
        return pa.table(result | {name: found[name] for name in reading.texts})


def cast(array: pa.ChunkedArray, kind: Kind) -> pa.Array:
    """The values of a column whose type is ``carried``."""
    if pa.types.is_date(array.type):
        array = array.cast(pa.date32()).cast(pa.timestamp("s"))  # its beginning, in UTC
    found = whole(array).cast(ARROW_TYPES[kind])
    if kind == "time" and not _within_years(found):
        raise pa.ArrowInvalid("an instant outside the years 1 to 9999")
    return found


def _kept(array: pa.ChunkedArray, kind: Kind) -> pa.Array:
    """As ``cast``, but decimals stay in the type of the file: they are widened where written."""
    return whole(array) if pa.types.is_decimal128(array.type) else cast(array, kind)


def _within_years(instants: pa.Array) -> bool:
    ends = pc.min_max(instants.cast(pa.int64())).as_py()
    first, last = ends["min"], ends["max"]
    return first is None or (first >= FIRST_MICROSECOND and last < END_MICROSECOND)


def _first(arrays: list[pa.Array], rows: int) -> pa.Array:
    if not arrays:
        return pa.nulls(rows, pa.string())
    if len(arrays) == 1 or not arrays[0].null_count:
        return arrays[0]
    return pc.coalesce(*(array.cast(pa.string()) for array in arrays))
