"""How the charges of a period differ between two states of knowledge, item by item, exactly.

An item is what one charge is for: its natural key without ChargeClass. So a correction written as
a difference (one Correction row) and one written as a ledger does (a reversal and its replacement)
come to the same item with the same delta; FOCUS allows both (ChargeClass, "Correction").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import instant, seconds
from trueup.engine.integers import (
    EDGE_SCALE,
    as_decimal,
    at_edge,
    decimals,
    tally,
    total,
    units,
    whole,
)
from trueup.engine.rows import united
from trueup.errors import IntegrityError
from trueup.model.leg_schema import BREAK_ROWS, RESTATEMENTS
from trueup.money import EXACT, plain
from trueup.period import Period, iso
from trueup.reconcile.billed import CORRECTION, cut, in_period, part
from trueup.reconcile.scale import LEAST_MONEY_DECIMALS
from trueup.reconcile.text import key_with_nulls

LEG = CLASS = "restatement"
RULE = "restated"
KEY = (
    *("provider", "billing_account_id", "account_id", "service", "sku", "resource_id"),
    *("commitment_id", "category", "status", "period_start", "period_end", "currency"),
)
MONEY = ("EffectiveCost", "BilledCost")
FIGURES = ("effective", "billed", "quantity")
# What a break has no column for; the rest of the key is in columns that make its identity.
_SUBJECT = ("billing_account_id", "service", "sku", "category", "status", "period_end")
_ZERO = Decimal(0)

Row = dict[str, Any]


def restatements(before: ir.Table, after: ir.Table, period: Period, engine: Engine) -> list[Row]:
    """Every item that is not what it was: rows of ``RESTATEMENTS`` without ``break_id``.

    ``before`` and ``after`` are accepted charges under FOCUS's names; both are cut to the period.
    Amounts in the billing currency, quantities in ``unit`` (null where an item has several units).
    Raises IntegrityError unless the deltas add up to all of ``after`` less all of ``before``.
    """
    scale = max(_scale(before, engine), _scale(after, engine))
    sides = {
        side: engine.keep(_items(table, period, scale))
        for side, table in (("before", before), ("after", after))
    }
    changed = _changed(united(*(_one_side(table, side) for side, table in sides.items())))
    wanted = changed.order_by(*KEY).select(
        *(name for name in RESTATEMENTS.names if name != "break_id")
    )
    schema = RESTATEMENTS.remove(RESTATEMENTS.get_field_index("break_id"))
    found: list[Row] = as_decimal(engine.collect(wanted), schema).to_pylist()
    _check(found, sides, period, engine)
    return found


def _scale(charges: ir.Table, engine: Engine) -> int:
    """The most decimals that any effective or billed cost uses, at least 2."""
    t = charges
    most = t.aggregate(most=ibis.greatest(*(decimals(t[name]).max() for name in MONEY)))
    return max(LEAST_MONEY_DECIMALS, engine.collect(most).column("most")[0].as_py() or 0)


def rows_behind(charges: ir.Table, items: Sequence[Mapping[str, Any]], engine: Engine) -> pa.Table:
    """The charges that restated items have now, under the schema of ``break_rows``.

    ``items`` are rows of ``RESTATEMENTS``, ``charges`` those that they were found in.
    """
    keys = pa.schema([RESTATEMENTS.field(name) for name in ("break_id", *KEY)])
    columns = {name: [row[name] for row in items] for name in keys.names}
    wanted = engine.load(pa.table(columns, schema=keys))
    of_item = wanted.select(
        "break_id",
        item=key_with_nulls(*(_in_key(wanted[name]) for name in KEY)),
    )
    rows = _rows(charges, EDGE_SCALE)
    rows = rows.mutate(period_start=rows.start, period_end=rows.end)
    placed = rows.select(
        "source_id",
        "source_row",
        item=key_with_nulls(*(_in_key(rows[name]) for name in KEY)),
    )
    found = placed.join(of_item, "item").select(
        "break_id", "source_id", "source_row", side=ibis.literal("billed")
    )
    ordered = found.order_by("break_id", "source_id", "source_row").select(*BREAK_ROWS.names)
    return as_decimal(engine.collect(ordered), BREAK_ROWS)


def _in_key(column: ir.Value) -> ir.Value:
    """A column as it goes into a key: instants as seconds, which every engine writes alike."""
    return seconds(column) if column.type().is_timestamp() else column


def _rows(charges: ir.Table, scale: int) -> ir.Table:
    """The charges under the names of items, money as whole numbers of 10^-scale."""
    t, money = charges, 10**scale
    consumed = t.ConsumedQuantity.notnull() & t.ConsumedUnit.notnull()
    return t.select(
        source_id=t.x_SourceId,
        source_row=t.x_SourceRow,
        provider=t.x_Provider,
        billing_account_id=t.BillingAccountId,
        account_id=t.SubAccountId.fill_null(t.BillingAccountId),
        service=t.ServiceName,
        sku=ibis.coalesce(t.SkuPriceId, t.SkuId, t.ChargeDescription),
        resource_id=t.ResourceId,
        commitment_id=t.CommitmentDiscountId,
        category=t.ChargeCategory,
        status=t.CommitmentDiscountStatus,
        currency=t.BillingCurrency,
        start=instant(t.ChargePeriodStart),
        end=instant(t.ChargePeriodEnd),
        effective=units(t.EffectiveCost, money),
        billed=units(t.BilledCost, money),
        quantity=units(
            ibis.ifelse(consumed, t.ConsumedQuantity, t.PricingQuantity), 10**EDGE_SCALE
        ),
        unit=ibis.ifelse(consumed, t.ConsumedUnit, t.PricingUnit),
        correction=ibis.ifelse(t.ChargeClass == CORRECTION, 1, 0),
    )


def _items(charges: ir.Table, period: Period, scale: int) -> ir.Table:
    """The charges' part in the period per item, whole numbers of 10^-18."""
    inside = cut(in_period(_rows(charges, scale), period))
    named = inside.mutate(
        period_start=inside.start,
        period_end=inside.end,
        effective=at_edge(inside.effective, scale),
        billed=at_edge(inside.billed, scale),
        quantity=part(inside, inside.quantity),
    )
    return named.group_by(*KEY).aggregate(
        effective=total(_.effective),
        billed=total(_.billed),
        quantity=total(_.quantity),
        rows=_.count(),
        corrections=tally(_.correction.fill_null(0)),
        unit=_.unit.min(),
        last_unit=_.unit.max(),
    )


