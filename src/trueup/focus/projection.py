"""The SQL query that reads a file's raw records: typed columns, and what is wrong with a row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from trueup.focus.columns import Column, Kind
from trueup.focus.raw import ROW, SOURCE, column
from trueup.focus.repair import literal, quoted

VALUE_CHARACTERS_MAX = 200

# Columns of the query beside the dataset's own; none of them reaches a file.
FAULT_COLUMN = "fault column"
FAULT_REASON = "fault reason"
FAULT_VALUE = "fault value"
FAULT_CURRENCY = "fault currency"
JSON_LOST = "json lost"
LATE_HOURS = "late hours"
CONTROL = (FAULT_COLUMN, FAULT_REASON, FAULT_VALUE, FAULT_CURRENCY, JSON_LOST, LATE_HOURS)

DOUBT = "doubt"  # the column of ``select_texts`` that says which value needs its row

SOURCE_ID = "x_SourceId"
SOURCE_ROW = "x_SourceRow"

SQL_TYPES = {"text": "VARCHAR", "json": "VARCHAR", "decimal": "DECIMAL(38, 18)"}
SQL_TYPES["time"] = "TIMESTAMPTZ"

# The macro of ``repair`` that reads the text of a kind of column.
READERS: Mapping[Kind, str] = {
    "decimal": "exact_decimal",
    "time": "instant",
    "json": "json_object_text",
}


@dataclass(frozen=True)
class Span:
    """Two time columns of which the second must not come before the first."""

    start: str
    end: str
    may_be_empty: bool  # whether both may be the same instant


@dataclass(frozen=True)
class Reading:
    """What to take from one file: where its columns stand, and what a row must have."""

    columns: Sequence[Column]  # every column the dataset knows
    positions: Mapping[str, int]  # column -> index in the file
    types: Sequence[pa.DataType]  # physical, in the file's order
    required: Sequence[str]
    closed: Sequence[str]  # columns whose value must be one of the allowed ones
    span: Span
    texts: Mapping[str, int]  # further output columns -> index in the file, as text
    # output column -> the columns of the file of which it has the first that is not null; of none,
    # it is null
    first_of: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # column -> those without which it must not be null; all of them are in the file
    instead: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def present(self) -> list[Column]:
        """The columns that the file has, in its order."""
        found = [known for known in self.columns if known.name in self.positions]
        return sorted(found, key=lambda known: self.positions[known.name])

    def kind_of(self, known: Column) -> pa.DataType:
        """The physical type of a column that the file has."""
        return self.types[self.positions[known.name]]


def select(reading: Reading) -> str:
    """The query over the view ``raw``: control columns, then the dataset's."""
    present = reading.present
    faults = _faults(reading, present)
    return (
        f"SELECT {', '.join([*_control(reading, present, faults), *_output(reading)])} "
        f"FROM (SELECT *, {_fault_number(faults)} AS fault "
        f"FROM (SELECT *{_listed(_typed(reading, present))} "
        f"FROM (SELECT *{_listed(_texts(reading, present))} FROM raw)))"
    )


PLAIN_TEXT = "SELECT value_text(text) AS text FROM raw"


def plain_texts(reading: Reading) -> list[str]:
    """Columns that are text in the file, too, and that no value of is at fault or repaired.

    PLAIN_TEXT is what ``select`` makes of them.
    """
    plain = [
        known.name
        for known in reading.present
        if known.kind == "text"
        and not _is_trimmed(known)
        and known.name not in (*reading.required, *reading.closed, *reading.instead)
    ]
    places = {**reading.texts, **{name: reading.positions[name] for name in plain}}
    return [name for name, place in places.items() if _is_text(reading.types[place])]


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind))


def select_texts(reading: Reading, but: Collection[str] = ()) -> str:
    """The query over the view ``raw`` of distinct values, where a row is no record.

    Of each column that is not ``carried`` it gives what ``select`` would for this value: of text
    and further columns the value, of one that ``of_kind`` reads the text. DOUBT is true where a
    value is not good in every record: the record decides. Columns of ``but`` are left out.
    """
    read = [
        known
        for known in reading.present
        if known.name not in but and not carried(known.kind, reading.kind_of(known))
    ]
    parts = [f"{_text_or_value(known)} AS {quoted(known.name)}" for known in read]
    doubts = " OR ".join(_doubt(reading, known) for known in read) or "false"
    return (
        f"SELECT {doubts} AS {quoted(DOUBT)}{_listed(parts + _further(reading, but))} "
        f"FROM (SELECT *{_listed(_typed(reading, [k for k in read if k.kind not in READERS]))} "
        f"FROM (SELECT *{_listed(_texts(reading, read))} FROM raw))"
    )


