"""What usage without a charge would cost whom, until its charge arrives."""

from __future__ import annotations

import ibis.expr.types as ir
from ibis import _

from trueup.attribute.allocation import divided, reason_of
from trueup.attribute.parties import NO, NOBODY, YES, Idle, with_idle
from trueup.engine.engine import Engine
from trueup.engine.integers import WHOLE, total, whole
from trueup.engine.rows import united
from trueup.reconcile.usage_leg import of_whom, unbilled_key


def accrued(
    priced: ir.Table, told: ir.Table, unbilled: ir.Table, idle: Idle, engine: Engine
) -> ir.Table:
    """What usage without a charge would cost, by who used it; as ``priced`` counts, null not known.

    ``covered`` is what its rate draws on the commitment that it names, whether or not that has so
    much left. ``priced`` is what it comes to per thing and hour, ``told`` are the parties of all
    usage with what they speak of, ``unbilled`` the cells without a charge. Held capacity falls to
    who was busy on it, what was not busy by the idle policy; where nobody says who was busy, to who
    held it.
    """
    costs = priced.select(
        *("hour", "provider", "model", "meter", "currency", "commitment_id"),
        group=unbilled_key(priced),
        cost=priced.liability,
        covered=priced.draw,
    )
    here = of_whom(told.semi_join(unbilled, ["thing", "hour"]))
    used = engine.keep(
        here.mutate(group=unbilled_key(here))
        .group_by("group", "who", "matchable")
        .aggregate(weight=total(_.q))
        .filter(_.weight > whole(0))
    )
    busy, own = used.filter(~used.matchable), used.filter(used.matchable)
    sums = busy.group_by("group").aggregate(busy=total(_.weight))
    rest = own.group_by("group").aggregate(own=total(_.weight)).join(sums, "group")
    at_rest = rest.select("group", who=NOBODY, weight=(rest.own - rest.busy).cast(WHOLE), idle=YES)
    part = ("group", "who", "weight", "idle")
    parts = united(
        busy.mutate(idle=NO).select(*part),
        own.anti_join(sums, "group").mutate(idle=NO).select(*part),
        at_rest.filter(at_rest.weight > whole(0)),
    )
    joined = engine.keep(with_idle(parts, idle).join(costs, "group"))
    known = engine.keep(joined.filter(joined.cost.notnull()))
    shares = divided(known, engine)
    unknown = joined.filter(joined.cost.isnull())
    columns = ("hour", "provider", "model", "meter", "currency", "commitment_id", "who", "idle")
    rows = united(
        shares.select(*columns, "covered", cost=shares.share),
        unknown.select(*columns, "covered", "cost"),
    )
    return engine.keep(rows.mutate(reason=reason_of(rows)).drop("idle"))
