"""Traffic of models, and the two sides of it: what was metered, and what a bill makes of that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from tests.world.company import Session, at_work
from tests.world.dice import Dice
from tests.world.ledger import HOUR, NOBODY, ZERO, Call, Cell, Party


class Key(NamedTuple):
    """What one row of a bill of tokens is about."""

    account: str
    region: str
    model: str
    meter: str
    start: datetime  # of the charge's hour or day


@dataclass(frozen=True)
class Model:
    """A model: the price of one ``unit`` (that holds ``size`` tokens) by meter."""

    name: str
    prices: Mapping[str, Decimal]
    unit: str
    size: int

    def quantity(self, tokens: int) -> Decimal:
        return Decimal(tokens) / self.size


@dataclass(frozen=True)
class Place:
    """Where a provider serves a model from."""

    provider: str
    account: str
    region: str


def call(
    dice: Dice, place: Place, model: Model, hour: datetime, party: Party, step: int = 1
) -> Call:
    """One call within the hour; every count is a multiple of ``step``."""
    tokens = {
        meter: step
        * dice.between(9_000 // step, (45_000 if "output" in meter else 300_000) // step)
        for meter in model.prices
    }
    at = hour + timedelta(seconds=dice.between(5, 3400))
    return Call(at, place.provider, place.account, place.region, model.name, party, tokens)


def traffic(
    dice: Dice,
    place: Place,
    model: Model,
    hours: Iterable[datetime],
    known: list[Session],
    chance: int,
    step: int = 1,
) -> list[Call]:
    """Calls of the sessions at work, in some of the hours; now and then of nobody known."""
    found = []
    for hour in hours:
        for session in at_work(known, hour):
            if dice.percent(chance):
                party = session.party(dice.one_of(session.agent.tools))
                found.append(call(dice, place, model, hour, party, step))
        if dice.percent(2):
            found.append(call(dice, place, model, hour, NOBODY, step))
    return found


def metered(calls: Iterable[Call], window: timedelta = HOUR) -> dict[Key, dict[Party, int]]:
    """Tokens by what a bill's row is about, and by party; windows begin at the day's multiples."""
    found: dict[Key, dict[Party, int]] = defaultdict(lambda: defaultdict(int))
    for one in calls:
        midnight = one.at.replace(hour=0, minute=0, second=0, microsecond=0)
        start = midnight + (one.at - midnight) // window * window
        for meter, count in one.tokens.items():
            if count:
                found[Key(one.account, one.region, one.model, meter, start)][one.party] += count
    return {key: dict(found[key]) for key in sorted(found)}


def cell(
    provider: str,
    key: Key,
    parties: Mapping[Party, int],
    model: Model,
    *,
    currency: str,
    window: timedelta = HOUR,
    verdict: str = "matched",
    billed: int | None = None,
) -> Cell:
    """Both sides of one row; ``billed`` tokens where they are not the metered ones."""
    count = sum(parties.values())
    quantity = model.quantity(count if billed is None else billed)
    price = model.prices[key.meter]
    return Cell(
        verdict=verdict,
        provider=provider,
        meter=key.meter,
        start=key.start,
        end=key.start + window,
        unit=model.unit,
        currency=currency,
        billed=quantity,
        metered=model.quantity(count),
        cost=quantity * price,
        weights=dict(parties.items()),
        model=key.model,
        price=price,
    )


def unbilled(
    provider: str,
    key: Key,
    parties: Mapping[Party, int],
    model: Model,
    *,
    currency: str,
    verdict: str,
) -> Cell:
    """Metered and not on the bill: ``pending`` where it may still arrive, else missing."""
    found = cell(provider, key, parties, model, currency=currency, billed=0)
    found.verdict, found.cost, found.rows = verdict, ZERO, 0
    return found
