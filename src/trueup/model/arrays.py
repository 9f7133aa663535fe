"""Columns of Arrow tables as arrays."""

from __future__ import annotations

import pyarrow as pa


def whole(array: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    if array.num_chunks == 1:
        return array.chunk(0)
    chunks = array.unify_dictionaries().chunks
    return pa.concat_arrays(chunks) if chunks else pa.nulls(0, array.type)
