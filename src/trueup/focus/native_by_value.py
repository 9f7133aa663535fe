"""Reads a chunk of an export by its values: each output column from what it hangs on, once each.

What an output column is made of is told by the query (see ``lineage``). Columns that pass as they
are keep their type. The others are read from the distinct combinations of their sources, text apart
from numbers: a million records have a few thousand of the one, and numbers need no text in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from trueup.focus.amounts import BY_TEXT, amounts, is_amount
from trueup.focus.by_value import cast
from trueup.focus.columns import COST_AND_USAGE, DATASETS
from trueup.focus.known import Known
from trueup.focus.projection import carried
from trueup.focus.query import Query
from trueup.focus.raw import ROW, column
from trueup.model.arrays import whole
from trueup.model.columns import AMOUNT
from trueup.model.places import counted, places, together

RECORD = "record"
PART_ROWS = 32_768  # the engine reads the batches of a table side by side
Sources = dict[int, pa.Array]  # by the place of the column in the file
KINDS = {known.name.casefold(): known.kind for known in DATASETS[COST_AND_USAGE]}
YEAR_1, YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000  # in microseconds


@dataclass(frozen=True)
class Group:
    """Output columns that one query reads from the same columns of the file."""

    sources: Sequence[int]
    query: str  # over the view ``raw`` of the sources: record, then the outputs
    numbers: bool  # whether sources that are typed numbers are decimals to the query, not text

    def types(self, file: Sequence[pa.DataType]) -> dict[str, pa.DataType]:
        """The columns of ``raw``."""
        types = {column(index): self._type(file[index]) for index in self.sources}
        return {ROW: pa.int64(), **types}

    def _type(self, kind: pa.DataType) -> pa.DataType:
        return AMOUNT if self.numbers and is_amount(kind) else kind


@dataclass(frozen=True)
class Plan:
    """How the columns of an export come about, in the order in which they are given."""

    outputs: Sequence[str]
    as_is: dict[str, int]
    groups: Sequence[Group]


class NativeByValue:
    """Reads chunks of one file by a plan; the connection knows the macros of ``repair``."""

    def __init__(self, plan: Plan, connection: duckdb.DuckDBPyConnection) -> None:
        self._plan = plan
        self._queries = [(group, Query(connection, group.query)) for group in plan.groups]
        self._known = Known()  # what texts were read as
        self._by_text = Query(connection, BY_TEXT)

    def records(self, chunk: pa.Table) -> pa.RecordBatch | None:
        """The chunk's records mapped; None where one may be another case than its text makes it."""
        found: dict[str, pa.Array] = {}
        for name, index in self._plan.as_is.items():
            found[name] = whole(chunk[column(index)])
            if KINDS.get(name.casefold()) == "time" and not _is_written_in_four_digits(
                chunk[column(index)]
            ):
                return None
        for group, query in self._queries:
            sources = {index: whole(chunk[column(index)]) for index in group.sources}
            read = (self._numbers if group.numbers else self._texts)(sources, chunk.num_rows, query)
            if read is None:
                return None
            found |= read
        arrays = [found[name] for name in self._plan.outputs]
        names = [column(index) for index in range(len(arrays))]
        return pa.RecordBatch.from_arrays([*arrays, whole(chunk[ROW])], names=[*names, ROW])

    def _numbers(self, sources: Sources, rows: int, query: Query) -> dict[str, pa.Array] | None:
        """Of numbers, nearly every row has others."""
        given: Sources = {}
        for index, array in sources.items():
            read = amounts(array, self._by_text) if is_amount(array.type) else array
            if read is None:
                return None
            given[index] = read
        try:
            return _read(given, rows, query)
        except duckdb.ConversionException:  # it compares a number with text that is none
            return None

    def _texts(self, sources: Sources, rows: int, query: Query) -> dict[str, pa.Array] | None:
        """Each combination of what the group hangs on is read once."""
        combined = together([places(array) for array in sources.values()], rows)
        first = combined.first()
        given = {index: array.take(first) for index, array in sources.items()}
        read = self._once(given, query) if given else _read(given, len(first), query)
        if read is None:
            return None
        return {name: _spread(values, combined.of_rows) for name, values in read.items()}

    def _once(self, given: Sources, query: Query) -> dict[str, pa.Array] | None:
        """What the query makes of combinations; those of earlier chunks are known."""
        at = self._known.places(list(given.values()))
        new = self._known.new(list(given.values()), at)
        if len(new[0]) or not self._known.is_read:
            read = _read(dict(zip(given, new, strict=True)), len(new[0]), query)
            if read is None:
                return None
            self._known.add(new, read)
        return self._known.made(at)


def _spread(values: pa.Array, of_rows: pa.Array) -> pa.Array:
    if pa.types.is_decimal(values.type):
        return values.take(of_rows)
    values = values.cast(pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(values.indices.take(of_rows), values.dictionary)


def _read(given: Sources, rows: int, query: Query) -> dict[str, pa.Array] | None:
    """What the query makes of each row; None where that is not one."""
    numbers = counted(rows)
    columns = {column(index): array for index, array in given.items()}
    raw = pa.table({ROW: numbers, **columns})
    read = query.read(pa.Table.from_batches(raw.to_batches(PART_ROWS), raw.schema))
    if not whole(read[RECORD]).equals(numbers):
        return None
    return {name: whole(read[name]) for name in read.column_names if name != RECORD}


def _is_written_in_four_digits(times: pa.ChunkedArray) -> bool:
    """Whether the years of a column, if it is one of instants, are those that text can give."""
    if not carried("time", times.type):
        return True
    try:
        ends = pc.min_max(cast(times, "time").cast(pa.int64())).as_py()
    except pa.ArrowInvalid:
        return False
    return ends["min"] is None or YEAR_1 <= ends["min"] <= ends["max"] < YEAR_10000
