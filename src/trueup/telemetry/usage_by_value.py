"""Reads a chunk of a usage table by its distinct values (see ``trueup.focus.by_value``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from trueup.adapter.telemetry import UsageSource
from trueup.errors import UnitError
from trueup.focus.by_value import cast
from trueup.focus.distinct import Distinct, read_each, translated
from trueup.focus.projection import carried
from trueup.focus.query import Query
from trueup.focus.raw import ROW
from trueup.focus.repair import quoted
from trueup.model.arrays import whole
from trueup.model.columns import AMOUNT
from trueup.model.schema import INTERRUPTIBLE, METERS
from trueup.telemetry.defaults import UNITS, capacity
from trueup.telemetry.records import RawRecords, text_of
from trueup.telemetry.workbench import HELD_DAYS_MAX, NO, YES, text_list
from trueup.units import parse_unit

if TYPE_CHECKING:
    import duckdb

    from trueup.focus.columns import Kind

KINDS: Mapping[str, Kind] = {
    "window_start": "time",
    "window_end": "time",
    "quantity": "decimal",
    **dict.fromkeys(METERS, "decimal"),
}
# Outside of these years a time is written in another way than the readers know. In microseconds.
FIRST, LAST = (
    (datetime(year, month, day, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC))
    // timedelta(microseconds=1)
    for year, month, day in ((1, 1, 1), (9999, 12, 31))
)
HELD_MAX = timedelta(days=HELD_DAYS_MAX) // timedelta(microseconds=1)

Columns = dict[str, pa.Array]


class UsageByValue:
    """Reads chunks of one file by their values."""

    def __init__(
        self, source: UsageSource, raw: RawRecords, mapped: Mapping[str, str], meters: Sequence[str]
    ) -> None:
        self._source = source
        self._meters = meters
        places = {name: raw.place(column) for name, column in mapped.items()}
        self._places = {name: place for name, place in places.items() if place}
        for name in source.constants:
            self._places.pop(name, None)
        self._carried = [
            name for name, (_, kind) in self._places.items() if _is_carried(name, kind)
        ]

    def rows(self, chunk: pa.Table, connection: duckdb.DuckDBPyConnection) -> pa.Table | None:
        """Usage of the chunk, all of whose records are accepted; None where one may be no good."""
        try:
            found = {
                name: cast(chunk[self._places[name][0]], KINDS[name]) for name in self._carried
            }
        except pa.ArrowInvalid:
            return None
        read = self._read(chunk, connection)
        if read is None or any(_is_strange(found[name]) for name in self._carried):
            return None
        found |= read
        rows = chunk.num_rows
        if "window_start" not in found or found["window_start"].null_count:
            return None
        end = found.get("window_end", found["window_start"])
        found["window_end"] = pc.coalesce(end, found["window_start"])
        lasts = pc.subtract(found["window_end"], found["window_start"]).cast(pa.int64())
        ends = pc.min_max(lasts).as_py()
        if ends["min"] is not None and (ends["min"] < 0 or ends["max"] > HELD_MAX):
            return None
        found |= {"source_row": whole(chunk[ROW])}
        found |= {"source_id": pa.repeat(pa.scalar(self._source.source_id, pa.int32()), rows)}
        return self._metered(found, rows)

    def _read(
        self, chunk: pa.Table, connection: duckdb.DuckDBPyConnection
    ) -> dict[str, pa.Array] | None:
        given: dict[str, pa.ChunkedArray] = {}
        texts: dict[str, str] = {}
        for name, (raw, kind) in self._places.items():
            if name not in self._carried:
                given[name], texts[name] = chunk[raw], text_of(quoted(name), kind)
        for name, value in self._source.constants.items():
            given[name], texts[name] = _repeated(value, chunk.num_rows), quoted(name)
        distinct = Distinct(given)
        read = read_each(distinct.values, Query(connection, _query(texts)))
        if pc.any(read["doubt"]).as_py():
            return None
        return {
            name: distinct.spread(name, whole(read[name]).slice(0, len(distinct.values[name])))
            for name in given
        }

    def _metered(self, found: Columns, rows: int) -> pa.Table | None:
        """A row of usage for each meter that a record states, in the order of the records."""
        if not self._meters:
            if any(name not in found or found[name].null_count for name in ("meter", "quantity")):
                return None
            return _defaulted(found)
        own = {name: array for name, array in found.items() if name not in METERS}
        tables = []
        for meter in self._meters:
            if meter not in found:
                continue
            states = found[meter].is_valid()
            several = own | {"quantity": found[meter], "meter": _repeated(meter, rows).chunk(0)}
            table = _defaulted(several)
            if table is None:
                return None
            tables.append(table.filter(states))
        return tables[0] if len(tables) == 1 else _interleaved(tables)


def _is_carried(name: str, kind: pa.DataType) -> bool:
    return name in KINDS and carried(KINDS[name], kind)


def _is_strange(array: pa.Array) -> bool:
    """Whether a carried column has a value that its reader would not take."""
    is_amount = array.type == AMOUNT
    bounds = pc.min_max(array if is_amount else array.cast(pa.int64())).as_py()
    if bounds["min"] is None:
        return False
    if is_amount:
        return bool(bounds["min"] < 0)
    return bool(bounds["min"] < FIRST or bounds["max"] > LAST)


def _defaulted(found: Columns) -> pa.Table | None:
    """Rows with a capacity and a unit; None where a unit is none."""
    defaults: dict[str, Callable[[str], str | None]] = {"capacity": capacity, "unit": UNITS.get}
    for name, default in defaults.items():
        given = found.get(name)
        if given is None or given.null_count:
            default_array = translated(found["meter"], default)
            found = found | {
                name: default_array if given is None else _either(given, default_array)
            }
    units = found["unit"].dictionary_encode().dictionary.to_pylist()
    return pa.table(found) if all(map(_is_unit, units)) else None


def _either(given: pa.Array, otherwise: pa.Array) -> pa.Array:
    return pc.coalesce(given.cast(pa.string()), otherwise.cast(pa.string()))


def _interleaved(tables: Sequence[pa.Table]) -> pa.Table | None:
    if not tables:
        return None
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    return table.take(pc.sort_indices(table["source_row"]))  # stable: the meters stay in order


@lru_cache(maxsize=1024)
def _is_unit(text: str) -> bool:
    try:
        parse_unit(text)
    except UnitError:
        return False
    return True


def _repeated(value: str, rows: int) -> pa.ChunkedArray:
    indices = pa.repeat(pa.scalar(0, pa.int32()), rows)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(indices, [value])])


def _query(texts: Mapping[str, str]) -> str:
    """The query over ``raw``: what each column's values are, and whether one is in doubt."""
    values, doubts = [], []
    for name, text in texts.items():
        column = quoted(name)
        value, wrong = _reading(name, text)
        values.append(f"{value} AS {column}")
        doubts.append(f"coalesce({column} IS NOT NULL AND ({wrong}), true)")
    doubt = " OR ".join(doubts) or "false"
    return f"SELECT {', '.join([f'{doubt} AS doubt', *values])} FROM raw"


def _reading(name: str, text: str) -> tuple[str, str]:
    """SQL of a value, and of when it is in doubt."""
    if KINDS.get(name) == "time":
        return f"moment({text})", f"{text} IS NOT NULL AND moment({text}) IS NULL"
    if KINDS.get(name) == "decimal":
        value = f"exact_decimal(trim({text}))"
        return value, f"{text} IS NOT NULL AND ({value} IS NULL OR {value} < 0)"
    if name == "meter":
        return text, f"{text} IS NULL OR NOT list_contains({text_list(METERS)}, {text})"
    if name == "capacity":
        return text, f"{text} NOT IN ('allocated', 'busy')"
    if name == INTERRUPTIBLE:
        return text, f"NOT list_contains({text_list((*YES, *NO))}, lower({text}))"
    if name == "tags":
        value = f"json_object_text({text})"
        return value, f"{text} IS NOT NULL AND {value} IS NULL"
    return text, "false"
