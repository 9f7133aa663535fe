"""Reads a chunk of an export by its values: each output column from what it hangs on, once each.

What an output column is made of is told by the query (see ``lineage``). Columns that pass as they
are keep their type. The others are read from the distinct combinations of their sources, text apart
from numbers: a million records have a few thousand of the one, and numbers need no text in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from trueup.focus.amounts import amounts, is_amount
from trueup.focus.by_value import cast
from trueup.focus.columns import COST_AND_USAGE, DATASETS
from trueup.focus.distinct import whole
from trueup.focus.places import places, together
from trueup.focus.projection import carried
from trueup.focus.raw import ROW, column
from trueup.model.columns import AMOUNT

if TYPE_CHECKING:
    import duckdb

KINDS = {known.name: known.kind for known in DATASETS[COST_AND_USAGE]}
YEAR_1, YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000  # in microseconds


@dataclass(frozen=True)
class Group:
    """Output columns that one query reads from the same columns of the file."""

    outputs: Sequence[str]
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


def by_value(
    plan: Plan, chunk: pa.Table, connection: duckdb.DuckDBPyConnection
) -> pa.RecordBatch | None:
    """The chunk's records mapped; None where one may be another case than its text makes it."""
    found: dict[str, pa.Array] = {}
    for name, index in plan.as_is.items():
        found[name] = whole(chunk[column(index)])
        if KINDS.get(name) == "time" and not _is_written_in_four_digits(chunk[column(index)]):
            return None
    for group in plan.groups:
        read = _group(group, chunk, connection)
        if read is None:
            return None
        found |= read
    arrays = [found[name] for name in plan.outputs]
    names = [column(index) for index in range(len(arrays))]
    return pa.RecordBatch.from_arrays([*arrays, whole(chunk[ROW])], names=[*names, ROW])


def _group(
    group: Group, chunk: pa.Table, connection: duckdb.DuckDBPyConnection
) -> dict[str, pa.Array] | None:
    sources = {index: whole(chunk[column(index)]) for index in group.sources}
    combined = together([places(array) for array in sources.values()], chunk.num_rows)
    first = combined.first()
    given: dict[str, pa.Array] = {ROW: pa.array(range(len(first)), pa.int64())}
    for index, array in sources.items():
        values: pa.Array | None = array.take(first)
        if group.numbers and is_amount(array.type):
            values = amounts(values, connection)
        if values is None:
            return None
        given[column(index)] = values
    connection.register("raw", pa.table(given))
    try:
        read = connection.sql(group.query).to_arrow_table()
    finally:
        connection.unregister("raw")
    if not read["record"].combine_chunks().equals(given[ROW]):
        return None
    return {name: _spread(whole(read[name]), combined.of_rows) for name in group.outputs}


def _spread(values: pa.Array, of_rows: pa.Array) -> pa.Array:
    if pa.types.is_decimal(values.type):
        return values.take(of_rows)
    values = values.cast(pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(values.indices.take(of_rows), values.dictionary)


def _is_written_in_four_digits(times: pa.ChunkedArray) -> bool:
    """Whether the years of a column, if it is one of instants, are those that text can give."""
    if not carried("time", times.type):
        return True
    try:
        ends = pc.min_max(cast(times, "time").cast(pa.int64())).as_py()
    except pa.ArrowInvalid:
        return False
    return ends["min"] is None or YEAR_1 <= ends["min"] <= ends["max"] < YEAR_10000
