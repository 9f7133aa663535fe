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
