"""Claims: where a provider's own rules give another bill, with the evidence for a support case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir

from trueup.engine.integers import EDGE_SCALE, total, whole
from trueup.model.leg_schema import CLAIM_LINES
from trueup.money import EXACT, plain
from trueup.period import iso
from trueup.reconcile.lags import FINAL_AFTER, finals, provisional
from trueup.reconcile.leg import LegRun
from trueup.reconcile.rated_lines import Benefit
from trueup.reconcile.waterfall import Applied

LEG = "price"
CLAIMABLE, INDICATED = "claimable", "indicated"
ZERO = whole(0)


@dataclass
class Claims:
    """Breaks, and a row of ``CLAIMS`` for each."""

    breaks: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


def claims_of(
    run: LegRun, differing: Sequence[Mapping[str, Any]], benefits: Sequence[Benefit]
) -> Claims:
    """A claim for every commitment and interval that the rules leave another total on demand."""
    by_id = {(one.commitment_id, one.currency): one for one in benefits}
    found = Claims()
    for row in sorted(differing, key=lambda one: (one["interval"], one["commitment_id"])):
        benefit = by_id[(row["commitment_id"], row["currency"])]
        billed = _edge(row["cost"] - row["as_billed"])
        expected = _edge(row["cost"] - row["by_rules"])
        amount = EXACT.subtract(billed, expected)
        lacking = _missing(run, benefit, row["billing_end"])
        arithmetic = (
            f"{plain(_edge(row['cost']), 2)} {row['currency']} on demand - "
            f"{plain(_edge(row['by_rules']), 2)} that the rules cover = {plain(expected, 2)}; "
            f"billed {plain(billed, 2)}"
        )
        found.breaks.append(
            {
                "class": "price",
                "leg": LEG,
                "provider": benefit.provider,
                "commitment_id": benefit.commitment_id,
                "period_start": row["interval"].replace(tzinfo=UTC),
                "period_end": row["interval_end"].replace(tzinfo=UTC),
                "billed": billed,
                "expected": expected,
                "unit": benefit.currency,
                "amount": amount,
                "currency": benefit.currency,
                "priced_by": "rate",
                "rule": benefit.rule.name,
                "rows_billed": row["lines"],
                "rows_metered": 0,
                "explanation": f"By the provider's own rules the commitment covers "
                f"{'more' if amount > 0 else 'less'} of this interval: {arithmetic}.",
            }
        )
        found.rows.append(
            {
                "claim_id": claim_id(benefit.commitment_id, row["interval"], benefit.currency),
                "provider": benefit.provider,
                "commitment_id": benefit.commitment_id,
                "rule": benefit.rule.name,
                "source": benefit.rule.source,
                "interval_start": row["interval"].replace(tzinfo=UTC),
                "interval_end": row["interval_end"].replace(tzinfo=UTC),
                "status": INDICATED if lacking else CLAIMABLE,
                "missing_evidence": lacking,
                "billed": billed,
                "expected": expected,
                "amount": amount,
                "currency": benefit.currency,
                "lines": row["lines"],
                "arithmetic": arithmetic,
            }
        )
    return found


def _edge(value: Decimal) -> Decimal:
    return value.scaleb(-EDGE_SCALE, EXACT)


def claim_id(commitment_id: str, interval: datetime, currency: str) -> str:
    """What joins a claim with its lines."""
    return f"{commitment_id} {iso(interval.replace(tzinfo=UTC))} {currency}"


def _missing(run: LegRun, benefit: Benefit, billing_end: datetime | None) -> str | None:
    """The evidence that a claim lacks, named; None where the usage is complete and final."""
    end = billing_end and billing_end.replace(tzinfo=UTC)
    if provisional(benefit.provider, end, run.rules, run.as_of):
        if end is None:
            return "the billing period of the charges is not known"
        final = end + finals(run.rules).get(benefit.provider, FINAL_AFTER)
        return f"the month is not final until {iso(final)}: a late charge may change it"
    return None


def lines_of(result: Applied, differing: ir.Table, pools: ir.Table) -> ir.Table:
    """Every line of a claim whose on-demand cost is not what the rules leave of it."""
    lines = result.lines
    wanted = differing.select("commitment_id", "interval")
    by_rules = (
        result.covered.group_by("line", "commitment_id", "interval")
        .aggregate(saved=total(result.covered.saved))
        .rename(expected_commitment="commitment_id")
    )
    held = lines.join(
        pools,
        [
            lines.covered_by == pools.commitment_id,
            lines.start >= pools.interval_start,
            lines.start < pools.interval_end,
        ],
    ).select(line="charge_id", commitment="covered_by", interval="interval_start")
    touched = ibis.union(
        by_rules.select("line", "interval", commitment=by_rules.expected_commitment),
        held.select("line", "interval", "commitment"),
        distinct=True,
    )
    of_claims = touched.join(
        wanted,
        [touched.commitment == wanted.commitment_id, touched.interval == wanted.interval],
    ).select("line", "commitment", "interval")
    joined = of_claims.join(lines, of_claims.line == lines.charge_id)
    changed = joined.filter(joined.left != joined.paid)
    best = by_rules.group_by("line").aggregate(
        expected_commitment=by_rules.expected_commitment.min(), saved=total(by_rules.saved)
    )
    told = changed.left_join(best, changed.line == best.line)
    saved = told.saved.fill_null(ZERO)
    return told.select(
        claim_id=told.commitment
        + " "
        + told.interval.strftime("%Y-%m-%dT%H:%M:%SZ")
        + " "
        + told.currency,
        source_id=told.source_id,
        source_row=told.source_row,
        account_id=told.account,
        resource_id=told.resource,
        sku=told.sku_id.fill_null(told.sku_meter).fill_null(told.description),
        interval_start=told.interval,
        quantity=told.quantity,
        unit=told.unit,
        billed=told.paid,
        expected=told.left,
        difference=(told.paid - told.left).cast("decimal(38, 0)"),
        currency=told.currency,
        billed_commitment=told.covered_by,
        expected_commitment=told.expected_commitment,
        expected_covered=ibis.null("decimal(38, 0)"),
        arithmetic=ibis.ifelse(saved > ZERO, "on demand less what the rules cover", "on demand"),
    ).select(*CLAIM_LINES.names)
