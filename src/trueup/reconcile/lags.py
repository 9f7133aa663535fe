"""How late a provider's charges are and when its figures are final; rules override adapters."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from trueup.adapter.registry import providers
from trueup.engine.engine import Engine
from trueup.engine.instants import lasting, moment
from trueup.model.rules import Rules
from trueup.period import later

ARRIVES_WITHIN = timedelta(hours=24)  # of a provider without an adapter
FINAL_AFTER = timedelta(days=7)


def arrivals(rules: Rules) -> dict[str, timedelta]:
    """Provider -> how late a charge may be without being missing."""
    own = {lag.provider: lag.arrives_within for lag in rules.lag if lag.arrives_within is not None}
    return {name: adapter.arrives_within for name, adapter in providers().items()} | own


def finals(rules: Rules) -> dict[str, timedelta]:
    """Provider -> how long after BillingPeriodEnd its figures may still change."""
    own = {lag.provider: lag.final_after for lag in rules.lag if lag.final_after is not None}
    return {name: adapter.final_after for name, adapter in providers().items()} | own


def expected_by(rows: ir.Table, rules: Rules) -> ir.Value:
    """Until when a charge for usage that ended at ``rows.end`` may still arrive."""
    return _later(rows.provider, rows.end, arrivals(rules), ARRIVES_WITHIN)


def is_provisional(
    provider: ir.Value, billing_end: ir.Value, rules: Rules, as_of: datetime
) -> ir.Value:
    """Whether figures of a billing period may still change; unknown periods may."""
    final = _later(provider, billing_end, finals(rules), FINAL_AFTER)
    return billing_end.isnull() | (moment(as_of) < final)


def provisional(
    provider: str | None, billing_end: datetime | None, rules: Rules, as_of: datetime
) -> bool:
    """The same for one value."""
    if billing_end is None:
        return True
    return as_of < later(billing_end, finals(rules).get(provider or "", FINAL_AFTER))


def final_at(rows: ir.Table, rules: Rules, engine: Engine) -> dict[str | None, datetime | None]:
    """Provider -> when the figures of these charges are final; None: no billing period is known."""
    ends = rows.group_by("provider").aggregate(end=rows.period_end.max())
    after = finals(rules)
    return {
        row["provider"]: row["end"]
        and later(row["end"], after.get(row["provider"] or "", FINAL_AFTER))
        for row in engine.collect(ends.order_by("provider")).to_pylist()
    }


def _later(
    provider: ir.Value, instant: ir.Value, lags: dict[str, timedelta], default: timedelta
) -> ir.Value:
    branches = [
        (provider == name, instant + lasting(seconds=int(lag.total_seconds())))
        for name, lag in lags.items()
    ]
    otherwise = instant + lasting(seconds=int(default.total_seconds()))
    return ibis.cases(*branches, else_=otherwise) if branches else otherwise
