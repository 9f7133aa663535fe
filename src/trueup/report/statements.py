"""Statements that have to agree: balances, invoices, agreements and closed periods."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from trueup.report.figures import Row, Sum
from trueup.report.names import last_part, names_of

if TYPE_CHECKING:
    from trueup.report.result import Result

DUE_WITHIN = timedelta(days=60)
AGREED = ("agreed", "agree", "met")


def period_balances(result: Result) -> list[Row]:
    """The roll-forward of each lot over the period, each with its ``title``; without the days."""
    names = names_of(result)
    return [
        {**row, "title": names.get(row["lot_id"]) or last_part(row["lot_id"] or "")}
        for row in result.roll_forward
        if row["span"] == "period"
    ]


def balances_that_differ(result: Result) -> list[Row]:
    """Those whose closing the provider states otherwise, the largest difference first."""
    found = [row for row in period_balances(result) if row["difference"]]
    return sorted(found, key=lambda row: (row["unit"] or "", -abs(row["difference"])))


def invoices_that_differ(result: Result) -> list[Row]:
    """Invoices that are not what their charges make, or that lack one side."""
    found = [row for row in result.invoices if row["status"] not in AGREED]
    return sorted(found, key=lambda row: (row["currency"] or "", -abs(row["difference"] or 0)))


def agreements_due(result: Result) -> list[Row]:
    """Milestones that were missed, and those due soon that are not reached yet."""
    soon = result.as_of + DUE_WITHIN
    return [
        row
        for row in result.agreements
        if row["shortfall"]
        or (
            row["status"] == "on_the_way"
            and row["due_at"] is not None
            and result.as_of <= row["due_at"] <= soon
        )
    ]


def figures_that_differ(result: Result) -> list[Row]:
    """Figures on which contract, bill and provider do not say the same."""
    names = names_of(result)
    return [
        {**row, "title": names.get(row["commitment_id"], row["commitment_id"])}
        for row in result.figures
        if row["verdict"] not in (*AGREED, None)
    ]


@dataclass
class TrueUp:
    """What changed of one closed period, in one currency."""

    closed: str
    currency: str | None
    rows: int = 0
    effective: Sum = field(default_factory=Sum)
    billed: Sum = field(default_factory=Sum)


def true_ups(result: Result) -> list[TrueUp]:
    """Deltas per closed period and currency, the oldest first."""
    found: dict[tuple[str, str | None], TrueUp] = {}
    for row in result.true_ups:
        key = (row["closed_period"] or "", row["currency"])
        item = found.setdefault(key, TrueUp(*key))
        item.rows += 1
        item.effective.add(row["effective_delta"])
        item.billed.add(row["billed_delta"])
    return [found[key] for key in sorted(found, key=lambda key: (key[0], key[1] or ""))]


def ages(result: Result) -> list[tuple[str, str, int]]:
    """How many breaks there are of each state and age."""
    found: dict[tuple[str, str], int] = {}
    for row in result.break_states:
        key = (row["state"] or "", row["age_bucket"] or "")
        found[key] = found.get(key, 0) + 1
    return [(*key, found[key]) for key in sorted(found, key=_by_age)]


_BUCKETS = ("0-1", "2-7", "8-30", "31-60", "60+")


def _by_age(key: tuple[str, str]) -> tuple[str, int]:
    state, bucket = key
    return state, _BUCKETS.index(bucket) if bucket in _BUCKETS else len(_BUCKETS)
