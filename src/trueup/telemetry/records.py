"""Files of one record each: JSON lines, CSV and Parquet as a table of text, numbered."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from glob import escape
from typing import TYPE_CHECKING

from trueup.adapter.telemetry import UsageSource
from trueup.errors import SourceError
from trueup.focus.landing import Landed
from trueup.focus.raw import Part, RawStream, column, open_raw
from trueup.focus.repair import literal, quoted
from trueup.focus.stream import opened
from trueup.telemetry.sample import Sample, sample
from trueup.telemetry.workbench import VALUE_CHARACTERS_MAX, count, insert_rejects

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

RECORDS = "records"  # record BIGINT, then the fields asked for, all text
OBJECT_BYTES = 16 << 20  # what one JSON line may take

Fields = Mapping[str, Sequence[str]]  # our name -> the names it has in files, first found wins


def load_records(connection: duckdb.DuckDBPyConnection, source: UsageSource, fields: Fields) -> int:
    """Fill the table ``records`` with a file's readable records; return how many there are.

    The count includes those that cannot be read: each has gone to ``rejects``. Blank text and the
    word NULL are null. SourceError when the file as a whole cannot be read.
    """
    connection.execute(f"DROP TABLE IF EXISTS {RECORDS}")
    seen = sample(source.path, source.source)
    if seen.kind == "empty":
        names = ", ".join(f"{quoted(name)} VARCHAR" for name in fields)
        connection.execute(f"CREATE TEMP TABLE {RECORDS} (record BIGINT, {names})")
        return 0
    if seen.kind == "json":
        return _load_json(connection, source, seen, fields)
    if seen.kind in ("delimited", "parquet"):
        raw = RawRecords(source)
        raw.load(connection, fields, raw.reader())
        return raw.finish(connection)
    raise SourceError(source.source, "neither JSON, CSV nor Parquet")


def documents(
    source: UsageSource,
    seen: Sample,
    size_max: int = OBJECT_BYTES,
    *,
    skip_malformed: bool = True,
) -> str:
    """SQL of a table function that gives the file's JSON documents, in order.

    A malformed line is null, or an error where ``skip_malformed`` is false.
    """
    if seen.layout != "lines":
        size_max = max(size_max, unpacked_bytes(source) + 1)
    path = literal(escape(str(source.path)))  # the engine would take it for a pattern
    options = f"compression={literal(seen.compression)}, maximum_object_size={size_max}"
    if seen.layout == "lines":
        return f"read_ndjson_objects({path}, ignore_errors={skip_malformed}, {options})"
    form = "array" if seen.layout == "array" else "unstructured"
    return f"read_json_objects({path}, format='{form}', {options})"


def stage_documents(
    connection: duckdb.DuckDBPyConnection,
    source: UsageSource,
    into: str,
    query: Callable[[str], str],
) -> int:
    """Append a file's records, numbered, to a table of that name; return how many there are.

    ``query`` takes the file's documents and gives, in order, the table's other columns.
    """
    seen = sample(source.path, source.source)
    if seen.kind == "empty":
        return 0
    with reading_json(source):
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE staged AS {query(documents(source, seen))}"
        )
    columns = [row[0] for row in connection.execute(f"DESCRIBE {into}").fetchall()]
    rest = ", ".join(name for name in columns if name not in ("source_id", "record"))
    connection.execute(
        f"INSERT INTO {into} BY NAME SELECT {source.source_id} AS source_id, "
        f"rowid + 1 AS record, {rest} FROM staged"
    )
    records = count(connection, "SELECT count(*) FROM staged")
    connection.execute("DROP TABLE staged")
    return records


def unpacked_bytes(source: UsageSource) -> int:
    """How long the text of a file is; SourceError when it cannot be unpacked."""
    size = 0
    try:
        with opened(source.path, source.source) as file:
            while part := file.read(1 << 20):
                size += len(part)
    except OSError as error:
        raise SourceError(source.source, f"damaged or cut: {error}") from error
    return size


@contextmanager
def reading_json(source: UsageSource) -> Iterator[None]:
    """Turn what goes wrong with a whole file into a SourceError of one line."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        reason = "a document too large to be read at once: ask for shorter windows"
        raise SourceError(source.source, reason) from error
    except (duckdb.InvalidInputException, duckdb.IOException) as error:
        reason = f"cannot be read as JSON: {str(error).splitlines()[0]}"
        if "maximum_object_size" in reason:
            reason = f"a line longer than {OBJECT_BYTES >> 20} MiB: write fewer records in a line"
        raise SourceError(source.source, reason) from error


