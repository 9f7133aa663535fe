"""What each commitment and team burned, hour by hour and day by day, from the ledger alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from tests.world.attribution import UNATTRIBUTED, scale
from tests.world.contracts import contracts
from tests.world.ledger import DAY, HOUR, IDLE, NOBODY, ZERO, Cell, Ledger, Party, month_of
from tests.world.sagemaker import DEPTH, PLAN, RANK, TIDE, VISION
from tests.world.shares import in_units, split

Amounts = dict[tuple[object, ...], Decimal]
UNBILLED = {"pending", "missing_in_billing"}
PLANNED = (RANK, VISION, TIDE, DEPTH)


def of_commitments(ledger: Ledger, span: timedelta) -> Amounts:
    """By commitment, measure, unit, state and time: used of benefits, drawn of all others."""
    by_id = {one.id: one for one in contracts(ledger)}
    found: Amounts = defaultdict(Decimal)
    for one in ledger.covered:
        place = _place(one.start, HOUR, span)
        found[one.commitment, "quantity", by_id[one.commitment].unit, "billed", *place] += one.used
        found[one.commitment, "cost", one.currency, "billed", *place] += one.used_cost
    rates = {endpoint.site.resource: endpoint.plan_rate for endpoint in PLANNED}
    known = {(one.commitment, one.start) for one in ledger.covered}
    for cell in ledger.cells:
        if cell.resource in rates and (PLAN, cell.start) not in known:
            for measure in ("quantity", "cost"):
                place = _place(cell.start, HOUR, span)
                drawn = cell.metered * rates[cell.resource]
                found[PLAN, measure, cell.currency, "accrued", *place] += drawn
    for drawing in ledger.drawings:
        contract = by_id[drawing.commitment]
        if not ledger.start <= drawing.start < ledger.end:
            continue
        by_day = contract.layer == "agreement"  # it only counts
        place = _place(drawing.start, DAY if by_day else HOUR, span)
        found[contract.id, "quantity", contract.unit, "billed", *place] += drawing.quantity
        if contract.cost_per_credit is not None:
            cost = drawing.quantity * contract.cost_per_credit
            found[contract.id, "cost", contract.currency, "billed", *place] += cost
    return _some(found)


def of_teams(ledger: Ledger, span: timedelta) -> Amounts:
    """By team, reason, currency, state and time: every charge once, and what has none."""
    finest = scale(ledger)
    found: Amounts = defaultdict(Decimal)
    for outside in ledger.outside:
        place = _place(outside.start, outside.end - outside.start, span)
        place = max(place[0], ledger.start), min(place[1], ledger.end)
        found[None, outside.reason, outside.currency, "billed", *place] += outside.cost
    for covered in ledger.covered:
        place = _place(covered.start, HOUR, span)
        found[None, "unused", covered.currency, "billed", *place] += covered.unused_cost
    for cell in ledger.cells:
        unbilled = cell.verdict in UNBILLED
        state = "accrued" if unbilled else "billed"
        place = _place(*_billed(cell), span)
        cost = in_units(cell.cost, finest)
        if unbilled:
            owed = Fraction(cell.metered) * Fraction(cell.price or 0) * 10**finest
            cost = round(owed)  # half to even
        for (team, reason), units in _shares(cell, cost).items():
            found[team, reason, cell.currency, state, *place] += Decimal(units).scaleb(-finest)
    return _some(found)


def shares_of(cell: Cell) -> set[tuple[str | None, str | None]]:
    """The teams and reasons among which the cost of a cell falls."""
    if cell.verdict in UNATTRIBUTED:
        return {(None, cell.verdict)}
    return {_payer(who) for who in cell.weights}


def _shares(cell: Cell, cost: int) -> Mapping[tuple[str | None, str | None], int]:
    if cell.verdict in UNATTRIBUTED:
        return {(None, cell.verdict): cost}
    found: dict[tuple[str | None, str | None], int] = defaultdict(int)
    for who, units in split(cost, cell.weights).items() if cost else ():
        found[_payer(who)] += units
    return found


def _payer(who: Party | str) -> tuple[str | None, str | None]:
    if isinstance(who, str):
        return None, IDLE
    if who == NOBODY:
        return None, "no_rule"
    return who.team, None if who.team else "no_team"


def _billed(cell: Cell) -> tuple[datetime, timedelta]:
    """When a charge begins and how long it is: one that came in another hour counts there."""
    if cell.verdict == "timing":
        return cell.end - HOUR, HOUR
    return cell.start, cell.end - cell.start


def _place(start: datetime, length: timedelta, span: timedelta) -> tuple[datetime, datetime]:
    """The hour or day in which it counts; what is longer counts in its own day or month."""
    if length > DAY:
        return month_of(start)
    of_day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if max(length, span) > HOUR:
        return of_day, of_day + DAY
    hour = start.replace(minute=0, second=0, microsecond=0)
    return hour, hour + HOUR


def _some(found: Amounts) -> Amounts:
    return {key: amount for key, amount in found.items() if amount}


def bill_only_until(ledger: Ledger, cut: datetime) -> None:
    """Take the charges of the plan's endpoints from an instant on off the bill.

    What their meters saw then is due at the rate on demand, and draws on the plan at the plan's.
    """
    sites = {endpoint.site.resource: endpoint for endpoint in PLANNED}

    def is_cut(start: datetime, resource: object) -> bool:
        return start >= cut and resource in (*sites, PLAN)

    ledger.charges[:] = [
        one for one in ledger.charges if not is_cut(one.start, one.values.get("ResourceId"))
    ]
    ledger.covered[:] = [one for one in ledger.covered if not is_cut(one.start, one.commitment)]
    for cell in ledger.cells:
        if is_cut(cell.start, cell.resource):
            cell.verdict, cell.billed, cell.cost, cell.rows = "pending", ZERO, ZERO, 0
            cell.price = sites[cell.resource or ""].on_demand
