"""Things: every set of attributes that matching tells apart, numbered, for both sides.

Rows are many and things are few. What a thing is called, its units and its key under every
matching rule are worked out once per thing; rows carry its number, and match by numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from trueup.engine.engine import Engine
from trueup.engine.integers import at_most, decimals, units
from trueup.engine.rows import united
from trueup.reconcile.billed import UNUSED, part
from trueup.reconcile.matching_rules import RULES
from trueup.reconcile.text import key_with_nulls

ATTRIBUTES = ("provider", "account", "region", "resource", "model", "meter", "tier", "held")
OURS, THEIRS = "ours", "theirs"
_SOLD = ("provider", "account", "region", "resource", "resource_name", "sku_key", "decimals")
_KIND = ("model", "meter", "unit", "service_tier", "decimals")
_SAID = ("provider", "account_id", "region_id", "resource_id", "capacity", *_KIND)


def usage_charges(billed: ir.Table) -> ir.Table:
    """The Usage charges with a quantity, with its ``decimals``."""
    usage = billed.filter(
        (billed.category == "Usage")
        & (billed.status.fill_null("") != UNUSED)
        & billed.quantity.notnull()
        & billed.unit.notnull()
    )
    return usage.mutate(decimals=decimals(usage.quantity))


def sold(charges: ir.Table, skus: ir.Table, engine: Engine) -> ir.Table:
    """What the charges of the known SKUs are for: their distinct descriptions with the SKU's."""
    return engine.keep(charges.select(*_SOLD).distinct().join(skus, ["sku_key", "decimals"]))


def sold_rows(charges: ir.Table, described: ir.Table) -> ir.Table:
    """The charges of what is sold with ``thing`` and ``q``, which is cut to the period."""
    same = [charges[name].identical_to(described[name]) for name in _SOLD]
    joined = charges.inner_join(described, same).select(charges, described.thing, described.factor)
    return joined.mutate(q=part(joined, units(joined.quantity, joined.factor)))


def said(usage: ir.Table, engine: Engine) -> ir.Table:
    """The distinct descriptions of usage rows, with their count and the size of their quantities.

    Their columns are the rows' under ``said_``. ``kind_key`` names what decides how a quantity
    counts: model, meter, unit, tier and decimals.
    """
    known = usage.mutate(decimals=decimals(usage.quantity))
    found = known.group_by(**{f"said_{name}": known[name] for name in _SAID}).aggregate(
        most=at_most(known.quantity), rows=known.count()
    )
    kind = key_with_nulls(*(found[f"said_{name}"] for name in _KIND))
    return engine.keep(found.mutate(kind_key=kind))


def said_rows(usage: ir.Table, described: ir.Table, wanted: Sequence[str]) -> ir.Table:
    """The usage rows that are described, each with the wanted columns of its description."""
    known = usage.mutate(decimals=decimals(usage.quantity))
    same = [known[name].identical_to(described[f"said_{name}"]) for name in _SAID]
    return known.inner_join(described, same).select(known, *(described[name] for name in wanted))


def things(billed: ir.Table, metered: ir.Table, engine: Engine) -> ir.Table:
    """Every thing of both sides: ``thing``, ATTRIBUTES and its units.

    ``billed`` and ``metered`` are descriptions with ATTRIBUTES. ``bill_unit`` and ``bill_factor``,
    ``meter_unit`` and ``meter_factor`` are null on the side that does not know it.
    """
    sides = united(billed.select(*ATTRIBUTES), metered.select(*ATTRIBUTES), distinct=True)
    every = engine.keep(sides.mutate(thing=ibis.row_number()))
    ours = _shown(numbered(billed, every), "bill_unit", "bill_factor")
    theirs = _shown(numbered(metered, every), "meter_unit", "meter_factor")
    known = every.left_join(ours, "thing").select(every, ours.bill_unit, ours.bill_factor)
    both = known.left_join(theirs, "thing")
    return engine.keep(both.select(known, theirs.meter_unit, theirs.meter_factor))


def _shown(side: ir.Table, unit: str, factor: str) -> ir.Table:
    """Per thing the unit to show, and its factor: the first by name, then the smallest."""
    first = ibis.row_number().over(group_by="thing", order_by=[unit, "factor"])
    ranked = side.mutate(place=first)
    return ranked.filter(ranked.place == 0).select("thing", unit, **{factor: ranked.factor})


def keys(every: ir.Table, engine: Engine) -> ir.Table:
    """The keys of the things: ``thing``, ``rule``, ``side`` (OURS or THEIRS), ``key``.

    A charge and usage match under a rule where their keys are equal; no row where the rule cannot
    tell.
    """
    texts = united(
        *(
            every.select(
                "thing", rule=ibis.literal(rule.name), side=ibis.literal(side), text=text(every)
            )
            for rule in RULES
            for side, text in ((OURS, rule.key), (THEIRS, rule.metered_key))
        )
    )
    known = texts.filter(texts.text.notnull())
    return engine.keep(known.mutate(key=ibis.dense_rank().over(order_by=known.text)).drop("text"))


def numbered(described: ir.Table, every: ir.Table) -> ir.Table:
    """Descriptions with the number of their thing."""
    known = every.select("thing", *ATTRIBUTES)
    same = [described[name].identical_to(known[name]) for name in ATTRIBUTES]
    return described.inner_join(known, same).select(described, known.thing)
