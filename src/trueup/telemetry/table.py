"""Any table of usage: CSV, Parquet, JSON lines or a data frame, with a map of its columns.

``columns`` maps usage columns to the file's; a meter's name (``input_tokens``, ``gpu`` ...) may
stand there instead of meter and quantity, so that one record gives a row for each meter it states.
``constants`` fixes usage columns for all rows. Without a map, columns named like those of the usage
table are taken as they are.

Units, where none is given: Tokens, GPU-Hours, TPU-Chip-Hours, Hours (instance), vCPU-Hours,
Requests, Calls. Capacity: gpu, tpu_chip, instance and vcpu are allocated, all else is busy. A
record without window_end is an instant; times without a zone are UTC. Quantities are exact: more
than 18 decimals, or less than zero, is a reject, and so is any cell that cannot be read; the whole
record is then left out. A binary float counts as the shortest number that writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from trueup.adapter.telemetry import UsageSource
from trueup.errors import ConfigurationError, UnitError
from trueup.focus.raw import gathered
from trueup.focus.repair import literal, quoted
from trueup.model.schema import INTERRUPTIBLE, METERS
from trueup.telemetry.calls import faults
from trueup.telemetry.column_map import MAPPABLE
from trueup.telemetry.defaults import ALLOCATED, UNITS
from trueup.telemetry.records import RECORDS, RawRecords, load_records
from trueup.telemetry.sample import Sample, sample
from trueup.telemetry.usage_by_value import UsageByValue
from trueup.telemetry.workbench import (
    IS_TOO_LONG,
    NO,
    TOO_LONG,
    USAGE_COLUMNS,
    YES,
    count,
    insert_rejects,
    insert_rows,
    text_list,
)

if TYPE_CHECKING:
    import duckdb

    from trueup.telemetry.workbench import Write

BATCH_ROWS = 32_768
TEXTS = tuple(
    name for name in MAPPABLE if USAGE_COLUMNS[name] == "VARCHAR" and name not in ("meter", "unit")
)


class TableReader:
    """Reads tables by a column map: one record is one row of the file."""

    name = "table"

    def recognises(self, source: UsageSource) -> bool:
        seen = sample(source.path, source.source)
        if seen.kind not in ("delimited", "json", "parquet"):
            return False
        return bool(source.columns) or _is_usage(seen, source.constants)

    def read(self, source: UsageSource, connection: duckdb.DuckDBPyConnection) -> int:
        """Append usage and rejects; return how many records there are."""
        return self.stream(source, connection, lambda rows: insert_rows(connection, rows))

    def stream(
        self, source: UsageSource, connection: duckdb.DuckDBPyConnection, write: Write
    ) -> int:
        """Hand on usage in the order of the records; append rejects (see ``Streams``)."""
        seen = sample(source.path, source.source)
        mapped = dict(source.columns) or {
            name: name for name in (*MAPPABLE, *METERS) if name in seen.fields
        }
        meters = _checked(source, mapped)
        fields = {name: (column,) for name, column in mapped.items()}
        each = _EachRecord(source, mapped, meters, connection)
        if seen.kind == "json":
            rows = load_records(connection, source, fields)
            _check_columns(connection, source, seen, mapped)
            each.hand_on(write)
            return rows
        _check_columns(connection, source, seen, mapped)
        raw = RawRecords(source)
        by_value = UsageByValue(source, raw, mapped, meters)
        with closing(raw.chunks()) as chunks:
            for chunk in chunks:
                usage = by_value.rows(chunk, connection)
                if usage is not None:
                    write(usage)
                else:
                    raw.load(connection, fields, chunk)
                    each.hand_on(write)
        return raw.finish(connection)


def _is_usage(seen: Sample, constants: Mapping[str, str]) -> bool:
    given = seen.fields | frozenset(constants)
    has_quantity = {"meter", "quantity"} <= given or not given.isdisjoint(METERS)
    return "window_start" in given and has_quantity


def _checked(source: UsageSource, mapped: Mapping[str, str]) -> list[str]:
    """The meters that have a column of their own; ConfigurationError for a map that cannot work."""
    given = {*mapped, *source.constants}
    meters = [meter for meter in METERS if meter in mapped]
    if "window_start" not in given:
        raise ConfigurationError(
            f"{source.source}: columns must map window_start to the column of its times"
        )
    if "quantity" in given and meters:
        raise ConfigurationError(
            f"columns: quantity and {meters[0]} cannot both be mapped; give one or the other"
        )
    if not meters and not {"quantity", "meter"} <= given:
        raise ConfigurationError(
            f"{source.source}: columns must map a meter ({', '.join(METERS)}) to its column, "
            "or quantity, with meter mapped or among the constants"
        )
    return meters


def _check_columns(
    connection: duckdb.DuckDBPyConnection,
    source: UsageSource,
    seen: Sample,
    mapped: Mapping[str, str],
) -> None:
    """ConfigurationError for a mapped column that the file has not, naming those it has."""
    for name, column in mapped.items():
        if column in seen.fields:
            continue
        if seen.kind == "json" and count(
            connection, f"SELECT count({quoted(name)}) FROM {RECORDS}"
        ):
            continue
        found = ", ".join(seen.names or sorted(seen.keys)) or "none"
        raise ConfigurationError(
            f"{source.source}: columns: {name} is mapped to {column!r}, which the file has not; "
            f"its columns are {found}"
        )


def _typed(source: UsageSource, mapped: Mapping[str, str], meters: list[str]) -> str:
    """SQL of one row per record and meter, typed, with what is wrong."""

    def text(name: str) -> str:
        if name in source.constants:
            return literal(source.constants[name])
        return quoted(name) if name in mapped else "CAST(NULL AS VARCHAR)"

    pairs = [(literal(meter), quoted(meter), literal(meter)) for meter in meters]
    pairs = pairs or [(text("meter"), text("quantity"), "'quantity'")]
    listed = ", ".join(
        f"{{'meter': {meter}, 'text': {value}, 'place': {place}}}" for meter, value, place in pairs
    )
    texts = ", ".join(f"{text(name)} AS {quoted(name)}" for name in TEXTS if name != "capacity")
    places = {name: mapped.get(name, name) for name in (*MAPPABLE, *METERS)}
    cases = " ".join(f"WHEN {literal(name)} THEN {literal(mapped[name])}" for name in meters)
    quantity_place = f"CASE item.place {cases} END" if cases else literal(places["quantity"])
    units = " ".join(f"WHEN {literal(k)} THEN {literal(v)}" for k, v in UNITS.items())
    return f"""
        SELECT *, {_faults(places)}
        FROM (
            SELECT *, coalesce(capacity_text, CASE WHEN list_contains({text_list(ALLOCATED)}, meter)
                    THEN 'allocated' ELSE 'busy' END) AS capacity,
                coalesce(unit_text, CASE meter {units} END) AS unit
            FROM (
                SELECT record, item.meter AS meter, item.text AS text,
                    {quantity_place} AS quantity_place, exact_decimal(trim(text)) AS quantity,
                    start_text, end_text, moment(start_text) AS window_start,
                    CASE WHEN end_text IS NULL THEN moment(start_text) ELSE moment(end_text) END
                        AS window_end,
                    capacity_text, unit_text, CAST(NULL AS VARCHAR) AS unit_fault,
                    * EXCLUDE (record, item, start_text, end_text, capacity_text, unit_text)
                FROM (
                    SELECT record, unnest([{listed}]) AS item, {text("window_start")} AS start_text,
                        {text("window_end")} AS end_text, {text("capacity")} AS capacity_text,
                        {text("unit")} AS unit_text, {texts}
                    FROM {RECORDS}
                )
            )
        )"""


def _faults(places: Mapping[str, str]) -> str:
    several = "quantity_place"
    checks = [
        (
            places["window_start"],
            "window_start IS NULL",
            "coalesce(instant_fault(start_text), 'no time')",
            "start_text",
        ),
        (places["window_end"], "window_end IS NULL", "instant_fault(end_text)", "end_text"),
        (places["window_end"], "window_end < window_start", "'ends before it starts'", "end_text"),
        (places["window_end"], IS_TOO_LONG, literal(TOO_LONG), "end_text"),
        (
            places["meter"],
            f"meter IS NULL OR NOT list_contains({text_list(METERS)}, meter)",
            f"'not a meter; it is one of {', '.join(METERS)}'",
            "meter",
        ),
        (several, "text IS NOT NULL AND quantity IS NULL", "decimal_fault(trim(text))", "text"),
        (several, "quantity < 0", "'negative'", "text"),
        (
            several,
            f"text IS NULL AND quantity_place = {literal(places['quantity'])}",
            "'no quantity'",
            "text",
        ),
        (
            places["capacity"],
            "capacity NOT IN ('allocated', 'busy')",
            "'neither allocated nor busy'",
            "capacity",
        ),
        (
            places["tags"],
            "tags IS NOT NULL AND json_object_text(tags) IS NULL",
            "'not a JSON object'",
            "tags",
        ),
        (
            places[INTERRUPTIBLE],
            f"NOT list_contains({text_list((*YES, *NO))}, lower({INTERRUPTIBLE}))",
            "'neither true nor false'",
            INTERRUPTIBLE,
        ),
    ]
    return faults(checks).replace(literal(several), several)


class _EachRecord:
    """Reads the table ``records`` record by record: the way for all that may be at fault."""

    def __init__(
        self,
        source: UsageSource,
        mapped: Mapping[str, str],
        meters: list[str],
        connection: duckdb.DuckDBPyConnection,
    ) -> None:
        self._source_id = source.source_id
        self._query = _typed(source, mapped, meters)
        self._connection = connection

    def hand_on(self, write: Write) -> None:
        """Append rejects; then write usage, in the order of the records."""
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE metered AS {self._query}")
        _refuse_units(self._connection)
        self._refuse()
        texts = ", ".join(
            "json_object_text(tags) AS tags" if name == "tags" else quoted(name) for name in TEXTS
        )
        order = " ".join(f"WHEN {literal(meter)} THEN {n}" for n, meter in enumerate(METERS))
        result = self._connection.sql(
            f"SELECT {self._source_id} AS source_id, m.record AS source_row, window_start, "
            f"window_end, {texts}, meter, quantity, unit FROM metered m "
            "ANTI JOIN faulty f ON f.record = m.record WHERE m.quantity IS NOT NULL "
            f"ORDER BY m.record, CASE meter {order} END"
        ).to_arrow_reader(BATCH_ROWS)
        for rows in gathered(result):
            write(rows)

    def _refuse(self) -> None:
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE faulty AS SELECT record, "
            "arg_min({'place': fault_column, 'fault': fault, 'value': fault_value}, place) AS f "
            "FROM (SELECT record, fault_column, fault, fault_value, rowid AS place FROM metered "
            "WHERE fault IS NOT NULL) GROUP BY record"
        )
        insert_rejects(
            self._connection,
            f'SELECT {self._source_id} AS source_id, record AS row_number, f.place AS "column", '
            "f.fault AS reason, f.value AS value FROM faulty",
        )


def _refuse_units(connection: duckdb.DuckDBPyConnection) -> None:
    """Mark the records whose unit is none, one look at each distinct unit."""
    from trueup.units import parse_unit

    for (unit,) in connection.execute("SELECT DISTINCT unit FROM metered").fetchall():
        if unit is None:
            continue
        try:
            parse_unit(unit)
        except UnitError as error:
            connection.execute(
                "UPDATE metered SET fault = ?, fault_column = 'unit', fault_value = unit "
                "WHERE unit = ? AND fault IS NULL",
                [str(error), unit],
            )


reader = TableReader()
