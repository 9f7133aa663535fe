"""Exact integer arithmetic for Ibis expressions, the same on every engine.

The core computes with whole numbers held as DECIMAL(38, 0): an amount is a count of 10^-scale, a
quantity a count of its meter's base unit. Division is the one operation on which engines differ,
so each registers a function of the same name for it (``engine.duckdb``, ``engine.spark``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal
from functools import cache
from inspect import Parameter, Signature
from typing import Any, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

DIGITS = 38
WHOLE = dt.Decimal(DIGITS, 0)
EXACT = dt.Decimal(DIGITS, 18)
EDGE_SCALE = 18  # decimals of every amount and quantity at the edges
MANY_DIGITS = Context(prec=100)


def _engine_function(
    name: str, takes: tuple[dt.DataType, ...], gives: dt.DataType
) -> Callable[..., ir.Value]:
    """A function that every engine registers under ``trueup_<name>``."""

    def body(*_args: object) -> None:
        """Computed by the engine, never here."""

    body.__name__ = name
    body.__signature__ = Signature(  # type: ignore[attr-defined]
        [Parameter(f"argument_{at}", Parameter.POSITIONAL_ONLY) for at in range(len(takes))]
    )
    declared = ibis.udf.scalar.builtin(name=f"trueup_{name}", signature=(takes, gives))
    return cast("Callable[..., ir.Value]", declared(body))


_divide = _engine_function("divide", (WHOLE, WHOLE), WHOLE)
_divide_half_even = _engine_function("divide_half_even", (WHOLE, WHOLE), WHOLE)
_share = _engine_function("share", (WHOLE, WHOLE, WHOLE), WHOLE)
_ratio_at_edge = _engine_function("ratio_at_edge", (WHOLE, WHOLE), WHOLE)
_units = _engine_function("units", (EXACT, WHOLE), WHOLE)
_decimals = _engine_function("decimals", (EXACT,), dt.int64)
_digest = _engine_function("digest", (dt.string,), dt.string)


def digest(text: ir.Value) -> ir.Value:
    """SHA-256 of a text as 64 hexadecimal digits."""
    return _digest(text)


@cache
def whole(value: int) -> ir.DecimalScalar:
    """A literal whole number."""
    return ibis.literal(Decimal(value), type=WHOLE)


def total(column: ir.Value) -> ir.Value:
    """The sum of whole numbers; null over no rows."""
    return column.cast(WHOLE).sum().cast(WHOLE)


def tally(column: ir.Value) -> ir.Value:
    """The sum of row counts as int64: engines widen it, and Ibis does not know that they do."""
    return column.sum().cast(WHOLE).cast("int64")


def divide(dividend: ir.Value, divisor: ir.Value) -> ir.Value:
    """Quotient truncated toward zero; the divisor is never zero."""
    return _divide(dividend.cast(WHOLE), divisor.cast(WHOLE))


def portion(value: ir.Value, part: ir.Value, of: ir.Value) -> ir.Value:
    """``value`` x ``part`` / ``of`` truncated, for 0 <= part <= of, a small number such as seconds.

    The product may not fit: whole times ``of`` are taken first.
    """
    times = divide(value, of)
    return (times * part).cast(WHOLE) + divide((value - (times * of).cast(WHOLE)) * part, of)


def units(value: ir.Value, factor: ir.Value | int) -> ir.Value:
    """``value`` x ``factor`` as a whole number; the product must be whole (see ``scale``)."""
    return _units(value, whole(factor) if isinstance(factor, int) else factor.cast(WHOLE))


def decimals(value: ir.Value) -> ir.Value:
    """How many decimals ``value`` uses, trailing zeros not counted: 0 to 18."""
    return _decimals(value)


def magnitude(value: ir.Value) -> ir.Value:
    """|value|; Spark's own ``abs`` and unary minus round to 34 digits."""
    return ibis.ifelse(value < whole(0), whole(0) - value, value).cast(WHOLE)


def divide_half_even(dividend: ir.Value, divisor: ir.Value) -> ir.Value:
    """Quotient rounded half to even; ``divisor`` > 0. The sign of the dividend is kept."""
    return _divide_half_even(dividend.cast(WHOLE), divisor.cast(WHOLE))


def share(value: ir.Value, part: ir.Value, of: ir.Value) -> ir.Value:
    """``value`` x ``part`` / ``of``, half-even, though the product may not fit; 0 < of < 10^28.

    Null where the quotient itself has more than 38 digits.
    """
    size = _share(magnitude(value), magnitude(part), of.cast(WHOLE))
    return ibis.ifelse((value < whole(0)) == (part < whole(0)), size, whole(0) - size).cast(WHOLE)


def ratio_at_edge(dividend: ir.Value, divisor: ir.Value) -> ir.Value:
    """``dividend`` / ``divisor`` in units of 10^-18, half-even, without overflow; divisor > 0."""
    return _ratio_at_edge(dividend.cast(WHOLE), divisor.cast(WHOLE))


def at_edge(value: ir.Value, scale: int) -> ir.Value:
    """Units of 10^-scale as units of 10^-18."""
    return (value * whole(10 ** (EDGE_SCALE - scale))).cast(WHOLE)


def rescaled(value: ir.Value, scale: int, other: int) -> ir.Value:
    """Units of 10^-scale as units of 10^-other, truncated toward zero where those are larger."""
    if other >= scale:
        return (value * whole(10 ** (other - scale))).cast(WHOLE)
    return divide(value, whole(10 ** (scale - other)))


def as_decimal(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Read whole numbers of 10^-18 as decimals: the same bytes under another type.

    Columns that ``schema`` declares as decimals must be decimal128(38, 0); all others are cast.
    """
    columns = []
    for field in schema:
        column = table.column(field.name)
        if pa.types.is_decimal(field.type) and not pa.types.is_null(column.type):
            column = pa.chunked_array(
                [_reinterpreted(chunk, field.type) for chunk in column.chunks], type=field.type
            )
        else:
            column = column.cast(field.type)
        columns.append(column)
    return pa.table(columns, schema=schema)


def as_whole(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows made in Python as whole numbers of 10^-18, ready to be united with computed ones."""
    fields = [
        pa.field(field.name, pa.decimal128(DIGITS, 0)) if pa.types.is_decimal(field.type) else field
        for field in schema
    ]
    columns = {
        field.name: [
            row.get(field.name)
            if row.get(field.name) is None or not pa.types.is_decimal(field.type)
            else Decimal(int(row[field.name].scaleb(EDGE_SCALE, MANY_DIGITS)))
            for row in rows
        ]
        for field in schema
    }
    return pa.table(columns, schema=pa.schema(fields))


def _reinterpreted(chunk: pa.Array, kind: pa.DataType) -> pa.Array:
    whole_numbers = chunk.cast(pa.decimal128(DIGITS, 0))
    return pa.Array.from_buffers(
        kind, len(whole_numbers), whole_numbers.buffers(), offset=whole_numbers.offset
    )
