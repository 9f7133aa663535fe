"""The SQL query that reads a file's raw records: typed columns, and what is wrong with a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from trueup.focus.columns import Column
from trueup.focus.raw import column
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

SQL_TYPES = {"text": "VARCHAR", "json": "VARCHAR", "decimal": "DECIMAL(38, 18)"}
SQL_TYPES["time"] = "TIMESTAMPTZ"


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
    output: Mapping[str, str]  # further output columns -> SQL over ``typed`` and ROW
    texts: Mapping[str, int]  # further output columns -> index in the file, as text
    replaced: Mapping[str, str]  # columns whose value is not the file's own -> SQL, as output
    # column -> those without which it must not be null; all of them are in the file
    instead: Mapping[str, Sequence[str]] = field(default_factory=dict)


def select(reading: Reading) -> str:
    """The query over the view ``raw``: control columns, then the dataset's."""
    present = [known for known in reading.columns if known.name in reading.positions]
    present.sort(key=lambda known: reading.positions[known.name])
    faults = _faults(reading, present)
    return (
        f"SELECT {', '.join([*_control(reading, present, faults), *_output(reading)])} "
        f"FROM (SELECT *, {_fault_number(faults)} AS fault "
        f"FROM (SELECT *, {_typed(reading, present)} "
        f"FROM (SELECT *, {_texts(reading, present)} FROM raw)))"
    )


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


def _texts(reading: Reading, present: Sequence[Column]) -> str:
    parts = []
    for known in present:
        index = reading.positions[known.name]
        text = text_of(index, reading.types[index])
        if _is_trimmed(known):
            text = f"word_text(trim({text}))"
        parts.append(f"{text} AS {_text(known.name)}")
    return ", ".join(parts)


def _is_trimmed(known: Column) -> bool:
    """Whether blanks around a value mean nothing: in names and descriptions they may."""
    return known.kind != "text" or bool(known.values) or known.name.endswith("Currency")


def _typed(reading: Reading, present: Sequence[Column]) -> str:
    parts = []
    for known in present:
        index = reading.positions[known.name]
        value = _value(known, reading.types[index], column(index))
        parts.append(f"{value} AS {typed(known.name)}")
    return ", ".join(parts)


def _value(known: Column, kind: pa.DataType, raw: str) -> str:
    text = _text(known.name)
    if known.kind == "decimal":
        exact = pa.types.is_decimal(kind) and 0 <= kind.scale <= 18
        if pa.types.is_integer(kind) or (exact and kind.precision - kind.scale <= 20):
            return f"CAST({raw} AS DECIMAL(38, 18))"
        return f"exact_decimal({text})"
    if known.kind == "time":
        if pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.unit != "ns"):
            return f"CAST({raw} AS TIMESTAMPTZ)"  # without a zone it is UTC, the session's
        return f"instant({text})"
    if known.kind == "json":
        return f"json_object_text({text})"
    if known.values:
        cases = " ".join(f"WHEN {literal(v.lower())} THEN {literal(v)}" for v in known.values)
        return f"CASE lower({text}) {cases} ELSE {text} END"
    if known.name.endswith("Currency"):
        is_code = f"regexp_full_match({text}, '[A-Za-z]{{3}}')"
        return f"CASE WHEN {is_code} THEN upper({text}) ELSE {text} END"
    return text


@dataclass(frozen=True)
class _Fault:
    column: str
    condition: str
    reason: str  # SQL


def _faults(reading: Reading, present: Sequence[Column]) -> list[_Fault]:
    """What can be wrong with a row, in the file's column order; the span comes last."""
    faults = []
    for known in present:
        text, value = _text(known.name), typed(known.name)
        if known.name in reading.required:
            reason = literal("empty, but every row needs it")
            faults.append(_Fault(known.name, f"{text} IS NULL", reason))
        if known.kind in ("decimal", "time"):
            name = "decimal_fault" if known.kind == "decimal" else "instant_fault"
            unread = f"{text} IS NOT NULL AND {value} IS NULL"
            faults.append(_Fault(known.name, unread, f"{name}({text})"))
        if known.name in reading.closed:
            reason = literal(f"not one of {', '.join(known.values)}")
            # Not with IN: the engine makes a join of it, and a join loses the order of the rows.
            allowed = " ".join(f"WHEN {literal(v)} THEN false" for v in known.values)
            foreign = f"{value} IS NOT NULL AND CASE {value} {allowed} ELSE true END"
            faults.append(_Fault(known.name, foreign, reason))
    for name, others in reading.instead.items():
        lacking = " OR ".join(f"{_text(other)} IS NULL" for other in others)
        reason = literal(f"empty: without it a row needs {', '.join(others)}")
        faults.append(_Fault(name, f"{_text(name)} IS NULL AND ({lacking})", reason))
    start, end = typed(reading.span.start), typed(reading.span.end)
    sign, words = ("<", "before") if reading.span.may_be_empty else ("<=", "not after")
    reason = literal(f"{words} {reading.span.start}")
    faults.append(_Fault(reading.span.end, f"{end} {sign} {start}", reason))
    return faults


def _fault_number(faults: Sequence[_Fault]) -> str:
    cases = (f"WHEN {fault.condition} THEN {n}" for n, fault in enumerate(faults, start=1))
    return f"CASE {' '.join(cases)} END"


def _control(reading: Reading, present: Sequence[Column], faults: Sequence[_Fault]) -> list[str]:
    def by_fault(parts: list[str]) -> str:
        cases = (f"WHEN {number} THEN {part}" for number, part in enumerate(parts, start=1))
        return f"CASE fault {' '.join(cases)} END"

    values = by_fault([_text(fault.column) for fault in faults])
    currency = typed("BillingCurrency") if "BillingCurrency" in reading.positions else "NULL"
    lost = [
        f"({_text(known.name)} IS NOT NULL AND {typed(known.name)} IS NULL)::INTEGER"
        for known in present
        if known.kind == "json"
    ]
    late = [
        f"coalesce(substring({_text(known.name)}, 12, 2) BETWEEN '24' AND '47', false)"
        for known in present
        if known.kind == "time"
    ]
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
        value = typed(known.name) if known.name in reading.positions else "NULL"
        value = reading.replaced.get(known.name, value)
        if known.removed is None:
            parts.append(f"CAST({value} AS {SQL_TYPES[known.kind]}) AS {quoted(known.name)}")
    for name, sql in reading.output.items():
        parts.append(f"{sql} AS {quoted(name)}")
    for name, index in reading.texts.items():
        parts.append(f"{text_of(index, reading.types[index])} AS {quoted(name)}")
    return parts
