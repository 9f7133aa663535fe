"""Unused commitment traced: what stood idle in its hours, and which teams were quiet in them.

The unused amount is exact. What it is traced to is an indication: nobody meters what did not run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trueup.attribute.cost_line import total
from trueup.money import EXACT

if TYPE_CHECKING:
    import pyarrow as pa

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
LONGEST = timedelta(days=1)  # an interval that tells in which hours something was unused
ZERO = Decimal(0)


@dataclass(frozen=True)
class Quiet:
    """A team that cost less in the hours than in the same hours of the week before.

    ``sessions`` are those seen at a time, added up over the hours: at least so many.
    """

    team: str
    less: Decimal  # > 0
    sessions: int
    sessions_before: int


@dataclass(frozen=True)
class Traced:
    """A commitment's unused part over ``intervals``, and what happened at its provider meanwhile.

    ``idle`` is capacity held and not busy, by meter and unit, ``idle_cost`` what the bill has of it
    under that reason. Where ``hours`` is 0 its intervals are too long to tell when it was unused.
    """

    commitment_id: str
    provider: str | None
    currency: str | None
    unit: str | None
    unused_quantity: Decimal | None
    unused_cost: Decimal | None
    intervals: int
    hours: int
    idle: Mapping[tuple[str, str], Decimal]
    idle_cost: Decimal
    quiet: tuple[Quiet, ...]


@dataclass
class _Seen:
    """Sums by hour and provider: idle cost, cost by team, capacity by meter, sessions by team.

    ``unknown`` are the teams of which something has no cost, and then no currency either.
    """

    idle: dict[tuple[Any, ...], Decimal]
    costs: dict[tuple[Any, ...], dict[str, Decimal]]
    unknown: dict[tuple[Any, ...], set[str]]
    held: dict[tuple[Any, ...], dict[tuple[str, str], Decimal]]
    sessions: dict[tuple[Any, ...], dict[str, int]]


def traced(
    utilization: Iterable[Mapping[str, Any]], spend: pa.Table, activity: pa.Table
) -> list[Traced]:
    """Every commitment with something unused in these intervals, the costliest first by currency.

    ``spend`` and ``activity`` hold those hours and the same ones a week before; what they do not
    hold is taken for nothing.
    """
    rows: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in utilization:
        if (row["unused_quantity"] or ZERO) > 0 or (row["unused_cost"] or ZERO) > 0:
            key = tuple(row[name] for name in ("commitment_id", "provider", "currency", "unit"))
            rows.setdefault(key, []).append(row)
    seen = _seen(spend, activity)
    found = [_traced(key, some, seen) for key, some in rows.items()]
    return sorted(
        found,
        key=lambda each: (each.currency or "", -(each.unused_cost or ZERO), each.commitment_id),
    )


def _traced(key: tuple[Any, ...], rows: list[Mapping[str, Any]], seen: _Seen) -> Traced:
    commitment_id, provider, currency, unit = key
    hours = sorted({hour for row in rows for hour in _hours(row)})
    idle: dict[tuple[str, str], Decimal] = {}
    for hour in hours:
        for meter, amount in seen.held.get((hour, provider), {}).items():
            if amount > 0:
                idle[meter] = EXACT.add(idle.get(meter, ZERO), amount)
    return Traced(
        commitment_id=commitment_id,
        provider=provider,
        currency=currency,
        unit=unit,
        unused_quantity=_known(row["unused_quantity"] for row in rows),
        unused_cost=_known(row["unused_cost"] for row in rows),
        intervals=len(rows),
        hours=len(hours),
        idle=dict(sorted(idle.items())),
        idle_cost=total(seen.idle.get((hour, provider, currency), ZERO) for hour in hours),
        quiet=_quiet(hours, provider, currency, seen),
    )


def _hours(row: Mapping[str, Any]) -> list[datetime]:
    start, end = row["interval_start"], row["interval_end"]
    if end - start > LONGEST:
        return []
    return [start + HOUR * place for place in range((end - start) // HOUR)]


def _known(values: Iterable[Decimal | None]) -> Decimal | None:
    """The sum; None where one of them is not known."""
    found = list(values)
    return None if None in found else total(value for value in found if value is not None)


def _quiet(
    hours: list[datetime], provider: str | None, currency: str | None, seen: _Seen
) -> tuple[Quiet, ...]:
    """Teams whose cost fell, the largest fall first; none of which a cost is not known."""
    change: dict[str, Decimal] = {}
    unknown: set[str] = set()
    sessions: dict[str, list[int]] = {}
    for hour in hours:
        for at, sign, place in ((hour, 1, 0), (hour - WEEK, -1, 1)):
            unknown |= seen.unknown.get((at, provider), set())
            for team, cost in seen.costs.get((at, provider, currency), {}).items():
                change[team] = EXACT.add(change.get(team, ZERO), EXACT.multiply(cost, sign))
            for team, count in seen.sessions.get((at, provider), {}).items():
                sessions.setdefault(team, [0, 0])[place] += count
    known = ((team, amount) for team, amount in change.items() if team not in unknown)
    fell = [(team, EXACT.minus(amount)) for team, amount in known if amount < 0]
    return tuple(
        Quiet(team, less, *sessions.get(team, (0, 0)))
        for team, less in sorted(fell, key=lambda each: (-each[1], each[0]))
    )


def _seen(spend: pa.Table, activity: pa.Table) -> _Seen:
    return _Seen(*_costs(spend), _not_busy(activity), _sessions(activity))


def _costs(
    spend: pa.Table,
) -> tuple[
    dict[tuple[Any, ...], Decimal],
    dict[tuple[Any, ...], dict[str, Decimal]],
    dict[tuple[Any, ...], set[str]],
]:
    """What was idle and what teams cost, by hour, provider and currency; whose cost is unknown."""
    from trueup.model.sums import UNKNOWN, known_by

    idle: dict[tuple[Any, ...], Decimal] = {}
    teams: dict[tuple[Any, ...], dict[str, Decimal]] = {}
    unknown: dict[tuple[Any, ...], set[str]] = {}
    place = ["start", "provider", "currency"]
    for row in known_by(spend, (*place, "team", "reason"), "cost").to_pylist():
        at = tuple(row[name] for name in place)
        of_team = row["reason"] is None and row["team"]
        if of_team and row[UNKNOWN]:
            unknown.setdefault((row["start"], row["provider"]), set()).add(row["team"])
        if row["cost"] is None:
            continue
        if row["reason"] == "idle":
            idle[at] = EXACT.add(idle.get(at, ZERO), row["cost"])
        elif of_team:
            teams.setdefault(at, {})[row["team"]] = row["cost"]
    return idle, teams, unknown


def _not_busy(activity: pa.Table) -> dict[tuple[Any, ...], dict[tuple[str, str], Decimal]]:
    """What was held less what was busy, by hour and provider; of meters that tell what was held."""
    from trueup.model.sums import sums_by

    place = ["start", "provider", "meter", "unit"]
    sums = sums_by(activity, (*place, "capacity"), ["quantity"]).to_pylist()
    held = {tuple(row[name] for name in place) for row in sums if row["capacity"] == "allocated"}
    found: dict[tuple[Any, ...], dict[tuple[str, str], Decimal]] = {}
    for row in sums:
        if tuple(row[name] for name in place) in held:
            sign = 1 if row["capacity"] == "allocated" else -1
            amount = EXACT.multiply(row["quantity"], sign)
            meters = found.setdefault((row["start"], row["provider"]), {})
            meter = (row["meter"], row["unit"])
            meters[meter] = EXACT.add(meters.get(meter, ZERO), amount)
    return found


def _sessions(activity: pa.Table) -> dict[tuple[Any, ...], dict[str, int]]:
    """At least so many sessions of teams, by hour and provider: the most that one row counts."""
    found: dict[tuple[Any, ...], dict[str, int]] = {}
    by_team = activity.group_by(["start", "provider", "team"])
    for row in by_team.aggregate([("sessions", "max")]).to_pylist():
        if row["team"]:
            teams = found.setdefault((row["start"], row["provider"]), {})
            teams[row["team"]] = row["sessions_max"] or 0
    return found
