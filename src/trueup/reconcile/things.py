"""Things: every set of attributes that matching tells apart, numbered, for both sides.

Rows are many and things are few. What a thing is called, its units and its key under every
matching rule are worked out once per thing; rows carry its number, and match by numbers.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.integers import WHOLE, divide, magnitude, total, whole
from trueup.engine.rows import united
from trueup.period import Period
from trueup.reconcile.billed import CORRECTION, UNUSED, in_period, of_usage, part
from trueup.reconcile.facts import Facts, decimals_of, tens
from trueup.reconcile.matching_rules import RULES
from trueup.reconcile.text import key_with_nulls

ATTRIBUTES = ("provider", "account", "region", "resource", "model", "meter", "tier", "held")
OURS, THEIRS = "ours", "theirs"
_SOLD = (
    *("profile", "provider", "account", "region", "resource", "resource_name", "currency"),
    *("meter", "model", "tier", "held", "step", "bill_unit", "factor"),
)
_OF_MONEY = ("step", "factor", "correction", "of_money")
_OF_NONE = -1
_CORRECTED = ("provider", "account", "region", "resource", "currency", "goods")
_KIND = ("model", "meter", "unit", "service_tier", "decimals")
_SAID = ("provider", "account_id", "region_id", "resource_id", "capacity", *_KIND)


def sold(rows: ir.Table, profiles: ir.Table, skus: ir.Table, engine: Engine) -> ir.Table:
    """The profiles of the Usage charges with a quantity of the known SKUs, with the SKU's columns.

    ``step`` brings their quantities to the base unit.
    """
    counted = rows.filter(rows.quantity.notnull()).select("profile").distinct()
    known = of_usage(profiles).semi_join(counted, "profile").join(skus, ["sku_key", "decimals"])
    return engine.keep(
        known.select(
            *_SOLD,
            correction=known.charge_class.fill_null("") == CORRECTION,
            committed=known.commitment_id.notnull(),
            of_money=ibis.literal(value=False),
        )
    )


def bare_corrections(profiles: ir.Table) -> ir.Table:
    """The profiles of corrections without a quantity: FOCUS lets one have none, and no unit."""
    t = _used(profiles)
    return t.filter(_is_bare(t))


def money_corrections(
    bare: ir.Table, rows: ir.Table, profiles: ir.Table, offered: ir.Table, every: ir.Table
) -> ir.Table:
    """Those of ``bare`` that are of what is sold, as ``offered`` has it: they change money.

    One is of the thing that all other Usage charges of its SKU and resource are of; where some are
    of another, or of none that a meter could see, or there are none, of nothing.
    """
    bare = bare.semi_join(rows, "profile")
    used = _used(profiles)
    others = used.filter(~_is_bare(used))
    others = others.semi_join(bare, _same(others, bare)).semi_join(rows, "profile")
    seen = others.left_join(offered.select("profile", "thing"), "profile")
    corrected = seen.select(*_CORRECTED, thing=seen.thing.fill_null(_OF_NONE))
    one = corrected.group_by(*_CORRECTED).aggregate(thing=_.thing.min(), last=_.thing.max())
    one = one.filter((one.thing == one.last) & (one.thing != _OF_NONE))
    known = bare.join(one, _same(bare, one)).select(
        *("profile", "currency", "resource_name"),
        thing=one.thing,
        committed=bare.commitment_id.notnull(),
    )
    return known.join(every, "thing").select(
        *(name for name in offered.columns if name not in _OF_MONEY),
        step=whole(0),
        factor=every.bill_factor,
        correction=ibis.literal(value=True),
        of_money=ibis.literal(value=True),
    )


def _same(ours: ir.Table, theirs: ir.Table) -> list[ir.BooleanValue]:
    return [ours[name].identical_to(theirs[name]) for name in _CORRECTED]


def _used(profiles: ir.Table) -> ir.Table:
    """The profiles of Usage charges, but of what was unused."""
    return profiles.filter(
        (profiles.category == "Usage") & (profiles.status.fill_null("") != UNUSED)
    )


def _is_bare(profiles: ir.Table) -> ir.BooleanValue:
    return (profiles.charge_class.fill_null("") == CORRECTION) & profiles.decimals.isnull()


def sold_rows(rows: ir.Table, described: ir.Table, period: Period | None) -> ir.Table:
    """The charges of what is sold with ``thing`` and ``q``, which is cut to the period.

    ``covered`` is what of their effective cost a commitment paid for: all or nothing. ``bare`` is
    the sign of a correction without a quantity, else 0.
    """
    columns = ("profile", "thing", "step", "currency", "correction", "committed", "of_money")
    told = described.select(*columns)
    joined = in_period(rows, period).join(told, "profile")
    return joined.mutate(
        q=ibis.ifelse(
            joined.of_money, whole(0), part(joined, (joined.quantity * joined.step).cast(WHOLE))
        ).cast(WHOLE),
        bare=ibis.cases(
            (joined.of_money & (joined.effective < whole(0)), -1), (joined.of_money, 1), else_=0
        ),
        covered=ibis.ifelse(joined.committed, joined.effective, whole(0)).cast(WHOLE),
    )


def said(usage: Facts, engine: Engine) -> ir.Table:
    """What usage rows speak of, by profile, with their count and the size of their quantities.

    Columns are the rows' under ``said_``. ``kind_key`` names what decides how a quantity counts:
    model, meter, unit, tier and decimals.
    """
    sums = usage.rows.group_by("profile").aggregate(
        most=total(magnitude(usage.rows.quantity)), rows=usage.rows.count()
    )
    known = usage.profiles
    t = known.mutate(decimals=decimals_of(known, "quantity")).join(sums, "profile")
    return engine.keep(
        t.select(
            "profile",
            "rows",
            **{f"said_{name}": t[name] for name in _SAID},
            most=(divide(t.most, tens(t.decimals)) + whole(1)).cast(WHOLE),
            kind_key=key_with_nulls(*(t[name] for name in _KIND)),
        )
    )


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
