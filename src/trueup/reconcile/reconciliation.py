"""One reconciliation from typed rows to result tables: the parent that calls the legs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.attribute.allocation import allocations
from trueup.engine.engine import Engine, open_engine
from trueup.engine.integers import at_edge, tally, total
from trueup.engine.rows import united
from trueup.errors import UsageError
from trueup.focus.applied import applied_by_time
from trueup.model import schema
from trueup.model.dataset import Dataset
from trueup.model.inputs import Inputs
from trueup.model.outcome import Outcome
from trueup.model.rules import Rules
from trueup.model.table import Table
from trueup.money import EXACT
from trueup.period import Period, iso
from trueup.reconcile import agreements, balance_leg, price_leg, three_sources
from trueup.reconcile.billed import Bill, bill_of, sku_columns
from trueup.reconcile.commitments import CommitmentRun
from trueup.reconcile.commitments import run_leg as run_commitment_leg
from trueup.reconcile.control import (
    billed_identity,
    check_buckets,
    check_facts,
    control_totals,
    exact_sum,
    identity,
)
from trueup.reconcile.currencies import run_leg as run_currencies
from trueup.reconcile.drift import find_drift
from trueup.reconcile.facts import Facts, facts_of, scanned, with_columns
from trueup.reconcile.invoice_leg import run_leg as run_invoice_leg
from trueup.reconcile.lags import final_at
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.notes import notes_of, repeated_notes
from trueup.reconcile.reasons import UNUSED_REASON, foreign_publishers, out_of_scope_reason
from trueup.reconcile.result_table import result_table
from trueup.reconcile.session_costs import session_costs
from trueup.reconcile.sides import UsageRun
from trueup.reconcile.spend import activity, spend
from trueup.reconcile.terms import latest, read_terms
from trueup.reconcile.usage import UsageFindings
from trueup.reconcile.usage import run_leg as run_usage_leg
from trueup.reconcile.worked import Worked

SPAN_MAX = timedelta(days=3_660)  # of files read whole: a wrong year makes millions of hours

# The legs after the first two, in their order; each sees what those two found.
LEGS: tuple[Callable[[LegRun], Findings], ...] = (
    balance_leg.run_leg,
    agreements.run_leg,
    three_sources.run_leg,
    run_invoice_leg,
    run_currencies,
    price_leg.run_leg,
)


def run(
    inputs: Inputs,
    period: Period | None,
    rules: Rules,
    as_of: datetime,
    engine_name: str,
) -> Outcome:
    """Reconcile; raises UsageError for inputs that cannot be, IntegrityError if a proof fails."""
    if period is not None:
        _check_full_hours(period)
    charges, commitments, usage = inputs.charges, inputs.commitments, inputs.usage
    with open_engine(engine_name) as engine, TemporaryDirectory(prefix="trueup-split-") as name:
        folder = Path(name)
        read = scanned(charges, engine)
        columns = sku_columns(read, rules)
        facts = with_columns(facts_of(charges, folder, engine), read, columns, engine)
        bill = bill_of(facts, columns, period, engine)
        scale, billed = bill.scale, bill.told(bill.rows)
        window = period or _span(bill.told(bill.every), engine)
        rows_of_contracts = commitments.table.rows() if commitments else []
        terms, repeated = latest([read_terms(row) for row in rows_of_contracts])
        applied = applied_by_time(charges.table.files, period, scale)
        given = (read, facts, billed, applied, terms, period, window, rules, as_of, scale)
        found = run_commitment_leg(CommitmentRun(*given), engine)
        found.notes.extend(repeated_notes(repeated))
        leg_run = LegRun(
            charges=read,
            facts=facts,
            charge_files=charges.table.files,
            billed=billed,
            rows=bill.rows,
            applied=applied,
            terms=terms,
            commitments=found,
            invoices=inputs.invoices,
            asserted=inputs.asserted,
            rejects=charges.rejects,
            unread=inputs.unread,
            period=period,
            window=window,
            rules=rules,
            as_of=as_of,
            scale=scale,
            engine=engine,
        )
        used = None
        if usage:
            split = facts_of(usage, folder, engine)
            used = run_usage_leg(_usage_run(leg_run, usage, split, bill, columns), engine)
            compared = bill.rows.semi_join(used.in_scope, "profile").select("charge_id")
            leg_run = replace(leg_run, compared=compared, held=used.held)
        further = [leg(leg_run) for leg in LEGS]
        work = Worked(leg_run, bill, used, further, list(inputs.datasets))
        tables = {**_tables(work, inputs.stated), **inputs.asserted}
        final = final_at(billed, rules, engine)
    return Outcome(
        *(window.start, window.end, as_of, tables, inputs, final),
        *(rules.material_amount, rules.chargeback, rules),
    )


def _usage_run(
    run: LegRun, usage: Dataset, split: Facts, bill: Bill, columns: tuple[str, ...]
) -> UsageRun:
    return UsageRun(
        charges=run.charges,
        facts=run.facts,
        profiles=bill.profiles,
        rows=bill.rows,
        usage=split,
        metered=scanned(usage, run.engine),
        accepted=len(usage.table),
        columns=columns,
        intervals=run.commitments.intervals,
        quantity_scale=run.commitments.quantity_scale,
        period=run.period,
        window=run.window,
        rules=run.rules,
        as_of=run.as_of,
        scale=run.scale,
    )


def _check_full_hours(period: Period) -> None:
    for instant in (period.start, period.end):
        if instant.minute or instant.second or instant.microsecond:
            raise UsageError(
                f"period {period}: it starts and ends at a full hour, as bills and meters do"
            )


def _span(rows: ir.Table, engine: Engine) -> Period:
    """The period of files read whole: that of their Usage rows, else of all rows."""
    found = engine.collect(
        rows.aggregate(
            start=rows.start.min(where=rows.category == "Usage"),
            end=rows.end.max(where=rows.category == "Usage"),
            first=rows.start.min(),
            last=rows.end.max(),
        )
    ).to_pylist()[0]
    start, end = found["start"] or found["first"], found["end"] or found["last"]
    if start is None:
        raise UsageError("the charges have no accepted row: nothing can be reconciled")
    if start == end:
        raise UsageError(f"all charges are of one instant, {start}: give a period")
    if end - start > SPAN_MAX:
        raise UsageError(
            f"the charges are of {iso(start)} to {iso(end)}, more than {SPAN_MAX.days:,} "
            "days, each hour of which would be looked at: give a period"
        )
    return Period(start, end)


def _tables(work: Worked, stated: Sequence[Mapping[str, Any]]) -> dict[str, Table]:
    """Every table of the result; the proofs run before the first is made."""
    found, used = work.commitments, work.usage
    apart = work.rows.anti_join(used.in_scope, "profile") if used else work.rows
    foreign = foreign_publishers(apart, work.engine)
    reasoned = work.engine.keep(
        apart.mutate(reason=out_of_scope_reason(apart, foreign, work.scale))
    )
    by_reason = _by_reason(work, reasoned)
    totals = control_totals(work.bill, work.datasets, work.engine)
    check_facts(totals, work.every, work.scale, work.engine)
    balance = _identity(work, by_reason)
    drift = find_drift(work.leg_run, used, work.further)
    given: dict[str, Sequence[Mapping[str, Any]]] = {
        "commitments": _ordered(found.rows),
        "credits": found.credits,
        "burn_down": found.burn_down,
        "control_totals": totals,
        "identity": _money(balance, work.scale),
        "billed_identity": _money(_billed_identity(work, reasoned), work.scale),
        "unattributed_by_reason": _money(
            [row for row in by_reason if row["reason"] != UNUSED_REASON], work.scale
        ),
        "buckets": _buckets(work, reasoned),
        "sources": [*(row for each in work.datasets for row in each.sources.rows()), *stated],
        "causes": drift.causes,
        "notes": [*notes_of(work), *drift.notes],
    }
    computed: dict[str, Table] = {}

    def write(**expressions: ir.Table) -> None:
        """Out of the engine at once, so that the next table has the room."""
        for name, expression in expressions.items():
            wanted = schema.RESULT_TABLES[name]
            computed[name] = result_table(expression, wanted, work.engine)

    write(utilization=found.utilization, break_rows=drift.rows, straddling=_straddling(work))
    write(spend=spend(reasoned, used, by_reason, work.leg_run))
    if used:
        asked = (work.leg_run.rules, work.leg_run.period)
        given_out = {row["currency"]: row["allocated"] for row in balance}
        write(activity=activity(used, work.leg_run.period))
        write(**session_costs(used, *asked, given_out, work.scale, work.engine))
        write(pending=used.pending.order_by("period_start", "resource_id", "model", "meter"))
        write(allocations=_allocations(used, work.scale))
    for leg in work.further:
        given |= leg.tables
    tables = {
        name: Table.from_rows(wanted, given.get(name, []))
        for name, wanted in schema.RESULT_TABLES.items()
    }
    tables |= {**computed, "breaks": drift.breaks, "rejects": _rejects(work.datasets)}
    return {name: tables[name] for name in schema.RESULT_TABLES}


def _ordered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    layers = ("benefit", "funding", "agreement")
    return sorted(
        rows,
        key=lambda row: (layers.index(row["layer"]), row["commitment_id"], row["currency"] or ""),
    )


def _allocations(used: UsageFindings, scale: int) -> ir.Table:
    table = allocations(used.allocated, used.parties)
    return table.mutate(
        cost=at_edge(table.cost, scale), committed_cost=at_edge(table.covered, scale)
    ).drop("covered")


def _by_reason(work: Worked, reasoned: ir.Table) -> list[dict[str, Any]]:
    """Effective and billed cost per currency and reason, ``unused`` among them, whole."""
    parts = [
        reasoned.group_by("currency", "reason").aggregate(
            cost=total(_.effective), billed_cost=total(_.billed), rows=_.count()
        )
    ]
    if work.usage:
        left, shares = work.usage.left, work.usage.allocated
        parts.append(
            left.group_by("currency", reason=left.verdict).aggregate(
                cost=total(_.effective), billed_cost=total(_.billed), rows=tally(_.n)
            )
        )
        parts.append(
            shares.filter(shares.reason.notnull())
            .group_by("currency", "reason")
            .aggregate(
                cost=total(_.cost),
                billed_cost=ibis.null("decimal(38, 0)"),
                rows=ibis.null("int64"),
            )
        )
    columns = ("currency", "reason", "cost", "billed_cost", "rows")
    rows = united(*(part.select(*columns) for part in parts))
    sums = rows.group_by("currency", "reason").aggregate(
        cost=total(_.cost), billed_cost=total(_.billed_cost), rows=tally(_["rows"])
    )
    return list(work.engine.collect(sums.order_by("currency", "reason")).to_pylist())


def _per_currency(table: ir.Table, column: str, engine: Engine) -> dict[str, Decimal]:
    sums = engine.collect(table.group_by("currency").aggregate(sum=total(table[column])))
    return {row["currency"]: row["sum"] for row in sums.to_pylist()}


def _identity(work: Worked, by_reason: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    allocated: dict[str, Decimal] = {}
    if work.usage:
        shares = work.usage.allocated
        allocated = _per_currency(shares.filter(shares.reason.isnull()), "cost", work.engine)
    unused: dict[str, Decimal] = {}
    unattributed: dict[str, Decimal] = {}
    for row in by_reason:
        side = unused if row["reason"] == UNUSED_REASON else unattributed
        side[row["currency"]] = exact_sum((side.get(row["currency"], Decimal(0)), row["cost"]))
    return identity(work.rows, allocated, unused, unattributed, work.engine)


def _billed_identity(work: Worked, reasoned: ir.Table) -> list[dict[str, Any]]:
    def sums(table: ir.Table) -> dict[str, Decimal]:
        return _per_currency(table, "billed", work.engine)

    is_unused = reasoned.reason == UNUSED_REASON
    compared = [sums(work.usage.costs), sums(work.usage.left)] if work.usage else []
    return billed_identity(
        sums(work.rows),
        compared,
        sums(reasoned.filter(is_unused)),
        sums(reasoned.filter(~is_unused)),
    )


def _money(rows: Sequence[Mapping[str, Any]], scale: int) -> list[dict[str, Any]]:
    return [
        {
            name: value.scaleb(-scale, EXACT) if isinstance(value, Decimal) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def _buckets(work: Worked, reasoned: ir.Table) -> list[dict[str, Any]]:
    """Rows per side, bucket and reason; raises IntegrityError unless every row is in one."""
    engine = work.engine
    apart = reasoned.group_by("reason").aggregate(rows=_.count())
    found = [{"bucket": "out_of_scope", **row} for row in engine.collect(apart).to_pylist()]
    accepted = {"billed": len(work.datasets[0].table)}
    outside = accepted["billed"] - engine.count(work.leg_run.rows)
    if outside:
        found.append({"bucket": "out_of_scope", "reason": "outside_period", "rows": outside})
    merged: dict[tuple[str, str, str], int] = {}
    sides = [{"side": "billed", **row} for row in found]
    if work.usage:
        accepted["metered"] = len(work.datasets[-1].table)
        sides.extend(work.usage.buckets)
    for row in sides:
        key = (row["side"], row["bucket"], row["reason"])
        merged[key] = merged.get(key, 0) + row["rows"]
    buckets = [
        {"side": side, "bucket": bucket, "reason": reason, "rows": count}
        for (side, bucket, reason), count in sorted(merged.items())
    ]
    check_buckets(buckets, accepted)
    return buckets


def _straddling(work: Worked) -> ir.Table:
    cut_rows = work.touching.filter(work.touching.straddles)
    parts = work.rows.select("charge_id", inside=work.rows.effective)
    joined = cut_rows.join(parts, "charge_id").order_by("source_id", "source_row")
    return joined.select(
        source_id=joined.source_id,
        source_row=joined.source_row,
        period_start=joined.start,
        period_end=joined.end,
        currency=joined.currency,
        effective_cost=at_edge(joined.effective, work.scale),
        effective_cost_in_period=at_edge(joined.inside, work.scale),
    )


def _rejects(datasets: Sequence[Dataset]) -> Table:
    tables = [each.rejects.to_arrow().cast(schema.REJECTS) for each in datasets]
    return Table(schema.REJECTS, arrow=pa.concat_tables(tables))
