"""Cells: all rows of one side that are of one thing, in one time bucket.

Rows of a cell always match together, so the cascade runs over cells, which are few, and each row
still ends in exactly one group.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import INSTANT, instant, lasting, within
from trueup.engine.integers import tally, total
from trueup.period import Period

PLACE = ("thing", "grain", "bucket", "currency", "correction", "bare")
FIGURES = ("effective", "billed", "covered")  # covered: what of the effective cost was committed
HOUR_SECONDS, DAY_SECONDS = 3600, 25 * 3600  # a day of a zone has 23 to 25 hours


def placed(rows: ir.Table, period: Period | None) -> ir.Table:
    """Charges with ``grain`` (hour, day or month) and its ``bucket`` in the period.

    Columns: charge_id, source_id, source_row, PLACE, q, FIGURES, start, end.
    """
    timed = in_buckets(rows, period)
    columns = ("charge_id", "source_id", "source_row", *PLACE)
    return timed.select(*columns, "q", *FIGURES, "start", "end")


def in_buckets(rows: ir.Table, period: Period | None) -> ir.Table:
    """Rows of ``start`` and ``end`` with the grain they count by, ``bucket`` and ``until``.

    The bucket is the UTC hour, day or month that they lie in, or their own start. ``until`` is null
    but where they lie across two of these. What begins before the period counts from its start on,
    and what ends after it until its end: only that part is in the run.
    """
    start, end = instant(rows.start), instant(rows.end)
    in_day = end <= start.truncate("D") + lasting(days=1)
    begin, finish = within(start, end, period)
    day, month = (instant(begin.truncate(unit)) for unit in ("D", "M"))
    rest_in_day = finish <= day + lasting(days=1)
    in_month = finish <= month + lasting(months=1)
    length = rows.end.epoch_seconds() - rows.start.epoch_seconds()
    by_hour, by_day = length <= HOUR_SECONDS, length <= DAY_SECONDS
    return rows.mutate(
        grain=ibis.cases((by_hour, "hour"), (by_day, "day"), else_="month"),
        bucket=ibis.cases(
            # What lasts less than an hour counts by its start, as usage does.
            (length < HOUR_SECONDS, instant(begin.truncate("h"))),
            (by_hour, begin),
            (by_day, ibis.ifelse(in_day, day, begin)),
            else_=ibis.ifelse(in_month, month, begin),
        ),
        until=ibis.ifelse(
            by_hour | ibis.ifelse(by_day, rest_in_day, in_month), ibis.null(INSTANT), finish
        ),
    )


def past_hour(at: ir.Value, past: ir.Value | int = 0) -> ir.Value:
    """Seconds since the last hour that began ``past`` seconds past a full UTC hour."""
    return (at.epoch_seconds().cast("int64") - past) % HOUR_SECONDS


def from_hour(at: ir.Value, past: ir.Value | int = 0) -> ir.Value:
    """When that hour began."""
    return instant(at.truncate("s") - past_hour(at, past).as_interval("s"))


def bucket_end(grain: ir.Value, bucket: ir.Value) -> ir.Value:
    """The first instant after a bucket."""
    return ibis.cases(
        (grain == "hour", instant(bucket + lasting(hours=1))),
        (grain == "day", instant(bucket + lasting(days=1))),
        else_=instant(bucket + lasting(months=1)),
    )


def billed_cells(rows: ir.Table, engine: Engine) -> ir.Table:
    """Placed charges by PLACE: cell, PLACE, q, FIGURES, n, start, end."""
    grouped = rows.group_by(*PLACE).aggregate(
        q=total(_.q),
        **{name: total(rows[name]) for name in FIGURES},
        n=_.count(),
        start=_.start.min(),
        end=_.end.max(),
    )
    return engine.keep(grouped.mutate(cell=ibis.row_number()))


def metered_parties(pieces: ir.Table, engine: Engine) -> ir.Table:
    """Usage by thing, hour and who: the finest that allocation needs.

    ``allocated`` tells held from busy capacity.
    """
    parties = pieces.group_by("thing", "allocated", "matchable", "hour", "who").aggregate(
        q=total(_.q), n=tally(_.first_piece), end=_.end.max()
    )
    return engine.keep(parties)


def metered_cells(parties: ir.Table, engine: Engine) -> ir.Table:
    """Matchable usage by thing and hour: cell, thing, hour, q, n, end."""
    grouped = (
        parties.filter(parties.matchable)
        .group_by("thing", "hour")
        .aggregate(q=total(_.q), n=tally(_.n), end=_.end.max())
    )
    return engine.keep(grouped.mutate(cell=ibis.row_number()))
