"""What lots paid of the charges of an invoice, where no row of the bill shows it.

A bill shows a drawdown as a row (a credit that names the lot, or says that it is one), or only in
the ContractApplied of charges that it bills in full. Lot by lot the row counts where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.integers import EDGE_SCALE, WHOLE, at_edge, tally, total, whole
from trueup.engine.rows import united
from trueup.money import EXACT
from trueup.reconcile.leg import LegRun
from trueup.reconcile.lot_payments import payments
from trueup.reconcile.terms import FUNDING, Terms

SHOWS = pa.schema([pa.field("name", pa.string()), pa.field("lot", pa.string())])


def drawn_apart(rows: ir.Table, scale: int, run: LegRun) -> tuple[dict[str, Decimal], int]:
    """By key of an invoice what lots without a row paid of charges that are billed in full.

    A charge gives what it says of lots (``reconcile.lot_payments``), at most what it is billed:
    nothing where FOCUS's rule is kept that what was prepaid is billed at nought. A row that names
    no lot is of the only one that has none; of several, it shows as much as it amounts to. Also,
    how many charges drew credits without a price. ``rows`` are those of ``billing_groups``.
    """
    paid = payments(run)
    if paid is None:
        return {}, 0
    shown, unnamed = _shown(rows, paid, run)
    t = rows.filter((rows.billed != whole(0)) & ~rows.category.isin(["Credit", "Adjustment"]))
    t = t.join(paid, t.charge_id == paid.paid_id)
    t = t.left_join(shown, ["key", "lot"]).select(t, apart=shown.shown.isnull())
    t = run.engine.keep(t.select("key", "charge_id", "billed", "lot", "paid", "unpriced", "apart"))
    charges = t.group_by("key", "charge_id", "billed").aggregate(
        paid=total(_.paid),
        shown=total(ibis.ifelse(_.apart, whole(0), _.paid)),
        unpriced=(_.unpriced & _.apart).cast("int64").max(),
    )
    billed = at_edge(charges.billed, scale)
    cost = _at_most(charges.paid, billed) - _at_most(charges.shown, billed)
    sums = (
        charges.mutate(cost=cost.cast(WHOLE))
        .group_by("key")
        .aggregate(cost=total(_.cost), unpriced=tally(_.unpriced))
    )
    lots = t.filter(t.apart).group_by("key").aggregate(lots=_.lot.nunique())
    found = sums.left_join(lots, "key").left_join(unnamed, "key")
    told = found.select(sums, lots.lots, unnamed.unnamed)
    read = run.engine.collect(told).to_pylist()
    return {row["key"]: _left(row, scale) for row in read}, sum(row["unpriced"] for row in read)


def _at_most(paid: ir.Value, billed: ir.Value) -> ir.Value:
    """What was paid of a charge, nothing beyond what it is billed; both may be negative."""
    nothing = whole(0)
    return ibis.ifelse(
        billed > nothing,
        ibis.greatest(ibis.least(paid, billed), nothing),
        ibis.least(ibis.greatest(paid, billed), nothing),
    ).cast(WHOLE)


def _left(row: dict[str, Any], scale: int) -> Decimal:
    """What is to be taken off beside the rows that name no lot."""
    cost: Decimal = row["cost"].scaleb(-EDGE_SCALE, EXACT)
    if row["unnamed"] is None:
        return cost
    if row["lots"] == 1:
        return Decimal(0)
    return max(EXACT.add(cost, row["unnamed"].scaleb(-scale, EXACT)), Decimal(0))


def _shown(rows: ir.Table, paid: ir.Table, run: LegRun) -> tuple[ir.Table, ir.Table]:
    """Lots that rows of an invoice show (key, lot, shown), and the rest of such rows (unnamed)."""
    lots = [term for term in run.terms if term.layer == FUNDING]
    pairs = pa.Table.from_pylist([{"name": name, "lot": lot} for name, lot in _shows(lots)], SHOWS)
    shows = run.engine.load(pairs)
    prepaid = rows.filter(rows.part == "prepaid_drawdown")
    by_element = prepaid.join(paid, prepaid.charge_id == paid.paid_id)
    named = united(
        by_element.select("key", "charge_id", name=by_element.lot),
        prepaid.select("key", "charge_id", name=prepaid.commitment_id),
    )
    named = run.engine.keep(named.join(shows, "name").select("key", "charge_id", "lot"))
    unnamed = prepaid.anti_join(named, "charge_id")
    return (
        named.select("key", "lot").distinct().mutate(shown=ibis.literal(1)),
        unnamed.group_by("key").aggregate(unnamed=total(_.billed)),
    )


def _shows(lots: Iterable[Terms]) -> set[tuple[str, str]]:
    """Names on a row, each with the names in ContractApplied that it shows: a pool and its lots."""
    found = set()
    for lot in lots:
        own, pool = lot.commitment_id, lot.pool or lot.commitment_id
        found |= {(own, own), (pool, pool), (pool, own), (own, pool)}
    return found
