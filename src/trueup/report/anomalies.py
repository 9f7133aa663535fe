"""Anomalies as a table: of a result, or of a history of several periods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

from trueup.errors import UsageError
from trueup.forecast.anomaly import Anomaly, anomalies, too_short
from trueup.forecast.cause import Explained, explained
from trueup.forecast.daily import Daily, daily
from trueup.model.spend_schema import ANOMALIES
from trueup.model.table import Table
from trueup.report import numbers

if TYPE_CHECKING:
    from trueup.report.result import Result

ROUNDED = Decimal("1e-18")
TABLES = ("spend", "activity", "utilization")
WORDS = {
    "provider": "provider",
    "model": "model",
    "meter": "meter",
    "commitment_id": "commitment",
    "agent": "agent",
    "team": "team",
}


def of_result(result: Result) -> Daily:
    """A result's period by day, up to its clock."""
    spend, activity, utilization = (getattr(result, name).reader() for name in TABLES)
    span = (result.start, min(result.end, result.as_of))
    return daily([span], spend, activity, utilization)


def found(known: Daily, judged: Iterable[date], material: Decimal | None) -> list[Explained]:
    """The anomalies of the judged days, by money."""
    return explained(known, anomalies(known, judged, material))


def table(rows: Sequence[Explained]) -> Table:
    """The anomalies under ``ANOMALIES``, in their order."""
    return Table.from_rows(ANOMALIES, [_row(one) for one in rows])


def _row(one: Explained) -> dict[str, Any]:
    anomaly, effects = one.anomaly, one.effects
    usual = anomaly.expected
    return {
        "day": anomaly.day,
        "measure": anomaly.measure,
        **anomaly.scope,
        "currency": anomaly.currency,
        "money": anomaly.money,
        "actual": _rounded(anomaly.actual),
        "expected": _rounded(usual.amount),
        "low": _rounded(usual.low),
        "high": _rounded(usual.high),
        "unit": anomaly.unit,
        "quantity_effect": effects.quantity if effects else None,
        "price_effect": effects.price if effects else None,
        "other_effect": effects.other if effects else None,
        "drivers": drivers(one),
        "also": "; ".join(f"{side.measure} of {subject(side)}" for side in one.also) or None,
        "days": len(usual.days),
        "weekly": usual.weekly,
    }


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(ROUNDED, rounding=ROUND_HALF_EVEN)


def drivers(one: Explained) -> str | None:
    """What made most of it: ``agent a +120.00; meter gpu +98.10``; else None."""
    said = (
        f"{WORDS[each.name]} {each.value} {'+' if each.money > 0 else ''}"
        f"{numbers.money(each.money)}"
        for each in one.drivers
    )
    return "; ".join(said) or None


def subject(anomaly: Anomaly) -> str:
    """What it is of: ``agent a, team b``."""
    parts = reversed(list(anomaly.scope.items()))
    return ", ".join(f"{WORDS[name]} {value}" for name, value in parts if value is not None)


def unusual(result: Result) -> list[Explained]:
    """What is unusual in a result by itself, by money."""
    known = result.once(of_result)
    return found(known, known.days, result.outcome.material_amount)


def within(result: Result) -> Table:
    """See ``Result.anomalies``."""
    known = result.once(of_result)
    why = too_short(known)
    if why is not None:
        raise UsageError(f"{why} `trueup anomalies` compares with earlier periods, too.")
    return table(result.once(unusual))
