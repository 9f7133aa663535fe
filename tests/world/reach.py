"""How fast each commitment and team burns and how far each reaches, from the ledger alone.

Here every provider is known by the charges and unbilled cells of the ledger; fractions throughout.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from tests.world.burnt import PLANNED, UNBILLED, of_commitments, of_teams, shares_of
from tests.world.contracts import Contract, contracts
from tests.world.ledger import DAY, HOUR, Ledger
from tests.world.sagemaker import COMMITTED, PLAN
from tests.world.standing import commitments

WINDOWS = {"per_hour": (24, 24), "per_day": (168, 7), "per_week": (672, 4)}  # hours, and units

Key = tuple[object, ...]
Rates = dict[Key, tuple[datetime, dict[str, Fraction | None]]]


class Reach(NamedTuple):
    """What a runway says of a commitment; None where it is not known."""

    at: datetime | None = None
    per_day: Fraction | None = None
    remaining: Fraction | None = None
    exhausted_at: datetime | None = None
    breakage: Fraction | None = None
    overage: Fraction | None = None


def rates_of_commitments(ledger: Ledger) -> Rates:
    """By commitment, measure and unit: until when, and each rate of WINDOWS."""
    by_id = {one.id: one for one in contracts(ledger)}
    series: dict[Key, list[tuple[datetime, datetime, Fraction]]] = defaultdict(list)
    for (name, measure, unit, _, start, end), amount in of_commitments(ledger, HOUR).items():
        assert isinstance(start, datetime)
        assert isinstance(end, datetime)
        series[name, measure, unit].append((start, end, Fraction(amount)))
    found: Rates = {}
    for key, rows in series.items():
        contract = by_id[str(key[0])]
        if contract.hourly:
            hours = known_hours(ledger, contract.id)
            until, since = max(hours) + HOUR, min(hours)
        else:
            hours, since = set(), max(ledger.start, contract.start)
            until = _rests_until(ledger, contract, max(end for _, end, _ in rows))
        found[key] = until, _rates(rows, since, until, hours)
    return found


def known_hours(ledger: Ledger, commitment: str) -> set[datetime]:
    """The hours that the bill states of a benefit, and those that are accrued on the plan."""
    hours = {one.start for one in ledger.covered if one.commitment == commitment}
    return hours | set(_drawn_by_hour(ledger)) if commitment == PLAN else hours


def _drawn_by_hour(ledger: Ledger) -> Mapping[datetime, Fraction]:
    """What the plan's endpoints draw at its rates in hours that are not billed."""
    prices = {one.site.resource: one.plan_rate for one in PLANNED}
    billed = {one.start for one in ledger.covered if one.commitment == PLAN}
    found: dict[datetime, Fraction] = defaultdict(Fraction)
    for cell in ledger.cells:
        if cell.resource in prices and cell.start not in billed:
            found[cell.start] += Fraction(cell.metered * prices[cell.resource])
    return found


def _rests_until(ledger: Ledger, contract: Contract, last: datetime) -> datetime:
    """The last draw, or the provider's bill where nothing that was metered since is unbilled."""
    billed = max([last, *_ends(ledger)[contract.provider, "billed"]])
    waiting = any(
        cell.provider == contract.provider
        and cell.verdict in UNBILLED
        and cell.end > last
        and cell.start < billed
        for cell in ledger.cells
    )
    return last if waiting else billed


def _ends(ledger: Ledger) -> dict[tuple[str, str], set[datetime]]:
    """The whole hours in which anything of a provider ends that is billed, or is not yet."""
    found: dict[tuple[str, str], set[datetime]] = defaultdict(set)
    for one in ledger.charges:
        if one.end - one.start <= DAY:
            found[one.provider, "billed"].add(_whole(one.end))
    for cell in ledger.cells:
        if cell.verdict in UNBILLED and cell.end - cell.start <= HOUR:
            found[cell.provider, "accrued"].add(_whole(cell.end))
    return found


def _whole(instant: datetime) -> datetime:
    hour = instant.replace(minute=0, second=0, microsecond=0)
    return hour if hour == instant else hour + HOUR


def rates_of_teams(ledger: Ledger) -> Rates:
    """By team, reason and currency, each as far as its own providers are known."""
    series: dict[Key, list[tuple[datetime, datetime, Fraction]]] = defaultdict(list)
    for (team, reason, unit, _, start, end), amount in of_teams(ledger, HOUR).items():
        assert isinstance(start, datetime)
        assert isinstance(end, datetime)
        series[team, reason, unit].append((start, end, Fraction(amount)))
    ends, sources = _ends(ledger), _sources(ledger)
    found: Rates = {}
    for key, rows in series.items():
        known: dict[str, datetime] = {}
        for provider, state in sources[key]:
            if ends[provider, state]:
                last = max(ends[provider, state])
                known[provider] = max(last, known.get(provider, last))
        until = min(known.values())
        found[key] = until, _rates(rows, ledger.start, until, set())
    return found


