"""One reconciliation from typed rows to result tables: the parent that calls the legs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.attribute.allocation import allocations
from trueup.engine.engine import Engine, open_engine
from trueup.engine.integers import as_decimal, at_edge, tally, total
from trueup.engine.rows import united
from trueup.errors import UsageError
from trueup.focus.applied import applied_per_day
from trueup.model import schema
from trueup.model.dataset import Dataset
from trueup.model.outcome import Outcome
from trueup.model.rules import Rules
from trueup.model.table import Table
from trueup.money import EXACT
from trueup.period import Period
from trueup.reconcile import breaks as broken
from trueup.reconcile.billed import billed_rows, cut, in_period, money_scale, sku_columns
from trueup.reconcile.commitments import CommitmentFindings, CommitmentRun
from trueup.reconcile.commitments import run_leg as run_commitment_leg
from trueup.reconcile.control import check_buckets, control_totals, identity
from trueup.reconcile.intervals import quantity_scale
from trueup.reconcile.reasons import UNUSED_REASON, foreign_publishers, out_of_scope_reason
from trueup.reconcile.terms import Terms, read_terms
from trueup.reconcile.usage import UsageFindings, UsageRun
from trueup.reconcile.usage import run_leg as run_usage_leg


def run(
    charges: Dataset,
    commitments: Dataset | None,
    usage: Dataset | None,
    period: Period | None,
    rules: Rules,
    as_of: datetime,
    engine_name: str,
) -> Outcome:
    """Reconcile; raises UsageError for inputs that cannot be, IntegrityError if a proof fails."""
    if period is not None:
        _check_full_hours(period)
    with open_engine(engine_name) as engine:
        bill = _scan(charges, engine)
        scale = money_scale(bill, engine)
        columns = sku_columns(bill, rules)
        everything = billed_rows(bill, scale, columns)
        touching = engine.keep(in_period(everything, period))
        rows = engine.keep(cut(touching))
        window = period or _span(everything, engine)
        terms = [read_terms(row) for row in commitments.table.rows()] if commitments else []
        found = run_commitment_leg(
            CommitmentRun(
                bill,
                rows,
                applied_per_day(charges.table.files),
                terms,
                period,
                window,
                rules,
                as_of,
                scale,
            ),
            engine,
        )
        used = None
        if usage is not None:
            used = run_usage_leg(
                UsageRun(
                    bill,
                    rows,
                    _scan(usage, engine),
                    len(usage.table),
                    columns,
                    found.intervals,
                    quantity_scale(bill, scale, engine),
                    period,
                    window,
                    rules,
                    as_of,
                    scale,
                ),
                engine,
            )
        datasets = [each for each in (charges, commitments, usage) if each is not None]
        tables = _tables(bill, touching, rows, found, used, datasets, terms, scale, engine)
    return Outcome(window.start, window.end, as_of, tables, charges, commitments, usage)


def _check_full_hours(period: Period) -> None:
    for instant in (period.start, period.end):
        if instant.minute or instant.second or instant.microsecond:
            raise UsageError(
                f"period {period}: it starts and ends at a full hour, as bills and meters do"
            )


def _scan(dataset: Dataset, engine: Engine) -> ir.Table:
    if dataset.table.files:
        return engine.scan(dataset.table.files, dataset.table.schema)
    return engine.load(dataset.table.to_arrow())


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
    return Period(start, end)


def _tables(
    bill: ir.Table,
    touching: ir.Table,
    rows: ir.Table,
    found: CommitmentFindings,
    used: UsageFindings | None,
    datasets: Sequence[Dataset],
    terms: Sequence[Terms],
    scale: int,
    engine: Engine,
) -> dict[str, Table]:
    apart = rows.anti_join(used.in_scope, "charge_id") if used else rows
    foreign = foreign_publishers(apart, engine)
    reasoned = engine.keep(apart.mutate(reason=out_of_scope_reason(apart, foreign, scale)))
    by_reason = _by_reason(reasoned, used, engine)
    proof = _identity(rows, used, by_reason, engine)
    accepted = {"billed": len(datasets[0].table)}
    buckets = _buckets(reasoned, rows, used, accepted["billed"], engine)
    if used:
        accepted["metered"] = len(datasets[-1].table)
    check_buckets(buckets, accepted)

    def computed(name: str, expression: ir.Table) -> Table:
        wanted = schema.RESULT_TABLES[name]
        return Table(wanted, arrow=as_decimal(engine.collect(expression), wanted))

    def edge(name: str, given: Sequence[Mapping[str, Any]]) -> Table:
        return Table.from_rows(schema.RESULT_TABLES[name], list(given))

    tables = {
        "commitments": edge("commitments", _ordered(found.rows)),
        "utilization": computed("utilization", found.utilization),
        "breaks": computed("breaks", broken.all_breaks(found.breaks, used, engine)),
        "pending": computed("pending", used.pending.order_by("period_start", "resource_id"))
        if used
        else edge("pending", []),
        "allocations": computed("allocations", _allocations(used.allocated, scale))
        if used
        else edge("allocations", []),
        "credits": edge("credits", found.credits),
        "control_totals": edge("control_totals", control_totals(bill, datasets, engine)),
        "identity": edge("identity", [_money(row, scale) for row in proof]),
        "billed_identity": edge(
            "billed_identity", [_money(row, scale) for row in _billed_identity(rows, reasoned, used, engine)]
        ),
        "unattributed_by_reason": edge(
            "unattributed_by_reason",
            [_money(row, scale) for row in by_reason if row["reason"] != UNUSED_REASON],
        ),
        "buckets": edge("buckets", buckets),
        "burn_down": edge("burn_down", found.burn_down),
        "straddling": computed("straddling", _straddling(touching, rows, scale)),
        "sources": edge("sources", [row for each in datasets for row in each.sources.rows()]),
        "rejects": _rejects(datasets),
        "notes": edge("notes", _notes(found, used, datasets)),
    }
    return tables


def _ordered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    layers = {"benefit": 0, "funding": 1, "agreement": 2}
    return sorted(
        rows, key=lambda row: (layers.get(row["layer"], 3), row["commitment_id"], row["currency"] or "")
    )


def _allocations(allocated: ir.Table, scale: int) -> ir.Table:
    table = allocations(allocated)
    return table.mutate(cost=at_edge(table.cost, scale))


def _by_reason(
    reasoned: ir.Table, used: UsageFindings | None, engine: Engine
) -> list[dict[str, Any]]:
    """Effective and billed cost per currency and reason, ``unused`` among them, whole."""
    parts = [
        reasoned.group_by("currency", "reason").aggregate(
            cost=total(_.effective), billed_cost=total(_.billed), rows=_.count()
        )
    ]
    if used:
        parts.append(
            used.left.group_by("currency", reason=used.left.verdict).aggregate(
                cost=total(_.effective), billed_cost=total(_.billed), rows=tally(_.n)
            )
        )
        shared = used.allocated.filter(used.allocated.reason.notnull())
        parts.append(
            shared.group_by("currency", "reason").aggregate(
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
    return list(engine.collect(sums.order_by("currency", "reason")).to_pylist())


def _identity(
    rows: ir.Table,
    used: UsageFindings | None,
    by_reason: Sequence[dict[str, Any]],
    engine: Engine,
) -> list[dict[str, Any]]:
    allocated: dict[str, Decimal] = {}
    if used:
        shares = used.allocated.filter(used.allocated.reason.isnull())
        sums = engine.collect(shares.group_by("currency").aggregate(cost=total(_.cost)))
        allocated = {row["currency"]: row["cost"] for row in sums.to_pylist()}
    unused: dict[str, Decimal] = {}
    unattributed: dict[str, Decimal] = {}
    for row in by_reason:
        side = unused if row["reason"] == UNUSED_REASON else unattributed
        side[row["currency"]] = side.get(row["currency"], Decimal(0)) + row["cost"]
    return identity(rows, allocated, unused, unattributed, engine)


def _billed_identity(
    rows: ir.Table, reasoned: ir.Table, used: UsageFindings | None, engine: Engine
) -> list[dict[str, Any]]:
    def per_currency(table: ir.Table) -> dict[str, Decimal]:
        sums = engine.collect(table.group_by("currency").aggregate(billed=total(_.billed)))
        return {row["currency"]: row["billed"] for row in sums.to_pylist()}

    none = Decimal(0)
    billed = per_currency(rows)
    unused = per_currency(reasoned.filter(reasoned.reason == UNUSED_REASON))
    apart = per_currency(reasoned.filter(reasoned.reason != UNUSED_REASON))
    groups = per_currency(used.costs) if used else {}
    left = per_currency(used.left) if used else {}
    table = []
    for currency in sorted(billed):
        compared = groups.get(currency, none) + left.get(currency, none)
        row = {
            "currency": currency,
            "billed": billed[currency],
            "compared": compared,
            "unused": unused.get(currency, none),
            "not_compared": apart.get(currency, none),
        }
        row["difference"] = (
            row["billed"] - row["compared"] - row["unused"] - row["not_compared"]
        )
        broken.check_zero(row)
        table.append(row)
    return table


def _money(row: Mapping[str, Any], scale: int) -> dict[str, Any]:
    return {
        name: value.scaleb(-scale, EXACT) if isinstance(value, Decimal) else value
        for name, value in row.items()
    }


def _buckets(
    reasoned: ir.Table,
    rows: ir.Table,
    used: UsageFindings | None,
    accepted: int,
    engine: Engine,
) -> list[dict[str, Any]]:
    apart = reasoned.group_by("reason").aggregate(rows=_.count())
    found = [
        {"side": "billed", "bucket": "out_of_scope", **row}
        for row in engine.collect(apart.order_by("reason")).to_pylist()
    ]
    inside = engine.collect(rows.aggregate(rows=rows.count())).column("rows")[0].as_py()
    if accepted - inside:
        found.append(
            {
                "side": "billed",
                "bucket": "out_of_scope",
                "reason": "outside_period",
                "rows": accepted - inside,
            }
        )
    found.extend(used.buckets if used else [])
    merged: dict[tuple[str, str, str], int] = {}
    for row in found:
        key = (row["side"], row["bucket"], row["reason"])
        merged[key] = merged.get(key, 0) + row["rows"]
    return [
        {"side": side, "bucket": bucket, "reason": reason, "rows": count}
        for (side, bucket, reason), count in sorted(merged.items())
    ]


def _straddling(touching: ir.Table, rows: ir.Table, scale: int) -> ir.Table:
    whole_rows = touching.filter(touching.straddles)
    parts = rows.select("charge_id", inside=rows.effective)
    joined = whole_rows.join(parts, "charge_id").order_by("source_id", "source_row")
    return joined.select(
        source_id=joined.source_id,
        source_row=joined.source_row,
        period_start=joined.start,
        period_end=joined.end,
        currency=joined.currency,
        effective_cost=at_edge(joined.effective, scale),
        effective_cost_in_period=at_edge(joined.inside, scale),
    )


def _rejects(datasets: Sequence[Dataset]) -> Table:
    return Table(
        schema.REJECTS,
        arrow=pa.concat_tables([each.rejects.to_arrow().cast(schema.REJECTS) for each in datasets]),
    )


def _notes(
    found: CommitmentFindings, used: UsageFindings | None, datasets: Sequence[Dataset]
) -> list[dict[str, Any]]:
    notes = [*found.notes, *(used.notes if used else [])]
    if used is None:
        notes.append(
            {
                "code": "usage_leg_not_run",
                "subject": "usage",
                "text": "no telemetry was given: billed quantities were not compared with meters",
                "remedy": "give usage, for example --usage spans.jsonl",
            }
        )
    notes.extend(
        {
            "code": "source",
            "subject": source["source"],
            "text": source["note"],
            "remedy": None,
        }
        for dataset in datasets
        for source in dataset.sources.rows()
        if source["note"]
    )
    return notes