def of_kind(kind: Kind) -> str:
    """The query over the column ``text`` of the view ``raw`` that reads what columns of a kind say.

    Gives ``value``, and DOUBT as ``select_texts`` does.
    """
    wrong = "value IS NULL" + (f" OR {_late('text')}" if kind == "time" else "")
    return (
        f"SELECT value, coalesce(text IS NOT NULL AND ({wrong}), true) AS {quoted(DOUBT)} "
        f"FROM (SELECT text, CAST({READERS[kind]}(text) AS {SQL_TYPES[kind]}) AS value FROM raw)"
    )


def carried(kind: Kind, physical: pa.DataType) -> bool:
    """Whether every value of a physical type is one of a column of this kind, as it stands."""
    types = pa.types
    if kind == "decimal" and types.is_decimal(physical):
        return bool(0 <= physical.scale <= 18 and physical.precision - physical.scale <= 20)
    if kind == "decimal":
        return bool(types.is_integer(physical))
    if kind == "time" and types.is_timestamp(physical):
        return bool(physical.unit != "ns")
    return kind == "time" and bool(types.is_date(physical))


def _text(name: str) -> str:
    return quoted(f"text {name}")


def typed(name: str) -> str:
    """The identifier under which ``Reading.output`` refers to a typed column of the file."""
    return quoted(f"typed {name}")


def text_of(index: int, kind: pa.DataType) -> str:
    """SQL for the text of a raw column of any physical type; null words are null."""
    name = column(index)
    if pa.types.is_struct(kind) or pa.types.is_map(kind):
        # A struct has every key in every row; patching an empty object leaves the null ones out.
        return f"CAST(json_merge_patch('{{}}', to_json({name})) AS VARCHAR)"
    if pa.types.is_nested(kind):
        return f"CAST(to_json({name}) AS VARCHAR)"
    return f"value_text(CAST({name} AS VARCHAR))"


def _listed(parts: Sequence[str]) -> str:
    return "".join(f", {part}" for part in parts)


def _texts(reading: Reading, present: Sequence[Column]) -> list[str]:
    parts = []
    for known in present:
        index = reading.positions[known.name]
        text = text_of(index, reading.types[index])
        if _is_trimmed(known):
            text = f"word_text(trim({text}))"
        parts.append(f"{text} AS {_text(known.name)}")
    return parts


def _is_trimmed(known: Column) -> bool:
    """Whether blanks around a value mean nothing: in names and descriptions they may."""
    return known.kind != "text" or bool(known.values) or known.name.endswith("Currency")


def _typed(reading: Reading, present: Sequence[Column]) -> list[str]:
    parts = []
    for known in present:
        value = _value(known, reading.kind_of(known), column(reading.positions[known.name]))
        parts.append(f"{value} AS {typed(known.name)}")
    return parts


def _value(known: Column, kind: pa.DataType, raw: str) -> str:
    text = _text(known.name)
    if carried(known.kind, kind):
        value = _cast(known, raw)  # a time without a zone is UTC, the session's
        return f"within_years({value})" if known.kind == "time" else value
    if known.kind in READERS:
        return f"{READERS[known.kind]}({text})"
    if known.values:
        cases = " ".join(f"WHEN {literal(v.lower())} THEN {literal(v)}" for v in known.values)
        return f"CASE lower({text}) {cases} ELSE {text} END"
    if known.name.endswith("Currency"):
        is_code = f"regexp_full_match({text}, '[A-Za-z]{{3}}')"
        return f"CASE WHEN {is_code} THEN upper({text}) ELSE {text} END"
    return text


def _cast(known: Column, value: str) -> str:
    return f"CAST({value} AS {SQL_TYPES[known.kind]})"


@dataclass(frozen=True)
class _Fault:
    column: str
    condition: str
    reason: str  # SQL


def _faults(reading: Reading, present: Sequence[Column]) -> list[_Fault]:
    """What can be wrong with a row, in the file's column order; the span comes last."""
    faults = [fault for known in present for fault in _own_faults(reading, known)]
    for name, others in reading.instead.items():
        lacking = " OR ".join(f"{_text(other)} IS NULL" for other in others)
        reason = literal(f"empty: without it a row needs {', '.join(others)}")
        faults.append(_Fault(name, f"{_text(name)} IS NULL AND ({lacking})", reason))
    start, end = typed(reading.span.start), typed(reading.span.end)
    sign, words = ("<", "before") if reading.span.may_be_empty else ("<=", "not after")
    reason = literal(f"{words} {reading.span.start}")
    faults.append(_Fault(reading.span.end, f"{end} {sign} {start}", reason))
    return faults