def pointer(name: str) -> str:
    """A top-level key as a JSON pointer."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _load_json(
    connection: duckdb.DuckDBPyConnection, source: UsageSource, seen: Sample, fields: Fields
) -> int:
    names = list(dict.fromkeys(name for aliases in fields.values() for name in aliases))
    paths = "[" + ", ".join(literal(pointer(name)) for name in names) + "]"
    selected = ", ".join(
        f"{_first([_value(names.index(name) + 1, name) for name in aliases])} AS {quoted(ours)}"
        for ours, aliases in fields.items()
    )
    query = (
        f"CREATE OR REPLACE TEMP TABLE parsed AS SELECT {selected}, "
        "json_type(json) IS NOT DISTINCT FROM 'OBJECT' AS is_object, "
        f"CASE WHEN NOT is_object THEN left(json, {VALUE_CHARACTERS_MAX}) END AS shown "
        f"FROM (SELECT json, json_extract_string(json, {paths}) AS v "
        f"FROM {documents(source, seen)})"
    )
    with reading_json(source):
        connection.execute(query)
    insert_rejects(
        connection,
        f'SELECT {source.source_id} AS source_id, rowid + 1 AS row_number, NULL AS "column", '
        "CASE WHEN shown IS NULL THEN 'not valid JSON' ELSE 'not a JSON object' END AS reason, "
        "shown AS value FROM parsed WHERE NOT is_object",
    )
    connection.execute(
        f"CREATE TEMP TABLE {RECORDS} AS SELECT rowid + 1 AS record, "
        "* EXCLUDE (is_object, shown) FROM parsed WHERE is_object"
    )
    rows = count(connection, "SELECT count(*) FROM parsed")
    connection.execute("DROP TABLE parsed")
    return rows


def _first(values: Sequence[str]) -> str:
    """SQL of the first text that is there; null where none is looked for."""
    return f"coalesce({', '.join(values)})" if values else "CAST(NULL AS VARCHAR)"


def _value(index: int, name: str) -> str:
    """SQL of a field's text.

    A number of more digits than a double holds is taken from the line's own text, because the
    parser rounds it; where it is not found there, it stays marked and cannot be read.
    """
    text = f"value_text(v[{index}])"
    raw = f"regexp_extract(json, {literal(_LITERAL.format(re.escape(name)))}, 1)"
    exact = f"CASE WHEN TRY_CAST({raw} AS DOUBLE) = TRY_CAST({text} AS DOUBLE) THEN {raw} "
    exact += f"ELSE {text} || ' (inexact)' END"
    return (
        f"CASE WHEN length({text}) > 15 "
        f"AND regexp_full_match({text}, '-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?') "
        f"AND json_type(json, {literal(pointer(name))}) = 'DOUBLE' "
        f"THEN {exact} ELSE {text} END"
    )


_LITERAL = r'"{}"\s*:\s*(-?[0-9][0-9.eE+-]*)'


class Refusals:
    """Malformed records, gathered while a file streams and written in batches."""

    def __init__(self, source: UsageSource) -> None:
        self._source = source
        self.rows: list[tuple[int, str, str]] = []

    def refuse(self, _part: Part, row: int, reason: str, text: str) -> None:
        self.rows.append((row, reason, text[:VALUE_CHARACTERS_MAX]))

    def write(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Move what was gathered to ``rejects``."""
        import pyarrow as pa

        schema = pa.schema(
            [("row_number", pa.int64()), ("reason", pa.string()), ("value", pa.string())]
        )
        rows = [dict(zip(schema.names, row, strict=True)) for row in self.rows]
        connection.register("refused", pa.Table.from_pylist(rows, schema=schema))
        insert_rejects(
            connection,
            f'SELECT {self._source.source_id} AS source_id, row_number, NULL AS "column", '
            "reason, value FROM refused",
        )
        connection.unregister("refused")


class RawRecords:
    """The records of a CSV or Parquet file, streamed once, with what is refused of them."""

    def __init__(self, source: UsageSource) -> None:
        landed = Landed(source.source, source.path, "", 0)
        self._source = source
        self._file = open_raw(landed)
        self._refusals = Refusals(source)
        part = Part(source.source_id, landed, self._file, "")
        self._stream = RawStream([part], self._refusals.refuse)

    def place(self, name: str) -> tuple[str, pa.DataType] | None:
        """The column of ``chunks`` that the file calls so, and its physical type."""
        if name not in self._file.header:
            return None
        index = list(self._file.header).index(name)
        return column(index), self._file.types[index]

    def chunks(self) -> Generator[pa.Table]:
        """The records as they stand; SourceError where the file breaks off."""
        with self._reading():
            yield from self._stream.chunks()

    def load(
        self,
        connection: duckdb.DuckDBPyConnection,
        fields: Fields,
        chunk: pa.Table | pa.RecordBatchReader,
    ) -> None:
        """Make a chunk, or all that is left of the file, the table ``records``."""
        selected = ", ".join(
            f"{self._text(aliases)} AS {quoted(ours)}" for ours, aliases in fields.items()
        )
        connection.register("raw_records", chunk)
        try:
            with self._reading():
                connection.execute(
                    f'CREATE OR REPLACE TEMP TABLE {RECORDS} AS SELECT "row" AS record, '
                    f"{selected} FROM raw_records"
                )
        finally:
            connection.unregister("raw_records")

    def reader(self) -> pa.RecordBatchReader:
        return self._stream.reader()

    def finish(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Write the rejects once all is read; return how many records there were."""
        self._refusals.write(connection)
        return self._stream.rows_in[self._source.source_id]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        import duckdb
        import pyarrow as pa

        try:
            yield
        except (duckdb.InvalidInputException, pa.ArrowException, OSError) as error:
            reason = f"damaged or cut: {str(error).splitlines()[0]}"
            raise self._stream.failure or SourceError(self._source.source, reason) from error

    def _text(self, aliases: Sequence[str]) -> str:
        return _first([text_of(*place) for name in aliases if (place := self.place(name))])


def text_of(name: str, kind: pa.DataType) -> str:
    """SQL of the text of a raw column."""
    import pyarrow as pa

    value = f"to_json({name})" if pa.types.is_nested(kind) else name
    return f"value_text(CAST({value} AS VARCHAR))"
