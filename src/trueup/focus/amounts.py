"""Numbers of a file, typed as it has them, as exact decimals: those that their text would give.

A binary float is taken for the shortest decimal that means it, as its text is. Where n / 10^10 is
the float and n has at most 15 digits, that is n / 10^10: no two decimals of up to 15 digits are the
same float, so that a shorter one would be the same number.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from trueup.focus.distinct import whole
from trueup.focus.query import Query
from trueup.model.columns import AMOUNT

DECIMALS = 10
SCALE = pa.scalar(10.0**DECIMALS)
DIGITS = pa.scalar(10.0**15)
BY_TEXT = "SELECT exact_decimal(CAST(value AS VARCHAR)) AS amount FROM raw"


def is_amount(kind: pa.DataType) -> bool:
    """Whether values of a physical type can be read by ``amounts``."""
    return bool(pa.types.is_float64(kind) or pa.types.is_decimal(kind))


def amounts(array: pa.Array, by_text: Query) -> pa.Array | None:
    """The values as AMOUNT; None where one of them does not fit it.

    ``by_text`` is a query of BY_TEXT: its connection knows the macros of ``repair``.
    """
    if pa.types.is_decimal(array.type):
        try:
            return array.cast(AMOUNT)
        except pa.ArrowInvalid:  # finer, or too large
            return None
    counted = pc.round(pc.multiply(array, SCALE))
    easy = pc.and_(
        pc.less(pc.abs(counted), DIGITS), pc.equal(pc.divide(counted, SCALE), array)
    )  # false of what is not a number
    units = pc.if_else(easy, counted, pa.scalar(None, pa.float64())).cast(pa.int64())
    read = units.cast(pa.decimal128(19, 0)).view(pa.decimal128(19, DECIMALS)).cast(AMOUNT)
    hard = pc.and_(array.is_valid(), pc.invert(easy))
    values = array.filter(hard)
    if not len(values):
        return read
    found = whole(by_text.read(pa.table({"value": values}))["amount"])
    return None if found.null_count else pc.replace_with_mask(read, hard, found)
