"""The balance leg: a roll-forward of every lot, held against the provider's own balances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir

from trueup.engine.integers import EDGE_SCALE, units, whole
from trueup.period import Period
from trueup.reconcile.commitment_leg import edge_decimal
from trueup.reconcile.drawing_charges import with_rows
from trueup.reconcile.draws import DRAWDOWN, REFUND
from trueup.reconcile.found import Found, break_of, merged
from trueup.reconcile.lags import ARRIVES_WITHIN, arrivals
from trueup.reconcile.ledger import Roll, check_days
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.lot_names import lots_by_name, not_priced
from trueup.reconcile.overage import overage_breaks
from trueup.reconcile.overdrawn import after_the_term, beyond_cost, booked_twice, elements
from trueup.reconcile.pools import Pool
from trueup.reconcile.statements import (
    Counted,
    Knowledge,
    Statement,
    compared,
    drawn_once,
    explained,
    statement_of,
)
from trueup.reconcile.terms import Terms

FIGURES = ("opening", "granted", "drawn", "refunded", "adjusted", "expired", "closing", "overage")


def run_leg(run: LegRun) -> Findings:
    """Movements and roll-forward of every lot; breaks against statements and within the bill.

    Raises IntegrityError if a roll-forward does not add up. Without lots there is nothing.
    """
    findings = Findings()
    pools = run.commitments.pools
    if not pools:
        return findings
    said = _statements(run, findings)
    findings.tables["movements"] = [
        row for pool in pools for lot in pool.lots for row in _movement_rows(pool, lot, run.window)
    ]
    findings.tables["roll_forward"] = [
        row
        for pool in pools
        for lot in pool.lots
        for row in _roll_rows(pool, lot, run.window, said.get(lot.commitment_id, []))
    ]
    named = _named(run, pools)
    found = [*_against_statements(run, said, named, findings), *_within_the_bill(run, named)]
    findings.notes += not_priced(_lots(pools), run.applied)
    findings.breaks = [break_of(one, run.window) for one in merged(found)]
    findings.breaks += [row for pool in pools for row in overage_breaks(pool, run.window)]
    if findings.breaks:
        findings.break_rows.append(with_rows(run, findings.breaks, named))
    return findings


def days_of(window: Period) -> list[Period]:
    """The days in UTC that a window touches, cut to it."""
    day = timedelta(days=1)
    at = window.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = []
    while at < window.end:
        days.append(Period(max(at, window.start), min(at + day, window.end)))
        at += day
    return days


def _head(lot: Terms) -> dict[str, Any]:
    return {
        "lot_id": lot.commitment_id,
        "commitment_id": lot.commitment_id,
        "provider": lot.provider,
        "unit": lot.unit,
    }


def _movement_rows(pool: Pool, lot: Terms, window: Period) -> Iterator[dict[str, Any]]:
    if pool.ledger is not None:
        for one in pool.ledger.movements.get(lot.commitment_id, []):
            if one.before(window.end) and not one.before(window.start):
                yield _movement_row(lot, one.at, one.kind, one.quantity, one.rows)
    elif pool.unknown is None:
        draws = pool.drawn(lot.commitment_id)
        for (at, kind), moved in draws.moved.items():
            if window.start <= at < window.end and moved.quantity:
                yield _movement_row(lot, at, kind, -moved.quantity, moved.rows)


def _movement_row(
    lot: Terms, at: datetime, kind: str, quantity: Fraction, rows: int
) -> dict[str, Any]:
    figure = edge_decimal(quantity)
    return {**_head(lot), "at": at, "kind": kind, "quantity": figure, "rows": rows}


def _roll_rows(
    pool: Pool, lot: Terms, window: Period, said: Sequence[Statement]
) -> Iterator[dict[str, Any]]:
    name = lot.commitment_id
    if lot.start >= window.end:
        return
    if pool.ledger is None:
        yield {
            **_head(lot),
            "span": "period",
            "start": window.start,
            "end": window.end,
            **_drawn_only(pool, name, window),
            "reason": pool.reason(lot, window),
        }
        return
    if lot.end <= window.start and not pool.ledger.movements[name]:
        return
    left = {one.at: one.remaining for one in said}
    days = days_of(window)
    [whole], rolls = pool.ledger.roll(name, [window]), pool.ledger.roll(name, days)
    check_days(rolls, whole, f"lot {name}, {window}")
    yield _roll_row(lot, "period", window, whole, left)
    for day, roll in zip(days, rolls, strict=True):
        yield _roll_row(lot, "day", day, roll, left)


def _drawn_only(pool: Pool, lot: str, window: Period) -> dict[str, Any]:
    """What charges drew and gave back, where the balance is not known."""
    if not pool.alone or pool.unknown is not None:
        return {}
    moved = [
        (kind, one.quantity)
        for (hour, kind), one in pool.drawn(lot).moved.items()
        if window.start <= hour < window.end
    ]
    drawn = sum((quantity for kind, quantity in moved if kind == DRAWDOWN), Fraction(0))
    refunded = sum((-quantity for kind, quantity in moved if kind == REFUND), Fraction(0))
    return {"drawn": edge_decimal(drawn), "refunded": edge_decimal(refunded)}


def _roll_row(
    lot: Terms, span: str, within: Period, roll: Roll, left: Mapping[datetime, Fraction]
) -> dict[str, Any]:
    there = left.get(within.end)
    return {
        **_head(lot),
        "span": span,
        "start": within.start,
        "end": within.end,
        **{name: edge_decimal(getattr(roll, name)) for name in FIGURES},
        "provider_closing": edge_decimal(there),
        "difference": None if there is None else edge_decimal(roll.closing - there),
    }


def _statements(run: LegRun, findings: Findings) -> dict[str, list[Statement]]:
    """By lot, what the provider says of it, in order of time; what has no lot here is noted."""
    table = run.asserted.get("provider_balances")
    lots = {lot.commitment_id: lot for lot in _lots(run.commitments.pools)}
    known = {term.commitment_id for term in run.terms}
    found: dict[str, list[Statement]] = {}
    for row in table.rows() if table is not None else []:
        lot = lots.get(row["lot_id"]) or lots.get(row["commitment_id"])
        if lot is None:
            if not known & {row["lot_id"], row["commitment_id"]}:
                _note(findings, row["lot_id"], "the provider has a lot that no contract names")
            continue
        said = statement_of(row, lot)
        if isinstance(said, str):
            _note(findings, lot.commitment_id, said)
        else:
            found.setdefault(lot.commitment_id, []).append(said)
    return {lot: sorted(said, key=lambda one: one.at) for lot, said in found.items()}


def _note(findings: Findings, subject: str, text: str) -> None:
    remedy = "nothing is compared; give the contract, or its terms, where that is wrong"
    findings.notes.append(
        {"code": "provider_balance", "subject": subject, "text": text, "remedy": remedy}
    )


def _against_statements(
    run: LegRun, said: Mapping[str, Sequence[Statement]], named: ir.Table | None, findings: Findings
) -> Iterator[Found]:
    """The last statement of each lot that falls within what is known, against the ledger."""
    table = run.asserted.get("provider_balances")
    if table is None:
        return
    heard: dict[str, datetime] = {}  # when each provider last spoke of its lots
    for row in table.rows():
        if row["at"] is not None:
            heard[row["provider"]] = max(row["at"], heard.get(row["provider"], row["at"]))
    covered = _covered(run)
    lags = arrivals(run.rules)
    for pool in run.commitments.pools:
        provider = pool.lots[0].provider or ""
        known = Knowledge(
            max(run.window.end, covered.get(provider, run.window.end)),
            lags.get(provider, ARRIVES_WITHIN),
            run.as_of,
        )
        latest = {
            name: _latest(said[name], known)
            for lot in pool.lots
            if (name := lot.commitment_id) in said
        }
        comparisons = compared(pool, latest, heard.get(provider))
        found, notes = explained(pool, comparisons, known, _counted(pool, named, run))
        yield from found
        for text in notes:
            subject, _, rest = text.partition(": ")
            findings.notes.append(
                {
                    "code": "balance_provisional",
                    "subject": subject,
                    "text": rest,
                    "remedy": "run again when the provider's lag has passed",
                }
            )


def _latest(said: Sequence[Statement], known: Knowledge) -> Statement:
    """The last statement before which no charge is awaited, else the last of all."""
    return next((one for one in reversed(said) if not known.open(one.at)), said[-1])


def _covered(run: LegRun) -> dict[str | None, datetime]:
    """Until when the files have charges of each provider."""
    ends = run.charges.group_by(provider=run.charges.x_Provider).aggregate(
        end=run.charges.ChargePeriodEnd.max()
    )
    return {row["provider"]: row["end"] for row in run.engine.collect(ends).to_pylist()}


def _counted(pool: Pool, named: ir.Table | None, run: LegRun) -> Counted:
    """Whether a quantity was drawn once: by one charge, or by hours that followed one another."""

    def counted(lot: Terms, quantity: Fraction) -> bool:
        if pool.ledger is not None and drawn_once(pool.ledger, lot.commitment_id, quantity):
            return True
        amount = quantity * 10**EDGE_SCALE
        if named is None or amount.denominator != 1:
            return False
        same = named.filter(
            (named.commitment_id == lot.commitment_id)
            & (
                units(ibis.coalesce(named.cost, named.quantity), 10**EDGE_SCALE)
                == whole(amount.numerator)
            )
        )
        return bool(run.engine.count(run.engine.keep(same)))

    return counted


def _lots(pools: Sequence[Pool]) -> list[Terms]:
    return [lot for pool in pools for lot in pool.lots]


def _named(run: LegRun, pools: Sequence[Pool]) -> ir.Table | None:
    """The elements that name a lot of these; None where no charge does."""
    names = lots_by_name(_lots(pools)).keys()
    named = names & set(run.applied.column("commitment_id").to_pylist())
    if not named:
        return None
    return elements(run.charge_files, sorted(named), run.engine)


def _within_the_bill(run: LegRun, named: ir.Table | None) -> Iterator[Found]:
    pools = run.commitments.pools
    if named is not None:
        lots = lots_by_name(_lots(pools))
        in_money = {name: lot for name, lot in lots.items() if lot.unit == lot.currency}
        yield from beyond_cost(named, run.charges, in_money, run.window, run.engine)
        apart = run.charges
        if run.compared is not None:  # there the usage leg says what is there twice
            apart = apart.anti_join(run.compared, apart.x_ChargeId == run.compared.charge_id)
        yield from booked_twice(named, apart, lots, run.window, run.engine)
    for pool in pools:
        yield from after_the_term(pool, run.window)
