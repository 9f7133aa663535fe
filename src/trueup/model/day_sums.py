"""Sums of a result table by day and names, made batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from trueup.model.columns import AMOUNT
from trueup.model.sums import WIDE

LONGEST = timedelta(hours=25)  # a day of a zone, where clocks go back
# What one-off charges are (fees, taxes, credits) follows no use: their reasons are none of these.
OF_USE = ("idle", "no_rule", "missing_in_usage", "unverified_capacity", "unused")


def by_day(
    reader: pa.RecordBatchReader,
    names: Sequence[str],
    figures: Sequence[str],
    *,
    start: str = "start",
    longest: timedelta | None = LONGEST,
) -> pa.Table:
    """``day`` (UTC, in which a row starts), ``names`` and the sums of ``figures``.

    A sum of something not known is null. Rows that last longer than ``longest`` are left out; of
    costs, those that are not the cost of use are, too.
    """
    tables = [reader.schema.empty_table(), *(pa.Table.from_batches([one]) for one in reader)]
    parts = [summed(_days(one, names, figures, start, longest), names, figures) for one in tables]
    return summed(pa.concat_tables(parts), names, figures)


def _days(
    rows: pa.Table,
    names: Sequence[str],
    figures: Sequence[str],
    start: str,
    longest: timedelta | None,
) -> pa.Table:
    end = start.replace("start", "end")
    reason = ["reason"] if "cost" in figures else []
    rows = rows.select([start, end, *names, *figures, *reason])  # what is filtered is copied
    if longest is not None:
        length = pc.subtract(rows[end], rows[start])
        rows = rows.filter(pc.less_equal(length, pa.scalar(longest, pa.duration("us"))))
    if reason:
        why = rows["reason"]
        rows = rows.filter(pc.or_(pc.is_null(why), pc.is_in(why, pa.array(OF_USE))))
    day = rows[start].cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
    return rows.select([*names, *figures]).append_column("day", day)


def summed(rows: pa.Table, names: Sequence[str], figures: Sequence[str]) -> pa.Table:
    """Rows of days summed further; null where one of the figures is.

    Raises ArrowInvalid for a sum that does not fit its column.
    """
    for figure in figures:  # Arrow's sums of 38 digits would wrap silently
        place = rows.schema.get_field_index(figure)
        rows = rows.set_column(place, figure, rows[figure].cast(WIDE))
    whole = pc.ScalarAggregateOptions(skip_nulls=False, min_count=0)
    sums = rows.group_by(["day", *names], use_threads=False).aggregate(
        [(figure, "sum", whole) for figure in figures]
    )
    return pa.table(
        {
            **{name: sums[name] for name in ("day", *names)},
            **{figure: sums[f"{figure}_sum"].cast(AMOUNT) for figure in figures},
        }
    )
