"""Both sides of the usage leg: charges and usage rows, each with the thing it is of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from trueup.engine.engine import Engine
from trueup.model.rules import Rules
from trueup.period import Period
from trueup.reconcile.billed import SKU_DIMENSION, Sku, classify, distinct_skus
from trueup.reconcile.metered import (
    KIND_DIMENSION,
    Kind,
    by_hour,
    classify_kinds,
    described,
    distinct_kinds,
    metered_rows,
)
from trueup.reconcile.metering import NotMetered
from trueup.reconcile.resources import resource_names
from trueup.reconcile.scale import Counted, base_sizes
from trueup.reconcile.scope import matchable
from trueup.reconcile.things import (
    ATTRIBUTES,
    keys,
    numbered,
    said,
    sold,
    sold_rows,
    things,
    usage_charges,
)


@dataclass(frozen=True)
class UsageRun:
    """The inputs of the leg; ``billed`` is cut to the period, ``columns`` tell SKUs apart."""

    charges: ir.Table
    billed: ir.Table
    usage: ir.Table
    accepted: int
    columns: tuple[str, ...]
    intervals: ir.Table
    quantity_scale: int
    period: Period | None
    window: Period
    rules: Rules
    as_of: datetime
    scale: int


@dataclass(frozen=True)
class Sides:
    """Charges and usage by thing; what could not be compared; the size of base units by meter.

    ``charges`` are the charges of the period that a meter could see, with ``thing`` and ``q``;
    ``sold`` are their descriptions. ``pieces`` are the usage rows by hour, ``keys`` what things
    match by (see ``things``).
    """

    charges: ir.Table
    sold: ir.Table
    pieces: ir.Table
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
        distinct_skus(run.charges, run.columns, engine), run.columns, run.rules
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
            "factor": Decimal(int(sku.counted.factor * sizes[sku.counted.meter])),
            "bill_unit": sku.unit,
        }
        for sku in skus
        if sku.counted not in left_out
    ]
    kind_rows = [
        {
            "kind_key": kind.key,
            "plain_model": kind.model,
            "tier": kind.tier,
            "factor": Decimal(int(kind.counted.factor * sizes[kind.meter])),
            "meter_unit": kind.unit,
        }
        for kind in kinds
        if kind.counted not in left_out
    ]
    charges = usage_charges(run.billed)
    offered = sold(charges, engine.load(_table(sku_rows, SKU_DIMENSION)), engine)
    names = engine.keep(resource_names(offered, heard.said_resource_id))
    spoken = described(heard, engine.load(_table(kind_rows, KIND_DIMENSION)), names)
    spoken = engine.keep(matchable(spoken, offered))
    every = things(offered, spoken, engine)
    offered = engine.keep(numbered(offered, every))
    spoken = engine.keep(numbered(spoken, every))
    return Sides(
        charges=sold_rows(charges, offered),
        sold=offered,
        pieces=by_hour(metered_rows(run.usage, spoken), run.period, engine),
        things=every,
        keys=keys(every, engine),
        not_compared=not_compared,
        sizes=sizes,
    )


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


def _table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.table({name: [row[name] for row in rows] for name in schema.names}, schema=schema)
