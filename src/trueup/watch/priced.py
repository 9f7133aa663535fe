"""What watched usage costs at contract rates, as rows of ``spend`` that are accrued."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any, NamedTuple

from trueup.model.rules import Rate, Rules
from trueup.reconcile.liability import draw_order, speaks_of
from trueup.reconcile.metering import base_factor
from trueup.units import parse_unit
from trueup.watch.metered import HOUR, Thing, Used

IDLE = "idle"


class Priced(NamedTuple):
    """A thing in an hour by its rate: money, None where no rate speaks of it."""

    thing: Thing
    used: Used
    place: int | None  # of the rate in the rules
    cost: Fraction | None
    drawn: Fraction | None


@dataclass
class Prices:
    """The rates of the rules, and what commitments have an hour.

    ``committed`` is money an hour by commitment; of one that is not in it nothing is known, and it
    pays for all that draws on it.
    """

    rules: Rules
    committed: Mapping[str, Fraction]
    unpriced: set[Thing] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._order = draw_order(self.rules)
        self._places: dict[tuple[Thing, date], int | None] = {}

    def hour(self, hour: datetime, things: Mapping[Thing, Used]) -> list[Priced]:
        """Each thing of an hour: what the commitment has pays first, the rest is on demand."""
        found = [self._alone(hour, thing, used) for thing, used in things.items()]
        left = dict(self.committed)
        return [self._paid(one, left) for one in sorted(found, key=self._turn)]

    def _turn(self, one: Priced) -> tuple[int, str]:
        return -1 if one.place is None else self._order[one.place], str(one.thing)

    def _alone(self, hour: datetime, thing: Thing, used: Used) -> Priced:
        key = thing, hour.date()
        if key not in self._places:
            self._places[key] = self._place(thing, hour.date())
        place = self._places[key]
        if place is None:
            self.unpriced.add(thing)
            return Priced(thing, used, None, None, None)
        rate = self.rules.rate[place]
        units = sum(used.own.values(), Fraction(0)) / base_factor(parse_unit(rate.unit), rate.meter)
        draws = rate.commitment_id is not None and rate.commitment_price is not None
        drawn = units * Fraction(rate.commitment_price or 0) if draws else None
        return Priced(thing, used, place, units * Fraction(rate.price), drawn)

    def _place(self, thing: Thing, day: date) -> int | None:
        """The first rate that speaks of it and is valid."""
        for place, rate in enumerate(self.rules.rate):
            holds = rate.meter == thing.meter and _valid(rate, day)
            if holds and speaks_of(rate.match, thing._asdict()):
                return place
        return None

    def _paid(self, one: Priced, left: dict[str, Fraction]) -> Priced:
        if not one.drawn or one.place is None or one.cost is None:
            return one
        name = self.rules.rate[one.place].commitment_id or ""
        paid = min(one.drawn, left.get(name, one.drawn))
        if name in left:
            left[name] -= paid
        return one._replace(cost=paid + one.cost * (1 - paid / one.drawn))

    def spend(self, hours: Mapping[datetime, Mapping[Thing, Used]]) -> Iterator[dict[str, Any]]:
        """Rows under SPEND, amounts as fractions, by who used it."""
        for hour, things in hours.items():
            for one in self.hour(hour, things):
                rate = None if one.place is None else self.rules.rate[one.place]
                for (team, reason), share in _shares(one.used, self.rules.idle).items():
                    yield {
                        "start": hour,
                        "end": hour + HOUR,
                        "state": "accrued",
                        "provider": one.thing.provider,
                        "model": one.thing.model,
                        "meter": one.thing.meter,
                        "commitment_id": None
                        if one.drawn is None or not rate
                        else rate.commitment_id,
                        "team": team,
                        "reason": reason,
                        "currency": rate.currency if rate else None,
                        "cost": None if one.cost is None else one.cost * share,
                        "drawn": None if one.drawn is None else one.drawn * share,
                    }


def _valid(rate: Rate, day: date) -> bool:
    return (rate.valid_from or date.min) <= day < (rate.valid_to or date.max)


def _shares(used: Used, idle: str) -> Mapping[tuple[str | None, str | None], Fraction]:
    """Who bears a thing's hour: who was busy on it, what was not busy nobody; else who held it."""
    own, busy = sum(used.own.values(), Fraction(0)), sum(used.busy.values(), Fraction(0))
    found: dict[tuple[str | None, str | None], Fraction] = defaultdict(Fraction)
    if not own:
        return {}  # busy, and nothing says how much is held: the run will tell
    if not busy:
        for team, quantity in used.own.items():
            found[team, None if team else "no_rule"] += quantity / own
        return found
    whole = busy if idle == "spread" else max(own, busy)
    for team, quantity in used.busy.items():
        found[team, None if team else "no_rule"] += quantity / whole
    if whole > busy:
        found[None, IDLE] += 1 - busy / whole
    return found
