"""Commitments applied to usage in their provider's order, all intervals at once.

Each commitment takes its turn: of the lines that it may cover it takes those with the highest
percentage saved first, then those with the lowest rate, until its interval's commitment is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.integers import EDGE_SCALE, WHOLE, ratio_at_edge, share, total, whole
from trueup.engine.rows import united
from trueup.reconcile.rated_lines import ONE, Benefit, eligible

ZERO = whole(0)
ROUNDED_AT = 9  # decimals: a rate taken from billed rows may be off behind them


@dataclass(frozen=True)
class Applied:
    """What the rules make of the lines.

    ``lines`` have ``left``, the on-demand cost that no commitment covers. ``covered`` has a row per
    commitment and line it covers: ``saved`` (on-demand cost) and ``taken`` (of the commitment).
    """

    lines: ir.Table
    covered: ir.Table


def applied(
    lines: ir.Table,
    rates: ir.Table,
    pools: ir.Table,
    benefits: Sequence[Benefit],
    engine: Engine,
) -> Applied:
    """Apply every commitment in its turn.

    ``pools``: what a commitment has per interval (commitment_id, interval_start, interval_end,
    ``pool`` in units of 10^-18). ``rates``: dated, per commitment and SKU.
    """
    left = engine.keep(lines.mutate(left=lines.on_demand))
    covered: list[ir.Table] = []
    pool_of: dict[str, ir.Table] = {}
    for benefit, own in _turns(benefits):
        name = benefit.commitment_id
        pool = pool_of.get(name, pools.filter(pools.commitment_id == name))
        took = engine.keep(_taken(left, rates, pool, benefit, own))
        covered.append(took)
        sums = took.group_by("line").aggregate(saved=total(_.saved))
        left = engine.keep(
            left.left_join(sums, left.charge_id == sums.line)
            .mutate(left=(_.left - _.saved.fill_null(ZERO)).cast(WHOLE))
            .drop("line", "saved")
        )
        used = took.group_by("interval").aggregate(taken=total(_.taken))
        pool_of[name] = engine.keep(
            pool.left_join(used, pool.interval_start == used.interval)
            .mutate(pool=(_.pool - _.taken.fill_null(ZERO)).cast(WHOLE))
            .drop("interval", "taken")
        )
    return Applied(left, engine.keep(united(*covered)))


def _turns(benefits: Sequence[Benefit]) -> Iterator[tuple[Benefit, bool | None]]:
    """Stage by stage: each commitment for its owner's account, then for the other accounts."""
    for stage in sorted({benefit.rule.stage for benefit in benefits}):
        these = [benefit for benefit in benefits if benefit.rule.stage == stage]
        yield from ((benefit, True) for benefit in these if benefit.owner is not None)
        yield from ((benefit, None if benefit.owner is None else False) for benefit in these)


def _taken(
    lines: ir.Table, rates: ir.Table, pool: ir.Table, benefit: Benefit, own: bool | None
) -> ir.Table:
    """What one turn covers. ``own``: of the owner's account, of the others, or (None) of all."""
    may = (lines.left > ZERO) & eligible(lines, benefit)
    if own is not None:
        mine = lines.account == benefit.owner
        may &= mine if own else ~mine
    of_this = rates.filter(rates.commitment_id == benefit.commitment_id)
    priced = lines.filter(may).join(of_this, "sku")
    priced = priced.filter((priced.start >= priced.valid_from) & (priced.start < priced.valid_to))
    in_pool = priced.join(
        pool.filter(pool.pool > ZERO).select("interval_start", "interval_end", "pool"),
        [priced.start >= pool.interval_start, priced.start < pool.interval_end],
    )
    # Without a rate by contract a line that the commitment was billed on draws what it drew.
    keeps = in_pool.observed & (in_pool.covered_by.fill_null("") == benefit.commitment_id)
    by_rate = share(in_pool.quantity, in_pool.rate, whole(ONE))
    whole_draw = ibis.ifelse(keeps, in_pool.drawn, by_rate).cast(WHOLE)
    sized = in_pool.mutate(draw=whole_draw)
    # A line without a saving is not covered; at the on-demand price itself it is.
    worth = sized.filter((sized.draw > ZERO) & _saves(sized, benefit))
    asked = worth.mutate(
        need=ibis.ifelse(
            worth.left == worth.on_demand,
            worth.draw,
            share(worth.draw, worth.left, worth.on_demand),
        ),
        percentage=ratio_at_edge(worth.draw, worth.on_demand),
    )
    before = ibis.window(
        group_by="interval_start",
        order_by=["percentage", "rate", "charge_id"],
        preceding=(None, 1),
    )
    running = asked.mutate(earlier=asked.need.sum().over(before).fill_null(ZERO).cast(WHOLE))
    free = (running.pool - running.earlier).cast(WHOLE)
    taken = ibis.greatest(ibis.least(running.need, free), ZERO)
    took = running.mutate(taken=taken.cast(WHOLE)).filter(_.taken > ZERO)
    return took.select(
        line=took.charge_id,
        commitment_id=ibis.literal(benefit.commitment_id),
        interval=took.interval_start,
        taken=took.taken,
        saved=ibis.ifelse(
            took.taken == took.need, took.left, share(took.left, took.taken, took.need)
        ).cast(WHOLE),
        rate=took.rate,
    )


def _saves(lines: ir.Table, benefit: Benefit) -> ir.Value:
    """Whether a covered line costs no more than on demand; units are not money: always."""
    if benefit.rule.consumes == "units":
        return ibis.literal(1) == 1
    rounding = whole(10 ** (EDGE_SCALE - ROUNDED_AT))
    return lines.draw <= lines.on_demand + rounding
