"""Every commitment of a history with its burn, held against what is left of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from trueup.burn.rates import Pace, shared
from trueup.burn.runway import Runway, by_interval, drawn_down
from trueup.burn.series import ACCRUED, DAY, HOUR, QUANTITY, Tables

BASES = (("last_7_days", "per_day", 7), ("last_24_hours", "per_hour", 1))  # the first known
NOT_KNOWN = "less than 24 hours of its burn are known"


def reaches(tables: Tables, paces: Sequence[Pace], clock: datetime) -> Iterator[dict[str, Any]]:
    """A row of RUNWAY for each commitment, without its text; figures are fractions.

    What has expired by the clock has no runway, however far its burn is known.
    Of several currencies or units of one commitment each has its row.
    """
    paced = {
        (pace.subject.commitment_id, pace.subject.unit): pace
        for pace in paces
        if pace.subject.measure == QUANTITY
    }
    priced = {row["commitment_id"]: row["cost_per_credit"] for row in tables["credits"].to_pylist()}
    by_commitment: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in tables["utilization"].to_pylist():
        by_commitment[row["commitment_id"]].append(row)
    for row in tables["commitments"].to_pylist():
        name = row["commitment_id"]
        pace = paced.get((name, row["unit"]))
        if name in by_commitment:
            found = _by_interval(row, pace, by_commitment[name])
        elif row["remaining"] is None or pace is None:
            found = _unknown(row)
        else:
            found = _drawn_down(row, pace, priced.get(name), clock)
        yield {**{key: row[key] for key in _SAME}, **found}


_SAME = ("commitment_id", "provider", "layer", "unit", "currency", "expires_at")


def _unknown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A commitment of which the bill says nothing, or of which no balance is known."""
    reason = row["reason"] or "the bill has no charge of it"
    return {"reason": reason, "remaining": _fraction(row["remaining"])}


def _drawn_down(row: Mapping[str, Any], pace: Pace, price: Any, clock: datetime) -> dict[str, Any]:
    basis, per_day = _basis(pace)
    remaining = max(Fraction(row["remaining"]) - pace.total(ACCRUED), Fraction(0))
    if row["unit"] == row["currency"]:
        price = 1
    over = row["expires_at"] is not None and row["expires_at"] <= clock
    at = clock if over else pace.until
    runway = drawn_down(remaining, per_day, at, row["expires_at"])
    return {
        "at": pace.until,
        "basis": basis,
        "per_day": per_day,
        "remaining": remaining,
        **_columns(runway, None if price is None else Fraction(price)),
    }


def _by_interval(
    row: Mapping[str, Any], pace: Pace | None, intervals: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    billed = [each for each in intervals if each["currency"] == row["currency"]]
    if pace is None or not billed:
        return {"reason": row["reason"] or NOT_KNOWN}
    # Unused is known only where the bill is: the time ends with the bill, not with telemetry.
    until = min(max(each["interval_end"] for each in billed), pace.until)
    since = min(each["interval_start"] for each in billed)
    found = next((one for one in BASES if since <= until - one[2] * DAY), None)
    if found is None:
        return {"at": until, "reason": NOT_KNOWN}
    basis, _rate, days = found
    start = until - days * DAY
    inside = [
        (share, each)
        for each in billed
        if (share := shared(each["interval_start"], each["interval_end"], start, until))
    ]
    committed = _whole(inside, "committed_quantity")
    beyond = _whole(inside, "overage_quantity") or Fraction(0)
    beyond += _accrued_beyond(pace, intervals, start)
    runway = by_interval(committed, _whole(inside, "unused_quantity"), beyond)
    cost = _whole(inside, "unused_cost") if runway.breakage is not None else None
    return {
        "at": until,
        "basis": basis,
        "per_day": _basis(pace)[1],
        **_columns(runway, None),
        "breakage_cost": cost,
    }


def _accrued_beyond(
    pace: Pace, intervals: Sequence[Mapping[str, Any]], start: datetime
) -> Fraction:
    """What hours without a bill want beyond what the last interval of the bill committed."""
    last = max(intervals, key=lambda each: each["interval_start"])
    figure, length = last["committed_quantity"], last["interval_end"] - last["interval_start"]
    if figure is None:
        return Fraction(0)
    wanted: dict[datetime, Fraction] = defaultdict(Fraction)
    for one in pace.rows:
        if one.state == ACCRUED and start <= one.start < pace.until and one.amount:
            wanted[one.start] += one.amount
    per_hour = Fraction(figure) / (length // HOUR or 1)
    return sum((max(each - per_hour, Fraction(0)) for each in wanted.values()), Fraction(0))


def _whole(inside: Sequence[tuple[Fraction, Mapping[str, Any]]], figure: str) -> Fraction | None:
    """The sum of a figure over what lies in a window; None where it is not known of any."""
    known = [share * Fraction(row[figure]) for share, row in inside if row[figure] is not None]
    return sum(known, Fraction(0)) if known else None


def _basis(pace: Pace) -> tuple[str | None, Fraction | None]:
    """The longest time that is known, and what is burned a day by it."""
    for name, rate, _days in BASES:
        found = pace.rate(rate)
        if found is not None:
            return name, found * (24 if rate == "per_hour" else 1)
    return None, None


def _columns(runway: Runway, price: Fraction | None) -> dict[str, Any]:
    columns = asdict(runway)
    for name in ("breakage", "overage"):
        value = columns[name]
        columns[f"{name}_cost"] = None if value is None or price is None else value * price
    return columns


def _fraction(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)
