"""The usage leg over a run: from charges and usage rows to groups, breaks, shares and buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.attribute.allocation import allocate, of_models
from trueup.attribute.parties import contradicted, of_capacity, of_counted_work
from trueup.engine.engine import Engine
from trueup.engine.instants import moment
from trueup.engine.integers import rescaled, tally, whole
from trueup.engine.rows import united
from trueup.period import Period
from trueup.reconcile import usage_leg as leg
from trueup.reconcile.accrued import accrued
from trueup.reconcile.busy import busy_usage
from trueup.reconcile.cascade import Keys, pair
from trueup.reconcile.causes.scene import counted
from trueup.reconcile.cells import billed_cells, metered_cells, metered_parties, placed
from trueup.reconcile.copies import copied_charges, per_group
from trueup.reconcile.groups import (
    MATCHED,
    MISSING_IN_USAGE,
    QUANTITY,
    form_groups,
    group_costs,
    judge,
)
from trueup.reconcile.held import held_parts
from trueup.reconcile.lags import expected_by
from trueup.reconcile.liability import (
    observed_prices,
    of_no_resource,
    priced,
    rate_rows,
    subjects,
)
from trueup.reconcile.metered import by_hour
from trueup.reconcile.metering import NotMetered
from trueup.reconcile.scope import billed_scope, metered_scope
from trueup.reconcile.sides import Sides, UsageRun, both_sides
from trueup.reconcile.things import sold_rows
from trueup.reconcile.timing import pair_in_time
from trueup.reconcile.tolerance import limits_of
from trueup.reconcile.usage_rows import Cells, Judged, break_rows
from trueup.reconcile.windows import hour_starts, windowed


@dataclass
class UsageFindings:
    """What the usage leg gives the run; amounts are whole, breaks at the edge's scale."""

    in_scope: ir.Table  # profile
    held: ir.Table  # what breaks hold of charges; see ``reconcile.held``
    breaks: ir.Table  # with ``rows_key``
    break_rows: list[ir.Table]  # by that key; see ``reconcile.leg``
    pending: ir.Table
    allocated: ir.Table  # by the number of the party
    parties: ir.Table  # who, WHO
    accrued: ir.Table  # what usage without a charge would cost, by the number of the party
    told: ir.Table  # all usage by thing, hour and party, with what it speaks of
    things: ir.Table  # what it speaks of, by thing
    alone: ir.Table  # metered cells without a charge; with ``scope_reason`` no bill could hold them
    left: ir.Table  # billed cells without a partner, with their verdict
    groups: ir.Table  # as they were judged, one row per currency
    cells: ir.Table  # of what was metered
    usage: ir.Table  # as it was read
    costs: ir.Table
    buckets: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)


def run_leg(run: UsageRun, engine: Engine) -> UsageFindings:
    """Match, judge, price and share; every row of both sides ends in one bucket."""
    sides = both_sides(run, engine)
    things = sides.things
    in_scope, parties, of_cells = _cells(run, sides, engine)
    billed, cells, scoped = of_cells.billed, of_cells.metered, of_cells.charges
    limits = limits_of("usage", run.rules)
    keys = Keys(sides.keys)
    bare = engine.keep(billed.filter(billed.bare != 0))
    counted = engine.keep(billed.anti_join(bare, "cell")) if engine.count(bare) else billed
    pairing = pair_in_time(pair(counted, cells, keys, engine), keys, things, limits, engine)
    pairing = pairing.with_corrections(bare, billed, engine)
    ours, theirs = pairing.billed, pairing.metered
    groups = form_groups(pairing, billed, cells, things, engine)
    costs = group_costs(billed, ours, engine)
    copies = copied_charges(run.charges, scoped, billed, ours, groups, engine)
    judged = judge(groups, costs, per_group(copies), limits, run.scale, engine)
    left = leg.left_over(sides.of_bill(pairing.billed_left), sides.of_meters(cells), engine)
    lonely = sides.of_meters(pairing.metered_left)
    alone = engine.keep(billed_scope(lonely, _in_bill(run), sides.sold))
    open_ = alone.filter(alone.scope_reason.isnull())
    unbilled = leg.unbilled(open_, engine)
    money, priced_here = leg.Money(run.scale), leg.Money(run.fine)
    liable = _liable(run, unbilled, sides.of_bill(billed), sides.sizes, engine)
    told_parties = sides.of_meters(parties)
    busy = busy_usage(groups, told_parties, keys, engine)
    held = of_capacity(groups, theirs, cells, told_parties, busy, engine)
    parts = united(of_counted_work(groups, theirs, cells, parties, engine), held)
    allocated = allocate(groups, costs, parts, run.rules.idle, run.rules.owners, engine)
    found = (
        leg.group_breaks(judged, copies, contradicted(groups, told_parties, busy), money),
        leg.accumulated_breaks(judged, limits, run.window),
        leg.missing_in_usage(left, money),
        leg.missing_in_billing(liable, run.as_of, priced_here),
    )
    breaks = engine.keep(united(*found))
    metered = _metered_buckets(run, judged, alone, parties, engine)
    buckets = [*_billed_buckets(judged, left, engine), *metered]
    notes = [*map(_note, sides.not_compared), *of_no_resource(unbilled, run.rules, engine)]
    verdicts = Judged(judged, ours, theirs, left, open_)
    return UsageFindings(
        in_scope=in_scope.select("profile"),
        held=held_parts(breaks, verdicts, copies, of_cells, engine),
        breaks=breaks,
        break_rows=break_rows(breaks, verdicts, of_cells, engine),
        pending=leg.pending(liable, run.as_of, priced_here),
        accrued=accrued(liable, told_parties, open_, run.rules.idle, engine),
        told=told_parties,
        things=sides.of_meters(things.select("thing")),
        alone=alone,
        allocated=of_models(allocated, groups),
        parties=sides.parties,
        left=left,
        groups=judged,
        cells=sides.of_meters(cells),
        usage=run.metered,
        costs=costs,
        buckets=buckets,
        notes=[*notes, *_scope_notes(buckets), *_cut_notes(breaks, run.period, engine)],
    )


