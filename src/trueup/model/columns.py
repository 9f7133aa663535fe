"""The types of columns, and how a schema is written down."""

from __future__ import annotations

import pyarrow as pa

AMOUNT = pa.decimal128(38, 18)
INSTANT = pa.timestamp("us", tz="UTC")
TEXT = pa.string()
FLAG = pa.bool_()
COUNT = pa.int64()
KEY = pa.int64()


def columns_as(**columns: pa.DataType) -> pa.Schema:
    """A schema of nullable columns, in the order given."""
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


def numbers_stored(schema: pa.Schema) -> dict[str, str]:
    """How Parquet keeps the numbers of rows: as differences, which are small, and mostly one."""
    return {each.name: "DELTA_BINARY_PACKED" for each in schema if pa.types.is_int64(each.type)}
