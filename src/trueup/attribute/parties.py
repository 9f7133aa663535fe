"""Who shares the cost of a group, and by what weight."""

from __future__ import annotations

from typing import Literal

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import instant
from trueup.engine.integers import WHOLE, total, whole
from trueup.engine.rows import united

# What tells parties apart. Rows carry the number of theirs, ``who``; null is nobody.
WHO = ("session", "agent", "tool", "team", "cost_centre")
NOBODY = ibis.null("int64")
Idle = Literal["apart", "owner", "spread"]
YES, NO = (ibis.literal(answer, type="boolean") for answer in (True, False))


def of_counted_work(
    groups: ir.Table, members: ir.Table, cells: ir.Table, parties: ir.Table, engine: Engine
) -> ir.Table:
    """Tokens and calls: each party by the quantity it used."""
    counted = groups.filter(~groups.held).select("group")
    return _own(counted, members, cells, parties, engine)


def of_capacity(
    groups: ir.Table,
    members: ir.Table,
    cells: ir.Table,
    parties: ir.Table,
    busy_keys: ir.Table,
    engine: Engine,
) -> ir.Table:
    """Held capacity: by busy time, else by the work it served, else by who held it.

    ``busy_keys`` are the groups' keys met by busy usage of the same meter: group, who, q.
    Where busy time is known, what was allocated and not busy is a party of its own (``idle``);
    so is the whole where a resource whose busy time or work is metered elsewhere in the run had
    none.
    Groups whose allocated meter saw nothing held have no party, whatever a busy meter says.
    """
    held = groups.filter(groups.held & (groups.metered_q > whole(0)))
    busy = engine.keep(
        busy_keys.filter(busy_keys.q > whole(0))
        .semi_join(held, "group")
        .group_by("group", "who")
        .aggregate(weight=total(_.q))
    )
    sums = busy.group_by("group").aggregate(busy_q=total(_.weight))
    reported = busy_keys.select("group").distinct()
    partly = held.semi_join(reported, "group").left_join(sums, "group")
    unreported = held.anti_join(reported, "group")
    served = engine.keep(_served(unreported, parties))
    silent = unreported.anti_join(served, "group")
    at_rest = engine.keep(_at_rest(silent, parties))
    idle = united(
        partly.select("group", weight=(_.metered_q - _.busy_q.fill_null(whole(0))).cast(WHOLE)),
        at_rest.select("group", weight=_.metered_q),
    )
    idle = idle.filter(idle.weight > whole(0)).mutate(who=NOBODY, idle=YES)
    holders = silent.anti_join(at_rest, "group").select("group")
    columns = ["group", "who", "weight", "idle"]
    return united(
        busy.mutate(idle=NO).select(columns),
        idle.select(columns),
        served.mutate(idle=NO).select(columns),
        _own(holders, members, cells, parties, engine).select(columns),
    )


def _at_rest(silent: ir.Table, parties: ir.Table) -> ir.Table:
    """Groups without work of a resource whose work (busy time, tokens, calls) the run meters."""
    at_work = parties.filter(~(parties.held & parties.allocated)).select("resource").distinct()
    return silent.filter(silent.rule.endswith("resource")).semi_join(at_work, "resource")


def contradicted(groups: ir.Table, parties: ir.Table, busy_keys: ir.Table) -> ir.Table:
    """Groups whose allocated meter saw nothing held, while another counted work: ``group``."""
    nothing = groups.filter(groups.held & (groups.metered_q == whole(0)))
    busy = busy_keys.filter(busy_keys.q > whole(0)).semi_join(nothing, "group")
    return united(busy.select("group"), _served(nothing, parties).select("group"), distinct=True)


def _own(
    wanted: ir.Table, members: ir.Table, cells: ir.Table, parties: ir.Table, engine: Engine
) -> ir.Table:
    """The parties of the groups' own usage cells.

    Kept step by step: hash tables of several joins at one time would not fit a small memory.
    """
    places = cells.select("cell", "thing", "hour")
    keyed = engine.keep(members.semi_join(wanted, "group").join(places, "cell").drop("cell"))
    used = parties.filter(parties.matchable & (parties.q > whole(0)))
    own = engine.keep(keyed.join(used, ["thing", "hour"]).select("group", "who", "q"))
    return engine.keep(own.group_by("group", "who").aggregate(weight=total(_.q)).mutate(idle=NO))


def _served(groups: ir.Table, parties: ir.Table) -> ir.Table:
    """Work counted on the groups' own resources in their time: tokens, else other work.

    Tokens of every direction weigh the same here; calls are never added to tokens.
    """
    work = parties.filter(
        ~parties.held & parties.resource.notnull() & (parties.q > whole(0))
    ).select("resource", "hour", "meter", "who", "q")
    times = groups.select("group", "resource", "grain", "bucket", "metered_bucket", "until")
    joined = united(
        in_own_time(times, work, "resource"),
        *(
            in_utc(times.filter(times.grain == grain), work, "resource", unit)
            for grain, unit in (("hour", "h"), ("day", "D"), ("month", "M"))
        ),
    )
    kinds = joined.mutate(kind=ibis.ifelse(joined.meter.endswith("_tokens"), "", joined.meter))
    best = kinds.group_by("group").aggregate(kind=_.kind.min())
    return (
        kinds.semi_join(best, ["group", "kind"])
        .group_by("group", "who")
        .aggregate(weight=total(_.q))
    )


def in_utc(groups: ir.Table, used: ir.Table, by: str, unit: str) -> ir.Table:
    """The rows of ``used`` by ``by`` in the UTC ``unit`` of ``metered_bucket``, with ``group``.

    Groups with ``until`` are left to ``in_own_time``.
    """
    timed = used.mutate(metered_bucket=instant(used.hour.truncate(unit)))
    plain = groups.filter(groups.until.isnull()).select("group", by, "metered_bucket")
    return timed.join(plain, [by, "metered_bucket"]).select("group", *used.columns)


def in_own_time(groups: ir.Table, used: ir.Table, by: str) -> ir.Table:
    """The rows of ``used`` by ``by`` in the time of groups with ``until``, with ``group``.

    That begins at ``metered_bucket`` and is as long as from ``bucket`` until then; an hour is in it
    that begins in it.
    """
    length = groups.until.epoch_seconds() - groups.bucket.epoch_seconds()
    own = groups.filter(groups.until.notnull()).select(
        "group", own_key=groups[by], since=groups.metered_bucket, length=length
    )
    after = used.hour.epoch_seconds() - own.since.epoch_seconds()
    met = used.join(own, [used[by] == own.own_key, after >= 0, after < own.length])
    return met.select("group", *used.columns)


def with_idle(parts: ir.Table, policy: Idle) -> ir.Table:
    """The parts under the idle policy: ``spread`` leaves idle out, so that the busy carry it.

    A group that was wholly idle keeps its idle part whatever the policy.
    """
    if policy != "spread":
        return parts
    busy = parts.filter(~parts.idle).select("group").distinct()
    return united(parts.filter(~parts.idle), parts.filter(parts.idle).anti_join(busy, "group"))
