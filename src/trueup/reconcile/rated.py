"""What usage costs by the contract's dated rates, per unit or in tiers, where no bill covers it."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.attribute.parties import WHO
from trueup.engine.engine import Engine
from trueup.engine.instants import instant, lasting
from trueup.engine.integers import WHOLE, ratio_at_edge, share, total, whole
from trueup.model.rules import Rules
from trueup.model.spend_schema import RATED
from trueup.reconcile.liability import SUBJECT as OF_BILLS
from trueup.reconcile.rate_tiers import SUBJECT, priced_subjects
from trueup.reconcile.text import key_with_nulls

PIECE = (*OF_BILLS, "who", "tool")  # the tool is that of who: SUBJECT has it
UNIT = {"unit": _.unit.min(), "unit_factor": _.unit_factor.argmin(_.unit)}  # the first by name


def rated(usage: ir.Table, rules: Rules, engine: Engine) -> ir.Table:
    """Usage by hour and PIECE with ``currency``, ``cost`` and ``committed`` (10^-18, whole).

    ``usage`` has ``hour``, PIECE, ``q``, ``unit`` and ``unit_factor``. Of the rates that speak of
    it and hold in its hour the first in the rules prices it; without one its cost is null.

    Tiers count what a rate prices within a calendar month (UTC), in the order of time, then of
    names. What a tier costs up to a row is rounded half to even, and a row costs what it adds to
    that: so rows add up to the cost of the month, which is rounded once per tier.
    """
    pieces = engine.keep(_pieces(usage))
    subjects = engine.collect(pieces.group_by(*SUBJECT).aggregate(**UNIT))
    found = priced_subjects(subjects.to_pylist(), rules)
    counted = engine.keep(_counted(_chosen(pieces, engine.load(found.rates))))
    sums = _by_tier(counted, engine.load(found.tiers))
    joined = counted.left_join(sums, "piece")
    cost = ibis.ifelse(counted.place.isnull(), ibis.null(WHOLE), sums.cost.fill_null(whole(0)))
    rows = joined.select(counted, cost=cost.cast(WHOLE))
    drawn = ibis.ifelse(rows.committed, rows.cost, whole(0))
    committed = ibis.ifelse(rows.cost.isnull(), ibis.null(WHOLE), drawn).cast(WHOLE)
    return rows.mutate(committed=committed).drop("piece", "place", "before", "after")


def rated_hours(priced: ir.Table, people: ir.Table) -> ir.Table:
    """The table ``rated`` of what ``rated`` gave, without what no rate speaks of.

    ``people`` has ``who`` and WHO.
    """
    known = priced.filter(priced.cost.notnull()).drop("tool").left_join(people, "who")
    by = [name for name in (*OF_BILLS, *WHO, "currency") if name in RATED.names]
    sums = known.group_by("hour", *by).aggregate(
        q=total(_.q), cost=total(_.cost), committed_cost=total(_.committed), **UNIT
    )
    return sums.mutate(
        start=instant(sums.hour),
        end=instant(sums.hour + lasting(hours=1)),
        quantity=ratio_at_edge(sums.q, sums.unit_factor),
    ).select(*RATED.names)


def _pieces(usage: ir.Table) -> ir.Table:
    sums = usage.group_by("hour", *PIECE).aggregate(q=total(_.q), **UNIT)
    order = [ibis.asc(name, nulls_first=True) for name in ("hour", *PIECE)]
    return sums.mutate(piece=ibis.row_number().over(order_by=order))


def _chosen(pieces: ir.Table, rates: ir.Table) -> ir.Table:
    """Each piece with the first rate that speaks of it and holds: ``place``, null without one."""
    keyed = pieces.mutate(key=key_with_nulls(*(pieces[name] for name in SUBJECT)))
    joined = keyed.left_join(
        rates,
        (keyed.key == rates.subject)
        & (keyed.hour >= instant(rates.valid_from))
        & (keyed.hour < instant(rates.valid_to)),
    )
    ranked = joined.mutate(choice=ibis.row_number().over(group_by="piece", order_by="place"))
    best = ranked.filter(ranked.choice == 0)
    return best.select(*pieces.columns, "place", "currency", "committed", "step")


def _counted(chosen: ir.Table) -> ir.Table:
    """What the rate has priced in the month ``before`` each piece, and ``after``, in its parts."""
    month = instant(chosen.hour.truncate("M"))
    timed = chosen.mutate(month=month, parts=(chosen.q * chosen.step).cast(WHOLE))
    window = ibis.window(group_by=["place", "month"], order_by="piece", preceding=None, following=0)
    after = timed.parts.sum().over(window).cast(WHOLE)
    return timed.mutate(after=after, before=(after - timed.parts).cast(WHOLE)).drop(
        "month", "parts", "step"
    )


def _by_tier(counted: ir.Table, tiers: ir.Table) -> ir.Table:
    """The cost of each piece over the tiers it falls in: ``piece``, ``cost``."""
    joined = counted.join(
        tiers,
        (counted.place == tiers.tier_of)
        & (counted.after > tiers.low)
        & (counted.before < tiers.high),
    )
    costs = [
        share((edge - joined.low).cast(WHOLE), joined.num, joined.den)
        for edge in (
            ibis.least(joined.after, joined.high),
            ibis.greatest(joined.before, joined.low),
        )
    ]
    added = joined.mutate(added=(costs[0] - costs[1]).cast(WHOLE))
    return added.group_by("piece").aggregate(cost=total(_.added))
