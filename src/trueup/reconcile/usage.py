"""The usage leg over a run: from charges and usage rows to groups, breaks, shares and buckets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.attribute.allocation import allocate
from trueup.attribute.parties import contradicted, of_capacity, of_counted_work
from trueup.engine.engine import Engine
from trueup.engine.instants import moment
from trueup.engine.integers import decimals, divide, tally, units, whole
from trueup.engine.rows import united
from trueup.model.rules import Rules
from trueup.period import Period
from trueup.reconcile import usage_leg as leg
from trueup.reconcile.billed import SKU_DIMENSION, UNUSED, Sku, classify, distinct_skus, part
from trueup.reconcile.busy import busy_usage
from trueup.reconcile.cascade import pair
from trueup.reconcile.cells import billed_cells, metered_cells, metered_parties, placed
from trueup.reconcile.copies import copied_rows, per_group
from trueup.reconcile.groups import MATCHED, MISSING_IN_USAGE, form_groups, group_costs, judge
from trueup.reconcile.lags import expected_by
from trueup.reconcile.liability import observed_prices, priced, rate_rows, subjects
from trueup.reconcile.metered import (
    KIND_DIMENSION,
    Kind,
    by_hour,
    classify_kinds,
    distinct_kinds,
    metered_rows,
)
from trueup.reconcile.metering import NotMetered
from trueup.reconcile.resources import resource_names
from trueup.reconcile.scale import Counted, base_sizes
from trueup.reconcile.scope import billed_scope, matchable, metered_scope
from trueup.reconcile.timing import pair_in_time
from trueup.reconcile.tolerance import limits_of
from trueup.reconcile.usage_rows import Cells, Judged, break_rows


@dataclass
class UsageFindings:
    """What the usage leg gives the run; amounts are whole, breaks at the edge's scale."""

    in_scope: ir.Table  # charge_id
    breaks: ir.Table  # with ``rows_key``
    break_rows: list[ir.Table]  # by that key; see ``reconcile.leg``
    pending: ir.Table
    allocated: ir.Table
    left: ir.Table  # billed cells without a partner, with their verdict
    groups: ir.Table  # as they were judged, one row per currency
    cells: ir.Table  # of what was metered
    usage: ir.Table  # as it was read
    costs: ir.Table
    buckets: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)


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


def run_leg(run: UsageRun, engine: Engine) -> UsageFindings:
    """Match, judge, price and share; every row of both sides ends in one bucket."""
    metered, pieces, not_compared, sizes = _both_sides(run, engine)
    pieces = matchable(pieces, metered)
    parties = metered_parties(pieces, engine)
    cells = metered_cells(parties, engine)
    in_scope = metered_scope(metered, parties, engine)
    scoped = placed(metered.semi_join(in_scope, "charge_id"))
    billed = billed_cells(scoped, engine)

    limits = limits_of("usage", run.rules)
    pairing = pair_in_time(pair(billed, cells, engine), limits, engine)
    groups, ours, theirs = form_groups(pairing, billed, cells, engine), pairing.billed, pairing.metered
    costs = group_costs(billed, ours, engine)
    copies = copied_rows(run.charges, scoped, billed, ours, groups, engine)
    judged = judge(groups, costs, per_group(copies), limits, run.scale, engine)

    left = leg.left_over(pairing.billed_left, cells, engine)
    alone = engine.keep(billed_scope(pairing.metered_left, run.billed, metered))
    open_ = alone.filter(alone.scope_reason.isnull())
    unbilled = leg.unbilled(open_, engine)
    liable = _liable(run, unbilled, billed, sizes, engine)
    money = leg.Money(run.scale)
    busy = busy_usage(groups, parties, engine)
    parts = united(
        of_counted_work(groups, theirs, cells, parties),
        of_capacity(groups, theirs, cells, parties, busy, engine),
    )
    allocated = allocate(groups, costs, parts, run.rules.idle, run.rules.owners, engine)
    breaks = engine.keep(
        united(
            leg.group_breaks(judged, copies, contradicted(groups, parties, busy), money),
            leg.accumulated_breaks(judged, limits, money, run.window),
            leg.missing_in_usage(left, money),
            leg.missing_in_billing(liable, run.as_of, money),
        )
    )
    of_cells = Cells(billed, cells, scoped, pieces, run.usage)
    findings = UsageFindings(
        in_scope=in_scope,
        breaks=breaks,
        break_rows=break_rows(breaks, Judged(judged, ours, theirs, left, open_), of_cells, engine),
        pending=leg.pending(liable, run.as_of, money),
        allocated=allocated,
        left=left,
        groups=judged,
        cells=cells,
        usage=run.usage,
        costs=costs,
        notes=[_note(each) for each in not_compared],
    )
    findings.buckets.extend(_billed_buckets(judged, left, engine))
    findings.buckets.extend(_metered_buckets(run, judged, alone, parties, pieces, engine))
    findings.notes.extend(_scope_notes(findings.buckets))
    return findings


def _both_sides(
    run: UsageRun, engine: Engine
) -> tuple[ir.Table, ir.Table, list[NotMetered], dict[str, int]]:
    """Metered charges, usage pieces, what could not be compared, and the size of base units."""
    skus, not_compared = classify(
        distinct_skus(run.charges, run.columns, engine), run.columns, run.rules
    )
    kinds, unknown = classify_kinds(distinct_kinds(run.usage, engine), run.rules)
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
    metered = _metered_charges(run.billed, engine.load(_table(sku_rows, SKU_DIMENSION)))
    metered = engine.keep(metered)
    rows = metered_rows(run.usage, engine.load(_table(kind_rows, KIND_DIMENSION)))
    named = by_hour(rows, run.period, engine)
    names = engine.keep(resource_names(metered, named))
    joined = named.left_join(names, "said_resource")
    pieces = joined.select(named, resource=names.resource)
    return metered, pieces, not_compared, sizes


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


