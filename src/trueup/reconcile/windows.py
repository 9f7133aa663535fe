"""Windows: the own time of charges that keep no UTC hour, day or month, such as days of a zone.

A cell has ``until`` where its charges keep none; it then counts from ``begin`` to ``finish``, its
charges' time in the run by whole hours of the meters. Cells of one key whose windows overlap
share one: what was used in it cannot be told apart by time.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import INSTANT, QUARTER_SECONDS, instant, lasting, within
from trueup.engine.rows import united
from trueup.period import Period
from trueup.reconcile.cells import HOUR_SECONDS, bucket_end, from_hour, past_hour

GRAINS = {"hour": "h", "day": "D", "month": "M"}


def hour_starts(billed: ir.Table, things: ir.Table, engine: Engine) -> ir.Table | None:
    """``thing`` and ``past``: by how many seconds past a UTC hour its provider's hours begin.

    Told by the charges of that provider and meter that last whole hours, where they all begin at
    the same quarter of an hour, as zones do; usage that names no provider keeps the hours of all
    bills of its meter. None where all begin at full hours, or nothing is alike.
    """
    length = billed.end.epoch_seconds() - billed.start.epoch_seconds()
    lasting = billed.filter((length > 0) & (length % HOUR_SECONDS == 0))
    known = lasting.mutate(past=past_hour(lasting.start)).join(
        things.select("thing", "provider", "meter"), "thing"
    )
    told = engine.keep(known.select("provider", "meter", "past").distinct())
    of_provider = engine.keep(_alike(told, ["provider", "meter"]))
    if engine.count(of_provider) == 0:
        return None
    named = things.join(of_provider, ["provider", "meter"])
    nameless = things.filter(things.provider.isnull()).join(_alike(told, ["meter"]), "meter")
    return engine.keep(united(*(each.select("thing", "past") for each in (named, nameless))))


def _alike(told: ir.Table, by: list[str]) -> ir.Table:
    said = told.group_by(by).aggregate(past=_.past.min(), last=_.past.max())
    of_zone = (said.past > 0) & (said.past == said.last) & (said.past % QUARTER_SECONDS == 0)
    return said.filter(of_zone).drop("last")


def windowed(
    billed: ir.Table, starts: ir.Table | None, period: Period | None, engine: Engine
) -> ir.Table:
    """Billed cells with ``begin``, ``finish`` and ``until``, which is null where they keep UTC."""
    if starts is None:
        cells = billed.mutate(past=ibis.literal(0, type="int64"))
    else:
        joined = billed.left_join(starts, "thing")
        cells = joined.select(billed, past=joined.past.fill_null(0))
    first, last = within(instant(cells.start), instant(cells.end), period)
    up = (HOUR_SECONDS - past_hour(last, cells.past)) % HOUR_SECONDS
    begin, finish = from_hour(first, cells.past), instant(last + up.as_interval("s"))
    least = instant(begin + lasting(hours=1))
    return engine.keep(
        cells.mutate(
            begin=begin,
            finish=ibis.greatest(finish, least),
            until=ibis.ifelse(_keeps_none(cells, period), last, ibis.null(INSTANT)),
        ).drop("past")
    )


def _keeps_none(cells: ir.Table, period: Period | None) -> ir.Value:
    """Whether charges of a cell lie in no UTC hour, day or month.

    Of a month's charge only what lies in the period has to: it is as exact by the month.
    """
    day, month = (instant(cells.bucket.truncate(unit)) for unit in ("D", "M"))
    _first, last = within(instant(cells.start), instant(cells.end), period)
    across = (cells.start < day) | (cells.end > bucket_end(cells.grain, day))
    return ibis.cases(
        (cells.grain == "hour", (cells.past != 0) | (past_hour(cells.bucket) != 0)),
        (cells.grain == "day", (cells.past != 0) | across),
        else_=last > bucket_end(cells.grain, month),
    )


def shared(
    ours: ir.Table, theirs: ir.Table, grain: str, engine: Engine
) -> tuple[ir.Table, ir.Table]:
    """Both sides of a rule with their bucket, where charges of some keys have windows of their own.

    ``ours`` has cell, key, bucket, begin, finish and until, ``theirs`` cell, key and hour. Gives
    cell, key, bucket and until; and cell, key and metered_bucket.
    """
    odd = engine.keep(ours.filter(ours.until.notnull()).select("key").distinct())
    islands = engine.keep(_islands(ours.semi_join(odd, "key")))
    plain = ours.anti_join(odd, "key").mutate(until=ibis.null(INSTANT))
    columns = ("cell", "key", "bucket", "until")
    spans = islands.select("bucket", "until", of_key="key").distinct()
    met = theirs.join(
        spans,
        [theirs.key == spans.of_key, theirs.hour >= spans.bucket, theirs.hour < spans.until],
    )
    return (
        united(plain.select(columns), islands.select(columns)),
        united(
            in_utc(theirs.anti_join(odd, "key"), grain),
            met.select("cell", "key", metered_bucket=met.bucket),
        ),
    )


def in_utc(theirs: ir.Table, grain: str) -> ir.Table:
    """Metered cells (cell, key, hour) by the UTC hour, day or month they lie in: metered_bucket."""
    at = instant(theirs.hour.truncate(GRAINS[grain]))
    return theirs.select("cell", "key", metered_bucket=at)


def _islands(cells: ir.Table) -> ir.Table:
    """Cells with the window that they share: all of a key whose windows overlap, one by one."""
    order = ("begin", "finish", "cell")
    before = ibis.window(group_by="key", order_by=order, preceding=(None, 1))
    so_far = ibis.window(group_by="key", order_by=order, preceding=None, following=0)
    reached = cells.mutate(reached=cells.finish.max().over(before))
    opens = reached.reached.isnull() | (reached.begin >= reached.reached)
    marked = reached.mutate(opens=opens.cast("int64"))
    numbered = marked.mutate(island=marked.opens.sum().over(so_far))
    whole = ibis.window(group_by=["key", "island"])
    return numbered.mutate(
        bucket=numbered.begin.min().over(whole), until=numbered.finish.max().over(whole)
    )
