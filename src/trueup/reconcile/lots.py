"""Commitments drawn down over their term: credit lots, prepaid pools, agreements that count."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import instant
from trueup.engine.integers import EDGE_SCALE, tally, total, units
from trueup.errors import UnitError
from trueup.period import Period
from trueup.reconcile.billed import USED, in_pieces, part
from trueup.reconcile.commitment_leg import edge_decimal, stated
from trueup.reconcile.terms import Terms
from trueup.units import factor

AGREEMENT = "agreement"


@dataclass
class Draws:
    """What was drawn from one commitment per hour, in its unit."""

    hours: dict[datetime, Fraction] = field(default_factory=dict)
    unknown: str | None = None  # why the draws are not known

    def add(self, hour: datetime, quantity: Fraction) -> None:
        self.hours[hour] = self.hours.get(hour, Fraction(0)) + quantity

    def between(self, start: datetime, end: datetime) -> Fraction:
        """Drawn from ``start`` up to, not including, ``end``."""
        return sum((q for hour, q in self.hours.items() if start <= hour < end), Fraction(0))


def usage_pieces(charges: ir.Table, period: Period | None, scale: int) -> ir.Table:
    """Usage charges cut at the edges of the period, with the ``hour`` in which each piece counts.

    ``cost`` is in units of 10^-scale, ``quantity`` (the commitment's) and ``consumed`` of 10^-18.
    """
    usage = charges.filter(charges.ChargeCategory == "Usage")
    timed = usage.mutate(start=instant(usage.ChargePeriodStart), end=instant(usage.ChargePeriodEnd))
    pieces = in_pieces(timed, period)
    return pieces.mutate(
        hour=pieces.since.truncate("h"),
        cost=part(pieces, units(pieces.EffectiveCost, 10**scale)),
        quantity=part(pieces, units(pieces.CommitmentDiscountQuantity, 10**EDGE_SCALE)),
        consumed=part(pieces, units(pieces.ConsumedQuantity, 10**EDGE_SCALE)),
    )


def draws_of(
    terms: Terms, pieces: ir.Table, applied: pa.Table, carried: bool, scale: int, engine: Engine
) -> Draws:
    """The draws that the bill shows: by the commitment's id, by ContractApplied, by x_AppliesTo."""
    if terms.applies_to is not None:
        return _by_rule(terms, pieces, scale, engine)
    if carried:
        return _by_id(terms, pieces, scale, engine)
    return _by_applied(terms, applied)


def _by_applied(terms: Terms, applied: pa.Table) -> Draws:
    draws = Draws()
    rows = applied.to_pylist()
    ours = [row for row in rows if row["commitment_id"] == terms.commitment_id]
    if not ours:
        if not any(row["provider"] == terms.provider for row in rows):
            draws.unknown = "no charge of its provider says what it drew on (ContractApplied)"
        return draws
    if any(row["unreadable"] for row in ours):
        draws.unknown = "ContractApplied has amounts that are not plain numbers"
    for row in ours:
        draws.add(row["hour"], _applied_amount(row, terms, draws))
    return draws


def _applied_amount(row: Mapping[str, Any], terms: Terms, draws: Draws) -> Fraction:
    """What one group of elements drew, in the commitment's own unit: money or a quantity."""
    if terms.unit == terms.currency:
        if row["currency"] != terms.currency:
            draws.unknown = f"it is in {terms.currency}, and charges in another currency drew on it"
        if row["without_cost"]:
            draws.unknown = "ContractApplied states quantities, and the commitment is in money"
        return Fraction(row["cost"] or 0)
    if row["without_quantity"]:
        draws.unknown = f"ContractApplied states costs, and the commitment is in {terms.unit}"
        return Fraction(0)
    if row["unit"] is None or terms.unit is None or row["unit"] == terms.unit:
        return Fraction(row["quantity"])
    try:
        return Fraction(row["quantity"]) * factor(row["unit"], terms.unit)
    except UnitError as error:
        draws.unknown = str(error)
        return Fraction(0)


def _by_id(terms: Terms, pieces: ir.Table, scale: int, engine: Engine) -> Draws:
    used = pieces.filter(
        (pieces.CommitmentDiscountId == terms.commitment_id)
        & (pieces.CommitmentDiscountStatus == USED)
    )
    draws = Draws()
    rows = engine.collect(
        used.group_by(
            "hour", currency=used.BillingCurrency, unit=used.CommitmentDiscountUnit
        ).aggregate(
            quantity=total(_.quantity),
            cost=total(_.cost),
            without=tally(_.CommitmentDiscountQuantity.isnull().cast("int64")),
            not_positive=tally(
                (_.CommitmentDiscountQuantity.isnull() & (_.EffectiveCost <= 0)).cast("int64")
            ),
        )
    ).to_pylist()
    for row in rows:
        if row["without"] and (row["quantity"] is not None or row["not_positive"]):
            draws.unknown = "Used rows without CommitmentDiscountQuantity"
        unit = row["currency"] if row["without"] else row["unit"] or terms.unit
        if unit != terms.unit:
            draws.unknown = f"it is in {terms.unit}, and rows that carry it count in {unit}"
        cost, quantity = _of_units(row["cost"], scale), _of_units(row["quantity"], EDGE_SCALE)
        draws.add(row["hour"], cost if row["without"] else quantity)
    return draws


def _of_units(whole_number: Decimal | None, scale: int) -> Fraction:
    return Fraction(whole_number or 0) / 10**scale


def _by_rule(terms: Terms, pieces: ir.Table, scale: int, engine: Engine) -> Draws:
    draws = Draws()
    wanted: dict[str, str] = json.loads(terms.applies_to or "{}")
    missing = [column for column in wanted if column not in pieces.columns]
    if missing or not wanted:
        draws.unknown = f"applies_to names columns the bill does not have: {', '.join(missing)}"
        return draws
    rows = pieces.filter(pieces.x_Provider == terms.provider) if terms.provider else pieces
    for column, pattern in wanted.items():
        rows = rows.filter(rows[column].re_search(f"(?i){re.compile(pattern).pattern}"))
    found = engine.collect(
        rows.group_by("hour", unit=rows.ConsumedUnit, currency=rows.BillingCurrency).aggregate(
            quantity=total(_.consumed), cost=total(_.cost)
        )
    ).to_pylist()
    for row in found:
        draws.add(row["hour"], _credits(row, terms, scale, draws))
    return draws


def _credits(row: Mapping[str, Any], terms: Terms, scale: int, draws: Draws) -> Fraction:
    if not terms.compute_units_per_credit:
        if row["currency"] != terms.unit:
            draws.unknown = f"it is in {terms.unit}, and its charges are in {row['currency']}"
        return _of_units(row["cost"], scale)
    if row["quantity"] is None:
        draws.unknown = "charges that draw on it have no ConsumedQuantity"
        return Fraction(0)
    consumed = _of_units(row["quantity"], EDGE_SCALE)
    if row["unit"] and terms.compute_unit:
        try:
            consumed *= factor(row["unit"], terms.compute_unit)
        except UnitError as error:
            draws.unknown = str(error)
    return consumed / Fraction(terms.compute_units_per_credit)


@dataclass(frozen=True)
class Balance:
    """A lot over one period, in its own unit; null where it is not known."""

    opening: Fraction | None
    drawn: Fraction | None
    expired: Fraction | None
    remaining: Fraction | None
    overage: Fraction | None


def balance_of(
    terms: Terms, draws: Draws, period: Period, billed_since: datetime | None, as_of: datetime
) -> Balance:
    """Opening - drawn - expired = remaining; draws beyond the lot are overage, never negative.

    The opening is known from a stated balance, from a contract that starts in the period, or from
    files that reach back to its start. What is left when the term has ended expires; an agreement
    counts and does not expire: what it lacks is a shortfall.
    """
    if draws.unknown is not None or terms.start >= period.end:
        return Balance(None, None, None, None, None)
    drawn = draws.between(period.start, period.end)
    opening = _opening(terms, draws, period, billed_since)
    if opening is None:
        return Balance(None, drawn, None, None, None)
    if terms.layer == AGREEMENT:
        served = drawn
    else:
        # What is drawn after the end is not served: the lot was lost when its term ended.
        served = draws.between(period.start, min(period.end, max(terms.end, period.start)))
    left = max(opening - served, Fraction(0))
    overage = max(served - opening, Fraction(0)) + drawn - served
    ended = terms.layer != AGREEMENT and terms.end <= min(period.end, as_of)
    expired = left if ended else Fraction(0)
    return Balance(opening, drawn, expired, left - expired, overage)


def _opening(
    terms: Terms, draws: Draws, period: Period, billed_since: datetime | None
) -> Fraction | None:
    if terms.layer != AGREEMENT and terms.end <= period.start:
        return Fraction(0)  # lost in the period in which it ended
    if terms.opening is not None and terms.opening_at is not None:
        stated, at = Fraction(terms.opening), terms.opening_at
        if at <= period.start:
            return stated - draws.between(at, period.start)
        return stated + draws.between(period.start, at)
    if terms.figure is None:
        return None
    if terms.start >= period.start:
        return Fraction(terms.figure)
    if billed_since is not None and billed_since <= terms.start:
        return Fraction(terms.figure) - draws.between(terms.start, period.start)
    return None


def lot_row(terms: Terms, balance: Balance, draws: Draws, provisional: bool) -> dict[str, Any]:
    """The row of the result for a commitment that is drawn down."""
    figure = None if terms.figure is None else Fraction(terms.figure)
    in_money = terms.unit is not None and terms.unit == terms.currency
    return {
        **stated(terms),
        "quantity_basis": terms.quantity_basis or ("spend" if in_money else "credits"),
        "committed_quantity": edge_decimal(figure),
        "used_quantity": edge_decimal(balance.drawn),
        "overage_quantity": edge_decimal(balance.overage),
        "committed_cost": edge_decimal(figure) if in_money else None,
        "used_cost": edge_decimal(balance.drawn) if in_money else None,
        "status": "complete" if balance.drawn is not None else "not_covered",
        "provisional": provisional,
        "opening": edge_decimal(balance.opening),
        "drawn": edge_decimal(balance.drawn),
        "expired": edge_decimal(balance.expired),
        "remaining": edge_decimal(balance.remaining),
        "reason": draws.unknown
        or ("it starts after the period" if balance.drawn is None else None)
        or (None if balance.opening is not None else "its balance before the period is not known"),
    }


def credit_row(terms: Terms, balance: Balance) -> dict[str, Any]:
    """The row of ``credits``: the lot to date, so that granted = drawn + expired + remaining."""
    granted = None if terms.figure is None else Fraction(terms.figure)
    drawn = None
    if granted is not None and balance.remaining is not None and balance.expired is not None:
        drawn = granted - balance.remaining - balance.expired
    return {
        "lot_id": terms.commitment_id,
        "commitment_id": terms.commitment_id,
        "provider": terms.provider,
        "unit": terms.unit,
        "granted": edge_decimal(granted),
        "drawn": edge_decimal(drawn),
        "expired": edge_decimal(balance.expired),
        "remaining": edge_decimal(balance.remaining),
        "expires_at": terms.end,
        "compute_unit": terms.compute_unit,
        "compute_units_per_credit": terms.compute_units_per_credit,
        "cost_per_credit": terms.cost_per_credit,
        "currency": terms.currency,
    }


def burn_down(
    terms: Terms, draws: Draws, balance: Balance, days: Iterable[datetime]
) -> list[dict[str, Any]]:
    """One row a day: drawn that day, and what remained when it ended (null where not known)."""
    rows, left = [], balance.opening
    for day in days:
        used = draws.between(day, day + timedelta(days=1))
        if left is not None:
            left = max(left - used, Fraction(0))
        if left is not None and balance.expired and terms.end <= day + timedelta(days=1):
            left = Fraction(0)
        rows.append(
            {
                "commitment_id": terms.commitment_id,
                "provider": terms.provider,
                "day": day,
                "unit": terms.unit,
                "used_quantity": edge_decimal(used) if draws.unknown is None else None,
                "remaining": edge_decimal(left),
            }
        )
    return rows
