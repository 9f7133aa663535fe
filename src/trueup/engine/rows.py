"""Tables under one another, whatever widths the engines gave their columns."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir


def united(first: ir.Table, *others: ir.Table, distinct: bool = False) -> ir.Table:
    """All rows under the columns and types of ``first``; the others have columns of those names.

    Engines widen and narrow integers on their own, which a plain union refuses.
    """
    aligned = [_aligned(other, first.schema()) for other in others]
    return ibis.union(first, *aligned, distinct=distinct) if aligned else first


def _aligned(rows: ir.Table, schema: ibis.Schema) -> ir.Table:
    """The columns of the schema, in its order and types; rows that have them so as they are."""
    kinds = rows.schema()
    if kinds == schema:
        return rows
    return rows.select(
        *(
            name if kinds[name] == kind else rows[name].cast(kind).name(name)
            for name, kind in schema.items()
        )
    )
