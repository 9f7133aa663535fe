"""What time cost whom, billed or accrued, and what was metered of whom: hour by hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.attribute.parties import NOBODY, WHO
from trueup.engine.engine import Engine
from trueup.engine.instants import INSTANT, instant, lasting, within
from trueup.engine.integers import WHOLE, at_edge, ratio_at_edge, tally, total, whole
from trueup.engine.rows import united
from trueup.model.spend_schema import ACTIVITY, SPEND
from trueup.period import Period
from trueup.reconcile.cells import bucket_end, in_buckets
from trueup.reconcile.control import check_sum, exact_sum
from trueup.reconcile.leg import LegRun
from trueup.reconcile.scale import fine_scale
from trueup.reconcile.usage import UsageFindings

BILLED, ACCRUED = "billed", "accrued"
NAMES = tuple(name for name in WHO if name != "session")
ABOUT = (
    "grain",
    "bucket",
    "until",
    "provider",
    "model",
    "meter",
    "commitment_id",
    "reason",
    "currency",
)
ROW = (*ABOUT, "state", "who", "owner", "cost", "covered")


def spend(
    apart: ir.Table,
    used: UsageFindings | None,
    by_reason: Sequence[Mapping[str, Any]],
    run: LegRun,
) -> ir.Table:
    """The table ``spend``; ``apart`` are the charges that no meter was compared with, with reason.

    Every row lies in the run's period, if it has one. Raises IntegrityError unless the billed rows
    add up to the bill in every currency, and those with a reason to ``by_reason`` in each.
    """
    scale, engine = run.scale, run.engine
    rows = _apart(apart, run.period)
    if used is None:
        named = rows.mutate(**dict.fromkeys(NAMES, ibis.null(str)))
    else:
        every = united(rows, _attributed(used), _left(used.left), _accrued(used))
        joined = every.left_join(used.parties.select("who", *NAMES), "who")
        named = joined.select(
            *(every[name] for name in ROW),
            *(joined[name] for name in NAMES if name != "team"),
            team=joined.owner.fill_null(joined.team),
        )
    by = (*ABOUT, "state", *NAMES)
    sums = engine.keep(
        named.group_by(*by, known=named.cost.notnull()).aggregate(
            cost=total(_.cost), covered=total(_.covered)
        )
    )
    _check(sums, run.billed, by_reason, scale, engine)
    ends = sums.until.fill_null(bucket_end(sums.grain, sums.bucket))
    start, end = within(sums.bucket, ends, run.period)
    billed, fine = sums.state == BILLED, fine_scale(scale)
    return sums.select(
        *(sums[name] for name in SPEND.names if name in sums.columns and name != "cost"),
        start=start,
        end=end,
        cost=ibis.ifelse(billed, at_edge(sums.cost, scale), at_edge(sums.cost, fine)),
        committed_cost=at_edge(_where(billed, sums.covered), scale),
        drawn=at_edge(_where(_draws(sums), sums.covered), fine),
    )


def _draws(sums: ir.Table) -> ir.Value:
    return (sums.state == ACCRUED) & sums.commitment_id.notnull()


def _where(condition: ir.Value, value: ir.Value) -> ir.Value:
    return ibis.ifelse(condition, value, ibis.null(WHOLE)).cast(WHOLE)


def _apart(apart: ir.Table, period: Period | None) -> ir.Table:
    rows = in_buckets(apart, period)
    nothing = ibis.ifelse(rows.commitment_id.isnull(), whole(0), rows.effective).cast(WHOLE)
    return rows.select(
        *(rows[name] for name in ("grain", "bucket", "until", "provider")),
        model=ibis.null(str),
        meter=ibis.null(str),
        commitment_id=rows.commitment_id,
        reason=rows.reason,
        currency=rows.currency,
        **_of(BILLED),
        cost=rows.effective,
        covered=nothing,
    )


def _of(state: str) -> dict[str, ir.Value]:
    return {"state": ibis.literal(state), "who": NOBODY, "owner": ibis.null(str)}


def _attributed(used: UsageFindings) -> ir.Table:
    shares = used.allocated
    return shares.mutate(commitment_id=ibis.null(str), state=ibis.literal(BILLED)).select(*ROW)


def _left(left: ir.Table) -> ir.Table:
    return left.mutate(
        commitment_id=ibis.null(str), reason=left.verdict, cost=left.effective, **_of(BILLED)
    ).select(*ROW)


def _accrued(used: UsageFindings) -> ir.Table:
    rows = used.accrued
    return rows.mutate(
        grain=ibis.literal("hour"),
        bucket=rows.hour,
        until=ibis.null(INSTANT),
        state=ibis.literal(ACCRUED),
        owner=ibis.null(str),
    ).select(*ROW)


def _check(
    sums: ir.Table,
    billed: ir.Table,
    by_reason: Sequence[Mapping[str, Any]],
    scale: int,
    engine: Engine,
) -> None:
    of_bill = sums.filter(sums.state == BILLED)
    grouped = of_bill.group_by("currency", "reason").aggregate(cost=total(_.cost))
    ours: dict[tuple[str, str | None], Decimal] = {}
    every: dict[str, list[Decimal]] = defaultdict(list)
    for row in engine.collect(grouped).to_pylist():
        ours[row["currency"], row["reason"]] = row["cost"]
        every[row["currency"]].append(row["cost"])
    for row in engine.collect(
        billed.group_by("currency").aggregate(cost=total(_.effective))
    ).to_pylist():
        of_currency = exact_sum(every[row["currency"]])
        check_sum(f"spend in {row['currency']}", of_currency, "the bill", row["cost"], scale)
    theirs = {(row["currency"], row["reason"]): row["cost"] for row in by_reason}
    for currency, reason in sorted(theirs.keys() | {key for key in ours if key[1]}):
        key = currency, reason
        found, wanted = ours.get(key, Decimal(0)), theirs.get(key, Decimal(0))
        check_sum(f"spend of {reason} in {currency}", found, "its reason", wanted, scale)


def activity(used: UsageFindings, period: Period | None) -> ir.Table:
    """The table ``activity``: metered quantities by hour and who, sessions counted."""
    told = used.told.join(used.parties, "who", how="left")
    held = told.held & told.allocated
    by = ("hour", "provider", "model", "meter", "capacity", "unit", *NAMES)
    sums = (
        told.mutate(capacity=ibis.ifelse(held, "allocated", "busy"))
        .group_by(*by)
        .aggregate(
            q=total(_.q),
            factor=_.unit_factor.min(),
            rows=tally(_.n),
            sessions=_.session.nunique(),
        )
    )
    start, end = within(instant(sums.hour), instant(sums.hour + lasting(hours=1)), period)
    rows = sums.mutate(
        start=start,
        end=end,
        quantity=ratio_at_edge(sums.q, sums.factor),
    )
    return rows.select(*ACTIVITY.names)
