"""The price leg: the provider's own rules applied to the usage again, and rates held to contract.

Two questions of every bill. Applied as the provider publishes, would its commitments have left the
payer the same total on demand (``claims``)? And is a unit priced as the contract says?
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.instants import moment
from trueup.engine.integers import EDGE_SCALE, WHOLE, at_edge, magnitude, total, whole
from trueup.engine.rows import united
from trueup.reconcile.claims import claims_of, lines_of
from trueup.reconcile.commitment_rates import rate_table
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.rated_lines import SKU, Benefit, benefits_of, usage_lines
from trueup.reconcile.text import key_with_nulls
from trueup.reconcile.unit_prices import wrong_rates
from trueup.reconcile.waterfall import Applied, applied

ZERO = whole(0)


def run_leg(run: LegRun) -> Findings:
    """Re-rate what the bill's commitments may cover, and check every rate that is known."""
    found = wrong_rates(run)
    benefits = benefits_of(run)
    if not benefits:
        return found
    engine = run.engine
    lines = engine.keep(usage_lines(run, benefits))
    lines = engine.keep(lines.mutate(sku=sku_key(lines)))
    table, ambiguous = rate_table(run, lines, benefits)
    rates = engine.load(table)
    rates = engine.keep(
        rates.select(
            "commitment_id", "rate", "valid_from", "valid_to", "observed", sku=sku_key(rates)
        )
    )
    pools, rated = pools_of(run, lines, benefits)
    result = applied(rated, rates, pools, benefits, engine)
    differing = engine.keep(_differing(run, rated, result, pools))
    claims = claims_of(run, engine.collect(differing).to_pylist(), benefits)
    found.breaks.extend(claims.breaks)
    found.tables["claims"] = claims.rows
    found.tables["claim_lines"] = lines_of(result, differing, pools)
    found.notes.extend(_ambiguous(ambiguous))
    return found


def sku_key(table: ir.Table) -> ir.Value:
    """The columns that say what a SKU is, as one text."""
    return key_with_nulls(*(table[name] for name in SKU))


def pools_of(
    run: LegRun, lines: ir.Table, benefits: Sequence[Benefit]
) -> tuple[ir.Table, ir.Table]:
    """What each commitment has per whole interval, and the lines that can be moved.

    A covered line of which the bill does not say what it costs on demand, or that is dearer than
    on demand, stays where it was billed: what it drew is taken off its interval.
    """
    engine, scale = run.engine, run.commitments.quantity_scale
    t = run.commitments.intervals
    known = [benefit.commitment_id for benefit in benefits]
    spend = [one.commitment_id for one in benefits if one.rule.consumes != "units"]
    in_money = t.unit.isnull() | (t.unit == t.currency)
    kept = t.filter(
        t.commitment_id.isin(known)
        & t.unused_q.notnull()
        & (t.interval_start >= moment(run.window.start))
        & (t.interval_end <= moment(run.window.end))
        & (in_money | ~t.commitment_id.isin(spend or [""]))
    ).select(
        "commitment_id",
        "interval_start",
        "interval_end",
        "billing_end",
        "provider",
        # What the bill itself shows; where a contract says otherwise, the commitment leg does.
        there=at_edge(t.used_q + t.unused_q, scale),
    )
    fixed = lines.covered_by.notnull() & (
        lines.on_demand.isnull() | (lines.drawn > lines.on_demand) & lines.covered_by.isin(spend)
    )
    pinned = engine.keep(lines.filter(fixed))
    taken = (
        pinned.join(
            kept,
            [
                pinned.covered_by == kept.commitment_id,
                pinned.start >= kept.interval_start,
                pinned.start < kept.interval_end,
            ],
        )
        .group_by("commitment_id", "interval_start")
        .aggregate(fixed=total(_.drawn))
        .rename(fixed_id="commitment_id", fixed_start="interval_start")
    )
    pools = kept.left_join(
        taken,
        [kept.commitment_id == taken.fixed_id, kept.interval_start == taken.fixed_start],
    )
    pools = pools.mutate(pool=ibis.greatest(_.there - _.fixed.fill_null(ZERO), ZERO).cast(WHOLE))
    return (
        engine.keep(pools.drop("fixed", "fixed_id", "fixed_start")),
        engine.keep(lines.filter(~fixed & lines.on_demand.notnull())),
    )


def _differing(run: LegRun, lines: ir.Table, result: Applied, pools: ir.Table) -> ir.Table:
    """Per commitment and interval: on-demand cost saved by the rules and as billed, where not same.

    Only where the payer's total of the interval differs: covered lines that are merely others are
    a matter of allocation. Rounding (one unit of the bill's scale a line) is no difference.
    """
    parts = lines.filter(lines.covered_by.notnull())
    placed = parts.join(
        pools,
        [
            parts.covered_by == pools.commitment_id,
            parts.start >= pools.interval_start,
            parts.start < pools.interval_end,
        ],
    )
    as_billed = placed.select(
        line=placed.charge_id,
        commitment_id=placed.commitment_id,
        interval=placed.interval_start,
        by_rules=ZERO,
        as_billed=placed.on_demand,
    )
    by_rules = result.covered.select(
        "line", "commitment_id", "interval", by_rules=_.saved, as_billed=ZERO
    )
    per_line = united(as_billed, by_rules)
    priced = per_line.join(lines, per_line.line == lines.charge_id)
    sums = priced.group_by("commitment_id", "interval", "payer", "currency").aggregate(
        by_rules=total(_.by_rules), as_billed=total(_.as_billed), lines=_.line.nunique()
    )
    # The lines that the commitment touches, each once: what they cost on demand altogether.
    touched = priced.select("commitment_id", "interval", "line", "on_demand").distinct()
    costs = touched.group_by("commitment_id", "interval").aggregate(cost=total(_.on_demand))
    joined = sums.join(costs, ["commitment_id", "interval"])
    joined = joined.mutate(amount=(_.by_rules - _.as_billed).cast(WHOLE))
    payer = joined.mutate(
        net=_.amount.sum().over(group_by=["payer", "currency", "interval"]).cast(WHOLE),
        many=_.lines.sum().over(group_by=["payer", "currency", "interval"]),
    )
    unit = whole(10 ** (EDGE_SCALE - run.scale))
    apart = payer.filter(
        (magnitude(payer.net) > payer.many.cast(WHOLE) * unit)
        & (magnitude(payer.amount) > payer.lines.cast(WHOLE) * unit)
    )
    ends = pools.select("interval_end", "billing_end", of="commitment_id", since="interval_start")
    return apart.join(ends, [apart.commitment_id == ends.of, apart.interval == ends.since])


def _ambiguous(count: int) -> list[dict[str, Any]]:
    if not count:
        return []
    return [
        {
            "code": "rates_ambiguous",
            "subject": "rates",
            "text": f"{count:,} SKUs have several rates of a commitment at one time (tiers, say): "
            "their usage was not re-rated by them",
            "remedy": "state the one that holds in [[rules.rate]]",
        }
    ]
