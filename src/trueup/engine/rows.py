"""Tables under one another, whatever widths the engines gave their columns."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir


def united(first: ir.Table, *others: ir.Table, distinct: bool = False) -> ir.Table:
    """All rows under the columns and types of ``first``; the others have columns of those names.

    Engines widen and narrow integers on their own, which a plain union refuses.
    """
    schema = first.schema()
    aligned = [
        other.select(
            **{
                name: other[name] if other[name].type() == kind else other[name].cast(kind)
                for name, kind in schema.items()
            }
        )
        for other in others
    ]
    return ibis.union(first, *aligned, distinct=distinct) if aligned else first
