"""Numbers of a file, typed as it has them, as exact decimals: those that their text would give.

A binary float is taken for the shortest decimal that means it, as its text is. Where n / 10^10 is
the float and n has at most 15 digits, that is n / 10^10: no two decimals of up to 15 digits are the
same float, so that a shorter one would be the same number. The same holds of other powers of ten
that are floats themselves.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from trueup.focus.query import Query
from trueup.model.arrays import whole
from trueup.model.columns import AMOUNT

DECIMALS = (10, 5, 15)  # most numbers of a bill; large ones; small ones
LIMIT = pa.scalar(10.0**15)
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
    read = _counted(array, DECIMALS[0])
    for decimals in (*DECIMALS[1:], None):
        hard = pc.and_(array.is_valid(), read.is_null())
        if not pc.any(hard).as_py():
            return read
        values = array.filter(hard)
        if decimals is None:
            found = whole(by_text.read(pa.table({"value": values}))["amount"])
        else:
            found = _counted(values, decimals)
        read = pc.replace_with_mask(read, hard, found)
    return None if read.null_count > array.null_count else read


def _counted(array: pa.Array, decimals: int) -> pa.Array:
    """The floats that are a whole number of 10^-decimals, of at most 15 digits; else null."""
    scale = pa.scalar(10.0**decimals)
    count = pc.round(pc.multiply(array, scale))
    easy = pc.and_(pc.less(pc.abs(count), LIMIT), pc.equal(pc.divide(count, scale), array))
    units = pc.if_else(easy, count, pa.scalar(None, pa.float64())).cast(pa.int64())
    return units.cast(pa.decimal128(19, 0)).view(pa.decimal128(19, decimals)).cast(AMOUNT)
