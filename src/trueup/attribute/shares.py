"""Penny-exact shares: the largest remainder, as one expression over all groups at once."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from trueup.engine.integers import WHOLE, divide, magnitude, total, whole


def shared(parts: ir.Table, by: tuple[str, ...], ties: tuple[str, ...]) -> ir.Table:
    """``parts`` with ``share``: how many units of ``cost`` each part gets.

    ``parts`` has ``cost`` (the same in every part of one ``by``) and ``weight`` >= 0 with a
    positive sum per ``by``, all whole. |cost| is shared by floor(|cost| x weight / sum), the
    units left go one each to the largest remainders, ties in the order of ``ties`` (null first);
    then the sign is put back. Per ``by`` the shares add up to the cost, to the unit.
    """
    group = list(by)
    size = magnitude(parts.cost)
    weighted = parts.mutate(
        size=size,
        whole_weight=parts.weight.cast(WHOLE).sum().over(group_by=group).cast(WHOLE),
    )
    product = weighted.size * weighted.weight
    floors = weighted.mutate(floor=divide(product, weighted.whole_weight), product=product)
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
    return ranked.mutate(share=signed.cast(WHOLE)).drop(
        "size", "whole_weight", "floor", "product", "remainder", "left", "place"
    )


def overflows(parts: ir.Table, by: tuple[str, ...]) -> ir.Value:
    """The largest |cost| x sum of weights over all groups, as text length: must stay under 38."""
    sums = parts.group_by(*by).aggregate(
        cost=magnitude(parts.cost.max()), weight=total(parts.weight)
    )
    return sums.aggregate(
        digits=(sums.cost.cast("string").length() + sums.weight.cast("string").length()).max()
    )
