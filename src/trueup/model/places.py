"""Which rows are equal: for each row of a column, or of several, its place among distinct ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

CODES_MAX = 2**62  # what a code of several columns may count up to
CODE_BYTES = 4
DICTIONARY_BITS_MIN = 128  # of a decimal


@dataclass(frozen=True)
class Places:
    """The place of each row, counted from 0 and never null, and how many there are."""

    of_rows: pa.Array
    count: int

    def first(self) -> pa.Array:
        """For each place a row that has it."""
        return pc.inverse_permutation(self.of_rows, max_index=self.count - 1)


def counted(rows: int, start: int = 0) -> pa.Array:
    """Whole numbers in a row, from the start on."""
    return pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), rows), start - 1)


def has_dictionary(kind: pa.DataType) -> bool:
    """Whether Arrow finds the distinct values of such a column by itself."""
    narrow = pa.types.is_decimal(kind) and kind.bit_width < DICTIONARY_BITS_MIN
    return not narrow and not pa.types.is_nested(kind)


def places(array: pa.Array) -> Places:
    """Places by what a row says, in maps, lists and structs too; null is a value of its own.

    Where it nests in yet another way, no two rows are equal.
    """
    kind = array.type
    if array.null_count == len(array):
        return Places(pa.repeat(pa.scalar(0, pa.int32()), len(array)), min(len(array), 1))
    if pa.types.is_list(kind) or pa.types.is_map(kind):
        return _encoded(_bytes(array))
    if pa.types.is_struct(kind):
        return together([_encoded(array.is_valid()), *map(places, array.flatten())], len(array))
    if pa.types.is_decimal(kind) and not has_dictionary(kind):
        array = array.cast(pa.decimal128(kind.precision, kind.scale))
    elif not has_dictionary(kind):
        return Places(counted(len(array)), len(array))
    return _encoded(array)


def together(columns: Sequence[Places], rows: int) -> Places:
    """Places by what rows say in all of these columns."""
    codes, count = pa.repeat(pa.scalar(0, pa.int64()), rows), 1
    for column in columns:
        if column.count <= 1:
            continue
        if count * column.count > CODES_MAX:
            narrower = _encoded(codes)
            codes, count = narrower.of_rows.cast(pa.int64()), narrower.count
        codes = pc.add(pc.multiply(codes, pa.scalar(column.count, pa.int64())), column.of_rows)
        count *= column.count
    return _encoded(codes)


def _encoded(array: pa.Array) -> Places:
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    count = len(array.dictionary)
    if not array.indices.null_count:
        return Places(array.indices, count)
    return Places(array.indices.fill_null(count), count + 1)


def _bytes(array: pa.Array) -> pa.Array:
    """A list as bytes that are equal where the lists are: the places of its members."""
    offsets = array.offsets
    start, end = offsets[0].as_py(), offsets[-1].as_py()
    if pa.types.is_map(array.type):
        pairs = [array.keys.slice(start, end - start), array.items.slice(start, end - start)]
        members = together([places(each) for each in pairs], end - start)
    else:
        members = places(array.values.slice(start, end - start))
    at = pc.multiply(pc.subtract(offsets, offsets[0]), pa.scalar(CODE_BYTES, pa.int32()))
    codes = pc.add(
        members.of_rows.cast(pa.int32()), pa.scalar(0, pa.int32())
    )  # a buffer of its own
    buffers = [None, at.buffers()[1], codes.buffers()[1]]
    found = pa.Array.from_buffers(pa.binary(), len(array), buffers)
    return pc.if_else(array.is_valid(), found, pa.scalar(None, pa.binary()))
