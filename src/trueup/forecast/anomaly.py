"""Days on which spend, quantity, price or utilization was not what the season lets expect.

Each series (a provider, model, team, agent; a price; a commitment) is judged on its own. What is
unusual is reported where it also matters: by money, and beside what was expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext

from trueup.forecast.daily import (
    ALLOCATED,
    COMMITMENT,
    NOTHING,
    Daily,
    Key,
    Scope,
    on,
    series,
    within,
)
from trueup.forecast.season import DAYS_MIN, DIGITS, Expectation, expectation, median
from trueup.money import EXACT

SPEND, QUANTITY, PRICE, UTILIZATION = "spend", "quantity", "price", "utilization"
# From the widest to the finest; an agent within its team.
SCOPES = (("provider",), ("team",), ("provider", "model"), ("team", "agent"))
THING = ("provider", "model", "meter")
SHARE_OF_DAY = Decimal("0.02")  # of a usual day's whole cost: less does not matter
EDGE = Decimal("1e-18")
# How far from what is expected it must be at least, as a part of it.
RELATIVE = {
    SPEND: Decimal("0.2"),
    QUANTITY: Decimal("0.2"),
    PRICE: Decimal("0.05"),
    UTILIZATION: Decimal("0.1"),
}


@dataclass(frozen=True)
class Anomaly:
    """A day of a series that was not as expected; ``money`` is what it cost more than that."""

    measure: str
    day: date
    scope: Scope
    currency: str | None
    unit: str | None  # of ``actual``; null where that is money
    actual: Decimal
    expected: Expectation
    money: Decimal
    amounts: Mapping[date, Decimal] = field(repr=False, compare=False)  # the whole series


@dataclass(frozen=True)
class Judge:
    """Which days are judged by which others, and what matters."""

    daily: Daily
    judged: tuple[date, ...]
    material: Decimal | None  # in any currency; None: a share of what a usual day costs

    def floor(self, currency: str | None) -> Decimal:
        if self.material is not None:
            return self.material
        totals = self.daily.totals.get(currency)
        return SHARE_OF_DAY * abs(median(totals)) if totals else NOTHING

    def unusual(
        self, measure: str, amounts: Mapping[date, Decimal]
    ) -> Iterator[tuple[date, Decimal, Expectation]]:
        """The judged days of a series that are beyond the limits, by a part that counts."""
        for day in self.judged:
            usual = expectation(day, amounts) if day in amounts else None
            if usual is None or not usual.is_unusual(amounts[day]):
                continue
            if abs(amounts[day] - usual.amount) >= RELATIVE[measure] * abs(usual.amount):
                yield day, amounts[day], usual

    def matters(self, money: Decimal, currency: str | None) -> bool:
        return money != 0 and abs(money) >= self.floor(currency)


def anomalies(daily: Daily, judged: Iterable[date], material: Decimal | None) -> list[Anomaly]:
    """All that is unusual, the same excess from every side that shows it."""
    judge = Judge(daily, tuple(sorted(judged)), material)
    return [*_of_spend(judge), *_of_price(judge), *_of_quantity(judge), *_of_utilization(judge)]


def _of_spend(judge: Judge) -> Iterator[Anomaly]:
    for names in SCOPES:
        found = series(judge.daily.spend, ("currency", *names), "cost")
        for (currency, *key), amounts in found.items():
            known = on(judge.daily.days, amounts)
            # An excess is never more than the largest day.
            if not judge.matters(max(map(abs, known.values()), default=NOTHING), currency):
                continue
            for day, actual, usual in judge.unusual(SPEND, known):
                money = EXACT.subtract(actual, usual.amount)
                if judge.matters(money, currency):
                    scope = dict(zip(names, key, strict=True))
                    yield Anomaly(SPEND, day, scope, currency, None, actual, usual, money, known)


def metered(daily: Daily) -> dict[Key, tuple[str | None, dict[date, Decimal | None]]]:
    """What was metered of each thing by day, with its unit: held capacity where that is told.

    Things that are metered in several units are left out: their price has no unit.
    """
    names = ("unit", "capacity", *THING)
    found: dict[Key, dict[Key, dict[date, Decimal | None]]] = {}
    for (unit, capacity, *thing), amounts in series(daily.activity, names, "quantity").items():
        found.setdefault(tuple(thing), {})[capacity, unit] = amounts
    chosen = {}
    for thing_key, ways in found.items():
        held = {way: amounts for way, amounts in ways.items() if way[0] == ALLOCATED} or ways
        if len(held) == 1:
            [((_, unit), amounts)] = held.items()
            chosen[thing_key] = unit, amounts
    return chosen


def _of_price(judge: Judge) -> Iterator[Anomaly]:
    quantities = metered(judge.daily)
    costs = series(judge.daily.spend, ("currency", *THING), "cost")
    for (currency, *key), amounts in costs.items():
        if tuple(key) not in quantities:
            continue
        unit, counted = quantities[tuple(key)]
        with localcontext(prec=DIGITS):
            prices = {
                day: cost / quantity
                for day, cost in amounts.items()
                if cost and (quantity := counted.get(day))
            }
            for day, actual, usual in judge.unusual(PRICE, prices):
                money = ((actual - usual.amount) * (counted[day] or NOTHING)).quantize(EDGE)
                if judge.matters(money, currency):
                    scope = dict(zip(THING, key, strict=True))
                    yield Anomaly(PRICE, day, scope, currency, unit, actual, usual, money, prices)


def _of_quantity(judge: Judge) -> Iterator[Anomaly]:
    """Its money is that of the excess at the usual price; without one it has no rank."""
    for key, (unit, amounts) in metered(judge.daily).items():
        scope = dict(zip(THING, key, strict=True))
        known = on(judge.daily.days, amounts)
        for day, actual, usual in judge.unusual(QUANTITY, known):
            currency, price = _usual_price(judge.daily, scope, usual, amounts)
            if price is None:
                continue
            with localcontext(prec=DIGITS):
                money = ((actual - usual.amount) * price).quantize(EDGE)
            if judge.matters(money, currency):
                yield Anomaly(QUANTITY, day, scope, currency, unit, actual, usual, money, known)


def _usual_price(
    daily: Daily, scope: Scope, usual: Expectation, amounts: Mapping[date, Decimal | None]
) -> tuple[str | None, Decimal | None]:
    """Currency and cost of a unit over the days compared with; none but in one currency."""
    rows = within(daily.spend, scope, usual.days)
    costs = {
        currency: sum(filter(None, by_day.values()), NOTHING)
        for (currency,), by_day in series(rows, ("currency",), "cost").items()
    }
    quantity = sum((amounts.get(day) or NOTHING for day in usual.days), NOTHING)
    if len(costs) != 1 or not quantity:
        return None, None
    [(currency, cost)] = costs.items()
    with localcontext(prec=DIGITS):
        return currency, cost / quantity


def _of_utilization(judge: Judge) -> Iterator[Anomaly]:
    """Commitments that were used less than usual: what more of them went unused."""
    names = ("currency", *COMMITMENT)
    used, committed, unused_cost = (
        series(judge.daily.utilization, names, figure)
        for figure in ("used_quantity", "committed_quantity", "unused_cost")
    )
    for key, amounts in used.items():
        with localcontext(prec=DIGITS):
            ratios = {
                day: min(quantity / whole, Decimal(1))
                for day, quantity in amounts.items()
                if quantity is not None and (whole := committed[key].get(day))
            }
            for day, actual, usual in judge.unusual(UTILIZATION, ratios):
                cost = unused_cost[key].get(day)
                if actual >= usual.amount or cost is None:
                    continue
                money = (cost * (usual.amount - actual) / (1 - actual)).quantize(EDGE)
                if judge.matters(money, key[0]):
                    scope = dict(zip(COMMITMENT, key[1:], strict=True))
                    yield Anomaly(
                        UTILIZATION, day, scope, key[0], None, actual, usual, money, ratios
                    )


def too_short(daily: Daily) -> str | None:
    """What to say where no day can be judged."""
    if len(daily.days) > DAYS_MIN:
        return None
    return (
        f"A history of {len(daily.days)} whole days is too short to say what is unusual: a day is "
        f"compared with at least {DAYS_MIN} others."
    )
