"""Keys of several columns as one text, for joining and grouping the same way on every engine."""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

SEPARATOR = "\x1f"
ABSENT = "\x00"


def text_of(parts: Iterable[str | None]) -> str:
    """What ``key_with_nulls`` makes of these texts."""
    return SEPARATOR.join(ABSENT if part is None else part for part in parts)


def key_of(*columns: ir.Value) -> ir.Value:
    """The columns as one text; null as soon as one of them is null."""
    known = ibis.and_(*(column.notnull() for column in columns))
    return ibis.ifelse(known, _joined(columns), ibis.null(str))


def key_with_nulls(*columns: ir.Value) -> ir.Value:
    """The columns as one text in which null is a value of its own, sorted before any text."""
    return _joined(column.cast("string").fill_null(ABSENT) for column in columns)


def _joined(columns: Iterable[ir.Value]) -> ir.Value:
    """Texts with separators, in one function call: nested ones would copy the beginning often."""
    separator: ir.StringScalar = ibis.literal(SEPARATOR)
    return separator.join(list(columns))
