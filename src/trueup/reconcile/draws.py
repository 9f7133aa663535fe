"""What charges drew on lots and agreements, by quarters of hours, as bill or contract say."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import instant, quarter
from trueup.engine.integers import EDGE_SCALE, WHOLE, tally, total, units, whole
from trueup.errors import UnitError
from trueup.period import Period
from trueup.reconcile.billed import UNUSED, USED, in_pieces, part
from trueup.reconcile.terms import AGREEMENT, Terms
from trueup.units import factor

SILENT = "no charge of its provider says what it drew on (ContractApplied)"
UNNAMED = "no charge names it (ContractApplied); what counts towards it is in agreements"
DRAWDOWN, REFUND, ADJUSTMENT = "drawdown", "refund", "adjustment"


@dataclass
class Moved:
    """What charges of one quarter of an hour and kind drew: negative for what they gave back."""

    quantity: Fraction = Fraction(0)
    rows: int = 0


@dataclass
class Draws:
    """What was drawn from one commitment by time, in its unit; what is given back is negative.

    Charges count in the quarter of an hour in which they begin.
    """

    moved: dict[tuple[datetime, str], Moved] = field(default_factory=dict)
    # What charges behind it were billed; what ContractApplied tells has no such cost.
    billed: dict[tuple[datetime, str], Fraction] = field(default_factory=dict)
    unknown: str | None = None  # why the draws are not known

    def add(
        self,
        at: datetime,
        quantity: Fraction,
        kind: str | None = None,
        rows: int = 0,
        billed: Fraction | None = None,
    ) -> None:
        """``kind`` is a refund where the quantity is negative, if it is not given."""
        key = (at, kind or (REFUND if quantity < 0 else DRAWDOWN))
        moved = self.moved.setdefault(key, Moved())
        moved.quantity += quantity
        moved.rows += rows
        if billed is not None:
            self.billed[key] = self.billed.get(key, Fraction(0)) + billed

    def of(self, at: datetime, kind: str) -> Moved:
        return self.moved.get((at, kind), Moved())

    def times(self) -> set[datetime]:
        return {at for at, _kind in self.moved}

    def between(self, start: datetime, end: datetime) -> Fraction:
        """Drawn from ``start`` up to, not including, ``end``, less what was given back."""
        inside = (one.quantity for (at, _), one in self.moved.items() if start <= at < end)
        return sum(inside, Fraction(0))

    def include(self, other: Draws) -> None:
        """Add what other charges drew on the same commitment."""
        for key, moved in other.moved.items():
            at, kind = key
            self.add(at, moved.quantity, kind, moved.rows, other.billed.get(key))
        self.unknown = self.unknown or other.unknown


@dataclass(frozen=True)
class Drawing:
    """The charges of a run, as far as they may draw on something."""

    pieces: ir.Table
    applied: Mapping[str, Sequence[Mapping[str, Any]]]  # by the commitment that is named
    telling: frozenset[str | None]  # providers some of whose charges say what they drew on
    carried: frozenset[str]  # ids that Usage charges have as CommitmentDiscountId
    left_over: frozenset[str]  # of these, the ids that only Unused charges have
    scale: int
    engine: Engine


def drawing(
    charges: ir.Table, applied: pa.Table, period: Period | None, scale: int, engine: Engine
) -> Drawing:
    """Charges and their ContractApplied, ready to be asked for each lot."""
    ids = charges.filter(
        charges.CommitmentDiscountId.notnull() & (charges.ChargeCategory == "Usage")
    )
    carried = engine.collect(
        ids.select("CommitmentDiscountId", "CommitmentDiscountStatus").distinct()
    ).to_pylist()
    statuses: dict[str, set[str | None]] = {}
    for row in carried:
        statuses.setdefault(row["CommitmentDiscountId"], set()).add(row["CommitmentDiscountStatus"])
    by_id: dict[str, list[Mapping[str, Any]]] = {}
    rows = applied.to_pylist()
    for row in rows:
        by_id.setdefault(row["commitment_id"], []).append(row)
    return Drawing(
        pieces=usage_pieces(charges, period, scale),
        applied=by_id,
        telling=frozenset(row["provider"] for row in rows),
        carried=frozenset(statuses),
        left_over=frozenset(name for name, has in statuses.items() if has == {UNUSED}),
        scale=scale,
        engine=engine,
    )


def usage_pieces(charges: ir.Table, period: Period | None, scale: int) -> ir.Table:
    """Usage and Credit charges cut at the edges of the period; each piece counts ``at`` a quarter.

    ``cost`` and ``billed`` are in units of 10^-scale, ``quantity`` (the commitment's) and
    ``consumed`` of 10^-18.
    """
    usage = charges.filter(charges.ChargeCategory.isin(["Usage", "Credit"]))
    timed = usage.mutate(start=instant(usage.ChargePeriodStart), end=instant(usage.ChargePeriodEnd))
    pieces = in_pieces(timed, period)
    return pieces.mutate(
        at=quarter(pieces.since),
        cost=part(pieces, units(pieces.EffectiveCost, 10**scale)),
        billed=part(pieces, units(pieces.BilledCost, 10**scale)),
        quantity=part(pieces, units(pieces.CommitmentDiscountQuantity, 10**EDGE_SCALE)),
        consumed=part(pieces, units(pieces.ConsumedQuantity, 10**EDGE_SCALE)),
    )


def draws_on(terms: Terms, given: Drawing) -> Draws:
    """What was drawn on a commitment that stands alone: by its rule, by its id, or as applied."""
    if terms.applies_to is not None:
        return by_rule(terms, [], given)
    draws = named(terms.commitment_id, terms, given)
    if not draws.moved and terms.layer == AGREEMENT:
        draws.unknown = draws.unknown or UNNAMED
    elif not draws.moved and terms.provider not in given.telling:
        draws.unknown = draws.unknown or SILENT
    return draws


def named(name: str, terms: Terms, given: Drawing) -> Draws:
    """What charges drew that name the commitment: as their own, else in ContractApplied.

    A row of what was not used carries its commitment and draws nothing: it does not hide what other
    charges say that they applied.
    """
    if name in given.carried and not (name in given.left_over and name in given.applied):
        return _by_id(name, terms, given)
    return _by_applied(given.applied.get(name, ()), terms)


def _by_applied(rows: Sequence[Mapping[str, Any]], terms: Terms) -> Draws:
    draws = Draws()
    if any(row["unreadable"] for row in rows):
        draws.unknown = "ContractApplied has amounts that are not plain numbers"
    for row in rows:
        draws.add(row["at"], _applied_amount(row, terms, draws), row["kind"], row["rows"])
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


def _by_id(name: str, terms: Terms, given: Drawing) -> Draws:
    pieces = given.pieces
    used = pieces.filter(
        (pieces.ChargeCategory == "Usage")
        & (pieces.CommitmentDiscountId == name)
        & (pieces.CommitmentDiscountStatus == USED)
    )
    draws = Draws()
    rows = given.engine.collect(
        used.group_by(
            "at",
            currency=used.BillingCurrency,
            unit=used.CommitmentDiscountUnit,
            gives_back=used.CommitmentDiscountQuantity.fill_null(used.EffectiveCost) < 0,
        ).aggregate(
            quantity=total(_.quantity),
            cost=total(_.cost),
            billed=total(_.billed),
            n=_.count(),
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
        cost, quantity = _of_units(row["cost"], given.scale), _of_units(row["quantity"], EDGE_SCALE)
        billed = _of_units(row["billed"], given.scale)
        draws.add(row["at"], cost if row["without"] else quantity, rows=row["n"], billed=billed)
    return draws


def _of_units(whole_number: Decimal | None, scale: int) -> Fraction:
    return Fraction(whole_number or 0) / 10**scale


def by_rule(terms: Terms, names: Sequence[str], given: Drawing) -> Draws:
    """What the charges drew that match ``applies_to``, and do not say themselves what they drew on.

    A promotional lot in money is drawn by Credit charges, which lower what is billed; any other by
    Usage charges.
    """
    draws = Draws()
    pieces = given.pieces
    wanted: dict[str, str] = json.loads(terms.applies_to or "{}")
    missing = [column for column in wanted if column not in pieces.columns]
    if missing or not wanted:
        lacking = (
            f"columns the bill does not have: {', '.join(missing)}" if missing else "no column"
        )
        draws.unknown = f"applies_to names {lacking}"
        return draws
    credited = terms.credits_the_bill
    rows = matching(pieces, terms, names, "Credit" if credited else "Usage")
    nothing = whole(0)
    cost = (nothing - rows.billed).cast(WHOLE) if credited else rows.cost
    basis = rows.consumed if terms.compute_units_per_credit else cost
    found = given.engine.collect(
        rows.mutate(drawn=cost)
        .group_by(
            "at",
            unit=rows.ConsumedUnit,
            currency=rows.BillingCurrency,
            gives_back=ibis.coalesce(basis, nothing) < nothing,
        )
        .aggregate(
            quantity=total(_.consumed), cost=total(_.drawn), billed=total(_.billed), n=_.count()
        )
    ).to_pylist()
    for row in found:
        drawn = _credits(row, terms, given.scale, draws)
        billed = _of_units(row["billed"], given.scale)
        draws.add(row["at"], drawn, rows=row["n"], billed=billed)
    return draws


def matching(rows: ir.Table, terms: Terms, names: Sequence[str], category: str) -> ir.Table:
    """The rows that match ``applies_to`` and do not draw on one of the names by themselves.

    ``rows`` have the charges' own columns, all that ``applies_to`` names among them.
    """
    rows = rows.filter(rows.ChargeCategory == category)
    if terms.provider:
        rows = rows.filter(rows.x_Provider == terms.provider)
    wanted: dict[str, str] = json.loads(terms.applies_to or "{}")
    for column, pattern in wanted.items():
        rows = rows.filter(rows[column].re_search(f"(?i){re.compile(pattern).pattern}"))
    for name in names:
        silent = rows.ContractApplied.isnull() | ~rows.ContractApplied.contains(json.dumps(name))
        apart = rows.CommitmentDiscountId.isnull() | (rows.CommitmentDiscountId != name)
        rows = rows.filter(silent & apart)
    return rows


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
