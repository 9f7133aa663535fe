"""Breaks as data: stable identities, one sentence for a person, one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from trueup.engine.engine import Engine
from trueup.engine.integers import WHOLE, as_whole, digest, magnitude, whole
from trueup.engine.rows import united
from trueup.model.schema import BREAKS
from trueup.reconcile.text import ABSENT, SEPARATOR, key_with_nulls
from trueup.reconcile.usage_leg import LEG

if TYPE_CHECKING:
    from trueup.reconcile.usage import UsageFindings

ID_DIGITS = 16
# What makes a break the same break in the next run: not its figures, which may still change.
IDENTITY = (
    "class",
    "leg",
    "provider",
    "commitment_id",
    "account_id",
    "region_id",
    "resource_id",
    "model",
    "meter",
    "subject",
    "period_start",
    "currency",
    "rule",
    "tier",
)
SENTENCES = {
    "timing": "The same quantity stands in the bill at another hour than in the telemetry.",
    "quantity": "Billed and metered quantities differ by more than the tolerance.",
    "duplicate": "The bill holds identical charges; without the copies it agrees with the meter.",
    "missing_in_usage": "Billed, but the meter that reports on it saw nothing.",
    "missing_in_billing": "Used, but not on the bill although its provider's lag has passed.",
    "commitment": "Used and unused on the bill do not add up to what the contract commits.",
}
CONTRADICTED = (
    "Billed, and the meter of what was held saw nothing, though another counted work on it."
)
UNCOVERED = "The contract is active, but no charge of the period carries it."


def all_breaks(
    listed: Sequence[Mapping[str, Any]], used: UsageFindings | None, engine: Engine
) -> ir.Table:
    """All breaks under the schema of ``breaks``, whole numbers of 10^-18, largest money first."""
    columns = [name for name in BREAKS.names if name not in ("id", "cause_id")]
    columns += ["tier", "contradicted"]
    others = engine.load(as_whole(listed, BREAKS))
    tables = [others.mutate(tier=ibis.null(str), contradicted=ibis.null(bool)).select(columns)]
    tables.extend(
        table.mutate(
            leg=ibis.literal(LEG), subject=ibis.null(str), explanation=ibis.null(str)
        ).select(columns)
        for table in (used.breaks if used else [])
    )
    rows = united(*tables)
    named = rows.mutate(
        id=digest(key_with_nulls(*(_text(rows, name) for name in IDENTITY))).substr(0, ID_DIGITS),
        cause_id=ibis.null(str),
        explanation=ibis.cases(
            (rows.explanation.notnull(), rows.explanation),
            ((rows["leg"] == "commitment") & (rows["class"] == "missing_in_billing"), UNCOVERED),
            ((rows["class"] == "missing_in_usage") & rows.contradicted, CONTRADICTED),
            *((rows["class"] == kind, text) for kind, text in SENTENCES.items()),
            else_=ibis.null(str),
        ),
    )
    size = magnitude(named.amount.fill_null(whole(0)))
    return named.order_by(ibis.desc(size), "period_start", "leg", "class", "provider", "id").select(
        *BREAKS.names
    )


def break_id(one: Mapping[str, Any]) -> str:
    """The id that a listed break gets in ``all_breaks``, for tables that refer to it."""
    values = (one.get(name) for name in IDENTITY)
    texts = (
        str(int(value.timestamp())) if isinstance(value, datetime) else value for value in values
    )
    key = SEPARATOR.join(ABSENT if text is None else text for text in texts)
    return sha256(key.encode()).hexdigest()[:ID_DIGITS]


def _text(rows: ir.Table, name: str) -> ir.Value:
    column = rows[name]
    if name == "period_start":
        # Engines give seconds as different kinds of numbers, which would be different texts.
        return column.epoch_seconds().cast(WHOLE).cast("string")
    return column