def _cells(run: UsageRun, sides: Sides, engine: Engine) -> tuple[ir.Table, ir.Table, Cells]:
    """The profiles in scope, the parties of usage by hour, and the cells of both sides."""
    pieces = by_hour(sides.metered, run.period)
    parties = metered_parties(pieces, engine)
    in_scope = _in_scope(sides, parties, engine)
    scoped = placed(sold_rows(run.rows, in_scope, run.period), run.period)
    billed = billed_cells(scoped, engine)
    regular = billed.filter(~billed.correction)  # a correction may be of any time
    starts = hour_starts(regular, sides.things, engine)
    if starts is not None:
        pieces = by_hour(sides.metered, run.period, starts)
        parties = metered_parties(pieces, engine)
    billed = windowed(billed, starts, run.period, engine)
    metered = metered_cells(parties, engine)
    return in_scope, parties, Cells(billed, metered, scoped, pieces, run.usage.rows)


def _in_scope(sides: Sides, parties: ir.Table, engine: Engine) -> ir.Table:
    """What is sold that some meter could see."""
    wanted = metered_scope(sides.sold, parties, sides.things)
    return engine.keep(sides.sold.semi_join(wanted, "thing"))


def _in_bill(run: UsageRun) -> ir.Table:
    """The profiles that charges of the period have."""
    return run.profiles.semi_join(run.rows, "profile")


def _liable(
    run: UsageRun,
    unbilled: ir.Table,
    billed: ir.Table,
    sizes: dict[str, int],
    engine: Engine,
) -> ir.Table:
    found = subjects(unbilled, engine) if run.rules.rate else []
    rates = engine.load(rate_rows(found, run.rules, sizes, run.fine))
    spare = run.intervals.filter(run.intervals.unused_q.notnull()).select(
        unused_commitment=run.intervals.commitment_id,
        unused_hour=run.intervals.interval_start,
        unused_currency=run.intervals.currency,
        unused_q=rescaled(run.intervals.unused_q, run.quantity_scale, run.fine),
    )
    prices = observed_prices(billed, run.fine - run.scale, engine)
    rows = priced(unbilled, prices, rates, spare, engine)
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
    inside = engine.collect(parties.aggregate(rows=tally(parties.n)))
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


def _cut_notes(breaks: ir.Table, period: Period | None, engine: Engine) -> list[dict[str, Any]]:
    """Breaks of charges that the period cuts: their part is told by time, not by use."""
    if period is None:
        return []
    across = (breaks.period_start < moment(period.start)) | (breaks.period_end > moment(period.end))
    cut = breaks.filter(breaks["class"].isin([QUANTITY, MISSING_IN_USAGE]) & across)
    [count] = engine.collect(cut.aggregate(rows=cut.count())).column("rows").to_pylist()
    if not count:
        return []
    return [
        {
            "code": "cut_by_period",
            "subject": "usage",
            "text": f"{counted(count)} of charges that the period cuts: what of these lies in it "
            "is split by time, so it is not sure where use was not even",
            "remedy": "give a period that begins and ends where the charges do, at full hours",
        }
    ]
