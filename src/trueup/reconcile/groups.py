"""Groups: everything that matched under one rule, key and bucket, billed against metered."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.integers import WHOLE, divide_half_even, magnitude, tally, total, whole
from trueup.reconcile.cascade import Pairing
from trueup.reconcile.tolerance import Limits, within

IDENTITY = ["rule", "grain", "key", "bucket", "metered_bucket"]
MATCHED, TIMING, DUPLICATE = "matched", "timing", "duplicate"
QUANTITY, MISSING_IN_USAGE = "quantity", "missing_in_usage"


def form_groups(
    pairing: Pairing, billed: ir.Table, metered: ir.Table, engine: Engine
) -> tuple[ir.Table, ir.Table, ir.Table]:
    """The groups, and which cells belong to which.

    Returns (groups, billed_members, metered_members). A group has its identity, ``group``, both
    quantities and row counts, and what its cells have in common.
    """
    ours = pairing.billed.join(billed.drop("grain", "bucket"), "cell")
    theirs = pairing.metered.join(metered, "cell")
    sums = ours.group_by(*IDENTITY).aggregate(
        q=total(_.q),
        n_billed=tally(_.n),
        provider=_.provider.min(),
        account=_.account.min(),
        region=_.region.min(),
        resource=_.resource.min(),
        model=_.model.min(),
        meter=_.meter.min(),
        tier=_.tier.min(),
        held=_.held.max(),
        bill_unit=_.bill_unit.min(),
        unit_factor=_.unit_factor.min(),
        start=_.start.min(),
        end=_.end.max(),
    )
    other = theirs.group_by(*IDENTITY).aggregate(
        metered_q=total(_.q),
        n_metered=tally(_.n),
        metered_start=_.hour.min(),
        metered_end=_.end.max(),
    )
    joined = sums.join(other, IDENTITY)
    groups = engine.keep(joined.mutate(group=ibis.row_number()))
    identity = groups.select("group", *IDENTITY)
    members_billed = engine.keep(pairing.billed.join(identity, IDENTITY).select("cell", "group"))
    members_metered = engine.keep(pairing.metered.join(identity, IDENTITY).select("cell", "group"))
    return groups, members_billed, members_metered


def group_costs(billed: ir.Table, members: ir.Table, engine: Engine) -> ir.Table:
    """Effective cost per group and currency."""
    joined = members.join(billed, "cell")
    return engine.keep(
        joined.group_by("group", "currency").aggregate(
            effective=total(_.effective), billed=total(_.billed), n=tally(_.n)
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
    """Each group with its ``verdict`` and, per currency in ``costs``, nothing yet.

    ``copies`` holds per group the quantity of charge rows that stand there more than once.
    """
    extra = groups.left_join(copies, "group")
    rows = extra.select(groups, copy_q=copies.copy_q.fill_null(whole(0)).cast(WHOLE))
    absolute = limits.absolute(rows.provider, scale)
    stake = costs.group_by("group").aggregate(cost=total(_.effective))
    priced = rows.left_join(stake, "group").select(rows, cost=stake.cost)
    gap = magnitude(priced.q - priced.metered_q)
    size = ibis.ifelse(priced.q == whole(0), whole(1), magnitude(priced.q))
    money = divide_half_even(magnitude(priced.cost) * gap, size)
    small = absolute.isnull() | (money <= absolute)
    agrees = within(priced.q, priced.metered_q, priced.provider, limits) & small
    single = priced.q - priced.copy_q
    explained = (priced.copy_q > whole(0)) & within(
        single, priced.metered_q, priced.provider, limits
    )
    verdict = ibis.cases(
        (priced.rule.startswith("timing"), TIMING),
        (agrees, MATCHED),
        (explained, DUPLICATE),
        (priced.metered_q == whole(0), MISSING_IN_USAGE),
        else_=QUANTITY,
    )
    return engine.keep(priced.mutate(verdict=verdict).drop("cost"))
