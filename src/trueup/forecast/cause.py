"""The same excess seen from several sides is one anomaly; and what drove it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property

from trueup.forecast.anomaly import PRICE, QUANTITY, SCOPES, SPEND, UTILIZATION, Anomaly
from trueup.forecast.daily import ALLOCATED, WHO, Daily, Key, Scope, within
from trueup.forecast.season import DIGITS
from trueup.money import EXACT

DRIVERS_MAX = 3
SAME = Fraction(1, 2)  # of the smaller excess: what two anomalies share where they are one
WHOLE = Fraction(4, 5)  # of the largest excess: what its finest explanation still explains
COUNTS = Fraction(1, 10)  # of the excess: a smaller part drives nothing
THING = slice(0, 3)  # of WHO: provider, model, meter
EDGE = Decimal("1e-18")


@dataclass(frozen=True)
class Part:
    """What a cell of a day cost, and its part of what was expected of the whole."""

    who: Key
    now: Fraction
    usual: Fraction

    @property
    def excess(self) -> Fraction:
        return self.now - self.usual


@dataclass(frozen=True)
class Driver:
    """The value of a dimension that made most of an excess along it."""

    name: str
    value: str | None
    money: Decimal


@dataclass(frozen=True)
class Effects:
    """An excess of cost by what changed; together they are the whole, to the last digit."""

    quantity: Decimal
    price: Decimal
    other: Decimal  # of what has no meter


@dataclass(frozen=True)
class Explained:
    """One anomaly, from the finest side that shows it, with the other sides and its causes."""

    anomaly: Anomaly
    also: tuple[Anomaly, ...]
    drivers: tuple[Driver, ...]
    effects: Effects | None  # of spend


@dataclass
class _Seen:
    anomaly: Anomaly
    weight: Fraction  # of the sum over the usual days: makes of it what was expected of the day
    parts: list[Part]

    @cached_property
    def excess(self) -> Fraction:
        return sum((part.excess for part in self.parts), Fraction(0))

    @cached_property
    def _by_value(self) -> dict[tuple[str, str | None], list[Part]]:
        found: dict[tuple[str, str | None], list[Part]] = defaultdict(list)
        for part in self.parts:
            for named in zip(WHO, part.who, strict=True):
                found[named].append(part)
        return found

    def within(self, scope: Scope) -> list[Part]:
        """The parts that a scope names; of a commitment there are none."""
        few = min((self._by_value.get(named, []) for named in scope.items()), key=len)
        return [
            part
            for part in few
            if all(part.who[WHO.index(name)] == value for name, value in scope.items())
        ]


def explained(daily: Daily, found: Sequence[Anomaly]) -> list[Explained]:
    """Each anomaly once, by day; amounts of two currencies are two anomalies."""
    groups: list[list[_Seen]] = []
    for anomaly in sorted(found, key=_by_size):
        seen = _seen(daily, anomaly)
        group = next((group for group in groups if _same(group[0], seen)), None)
        if group is None:
            groups.append([seen])
        else:
            group.append(seen)
    return sorted(
        (_of_group(daily, group) for group in groups), key=lambda one: _by_size(one.anomaly)
    )


def _by_size(anomaly: Anomaly) -> tuple[object, ...]:
    return (
        -abs(anomaly.money),
        anomaly.currency or "",
        anomaly.day,
        (SPEND, PRICE, QUANTITY, UTILIZATION).index(anomaly.measure),
        [(name, value or "") for name, value in anomaly.scope.items()],
        anomaly.unit or "",
    )


def _seen(daily: Daily, anomaly: Anomaly) -> _Seen:
    """With the cost of the day by cell, beside the average of the days it was compared with.

    For spend the averages are scaled to what was expected, so that the excesses add up to its own.
    """
    import pyarrow.compute as pc

    from trueup.model.sums import sums_by

    if anomaly.measure == UTILIZATION:
        return _Seen(anomaly, Fraction(0), [])
    days, scope = anomaly.expected.days, {"currency": anomaly.currency, **anomaly.scope}
    now: dict[Key, Fraction] = defaultdict(Fraction)
    usual: dict[Key, Fraction] = defaultdict(Fraction)
    rows = within(daily.spend, scope, [anomaly.day, *days])
    rows = rows.append_column("now", pc.equal(rows["day"], anomaly.day))
    for row in sums_by(rows, ("now", *WHO), ("cost",)).to_pylist():
        sums = now if row["now"] else usual
        sums[tuple(row[name] for name in WHO)] += Fraction(row["cost"] or 0)
    weight = Fraction(1, len(days))
    if anomaly.measure == SPEND:
        whole = sum(usual.values(), Fraction(0))
        weight = Fraction(anomaly.expected.amount) / whole if whole else Fraction(0)
    cells = sorted({*now, *usual}, key=lambda key: [part or "" for part in key])
    return _Seen(anomaly, weight, [Part(cell, now[cell], usual[cell] * weight) for cell in cells])


def _same(one: _Seen, other: _Seen) -> bool:
    """Whether most of the smaller excess is in both."""
    first, second = one.anomaly, other.anomaly
    if (first.day, first.currency, first.money > 0) != (
        second.day,
        second.currency,
        second.money > 0,
    ):
        return False
    shared = sum((part.excess for part in one.within(second.scope)), Fraction(0))
    least = min(one.excess, other.excess, key=abs)
    return bool(least) and shared / least >= SAME


def _of_group(daily: Daily, group: list[_Seen]) -> Explained:
    enough = WHOLE * abs(Fraction(group[0].anomaly.money))
    chosen = max(
        (seen for seen in group if abs(Fraction(seen.anomaly.money)) >= enough),
        key=lambda seen: _fineness(seen.anomaly),
    )
    also = tuple(seen.anomaly for seen in group if seen is not chosen)
    effects = None
    if chosen.anomaly.measure == SPEND:
        effects = _effects(daily, chosen)
    return Explained(chosen.anomaly, also, _drivers(chosen), effects)


def _fineness(anomaly: Anomaly) -> tuple[int, int]:
    """A price explains more than the spend it made; else an agent more than its team, and so on."""
    names = tuple(name for name in anomaly.scope if name != "meter")
    rank = (QUANTITY, UTILIZATION, SPEND, PRICE).index(anomaly.measure)
    return rank, SCOPES.index(names) if names in SCOPES else len(SCOPES)


def _drivers(seen: _Seen) -> tuple[Driver, ...]:
    """Of each dimension that the anomaly does not name, what made most of it; the largest first."""
    whole = seen.excess
    found = []
    for place, name in enumerate(WHO):
        if name in seen.anomaly.scope:
            continue
        sums: dict[str | None, Fraction] = defaultdict(Fraction)
        for part in seen.parts:
            sums[part.who[place]] += part.excess
        named = {value: money for value, money in sums.items() if value is not None}
        if named and whole:
            value, money = max(named.items(), key=lambda item: (item[1] / whole, item[0]))
            if money / whole >= COUNTS:
                found.append(Driver(name, value, rounded(money)))
    found.sort(key=lambda driver: (-abs(driver.money), WHO.index(driver.name)))
    return tuple(found[:DRIVERS_MAX])


def _effects(daily: Daily, seen: _Seen) -> Effects:
    """More used at the usual price, and the rest: what was used, at more than the usual price."""
    costs: dict[Key, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    for part in seen.parts:
        costs[part.who[THING]][0] += part.usual
        costs[part.who[THING]][1] += part.now
    quantity = price = Fraction(0)
    for thing, (before, after) in _quantities(daily, seen).items():
        usual, now = costs[thing]
        more = usual * (after / before - 1) if before else now
        quantity += more
        price += now - usual - more
    of_quantity, of_price = rounded(quantity), rounded(price)
    other = EXACT.subtract(seen.anomaly.money, EXACT.add(of_quantity, of_price))
    return Effects(of_quantity, of_price, other)


def _quantities(daily: Daily, seen: _Seen) -> dict[Key, tuple[Fraction, Fraction]]:
    """What was metered of each thing, usually and on the day, in one unit: held, else done."""
    anomaly = seen.anomaly
    ways: dict[Key, dict[tuple[str, str], list[Fraction]]] = {}
    days = [anomaly.day, *anomaly.expected.days]
    for row in within(daily.activity, anomaly.scope, days).to_pylist():
        way = row["capacity"], row["unit"]
        sums = ways.setdefault(tuple(row[name] for name in WHO[THING]), {})
        both = sums.setdefault(way, [Fraction(0), Fraction(0)])
        at = int(row["day"] == anomaly.day)
        both[at] += Fraction(row["quantity"] or 0) * (1 if at else seen.weight)
    found = {}
    for thing, sums in ways.items():
        held = {way: both for way, both in sums.items() if way[0] == ALLOCATED} or sums
        if len(held) == 1:
            [(before, after)] = held.values()
            found[thing] = before, after
    return found


def rounded(value: Fraction) -> Decimal:
    """The nearest amount with 18 decimals."""
    with localcontext(prec=DIGITS * 2):
        return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(EDGE)
