"""Allocations for a workbook: the costliest alone, the others added up without their session."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from trueup.model.arrays import whole
from trueup.model.columns import KEY
from trueup.model.places import counted
from trueup.model.sums import sums_by
from trueup.model.table import Table
from trueup.report.sessions import OTHERS

FIGURES = ("cost", "committed_cost")


def largest(allocations: Table, most: int) -> Table:
    """The rows that cost most in their currency, in their order, then what the others come to.

    Of those there is a row for each agent, tool, team, cost centre, provider and model, so that
    every sum is that of all rows; its session is OTHERS.
    """
    if len(allocations) <= most:
        return allocations
    best = rest = allocations.schema.empty_table()
    for batch in allocations.reader():
        rows = pa.concat_tables([best, pa.Table.from_batches([batch])])
        kept = pc.is_in(counted(len(rows)), _places(rows, most).cast(KEY))
        best = rows.filter(kept)
        rest = _added_up(pa.concat_tables([rest, rows.filter(pc.invert(kept))]))
    return Table(allocations.schema, arrow=pa.concat_tables([best, rest]).combine_chunks())


def _places(rows: pa.Table, most: int) -> pa.Array:
    """Where the rows stand that cost most in their currency; of equal ones the first."""
    order = pc.sort_indices(rows, [("cost", "descending")])
    currencies = whole(rows["currency"]).dictionary_encode(null_encoding="encode")
    codes = currencies.indices.take(order)
    found = [order.filter(pc.equal(codes, code)).slice(0, most) for code in codes.unique()]
    return pa.concat_arrays([order.slice(0, 0), *found])


def _added_up(rows: pa.Table) -> pa.Table:
    keys = [name for name in rows.column_names if name not in ("session", *FIGURES)]
    sums = sums_by(rows, keys, FIGURES)
    return sums.add_column(0, "session", pa.repeat(OTHERS, len(sums))).cast(rows.schema)
