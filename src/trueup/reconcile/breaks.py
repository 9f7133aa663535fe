"""Breaks as data: stable identities, one sentence for a person, one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trueup.engine.engine import Engine
from trueup.engine.instants import seconds
from trueup.engine.integers import as_whole, digest, magnitude, tally, whole
from trueup.engine.rows import united
from trueup.errors import IntegrityError
from trueup.model.columns import COUNT, TEXT
from trueup.model.leg_schema import BREAK_ROWS
from trueup.model.schema import BREAKS
from trueup.reconcile.text import key_with_nulls, text_of
from trueup.reconcile.usage_leg import LEG, NO_SHIFT
from trueup.reconcile.usage_rows import BILLED, METERED

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


ROWS = pa.schema(
    [
        pa.field("rows_key", TEXT),
        pa.field("side", TEXT),
        pa.field("source_id", pa.int32()),
        pa.field("source_row", COUNT),
    ]
)


# What the search for causes needs to know beside a break's own columns.
ASIDE = pa.schema([pa.field("tier", TEXT), pa.field("shift_seconds", COUNT)])
WITH_ASIDE = pa.schema([*BREAKS, *ASIDE])


@dataclass(frozen=True)
class Breaks:
    """All breaks under ``WITH_ASIDE``, whole numbers of 10^-18, and the rows behind them."""

    breaks: ir.Table  # largest money first
    rows: ir.Table


def all_breaks(
    listed: Sequence[Mapping[str, Any]],
    rows: Sequence[ir.Table],
    used: ir.Table | None,
    engine: Engine,
) -> Breaks:
    """Every break with its identity, and the rows behind it under the schema of ``break_rows``.

    ``listed`` and ``rows`` are as legs give them (see ``reconcile.leg``), ``used`` the breaks of
    the usage leg. Raises IntegrityError where a break counts rows that are not listed.
    """
    keyed, of_listed = _keyed(listed)
    columns = [name for name in BREAKS.names if name not in ("id", "cause_id")]
    columns += ["contradicted", "rows_key", *ASIDE.names]
    fields = [*BREAKS, pa.field("rows_key", TEXT)]
    others = engine.load(as_whole(keyed, pa.schema(fields)))
    unsaid = {"tier": ibis.null(str), "shift_seconds": NO_SHIFT, "contradicted": ibis.null(bool)}
    tables = [others.mutate(**unsaid).select(columns)]
    if used is not None:
        nowhere = {"leg": ibis.literal(LEG), "subject": ibis.null(str)}
        tables.append(used.mutate(**nowhere, explanation=ibis.null(str)).select(columns))
    named = engine.keep(_named(united(*tables)))
    behind = united(engine.load(pa.Table.from_pylist(of_listed, schema=ROWS)), *rows)
    if engine.count(named) == 0:
        return Breaks(named.select(*WITH_ASIDE.names), engine.load(BREAK_ROWS.empty_table()))
    behind = engine.keep(behind.select(*ROWS.names))
    counted = engine.keep(_counted(named, behind))
    _check(counted, engine)
    joined = behind.join(named.select("id", "rows_key"), "rows_key")
    return Breaks(
        _ordered(counted),
        joined.select(break_id=joined.id, **{name: joined[name] for name in BREAK_ROWS.names[1:]}),
    )


def _keyed(
    listed: Sequence[Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The breaks, with a ``rows_key`` where their rows are told, and the rows told one by one."""
    keyed, rows = [], []
    for number, row in enumerate(listed):
        told = row.get("rows")
        key = row.get("rows_key") or (None if told is None else f"listed {number}")
        keyed.append({**row, "rows_key": key})
        for side, source_id, source_row in told or ():
            rows.append(dict(zip(ROWS.names, (key, side, source_id, source_row), strict=True)))
    return keyed, rows


def _named(rows: ir.Table) -> ir.Table:
    return rows.mutate(
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


def _counted(named: ir.Table, behind: ir.Table) -> ir.Table:
    """The breaks with how many rows are ``listed`` on either side; null where none are told."""
    sums = behind.group_by("rows_key").aggregate(
        listed_billed=tally((behind.side == BILLED).cast("int64")),
        listed_metered=tally((behind.side == METERED).cast("int64")),
    )
    joined = named.left_join(sums, "rows_key")
    told = named.rows_key.notnull()
    nothing = ibis.literal(0, type="int64")

    def of(column: ir.Value) -> ir.Value:
        return ibis.ifelse(told, column.fill_null(nothing), ibis.null("int64"))

    return joined.select(
        named, listed_billed=of(sums.listed_billed), listed_metered=of(sums.listed_metered)
    )


def _check(counted: ir.Table, engine: Engine) -> None:
    """A usage row that spans hours counts once in the run, and stands behind each hour's break."""
    lacking = counted.filter(
        (counted.listed_billed != counted.rows_billed)
        | (counted.listed_metered < counted.rows_metered)
    )
    figures = ("rows_billed", "listed_billed", "rows_metered", "listed_metered")
    found = engine.collect(lacking.select("id", "class", *figures).limit(1)).to_pylist()
    for row in found:
        raise IntegrityError(
            f"break {row['id']} ({row['class']}) counts {row['rows_billed']} billed and "
            f"{row['rows_metered']} metered rows, but {row['listed_billed']} and "
            f"{row['listed_metered']} are listed behind it; please report this as a defect"
        )


def _ordered(counted: ir.Table) -> ir.Table:
    rows = counted.mutate(
        rows_billed=ibis.coalesce(counted.listed_billed, counted.rows_billed),
        rows_metered=ibis.coalesce(counted.listed_metered, counted.rows_metered),
    )
    size = magnitude(rows.amount.fill_null(whole(0)))
    return rows.order_by(ibis.desc(size), "period_start", "leg", "class", "provider", "id").select(
        *WITH_ASIDE.names
    )


def break_id(one: Mapping[str, Any]) -> str:
    """The id that a listed break gets in ``all_breaks``, for tables that refer to it."""
    values = (one.get(name) for name in IDENTITY)
    texts = (
        str(int(value.timestamp())) if isinstance(value, datetime) else value for value in values
    )
    return sha256(text_of(texts).encode()).hexdigest()[:ID_DIGITS]


def _text(rows: ir.Table, name: str) -> ir.Value:
    column = rows[name]
    if name == "period_start":
        return seconds(column).cast("string")
    return column