def _own_faults(reading: Reading, known: Column) -> list[_Fault]:
    """What can be wrong with one column, whatever the rest of the row says."""
    faults = []
    text, value = _text(known.name), typed(known.name)
    if known.name in reading.required:
        reason = literal("empty, but every row needs it")
        faults.append(_Fault(known.name, f"{text} IS NULL", reason))
    if known.kind in ("decimal", "time"):
        name = "decimal_fault" if known.kind == "decimal" else "instant_fault"
        faults.append(_Fault(known.name, _unread(known), f"{name}({text})"))
    if known.name in reading.closed:
        reason = literal(f"not one of {', '.join(known.values)}")
        # Not with IN: the engine makes a join of it, and a join loses the order of the rows.
        allowed = " ".join(f"WHEN {literal(v)} THEN false" for v in known.values)
        foreign = f"{value} IS NOT NULL AND CASE {value} {allowed} ELSE true END"
        faults.append(_Fault(known.name, foreign, reason))
    return faults


def _unread(known: Column) -> str:
    return f"{_text(known.name)} IS NOT NULL AND {typed(known.name)} IS NULL"


def _late(text: str) -> str:
    return f"coalesce(substring({text}, 12, 2) BETWEEN '24' AND '47', false)"


def _doubt(reading: Reading, known: Column) -> str:
    """Whether a column's own value is at fault or may be, as far as ``of_kind`` does not say."""
    conditions = [
        fault.condition
        for fault in _own_faults(reading, known)
        if fault.condition != _unread(known)
    ]
    if known.name in reading.instead:
        conditions.append(f"{_text(known.name)} IS NULL")
    wrong = " OR ".join(f"({condition})" for condition in conditions) or "false"
    return f"coalesce({column(reading.positions[known.name])} IS NOT NULL AND ({wrong}), true)"


def _text_or_value(known: Column) -> str:
    return _text(known.name) if known.kind in READERS else _cast(known, typed(known.name))


def _fault_number(faults: Sequence[_Fault]) -> str:
    cases = (f"WHEN {fault.condition} THEN {n}" for n, fault in enumerate(faults, start=1))
    return f"CASE {' '.join(cases)} END"


def _control(reading: Reading, present: Sequence[Column], faults: Sequence[_Fault]) -> list[str]:
    def by_fault(parts: list[str]) -> str:
        cases = (f"WHEN {number} THEN {part}" for number, part in enumerate(parts, start=1))
        return f"CASE fault {' '.join(cases)} END"

    values = by_fault([_text(fault.column) for fault in faults])
    currency = typed("BillingCurrency") if "BillingCurrency" in reading.positions else "NULL"
    lost = [f"({_unread(known)})::INTEGER" for known in present if known.kind == "json"]
    late = [_late(_text(known.name)) for known in present if known.kind == "time"]
    return [
        f"{by_fault([literal(fault.column) for fault in faults])} AS {quoted(FAULT_COLUMN)}",
        f"{by_fault([fault.reason for fault in faults])} AS {quoted(FAULT_REASON)}",
        f"left({values}, {VALUE_CHARACTERS_MAX}) AS {quoted(FAULT_VALUE)}",
        f"CASE WHEN fault IS NOT NULL THEN {currency} END::VARCHAR AS {quoted(FAULT_CURRENCY)}",
        f"({' + '.join(lost) or '0'})::INTEGER AS {quoted(JSON_LOST)}",
        f"(fault IS NULL AND ({' OR '.join(late) or 'false'})) AS {quoted(LATE_HOURS)}",
    ]


def _output(reading: Reading) -> list[str]:
    parts = []
    for known in reading.columns:
        if known.removed is None and known.name not in reading.first_of:
            value = typed(known.name) if known.name in reading.positions else "NULL"
            parts.append(f"{_cast(known, value)} AS {quoted(known.name)}")
    for name, names in reading.first_of.items():
        parts.append(f"CAST({_first(names)} AS VARCHAR) AS {quoted(name)}")
    parts += [f"{SOURCE} AS {quoted(SOURCE_ID)}", f"{ROW} AS {quoted(SOURCE_ROW)}"]
    return parts + _further(reading)


def _first(names: Sequence[str]) -> str:
    return f"coalesce({', '.join([*map(typed, names), 'NULL'])})"


def _further(reading: Reading, but: Collection[str] = ()) -> list[str]:
    return [
        f"{text_of(index, reading.types[index])} AS {quoted(name)}"
        for name, index in reading.texts.items()
        if name not in but
    ]
