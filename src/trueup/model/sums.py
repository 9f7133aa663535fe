"""Exact sums of columns by keys: Arrow's own, of 38 digits, would wrap silently."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

WIDE = pa.decimal256(76, 18)  # holds the sum of as many amounts as there can be rows
UNKNOWN = "unknown"


def sums_by(rows: pa.Table, keys: Sequence[str], figures: Sequence[str]) -> pa.Table:
    """``keys`` and the sums of ``figures`` under their names, in the order of the first rows.

    What is not known is left out; the sum of nothing that is known is null.
    """
    for name in figures:
        place = rows.schema.get_field_index(name)
        if pa.types.is_decimal(rows.schema.field(place).type):
            rows = rows.set_column(place, name, rows[name].cast(WIDE))
    grouped = rows.group_by(list(keys), use_threads=False)
    sums = grouped.aggregate([(name, "sum") for name in figures])
    return pa.table(
        {**{name: sums[name] for name in keys}, **{name: sums[f"{name}_sum"] for name in figures}}
    )


def known_by(rows: pa.Table, keys: Sequence[str], figure: str) -> pa.Table:
    """As ``sums_by`` of one figure, with ``unknown``: how many of the rows do not know it."""
    unknown = pc.is_null(rows.column(figure)).cast("int64")
    return sums_by(rows.append_column(UNKNOWN, unknown), keys, (figure, UNKNOWN))
