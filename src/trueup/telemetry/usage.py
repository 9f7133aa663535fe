"""``trueup.read_usage``: telemetry of any known format as one table of metered usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from trueup.adapter.telemetry import TelemetryReader, UsageSource
from trueup.errors import ConfigurationError, IntegrityError, SourceError, UsageError
from trueup.focus.landing import Landed, Landing, copy_of
from trueup.focus.raw import gathered
from trueup.focus.repair import literal
from trueup.focus.stream import misnamed, opened
from trueup.focus.whole import EMPTY, UNENDED, not_whole, unended
from trueup.model.dataset import Dataset
from trueup.telemetry.column_map import check_names
from trueup.telemetry.sample import BOM, sample
from trueup.telemetry.workbench import count, insert_rejects, prepare

if TYPE_CHECKING:
    import duckdb

    from trueup.model.table import Table
    from trueup.telemetry.workbench import Write

BATCH_ROWS = 32_768
GENERIC = "table"  # the reader asked last: it takes whatever has columns


@runtime_checkable
class Settles(Protocol):
    """A reader that decides across files: it stages in ``read`` and appends in ``settle``."""

    def settle(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Append what was staged to ``usage`` and ``rejects``; called once, after all files."""


@runtime_checkable
class Streams(Protocol):
    """A reader that decides record by record: its usage need not wait for other files."""

    def stream(
        self, source: UsageSource, connection: duckdb.DuckDBPyConnection, write: Write
    ) -> int:
        """Write usage in the order of the records and meters; append rejects; return rows in."""


@dataclass
class _Read:
    landed: Landed
    source: UsageSource
    format: str
    rows_in: int = 0
    streams: Streams | None = None  # what is yet to read it
    copy_of: _Read | None = None


def read_usage(
    *sources: Any,
    format: str | None = None,  # noqa: A002  the word users know
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
) -> Dataset:
    """Read telemetry files, or data frames, as usage.

    Each file's format is recognised by its content; ``format`` forces one. ``columns`` maps usage
    columns to what the file calls them (a column, an attribute or a label), ``constants`` fixes
    usage columns for every row. For any CSV, Parquet, JSON lines file or data frame, map at least
    a time and a quantity::

        read_usage("trace.csv", columns={"window_start": "TIMESTAMP",
                                         "input_tokens": "ContextTokens",
                                         "output_tokens": "GeneratedTokens"})

    After reading, the same things mean the same: input tokens are those that came from no cache,
    duplicates and repetitions of children's usage are counted once, over all files of one call.
    Records that cannot be read are in ``rejects``, and all those of a file with another's bytes.
    Raises SourceError for a file that is missing, damaged or of no known format,
    ConfigurationError for a wrong map, UsageError for an unknown format.
    """
    from trueup.focus.session import session

    readers = _readers(format)
    _check_texts(columns=columns or {}, constants=constants or {})
    directory = TemporaryDirectory(prefix="trueup-usage-")
    folder = Path(directory.name)
    try:
        with Landing() as landing, session(folder) as connection:
            prepare(connection)
            read: list[_Read] = []
            for number, landed in enumerate(landing.all(sources)):
                first = next((one for one in read if one.landed.sha256 == landed.sha256), None)
                if first is not None:
                    read.append(_copied(connection, first, landed, number))
                    continue
                path = _unmarked(landed, folder / f"unmarked-{number}")
                source = UsageSource(number, landed.source, path, columns or {}, constants or {})
                read.append(_read(connection, readers, landed, source))
            for reader in readers.values():
                if isinstance(reader, Settles):
                    reader.settle(connection)
            table = _write_usage(connection, directory, read, constants or {})
            for item in read:
                _refuse_copy(connection, item)
            return _dataset(connection, read, table, directory)
    except BaseException:
        directory.cleanup()
        raise


def _check_texts(**given: Mapping[Any, Any]) -> None:
    """ConfigurationError for names and values that are no text: 42 and "042" are not the same."""
    for where, pairs in given.items():
        for name, value in pairs.items():
            if not isinstance(name, str) or not isinstance(value, str):
                raise ConfigurationError(f"{where}: {name!r} = {value!r}: write it as text")


