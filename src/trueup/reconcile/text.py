"""Keys of several columns as one text, for joining and grouping the same way on every engine."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import ibis
import ibis.expr.types as ir

SEPARATOR = "\x1f"
ABSENT = "\x00"


def text_of(parts: Iterable[str | None]) -> str:
    """What ``key_with_nulls`` makes of these texts."""
    return SEPARATOR.join(ABSENT if part is None else part for part in parts)


def key_of(*columns: ir.Value) -> ir.Value:
    """The columns as one text; null as soon as one of them is null."""
    return reduce(lambda left, right: left + ibis.literal(SEPARATOR) + right, columns)


def key_with_nulls(*columns: ir.Value) -> ir.Value:
    """The columns as one text in which null is a value of its own, sorted before any text."""
    return key_of(*(column.cast("string").fill_null(ABSENT) for column in columns))