def _sources(ledger: Ledger) -> dict[Key, set[tuple[str, str]]]:
    """Of which providers each series has something, and whether billed or accrued."""
    of_charge = {
        (one.currency, one.effective, one.start, one.end): one.provider for one in ledger.charges
    }
    of_contract = {one.id: one.provider for one in contracts(ledger)}
    found: dict[Key, set[tuple[str, str]]] = defaultdict(set)
    for one in ledger.outside:
        provider = of_charge[one.currency, one.cost, one.start, one.end]
        found[None, one.reason, one.currency].add((provider, "billed"))
    for covered in ledger.covered:
        if covered.unused_cost:
            provider = of_contract[covered.commitment]
            found[None, "unused", covered.currency].add((provider, "billed"))
    for cell in ledger.cells:
        state = "accrued" if cell.verdict in UNBILLED else "billed"
        for team, reason in shares_of(cell):
            found[team, reason, cell.currency].add((cell.provider, state))
    return found


def _rates(
    rows: Iterable[tuple[datetime, datetime, Fraction]],
    since: datetime,
    until: datetime,
    hours: set[datetime],
) -> dict[str, Fraction | None]:
    """Each rate; with ``hours`` the mean of those that are known, else the rest was nought."""
    found: dict[str, Fraction | None] = {}
    for name, (length, count) in WINDOWS.items():
        first = until - length * HOUR
        if since > first:
            found[name] = None
            continue
        burned = Fraction(0)
        for start, end, amount in rows:
            inside = min(end, until) - max(start, first)
            if inside > timedelta(0):
                burned += amount * _seconds(inside) / _seconds(end - start)
        known = len([hour for hour in hours if first <= hour < until]) if hours else length
        found[name] = burned / count * Fraction(length, known) if known else None
    return found


def _seconds(span: timedelta) -> Fraction:
    return Fraction(span // timedelta(microseconds=1), 10**6)


def reaches(ledger: Ledger) -> dict[str, Reach]:
    """How far every commitment reaches."""
    paces = rates_of_commitments(ledger)
    remaining = {row["commitment_id"]: row.get("remaining") for row in commitments(ledger)}
    found = {}
    for one in contracts(ledger):
        pace = paces.get((one.id, "quantity", one.unit))
        left = remaining[one.id]
        if one.hourly:
            found[one.id] = _by_interval(ledger, one, pace)
        elif left is None or pace is None:
            found[one.id] = Reach(remaining=None if left is None else Fraction(str(left)))
        else:
            found[one.id] = _drawn_down(ledger, one, pace, Fraction(str(left)))
    return found


def _per_day(rates: Mapping[str, Fraction | None]) -> Fraction | None:
    hourly = rates["per_hour"]
    return rates["per_day"] or (None if hourly is None else 24 * hourly)


def _drawn_down(
    ledger: Ledger,
    contract: Contract,
    pace: tuple[datetime, dict[str, Fraction | None]],
    left: Fraction,
) -> Reach:
    until, per_day = pace[0], _per_day(pace[1])
    if contract.end <= ledger.end or per_day is None:
        return Reach(until, per_day, left)
    days = _seconds(contract.end - until) / 86_400
    exhausted = None
    if per_day:
        exhausted = until + timedelta(seconds=int(left / per_day * 86_400))
    rest = left - per_day * days
    zero = Fraction(0)
    return Reach(until, per_day, left, exhausted, max(rest, zero), max(-rest, zero))


def _by_interval(
    ledger: Ledger, contract: Contract, pace: tuple[datetime, dict[str, Fraction | None]] | None
) -> Reach:
    """What was unused in the last week, or day, of the bill, and what is wanted beyond it since."""
    covered = {one.start: one for one in ledger.covered if one.commitment == contract.id}
    if pace is None or not covered:
        return Reach()
    until = max(covered) + HOUR
    days = next((days for days in (7, 1) if min(covered) <= until - days * DAY), None)
    if days is None:
        return Reach(until)
    first = until - days * DAY
    unused = sum((Fraction(one.unused) for at, one in covered.items() if at >= first), Fraction(0))
    beyond = Fraction(0)
    if contract.id == PLAN:
        for at, drawn in _drawn_by_hour(ledger).items():
            beyond += max(drawn - Fraction(COMMITTED), Fraction(0)) if at >= first else 0
    return Reach(until, _per_day(pace[1]), None, None, unused, beyond)