def _readers(wanted: str | None) -> dict[str, TelemetryReader]:
    from trueup.adapter.registry import telemetry_readers

    found = telemetry_readers()
    if wanted is not None:
        if wanted not in found:
            raise UsageError(f"format {wanted!r}: it is one of {', '.join(sorted(found))}")
        return {wanted: found[wanted]}
    return {name: found[name] for name in sorted(found, key=lambda name: (name == GENERIC, name))}


def _read(
    connection: duckdb.DuckDBPyConnection,
    readers: Mapping[str, TelemetryReader],
    landed: Landed,
    source: UsageSource,
) -> _Read:
    connection.execute("INSERT INTO source_name VALUES (?, ?)", [source.source_id, source.source])
    if sample(source.path, source.source).kind == "empty":
        only = next(iter(readers)) if len(readers) == 1 else "empty"
        return _Read(landed, source, only)
    reader = _reader_for(source, readers)
    check_names(reader.name, source.columns, source.constants)
    if isinstance(reader, Streams):
        return _Read(landed, source, reader.name, streams=reader)
    return _Read(landed, source, reader.name, reader.read(source, connection))


def _copied(
    connection: duckdb.DuckDBPyConnection, first: _Read, landed: Landed, number: int
) -> _Read:
    """A file with the bytes of ``first``: all its records will be rejected, and it says so."""
    connection.execute("INSERT INTO source_name VALUES (?, ?)", [number, landed.source])
    source = replace(first.source, source_id=number)
    return _Read(landed, source, first.format, copy_of=first.copy_of or first)


def _refuse_copy(connection: duckdb.DuckDBPyConnection, item: _Read) -> None:
    first, number = item.copy_of, item.source.source_id
    if first is None or not first.rows_in:
        return
    item.rows_in = first.rows_in
    text = copy_of(first.landed.source)
    connection.execute("INSERT INTO source_note VALUES (?, ?)", [number, text])
    insert_rejects(
        connection,
        f'SELECT {number} AS source_id, range AS row_number, NULL AS "column", '
        f"{literal(text)} AS reason, NULL AS value FROM range(1, {first.rows_in + 1})",
    )


def _unmarked(landed: Landed, copy: Path) -> Path:
    """The file, or where JSON begins with a byte order mark a copy without it."""
    if not sample(landed.path, landed.source).has_mark:
        return landed.path
    with opened(landed.path, landed.source) as file, copy.open("wb") as plain:
        file.read(len(BOM))
        copyfileobj(file, plain, 1 << 20)
    return copy


def _reader_for(source: UsageSource, readers: Mapping[str, TelemetryReader]) -> TelemetryReader:
    if len(readers) == 1:
        return next(iter(readers.values()))
    for reader in readers.values():
        if reader.recognises(source):
            return reader
    raise SourceError(
        source.source,
        f"{misnamed(source.path, source.source)}not recognised as telemetry; known formats are "
        f"{', '.join(readers)}. Give its format, or for a table which column is which: "
        "--usage-format and --usage-column; format and columns in Python and in TOML",
    )


def _dataset(
    connection: duckdb.DuckDBPyConnection,
    read: list[_Read],
    table: Table,
    directory: TemporaryDirectory[str],
) -> Dataset:
    from trueup.model.schema import SOURCES
    from trueup.model.table import Table

    path = literal(str(table.files[0]))
    connection.execute(f"CREATE TEMP VIEW written AS SELECT * FROM read_parquet({path})")
    _check_rejects(connection)
    rejected = dict(
        connection.execute("SELECT source_id, count(*) FROM rejects GROUP BY ALL").fetchall()
    )
    rows = [_source_row(connection, item, rejected.get(item.source.source_id, 0)) for item in read]
    rejects = _rejects(connection, directory)
    cut = unended((item.landed for item in read), rows, rejects)
    for row in rows:
        if row["source"] in cut:
            row["note"] = "; ".join(filter(None, (row["note"], UNENDED)))
    return Dataset(
        kind="usage",
        table=table,
        sources=Table.from_rows(SOURCES, rows),
        rejects=rejects,
        directory=directory,
        broken=not_whole((item.landed for item in read), rows, rejects),
    ).checked()


