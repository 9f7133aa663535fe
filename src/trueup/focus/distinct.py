"""Columns by their distinct values: a query reads each value once, and every row takes its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate

import pyarrow as pa

from trueup.focus.query import Query
from trueup.model.arrays import whole
from trueup.model.places import has_dictionary, places

Values = Mapping[str, pa.Array]  # distinct ones, by column


class Distinct:
    """Columns of a chunk, each as its distinct ``values``, and which of them a row has."""

    def __init__(self, columns: Mapping[str, pa.ChunkedArray]) -> None:
        found = {name: _distinct(whole(array)) for name, array in columns.items()}
        self.values: Values = {name: values for name, (values, _) in found.items()}
        self.of_rows = {name: of_rows for name, (_, of_rows) in found.items()}

    def spread(self, name: str, read: pa.Array) -> pa.Array:
        """What was read of the values of a column, for every row; text that stayed as it was
        is still by its values.
        """
        of_rows = self.of_rows[name]
        if read.equals(self.values[name]):
            return pa.DictionaryArray.from_arrays(of_rows, read)
        return read.take(of_rows)


def read_each(values: Values, query: Query) -> pa.Table:
    """What a query makes of the view ``raw``, row by row, in its order.

    There each column has its values from the top, then nulls: a row of it is no record.
    """
    most = max(map(len, values.values()), default=0)
    return query.read(pa.table({name: _padded(array, most) for name, array in values.items()}))


def read_stacked(values: Values, query: Query) -> dict[str, pa.Table]:
    """What a query makes of ``text`` in the view ``raw``, by column: there all of them are one."""
    parts = list(values.values())
    read = query.read(pa.table({"text": pa.chunked_array(parts, pa.string())}))
    ends = accumulate(map(len, parts))
    return {
        name: read.slice(end - len(part), len(part))
        for name, part, end in zip(values, parts, ends, strict=True)
    }


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


def _distinct(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The values of a column, and which of them a row has."""
    if not has_dictionary(array.type):
        found = places(array)
        return array.take(found.first()), found.of_rows
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    return array.dictionary, array.indices


def _padded(values: pa.Array, rows: int) -> pa.Array:
    return pa.concat_arrays([values, pa.nulls(rows - len(values), values.type)])
