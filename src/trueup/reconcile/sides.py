"""Both sides of the usage leg: charges and usage rows, each with the thing it is of."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from trueup.engine.engine import Engine
from trueup.engine.rows import united
from trueup.model.rules import Rules
from trueup.period import Period
from trueup.reconcile.billed import SKU_DIMENSION, Sku, classify, distinct_skus
from trueup.reconcile.facts import Facts
from trueup.reconcile.metered import (
    KIND_DIMENSION,
    Kind,
    classify_kinds,
    described,
    distinct_kinds,
    metered_rows,
    numbered_parties,
)
from trueup.reconcile.metering import NotMetered
from trueup.reconcile.resources import resource_names
from trueup.reconcile.scale import Counted, base_sizes, fine_scale
from trueup.reconcile.scope import matchable
from trueup.reconcile.things import (
    ATTRIBUTES,
    bare_corrections,
    keys,
    money_corrections,
    numbered,
    said,
    sold,
    things,
)


@dataclass(frozen=True)
class UsageRun:
    """The inputs of the leg; ``columns`` tell SKUs apart.

    ``charges`` and ``metered`` are all rows as they were read, ``facts`` and ``usage`` the same
    split; ``rows`` are the period's charges, cut to it, and ``profiles`` what they have in common
    (see ``billed``).
    """

    charges: ir.Table
    facts: Facts
    profiles: ir.Table
    rows: ir.Table
    usage: Facts
    metered: ir.Table
    accepted: int
    columns: tuple[str, ...]
    intervals: ir.Table
    quantity_scale: int
    period: Period | None
    window: Period
    rules: Rules
    as_of: datetime
    scale: int

    @property
    def fine(self) -> int:
        """The scale of what is priced here, not billed."""
        return fine_scale(self.scale)


@dataclass(frozen=True)
class Sides:
    """Charges and usage by thing; what could not be compared; the size of base units by meter.

    ``sold`` are the profiles of charges that a meter could see, each with its ``thing``,
    ``metered`` the usage rows, ``parties`` the names of who stands in them, ``keys`` what things
    match by (see ``things``).
    """

    sold: ir.Table
    metered: ir.Table
    parties: ir.Table
    things: ir.Table
    keys: ir.Table
    not_compared: list[NotMetered]
    sizes: dict[str, int]

    def of_bill(self, rows: ir.Table) -> ir.Table:
        """Rows with ``thing``, and what it is, in the bill's unit."""
        every = self.things
        factor = every.bill_factor
        return rows.join(
            every.select("thing", *ATTRIBUTES, "bill_unit", unit_factor=factor), "thing"
        )

    def of_meters(self, rows: ir.Table) -> ir.Table:
        """Rows with ``thing``, and what it is, in the meter's unit."""
        every = self.things
        unit, factor = every.meter_unit, every.meter_factor
        return rows.join(every.select("thing", *ATTRIBUTES, unit=unit, unit_factor=factor), "thing")


def both_sides(run: UsageRun, engine: Engine) -> Sides:
    """Find the things of both sides, and bring charges and usage to them."""
    skus, not_compared = classify(
        distinct_skus(run.facts, run.profiles, run.columns, engine), run.columns, run.rules
    )
    heard = said(run.usage, engine)
    kinds, unknown = classify_kinds(distinct_kinds(heard, engine), run.rules)
    sizes, left_out = base_sizes([*(s.counted for s in skus), *(k.counted for k in kinds)])
    not_compared += [*unknown, *_too_fine("charges", skus, left_out)]
    not_compared += _too_fine("usage rows", kinds, left_out)
    sku_rows = [
        {
            "sku_key": sku.key,
            "decimals": sku.counted.decimals,
            "meter": sku.metering.meter,
            "model": sku.metering.model,
            "tier": sku.metering.tier,
            "held": sku.metering.held,
            **_factors(sku.counted, sizes),
            "bill_unit": sku.unit,
        }
        for sku in skus
        if sku.counted not in left_out
    ]
    kind_rows = kinds_told(kinds, sizes, left_out)
    offered = sold(run.rows, run.profiles, engine.load(as_table(sku_rows, SKU_DIMENSION)), engine)
    names = engine.keep(resource_names(offered, heard.said_resource_id))
    spoken = described(heard, engine.load(as_table(kind_rows, KIND_DIMENSION)), names)
    spoken = engine.keep(matchable(spoken, offered))
    every = things(offered, spoken, engine)
    offered = engine.keep(numbered(offered, every))
    bare = engine.keep(bare_corrections(run.profiles))
    if engine.count(bare):
        corrections = money_corrections(bare, run.rows, run.profiles, offered, every)
        offered = engine.keep(united(offered, corrections))
    spoken = engine.keep(numbered(spoken, every))
    parties, people = numbered_parties(run.usage, engine)
    return Sides(
        sold=offered,
        metered=metered_rows(run.usage, spoken, parties),
        parties=people,
        things=every,
        keys=keys(every, engine),
        not_compared=not_compared,
        sizes=sizes,
    )


def kinds_told(
    kinds: Sequence[Kind], sizes: Mapping[str, int], left_out: Collection[Counted]
) -> list[dict[str, Any]]:
    """Rows under KIND_DIMENSION of the kinds of usage that are counted."""
    return [
        {
            "kind_key": kind.key,
            "plain_model": kind.model,
            "tier": kind.tier,
            **_factors(kind.counted, sizes),
            "meter_unit": kind.unit,
        }
        for kind in kinds
        if kind.counted not in left_out
    ]


def _factors(counted: Counted, sizes: Mapping[str, int]) -> dict[str, Decimal]:
    """Base units in a unit, and in one of its last decimal: both whole."""
    factor = counted.factor * sizes[counted.meter]
    return {"factor": Decimal(int(factor)), "step": Decimal(int(factor / 10**counted.decimals))}


def _too_fine(
    what: str, found: Sequence[Sku | Kind], left_out: Collection[Counted]
) -> list[NotMetered]:
    return [
        NotMetered(
            each.counted.meter,
            f"{each.rows} {what} in {each.unit} with {each.counted.decimals} decimals were not "
            "compared: together with the others they cannot be counted exactly in 38 digits",
            "correct them where they are wrong; else give them in a unit nearer to what it counts",
        )
        for each in found
        if each.counted in left_out
    ]


def as_table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table with just the columns of the schema."""
    return pa.table({name: [row[name] for row in rows] for name in schema.names}, schema=schema)
