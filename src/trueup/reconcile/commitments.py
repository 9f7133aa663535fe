"""The commitment leg over a run's bill and contracts: utilization, lots, breaks, credits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from trueup.engine.engine import Engine
from trueup.model.rules import Rules
from trueup.period import Period
from trueup.reconcile import commitment_leg as leg
from trueup.reconcile import interval_terms, lots
from trueup.reconcile import intervals as spans
from trueup.reconcile.draws import drawing, draws_on
from trueup.reconcile.facts import Facts
from trueup.reconcile.lags import is_provisional, provisional
from trueup.reconcile.pools import Pool, pool_of, pools_of
from trueup.reconcile.terms import BENEFIT, Terms


@dataclass
class CommitmentFindings:
    """What the commitment leg gives the run."""

    utilization: ir.Table
    intervals: ir.Table
    quantity_scale: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    breaks: list[dict[str, Any]] = field(default_factory=list)
    break_rows: list[ir.Table] = field(default_factory=list)  # see ``reconcile.leg``
    credits: list[dict[str, Any]] = field(default_factory=list)
    burn_down: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    pools: list[Pool] = field(default_factory=list)
    figures: dict[str, Fraction | None] = field(default_factory=dict)  # of one interval


@dataclass(frozen=True)
class CommitmentRun:
    """The inputs of the leg. ``window`` is the period, or the span of the files without one."""

    charges: ir.Table
    facts: Facts
    billed: ir.Table
    applied: pa.Table
    terms: Sequence[Terms]
    period: Period | None
    window: Period
    rules: Rules
    as_of: datetime
    scale: int


def run_leg(run: CommitmentRun, engine: Engine) -> CommitmentFindings:
    """Utilization and breaks of used-or-lost commitments, balances of those drawn down."""
    q_scale = spans.quantity_scale(run.facts, run.scale, bool(run.terms), engine)
    scales = leg.Scales(run.scale, q_scale)
    rows = engine.keep(spans.commitment_rows(run.facts, run.scale, q_scale, run.period))
    known = [term for term in run.terms if term.counts]
    drawn_ids = {term.commitment_id for term in known if term.is_term}
    drawn_ids |= {term.pool for term in known if term.is_lot and term.pool is not None}
    used_or_lost = rows.filter(~rows.commitment_id.isin(sorted(drawn_ids))) if drawn_ids else rows

    contracts = engine.load(interval_terms.contract_table(known))
    placed = spans.in_intervals(used_or_lost, contracts)
    covered = spans.per_interval(placed, engine)
    read = leg.figures(known, spans.first_look(covered, engine), q_scale)
    figures = {name: figure for name, (figure, _how) in read.items()}
    table = engine.load(interval_terms.figure_table(known, figures, q_scale))
    intervals = spans.with_committed(covered, table, run.period, run.scale, q_scale, engine)
    final = is_provisional(intervals.provider, intervals.billing_end, run.rules, run.as_of)
    gaps = leg.gaps(intervals, engine)
    terms = {term.commitment_id: term for term in known}
    findings = CommitmentFindings(
        utilization=leg.utilization(intervals, scales, final),
        intervals=intervals,
        quantity_scale=q_scale,
        breaks=[leg.gap_break(gap, terms[gap[0]["commitment_id"]], scales) for gap in gaps],
        break_rows=[leg.gap_rows(gaps, placed, engine)] if gaps else [],
        notes=_readings(read),
        figures=figures,
    )
    _used_or_lost(run, findings, read, scales, engine)
    _drawn_down(run, findings, known, engine)
    findings.burn_down.extend(leg.per_day(intervals, scales, engine))
    return findings


def _used_or_lost(
    run: CommitmentRun,
    findings: CommitmentFindings,
    read: dict[str, Any],
    scales: leg.Scales,
    engine: Engine,
) -> None:
    bought = leg.purchases(run.billed, engine)
    terms = {term.commitment_id: term for term in run.terms}
    seen = set()
    for row in leg.sums(findings.intervals, engine):
        name = row["commitment_id"]
        seen.add(name)
        figure, _how = read.get(name, (None, None))
        findings.rows.append(
            leg.commitment_row(
                row,
                terms.get(name),
                figure,
                bought.get((name, row["currency"])),
                run.window,
                scales,
                provisional(row["provider"], row["billing_end"], run.rules, run.as_of),
            )
        )
    named = set(run.applied.column("commitment_id").to_pylist())
    for term in run.terms:
        if term.is_term or term.commitment_id in seen or term.commitment_id in named:
            continue
        figure, _how = read.get(term.commitment_id, (None, None))
        purchased = bought.get((term.commitment_id, term.currency or ""))
        findings.rows.append(leg.uncovered_row(term, figure, run.window, purchased, run.scale))
        active = term.active(run.window)
        if figure and active and term.layer == BENEFIT and term.intervals(active):
            findings.breaks.append(leg.uncovered_break(term, figure, active))


def _drawn_down(
    run: CommitmentRun, findings: CommitmentFindings, known: Sequence[Terms], engine: Engine
) -> None:
    since = engine.collect(
        run.charges.group_by("x_Provider").aggregate(
            first=run.charges.ChargePeriodStart.min(), last=run.charges.BillingPeriodEnd.max()
        )
    ).to_pylist()
    first = {row["x_Provider"]: row["first"] for row in since}
    last = {row["x_Provider"]: row["last"] for row in since}
    days = _days(run.window)
    given = drawing(run.charges, run.applied, run.period, run.scale, engine)
    findings.pools = [
        pool_of(pool, given, run.window, first.get(pool[0].provider), run.as_of)
        for pool in pools_of(term for term in known if term.is_lot)
    ]
    pool_by_lot = {lot.commitment_id: pool for pool in findings.pools for lot in pool.lots}
    for term in known:
        name = term.commitment_id
        if not term.is_term and (name in given.carried or name not in given.applied):
            continue
        if name in pool_by_lot:
            pool = pool_by_lot[name]
            draws, reason = pool.drawn(name), pool.reason(term, run.window)
            balance, ledger = lots.balance_in(pool, term, run.window), pool.ledger
        else:
            ledger = None
            draws = draws_on(term, given)
            reason = draws.unknown
            balance = lots.balance_of(term, draws, run.window, first.get(term.provider), run.as_of)
            if term.start >= run.window.end:
                reason = reason or "it starts after the period"
        open_figures = provisional(term.provider, last.get(term.provider), run.rules, run.as_of)
        findings.rows.append(lots.lot_row(term, balance, reason, open_figures))
        if term.is_term:
            findings.credits.append(lots.credit_row(term, balance))
            findings.burn_down.extend(lots.burn_down(term, draws, balance, days, ledger))


def _days(window: Period) -> list[datetime]:
    day = window.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    count = -((day - window.end) // timedelta(days=1))
    return [day + number * timedelta(days=1) for number in range(count)]


def _readings(read: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "code": "contract_figure",
            "subject": name,
            "text": f"the contract's figure was read {how}",
            "remedy": 'state per = "interval" or "term" in the contract where that is wrong',
        }
        for name, (_figure, how) in sorted(read.items())
        if how == "per term"
    ]
