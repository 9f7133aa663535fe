"""Groups: everything that matched under one rule, key and bucket, billed against metered."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.integers import (
    EDGE_SCALE,
    WHOLE,
    at_edge,
    magnitude,
    share,
    tally,
    total,
    whole,
)
from trueup.engine.rows import united
from trueup.reconcile.cascade import Pairing
from trueup.reconcile.cells import FIGURES
from trueup.reconcile.tolerance import Limits, within

MATCHED, TIMING, DUPLICATE = "matched", "timing", "duplicate"
QUANTITY, MISSING_IN_USAGE = "quantity", "missing_in_usage"


ABOUT = ("provider", "account", "region", "resource", "model", "meter", "tier")


def form_groups(
    pairing: Pairing, billed: ir.Table, metered: ir.Table, things: ir.Table, engine: Engine
) -> ir.Table:
    """The groups: identity, both quantities and row counts, and what their charges are about.

    Of several things, each attribute is the first by name that is known.
    """
    ours = pairing.billed.join(billed.drop("grain", "bucket", "until"), "cell")
    sums = ours.group_by("group").aggregate(
        q=total(_.q),
        n_billed=tally(_.n),
        start=_.start.min(),
        end=_.end.max(),
        thing=_.thing.min(),
        last_thing=_.thing.max(),
    )
    theirs = pairing.metered.join(metered, "cell")
    other = theirs.group_by("group").aggregate(metered_q=total(_.q), n_metered=tally(_.n))
    joined = pairing.identities.join(sums, "group").join(other, "group")
    numbered = joined.mutate(
        about=ibis.ifelse(joined.thing == joined.last_thing, joined.thing, -1 - joined.group)
    )
    groups = engine.keep(numbered.drop("thing", "last_thing"))
    known = things.select("thing", *ABOUT, "held", "bill_unit", unit_factor=things.bill_factor)
    mixed = ours.semi_join(groups.filter(groups.about < 0), "group").join(known, "thing")
    common = mixed.group_by("group").aggregate(
        **{name: mixed[name].min() for name in ABOUT},
        held=_.held.max(),
        bill_unit=_.bill_unit.min(),
        unit_factor=_.unit_factor.min(),
    )
    abouts = engine.keep(
        united(
            known.mutate(about=known.thing).drop("thing"),
            common.mutate(about=-1 - common.group).drop("group"),
        )
    )
    return groups.join(abouts, "about").drop("about")


def group_costs(billed: ir.Table, members: ir.Table, engine: Engine) -> ir.Table:
    """Effective cost per group and currency, and what of it commitments ``covered``."""
    joined = members.join(billed, "cell")
    return engine.keep(
        joined.group_by("group", "currency").aggregate(
            **{name: total(joined[name]) for name in FIGURES}, n=tally(_.n)
        )
    )


def judge(
    groups: ir.Table,
    costs: ir.Table,
    copies: ir.Table,
    limits: Limits,
    scale: int,
    engine: Engine,
) -> ir.Table:
    """One row per group and currency: what of its ``effective`` cost is at ``stake``, ``verdict``.

    A currency's stake is its share of the cost by the gap between the quantities, in units of
    10^-18, and only its own is held against the absolute limit. ``copies`` holds per group the
    quantity (``copy_q``) of charge rows that stand there more than once.
    """
    extra = groups.left_join(copies, "group")
    known = extra.select(groups, copy_q=copies.copy_q.fill_null(whole(0)).cast(WHOLE))
    joined = known.join(costs.select("group", "currency", "effective", "n"), "group")
    gap = joined.q - joined.metered_q
    size = ibis.ifelse(joined.q == whole(0), whole(1), magnitude(joined.q))
    signed = ibis.ifelse(joined.q < whole(0), whole(0) - gap, gap)
    nothing = gap == whole(0)
    of_gap = share(at_edge(joined.effective, scale), signed, size)
    rows = joined.mutate(stake=ibis.ifelse(nothing, whole(0), of_gap).cast(WHOLE))
    absolute = limits.absolute(rows.provider, EDGE_SCALE)
    small = absolute.isnull() | (magnitude(rows.stake) <= absolute)
    agrees = within(rows.q, rows.metered_q, rows.provider, limits) & small
    single = rows.q - rows.copy_q
    explained = (rows.copy_q > whole(0)) & within(single, rows.metered_q, rows.provider, limits)
    verdict = ibis.cases(
        (rows.rule.startswith("timing"), TIMING),
        (agrees, MATCHED),
        (explained, DUPLICATE),
        (rows.metered_q == whole(0), MISSING_IN_USAGE),
        else_=QUANTITY,
    )
    columns = ("group", "currency", "effective", "n", "copy_q", "stake")
    judged = engine.keep(rows.select(*columns, verdict=verdict))
    return groups.join(judged, "group")