def _one_side(items: ir.Table, side: str) -> ir.Table:
    """Items with the figures of one side, and nothing on the other."""
    sides = {
        f"{name}_{each}": items[name] if each == side else ibis.null(items[name].type())
        for each in ("before", "after")
        for name in (*FIGURES, "rows", "corrections")
    }
    return items.select(*KEY, "unit", "last_unit", **sides)


def _changed(items: ir.Table) -> ir.Table:
    """Both sides of every item that differs, with its deltas and kind."""
    t = items.group_by(*KEY).aggregate(
        **{
            f"{name}_{side}": total(items[f"{name}_{side}"])
            for side in ("before", "after")
            for name in FIGURES
        },
        **{
            f"{name}_{side}": tally(items[f"{name}_{side}"].fill_null(0))
            for side in ("before", "after")
            for name in ("rows", "corrections")
        },
        one_unit=items.unit.min() == items.last_unit.max(),
        first_unit=items.unit.min(),
    )
    nothing = whole(0)
    t = t.mutate(
        **{
            f"{name}_delta": t[f"{name}_after"].fill_null(nothing)
            - t[f"{name}_before"].fill_null(nothing)
            for name in FIGURES
        }
    )
    known = t.one_unit.fill_null(False)  # noqa: FBT003  a literal of Ibis
    t = t.mutate(
        **{
            f"{name}_{side}": t[f"{name}_{side}"].fill_null(nothing)
            for side in ("before", "after")
            for name in ("effective", "billed")
        },
        **{f"{name}_delta": t[f"{name}_delta"].cast(nothing.type()) for name in FIGURES},
        quantity_moved=t.quantity_delta != nothing,
        unit=ibis.ifelse(known, t.first_unit, ibis.null(str)),
        kind=ibis.cases(
            ((t.rows_before == 0) & (t.corrections_after == t.rows_after), "correction"),
            (t.rows_before == 0, "added"),
            (t.rows_after == 0, "removed"),
            else_="changed",
        ),
    )
    quantities = {
        f"quantity_{name}": ibis.ifelse(t.unit.notnull(), t[f"quantity_{name}"], ibis.null("null"))
        for name in ("before", "after", "delta")
    }
    return t.filter(
        (t.effective_delta != nothing) | (t.billed_delta != nothing) | t.quantity_moved
    ).mutate(**quantities)


def _check(
    found: Sequence[Row], sides: Mapping[str, ir.Table], period: Period, engine: Engine
) -> None:
    """The deltas add up to the difference of the totals, per currency, on both costs."""
    moved: dict[tuple[str, str], Decimal] = {}
    for row in found:
        for figure in ("effective", "billed"):
            key = (row["currency"], figure)
            moved[key] = EXACT.add(moved.get(key, _ZERO), row[f"{figure}_delta"])
    whole_of = {
        side: {row["currency"]: row for row in engine.collect(_totals(table)).to_pylist()}
        for side, table in sides.items()
    }
    for currency in sorted({code for totals in whole_of.values() for code in totals}):
        for figure in ("effective", "billed"):
            was, now = (
                whole_of[side].get(currency, {figure: _ZERO})[figure].scaleb(-EDGE_SCALE, EXACT)
                for side in ("before", "after")
            )
            listed = moved.get((currency, figure), _ZERO)
            if EXACT.add(was, listed) != now:
                raise IntegrityError(
                    f"restatement of {period}: {figure} cost in {currency} was {plain(was, 2)} and "
                    f"is {plain(now, 2)}, but the items differ by {plain(listed, 2)}; please "
                    "report this as a defect"
                )


def _totals(items: ir.Table) -> ir.Table:
    return items.group_by("currency").aggregate(
        effective=total(_.effective), billed=total(_.billed)
    )


def restated_break(row: Mapping[str, Any], closed: str) -> Row:
    """The break of one item of a closed period; ``closed`` says by whom and when, for a person."""
    return {
        "class": CLASS,
        "leg": LEG,
        "provider": row["provider"],
        "commitment_id": row["commitment_id"],
        "account_id": row["account_id"],
        "resource_id": row["resource_id"],
        "subject": natural_key(row),
        "period_start": row["period_start"],
        "period_end": row["period_end"],
        "billed": row["effective_after"],
        "expected": row["effective_before"],
        "unit": row["currency"],
        "amount": row["effective_delta"],
        "currency": row["currency"],
        "priced_by": "bill",
        "rule": RULE,
        "rows_billed": row["rows_after"],
        "explanation": (
            f"{closed}; the effective cost was {plain(row['effective_before'], 2)} then and is "
            f"{plain(row['effective_after'], 2)} now, billed cost {plain(row['billed_before'], 2)} "
            f"and {plain(row['billed_after'], 2)} ({row['kind']})."
        ),
    }


def natural_key(row: Mapping[str, Any]) -> str:
    """What the break's own columns do not say of the item, as one text."""
    return " | ".join(_text(row[name]) for name in _SUBJECT)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("|", "\\|")
    return iso(value)