def _metered_charges(billed: ir.Table, skus: ir.Table) -> ir.Table:
    usage = billed.filter(
        (billed.category == "Usage")
        & (billed.status.fill_null("") != UNUSED)
        & billed.quantity.notnull()
        & billed.unit.notnull()
    )
    keyed = usage.mutate(decimals=decimals(usage.quantity))
    joined = keyed.join(skus, ["sku_key", "decimals"])
    return joined.mutate(q=part(joined, units(joined.quantity, joined.factor)))


def _table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.table({name: [row[name] for row in rows] for name in schema.names}, schema=schema)


def _liable(
    run: UsageRun,
    unbilled: ir.Table,
    billed: ir.Table,
    sizes: dict[str, int],
    engine: Engine,
) -> ir.Table:
    found = subjects(unbilled, engine) if run.rules.rate else []
    rates = engine.load(rate_rows(found, run.rules, sizes, run.scale))
    spare = run.intervals.filter(run.intervals.unused_q.notnull()).select(
        unused_commitment=run.intervals.commitment_id,
        unused_hour=run.intervals.interval_start,
        unused_currency=run.intervals.currency,
        unused_q=divide(run.intervals.unused_q, whole(10 ** (run.quantity_scale - run.scale))),
    )
    rows = priced(unbilled, observed_prices(billed, engine), rates, spare, engine)
    return rows.mutate(expected_by=expected_by(rows, run.rules))


def _billed_buckets(judged: ir.Table, left: ir.Table, engine: Engine) -> list[dict[str, Any]]:
    agreed = judged.group_by(
        bucket=ibis.ifelse(judged.verdict == MATCHED, "matched", "break"), reason=judged.verdict
    ).aggregate(rows=tally(_.n))
    missing = left.verdict == MISSING_IN_USAGE
    alone = left.group_by(
        bucket=ibis.ifelse(missing, "break", "out_of_scope"), reason=left.verdict
    ).aggregate(rows=tally(_.n))
    return [{"side": "billed", **row} for row in engine.collect(united(agreed, alone)).to_pylist()]


def _metered_buckets(
    run: UsageRun,
    judged: ir.Table,
    alone: ir.Table,
    parties: ir.Table,
    pieces: ir.Table,
    engine: Engine,
) -> list[dict[str, Any]]:
    # Usage has no currency: where it agrees with the bill in one and not in another, it does not.
    of_groups = judged.group_by("group", "n_metered").aggregate(
        wrong=_.verdict.max(where=_.verdict != MATCHED)
    )
    agreed = of_groups.group_by(
        bucket=ibis.ifelse(of_groups.wrong.isnull(), "matched", "break"),
        reason=of_groups.wrong.fill_null(MATCHED),
    ).aggregate(rows=tally(_.n_metered))
    dated = alone.mutate(due=expected_by(alone, run.rules))
    overdue = dated.due <= moment(run.as_of)
    lonely = dated.mutate(
        bucket=ibis.cases(
            (dated.scope_reason.notnull(), "out_of_scope"),
            (dated.q == whole(0), "out_of_scope"),
            (overdue, "break"),
            else_="pending",
        ),
        reason=ibis.cases(
            (dated.scope_reason.notnull(), dated.scope_reason),
            (dated.q == whole(0), "nothing_used"),
            (overdue, "missing_in_billing"),
            else_="within_lag",
        ),
    )
    lonely = lonely.group_by("bucket", "reason").aggregate(rows=tally(_.n))
    keys = parties.filter(~parties.matchable).aggregate(
        bucket=ibis.literal("out_of_scope"),
        reason=ibis.literal("allocation_key"),
        rows=tally(_.n),
    )
    columns = ["bucket", "reason", "rows"]
    found = engine.collect(
        united(agreed.select(columns), lonely.select(columns), keys.select(columns))
    ).to_pylist()
    inside = engine.collect(pieces.aggregate(rows=tally(pieces.first_piece)))
    compared = inside.column("rows")[0].as_py() or 0
    found.append(
        {
            "bucket": "out_of_scope",
            "reason": "outside_period_or_unit",
            "rows": run.accepted - compared,
        }
    )
    return [{"side": "metered", **row} for row in found if row["rows"]]


def _note(each: NotMetered) -> dict[str, Any]:
    return {
        "code": "not_compared",
        "subject": each.subject,
        "text": each.text,
        "remedy": each.remedy,
    }


_REMEDIES = {
    "no_provider": "say whose it is: constants = { provider = ... } for that usage source",
    "no_bill_of_provider": "give the charges of that provider too",
    "not_billed_by_this_meter": "nothing to do for calls that nobody bills; where a provider does, "
    "add a [[rules.meter]] for its SKU",
}


def _scope_notes(buckets: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "code": "usage_out_of_scope",
            "subject": row["reason"],
            "text": f"{row['rows']} usage rows were not compared with a bill",
            "remedy": _REMEDIES[row["reason"]],
        }
        for row in buckets
        if row["side"] == "metered" and row["reason"] in _REMEDIES
    ]
