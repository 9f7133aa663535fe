"""The commitment leg: committed = used + unused, per interval and over the period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, overload

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import instant
from trueup.engine.integers import EDGE_SCALE, at_edge, ratio_at_edge, tally, total, whole
from trueup.money import EXACT
from trueup.period import Period
from trueup.reconcile.terms import SPEND, Terms, per_interval

LEG = "commitment"


@dataclass(frozen=True)
class Scales:
    """The decimals of whole amounts and of whole commitment quantities."""

    money: int
    quantity: int


@overload
def edge_decimal(value: Fraction) -> Decimal: ...
@overload
def edge_decimal(value: Fraction | None) -> Decimal | None: ...
def edge_decimal(value: Fraction | None) -> Decimal | None:
    """A fraction as a decimal of at most 18 places, half-even; null stays null."""
    if value is None:
        return None
    return Decimal(round(value * 10**EDGE_SCALE)).scaleb(-EDGE_SCALE, EXACT)


def utilization(intervals: ir.Table, scales: Scales, final: ir.Value) -> ir.Table:
    """The utilization rows of the result, in units of 10^-18."""
    t = intervals
    known = t.within_q.notnull() & (t.committed_q > whole(0))
    share = ratio_at_edge(
        ibis.ifelse(known, t.within_q, whole(0)), ibis.ifelse(known, t.committed_q, whole(1))
    )

    def quantity(value: ir.Value) -> ir.Value:
        return at_edge(value, scales.quantity)

    def cost(value: ir.Value) -> ir.Value:
        return at_edge(value, scales.money)

    return t.select(
        commitment_id=t.commitment_id,
        provider=t.provider,
        interval_start=t.interval_start,
        interval_end=t.interval_end,
        unit=ibis.ifelse(t.units <= 1, t.unit, ibis.null(str)),
        committed_quantity=quantity(t.committed_q),
        used_quantity=quantity(t.used_q),
        unused_quantity=quantity(t.unused_q),
        overage_quantity=quantity(t.overage_q),
        unused_off_bill_quantity=quantity(t.off_bill_q),
        currency=t.currency,
        committed_cost=t.committed_cost,
        used_cost=cost(t.used_cost),
        unused_cost=cost(t.unused_cost),
        unused_off_bill_cost=t.off_bill_cost,
        utilization=ibis.ifelse(known, share, ibis.null(share.type())),
        provisional=final,
        reason=unknown_reason(t),
    ).order_by("commitment_id", "currency", "interval_start")


def unknown_reason(t: ir.Table) -> ir.Value:
    """Why a quantity is null, for a person; null where none is."""
    return ibis.cases(
        (t.not_compared.notnull(), t.not_compared),
        (t.units > 1, "its rows count in different units"),
        (
            t.used_unknown > 0,
            "Used rows without CommitmentDiscountQuantity and without a positive EffectiveCost",
        ),
        (t.unused_unknown > 0, "Unused rows without a quantity"),
        else_=ibis.null(str),
    )


def sums(intervals: ir.Table, engine: Engine) -> list[dict[str, Any]]:
    """Per commitment and currency, summed over the covered intervals; unknown is contagious."""
    t = intervals

    def known(name: str) -> dict[str, ir.Value]:
        return {name: total(t[name]), f"{name}_missing": tally(t[name].isnull().cast("int64"))}

    found = t.group_by("commitment_id", "currency").aggregate(
        provider=_.provider.min(),
        name=_.name.min(),
        category=_.category.min(),
        type=_.type.min(),
        unit=_.unit.min(),
        units=_.unit.nunique(),
        any_stated=_.any_stated.max(),
        billing_end=_.billing_end.max(),
        intervals=tally(_.intervals),
        used_cost=total(_.used_cost),
        reason=unknown_reason(t).min(),
        **known("committed_q"),
        **known("used_q"),
        **known("unused_q"),
        covered_seconds=tally(_.covered_seconds),
        currencies=_.currencies.max(),
        **known("within_q"),
        **known("overage_q"),
        **known("off_bill_q"),
        **known("off_bill_cost"),
        **known("committed_cost"),
        **known("unused_cost"),
    )
    return list(engine.collect(found.order_by("commitment_id", "currency")).to_pylist())


def figures(
    terms: Iterable[Terms], billed: Sequence[Mapping[str, Any]], q_scale: int
) -> dict[str, tuple[Fraction | None, str | None]]:
    """Per contract, the committed figure of one interval and how it was read."""
    per: dict[str, Fraction] = {}
    for row in billed:
        if not row["unknown"] and row["used_q"] is not None:
            both = Fraction(row["used_q"] + row["unused_q"]) / 10**q_scale
            per[row["commitment_id"]] = both / row["intervals"]
    return {
        term.commitment_id: per_interval(term, per.get(term.commitment_id))
        for term in terms
        if not term.is_term
    }


def purchases(rows: ir.Table, engine: Engine) -> dict[tuple[str, str], Decimal]:
    """BilledCost of Purchase rows per commitment and currency, in whole money units."""
    bought = rows.filter((rows.category == "Purchase") & rows.commitment_id.notnull())
    found = bought.group_by("commitment_id", "currency").aggregate(cost=total(_.billed))
    return {
        (row["commitment_id"], row["currency"]): row["cost"]
        for row in engine.collect(found).to_pylist()
    }


def commitment_row(
    row: Mapping[str, Any],
    term: Terms | None,
    figure: Fraction | None,
    purchased: Decimal | None,
    period: Period,
    scales: Scales,
    provisional: bool,
) -> dict[str, Any]:
    """One row of the result for a commitment that the bill covers at least in part."""

    def sum_of(name: str, scale: int) -> Decimal | None:
        unknown = row.get(f"{name}_missing", 0)
        return None if unknown or row[name] is None else row[name].scaleb(-scale, EXACT)

    used, unused = sum_of("used_q", scales.quantity), sum_of("unused_q", scales.quantity)
    committed, within = sum_of("committed_q", scales.quantity), sum_of("within_q", scales.quantity)
    active = term.active(period) if term else None
    open_intervals = None
    if term and active and row["currencies"] == 1:  # else each shows a part of the same intervals
        open_intervals = max(0, term.intervals(active) - row["intervals"])
    not_covered = None if figure is None or open_intervals is None else figure * open_intervals
    partial = (
        open_intervals > 0
        if open_intervals is not None
        else row["covered_seconds"] < int((period.end - period.start).total_seconds())
    )
    return {
        "commitment_id": row["commitment_id"],
        "provider": row["provider"],
        "name": row["name"] or (term.name if term else None),
        "category": row["category"] or (term.category if term else None),
        "type": row["type"] or (term.type if term else None),
        "layer": term.layer if term else "benefit",
        "quantity_basis": _basis(row, term),
        "unit": row["unit"] if row["units"] <= 1 else None,
        "committed_quantity": committed,
        "used_quantity": used,
        "unused_quantity": unused,
        "overage_quantity": sum_of("overage_q", scales.quantity),
        "unused_off_bill_quantity": sum_of("off_bill_q", scales.quantity),
        "not_covered_quantity": edge_decimal(not_covered),
        "currency": row["currency"],
        "committed_cost": sum_of("committed_cost", EDGE_SCALE),
        "used_cost": sum_of("used_cost", scales.money),
        "unused_cost": sum_of("unused_cost", scales.money),
        "unused_off_bill_cost": sum_of("off_bill_cost", EDGE_SCALE),
        "purchased_cost": None if purchased is None else purchased.scaleb(-scales.money, EXACT),
        "utilization": edge_decimal(Fraction(within) / Fraction(committed))
        if committed and within is not None
        else None,
        "status": "partial" if partial else "complete",
        "provisional": provisional,
        "expires_at": term.end if term else None,
        "reason": row["reason"],
    }


def _basis(row: Mapping[str, Any], term: Terms | None) -> str:
    if not row["any_stated"]:
        return "effective_cost"
    if term and term.quantity_basis:
        return term.quantity_basis
    return "commitment_rate" if row["category"] == SPEND else "unit_hours"


def stated(term: Terms) -> dict[str, Any]:
    """What a row of the result says of a contract, whatever the bill says."""
    return {
        "commitment_id": term.commitment_id,
        "provider": term.provider,
        "name": term.name,
        "category": term.category,
        "type": term.type,
        "layer": term.layer,
        "quantity_basis": term.quantity_basis,
        "unit": term.unit,
        "currency": term.currency,
        "expires_at": term.end,
    }


def uncovered_row(
    term: Terms, figure: Fraction | None, period: Period, purchased: Decimal | None, scale: int
) -> dict[str, Any]:
    """One row of the result for a contract of which the bill of this period says nothing."""
    active = term.active(period)
    count = term.intervals(active) if active else 0
    return {
        **stated(term),
        "not_covered_quantity": edge_decimal(None if figure is None else figure * count),
        "purchased_cost": None if purchased is None else purchased.scaleb(-scale, EXACT),
        "status": "not_covered",
        "provisional": True,
        "reason": "no charge of the period carries it"
        if active
        else "it is not active in the period",
    }


Gap = list[dict[str, Any]]  # adjoining intervals of a commitment that miss by the same


def gaps(intervals: ir.Table, engine: Engine) -> list[Gap]:
    """Where used + unused is not what the contract commits: one gap per run of intervals."""
    wrong = intervals.filter(intervals.gap.notnull() & (intervals.gap != whole(0)))
    rows = engine.collect(wrong.order_by("commitment_id", "currency", "interval_start")).to_pylist()
    runs: list[Gap] = []
    for row in rows:
        last = runs[-1][-1] if runs else {}
        same = all(last.get(name) == row[name] for name in ("commitment_id", "currency", "gap"))
        if same and last["interval_end"] == row["interval_start"]:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def gap_break(gap: Gap, term: Terms, scales: Scales) -> dict[str, Any]:
    """The break of a gap.

    The money is the difference itself for a commitment in the billing currency, else the
    difference at the commitment's own effective cost per unit; null where neither is known.
    """
    first, last = gap[0], gap[-1]
    billed = sum(Fraction(row["used_q"] + row["unused_q"]) for row in gap) / 10**scales.quantity
    expected = sum(Fraction(row["committed_q"]) for row in gap) / 10**scales.quantity
    money = [row["used_cost"] + row["unused_cost"] for row in gap if row["unused_cost"] is not None]
    amount: Fraction | None = None
    priced_by = "bill"
    if first["unit"] == first["currency"]:
        amount, priced_by = billed - expected, "contract"
    elif len(money) == len(gap) and billed:
        cost = Fraction(sum(money)) / 10**scales.money
        amount, priced_by = cost * (billed - expected) / billed, "observed"
    return {
        "class": "commitment",
        "leg": LEG,
        "provider": first["provider"],
        "commitment_id": first["commitment_id"],
        "period_start": first["interval_start"],
        "period_end": last["interval_end"],
        "billed": edge_decimal(billed),
        "expected": edge_decimal(expected),
        "unit": first["unit"],
        "amount": edge_decimal(amount),
        "currency": first["currency"],
        "priced_by": None if amount is None else priced_by,
        "rows_billed": sum(row["used_rows"] + row["unused_rows"] for row in gap),
        "rows_metered": 0,
        "rows_key": _gap_key(gap),
        "rows": term.rows,
    }


def _gap_key(gap: Gap) -> str:
    first = gap[0]
    start = first["interval_start"].isoformat()
    return "\x1f".join(("gap", first["commitment_id"], first["currency"], start))


_GAPS = pa.schema(
    [
        pa.field("rows_key", pa.string()),
        pa.field("commitment_id", pa.string()),
        pa.field("currency", pa.string()),
        pa.field("interval_start", pa.timestamp("us", tz="UTC")),
    ]
)


def gap_rows(found: Sequence[Gap], placed: ir.Table, engine: Engine) -> ir.Table:
    """The Used and Unused rows of the intervals in which a gap lies."""
    intervals = [
        {"rows_key": _gap_key(gap)} | {name: row[name] for name in _GAPS.names[1:]}
        for gap in found
        for row in gap
    ]
    wanted = engine.load(pa.Table.from_pylist(intervals, schema=_GAPS))
    wanted = wanted.mutate(interval_start=instant(wanted.interval_start))
    rows = placed.join(wanted, ["commitment_id", "currency", "interval_start"])
    told = rows.select("rows_key", "source_id", "source_row", side=ibis.literal("billed"))
    return engine.keep(told)  # so that all others need not be


def uncovered_break(term: Terms, figure: Fraction, active: Period) -> dict[str, Any]:
    """A commitment that the contract has and the bill does not: the whole figure is at stake."""
    expected = figure * term.intervals(active)
    in_money = term.category == SPEND and term.unit == term.currency
    return {
        "class": "missing_in_billing",
        "leg": LEG,
        "provider": term.provider,
        "commitment_id": term.commitment_id,
        "period_start": active.start,
        "period_end": active.end,
        "billed": edge_decimal(Fraction(0)),
        "expected": edge_decimal(expected),
        "unit": term.unit,
        "amount": edge_decimal(-expected) if in_money else None,
        "currency": term.currency,
        "priced_by": "contract" if in_money else None,
        "rows_billed": 0,
        "rows_metered": 0,
        "rows": term.rows,
    }


def per_day(intervals: ir.Table, scales: Scales, engine: Engine) -> list[dict[str, Any]]:
    """Committed, used and unused per commitment and day, for pictures."""
    by_day = intervals.group_by(
        "commitment_id", "provider", "unit", day=intervals.interval_start.truncate("D")
    ).aggregate(
        committed_quantity=total(_.committed_q),
        used_quantity=total(_.used_q),
        unused_quantity=total(_.unused_q),
    )
    rows = engine.collect(by_day.order_by("commitment_id", "day", "unit")).to_pylist()
    return [
        {
            name: value.scaleb(-scales.quantity, EXACT) if isinstance(value, Decimal) else value
            for name, value in row.items()
        }
        for row in rows
    ]