def _source_row(
    connection: duckdb.DuckDBPyConnection, item: _Read, rejected: int
) -> dict[str, Any]:
    number = item.source.source_id
    highest = count(
        connection,
        f"SELECT max(source_row) FROM written WHERE source_id = {number}",
    )
    if rejected > item.rows_in or highest > item.rows_in:
        raise IntegrityError(
            f"{item.landed.source}: {item.rows_in} records in, but {rejected} rejected and usage "
            f"of record {highest}; please report this as a defect"
        )
    rows_of_usage = count(connection, f"SELECT count(*) FROM written WHERE source_id = {number}")
    return {
        "source_id": number,
        "source": item.landed.source,
        "kind": "usage",
        "format": item.format,
        "sha256": item.landed.sha256,
        "size_bytes": item.landed.size_bytes,
        "rows_in": item.rows_in,
        "accepted": item.rows_in - rejected,
        "rejected": rejected,
        "note": _note(connection, item, rejected, rows_of_usage),
    }


def _note(
    connection: duckdb.DuckDBPyConnection, item: _Read, rejected: int, rows_of_usage: int
) -> str | None:
    notes = connection.execute(
        "SELECT note FROM source_note WHERE source_id = ? ORDER BY rowid", [item.source.source_id]
    ).fetchall()
    parts = [str(note) for (note,) in notes]
    if item.rows_in > rejected and not rows_of_usage:
        parts.append("none of its records meters anything")
    elif not item.rows_in and not parts:  # no other note says why
        parts.append(EMPTY)
    return "; ".join(parts) or None


def _check_rejects(connection: duckdb.DuckDBPyConnection) -> None:
    """Every record ends in one place: no reject twice, and no usage of a rejected record."""
    twice = count(
        connection,
        "SELECT count(*) FROM (SELECT source_id, row_number FROM rejects "
        "GROUP BY ALL HAVING count(*) > 1)",
    )
    both = count(
        connection,
        "SELECT count(*) FROM rejects r SEMI JOIN written u "
        "ON u.source_id = r.source_id AND u.source_row = r.row_number",
    )
    if twice or both:
        raise IntegrityError(
            f"{twice} records were rejected twice and {both} both accepted and rejected; "
            "please report this as a defect"
        )


def _write_usage(
    connection: duckdb.DuckDBPyConnection,
    directory: TemporaryDirectory[str],
    read: list[_Read],
    constants: Mapping[str, str],
) -> Table:
    """Write the table, source by source: what waits in ``usage``, and what streams now."""
    from trueup.telemetry.usage_file import UsageFile

    file = UsageFile(Path(directory.name), constants)
    try:
        for streams, group in groupby(read, key=lambda item: item.streams is not None):
            items = list(group)
            if not streams:
                _write_waiting(connection, items, file.write)
                continue
            for item in items:
                if item.streams is not None:
                    item.rows_in = item.streams.stream(item.source, connection, file.write)
    finally:
        file.close()
    return file.table(directory)


def _write_waiting(connection: duckdb.DuckDBPyConnection, items: list[_Read], write: Write) -> None:
    from trueup.model.schema import METERS

    first, last = items[0].source.source_id, items[-1].source.source_id
    order = " ".join(f"WHEN {literal(meter)} THEN {n}" for n, meter in enumerate(METERS))
    result = connection.sql(
        f"SELECT * FROM usage WHERE source_id BETWEEN {first} AND {last} "
        f"ORDER BY source_id, source_row, CASE meter {order} END, window_start, capacity"
    ).to_arrow_reader(BATCH_ROWS)
    for rows in gathered(result):
        write(rows)


def _rejects(connection: duckdb.DuckDBPyConnection, directory: TemporaryDirectory[str]) -> Table:
    from trueup.model.schema import REJECTS
    from trueup.model.table import Table

    file = Path(directory.name) / "rejects.parquet"
    connection.execute(
        "COPY (SELECT * FROM rejects ORDER BY source_id, row_number) "
        f"TO {literal(str(file))} (FORMAT parquet)"
    )
    return Table(REJECTS, files=[file], keep=directory)
