"""Columns by their distinct values: a query reads each value once, and every row takes its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate

import pyarrow as pa

from trueup.focus.query import Query
from trueup.model.arrays import whole
from trueup.model.places import has_dictionary, places


@dataclass(frozen=True)
class _Column:
    values: pa.Array
    indices: pa.Array  # which value a row has


class Distinct:
    """Columns of a chunk, each as its distinct values."""

    def __init__(self, columns: Mapping[str, pa.ChunkedArray]) -> None:
        self._columns = {name: _column(whole(array)) for name, array in columns.items()}

    def read(self, query: Query) -> pa.Table:
        """What a query makes of the view ``raw``, row by row, in its order.

        There each column has its values from the top, then nulls: a row of it is no record.
        """
        most = max((len(column.values) for column in self._columns.values()), default=0)
        padded = {name: _padded(column.values, most) for name, column in self._columns.items()}
        return query.read(pa.table(padded))

    def stacked(self, query: Query) -> dict[str, pa.ChunkedArray]:
        """What a query makes of ``text`` in the view ``raw``: there all columns are one."""
        parts = [column.values for column in self._columns.values()]
        read = query.read(pa.table({"text": pa.chunked_array(parts, pa.string())}))["text"]
        ends = accumulate(map(len, parts))
        return {
            name: read.slice(end - len(part), len(part))
            for name, part, end in zip(self._columns, parts, ends, strict=True)
        }

    def spread(self, name: str, read: pa.ChunkedArray) -> pa.Array:
        """What was read of the values of a column, for every row; text that stayed as it was
        is still by its values.
        """
        column = self._columns[name]
        each = whole(read).slice(0, len(column.values))
        if each.equals(column.values):
            return pa.DictionaryArray.from_arrays(column.indices, column.values)
        return each.take(column.indices)


def translated(array: pa.Array, of: Callable[[str], str | None]) -> pa.DictionaryArray:
    """Text translated value by value; what is null stays null."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    words = [of(value) for value in array.dictionary.to_pylist()]
    distinct = [word for word in dict.fromkeys(words) if word is not None]
    places = {word: place for place, word in enumerate(distinct)}
    indices = pa.array([None if word is None else places[word] for word in words], pa.int32()).take(
        array.indices
    )
    return pa.DictionaryArray.from_arrays(indices, pa.array(distinct, pa.string()))


def _column(array: pa.Array) -> _Column:
    if not has_dictionary(array.type):
        found = places(array)
        return _Column(array.take(found.first()), found.of_rows)
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    return _Column(array.dictionary, array.indices)


def _padded(values: pa.Array, rows: int) -> pa.Array:
    return pa.concat_arrays([values, pa.nulls(rows - len(values), values.type)])
