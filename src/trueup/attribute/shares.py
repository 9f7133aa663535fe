"""Penny-exact shares: the largest remainder, as one expression over all groups at once."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.integers import WHOLE, divide, magnitude, total, whole
from trueup.engine.rows import united


def shared(parts: ir.Table, by: tuple[str, ...], ties: tuple[str, ...], engine: Engine) -> ir.Table:
    """``parts`` with ``share``: how many units of ``cost`` each part gets.

    ``parts`` is kept and has ``cost`` (the same in every part of one ``by``) and ``weight`` >= 0
    with a positive sum per ``by``, all whole. |cost| is shared by floor(|cost| x weight / sum), the
    units left go one each to the largest remainders, ties in the order of ``ties`` (null first);
    then the sign is put back. Per ``by`` the shares add up to the cost, to the unit. A part that is
    alone takes it all, without being ranked.
    """
    group = list(by)
    several = parts.group_by(group).having(_.count() > 1).aggregate(whole_weight=total(_.weight))
    several = engine.keep(several)
    alone = parts.anti_join(several, group).mutate(share=_.cost)
    if engine.count(several) == 0:
        return alone
    return united(alone, _ranked(parts.join(several, group), group, ties).select(alone.columns))


def _ranked(weighted: ir.Table, group: list[str], ties: tuple[str, ...]) -> ir.Table:
    product = (magnitude(weighted.cost) * weighted.weight).cast(WHOLE)
    floors = weighted.mutate(
        size=magnitude(weighted.cost),
        floor=divide(product, weighted.whole_weight),
        product=product,
    )
    rest = floors.mutate(
        remainder=(floors.product - floors.floor * floors.whole_weight).cast(WHOLE),
        left=(floors.size - floors.floor.cast(WHOLE).sum().over(group_by=group)).cast(WHOLE),
    )
    order = [ibis.desc("remainder"), *(ibis.asc(name, nulls_first=True) for name in ties)]
    ranked = rest.mutate(place=ibis.row_number().over(group_by=group, order_by=order))
    units = (
        ranked.floor + ibis.ifelse(ranked.place.cast(WHOLE) < ranked.left, whole(1), whole(0))
    ).cast(WHOLE)
    signed = ibis.ifelse(ranked.cost < whole(0), whole(0) - units, units)
    return ranked.mutate(share=signed.cast(WHOLE))


def overflows(parts: ir.Table, by: tuple[str, ...]) -> ir.Value:
    """The largest |cost| x sum of weights over all groups, as text length: must stay under 38."""
    sums = parts.group_by(*by).aggregate(
        cost=magnitude(parts.cost.max()), weight=total(parts.weight)
    )
    return sums.aggregate(
        digits=(sums.cost.cast("string").length() + sums.weight.cast("string").length()).max()
    )
