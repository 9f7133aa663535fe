"""What offers cost by the hour, and the history that each is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import lcm

from trueup.errors import UnitError, UsageError
from trueup.forecast.commitment_level import History, Layer
from trueup.model.rules import Offer, Rules
from trueup.period import Period, add_months
from trueup.planning.use import HOUR, Priced, Use
from trueup.units import factor

STEP_MONEY, STEP_UNITS = Fraction(1, 100), Fraction(1)


@dataclass(frozen=True)
class Held:
    """An offer against a history, whose amounts are ``parts`` to the offer's unit."""

    offer: Offer
    term: Period
    price: Fraction  # of a unit for an hour
    parts: int
    history: History


def offers_of(rules: Rules, names: Sequence[str]) -> list[Offer]:
    """The offers of those names, without names all; where the rules have none, those of the rates.

    A rate with a ``commitment_price`` offers a commitment in its currency. Raises UsageError for a
    name that no offer has, and where there is no offer.
    """
    offers = list(rules.offer) or [
        Offer(name=f"commitment in {currency}", currency=currency)
        for currency in sorted({r.currency for r in rules.rate if r.commitment_price is not None})
    ]
    if not offers:
        raise UsageError(
            "no commitment is offered: add an [[offer]] to the rules, or give a [[rate]] its "
            "commitment_price"
        )
    known = [offer.name for offer in offers]
    for name in names:
        if name not in known:
            raise UsageError(f"no offer is called {name!r}: they are {', '.join(known)}")
    return [offer for offer in offers if not names or offer.name in names]


def term_of(offer: Offer, begins: date) -> Period:
    """The offer's term, from its own start, else from ``begins`` on."""
    day = offer.start or begins
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    months = int(offer.term[1:-1]) * (12 if offer.term.endswith("Y") else 1)
    return Period(start, add_months(start, months))


def hourly_price(offer: Offer, term: Period) -> Fraction:
    """What a unit costs for an hour: what is paid upfront is spread over the term's actual hours.

    A unit of a commitment in money is that money, however it is paid.
    """
    if offer.unit is None:
        return Fraction(1)
    hours = (term.end - term.start) // HOUR
    return Fraction(offer.hourly) + Fraction(offer.upfront) / hours


def held_against(offer: Offer, use: Use) -> Held | None:
    """The offer against what it may serve of the use; None where that is nothing."""
    measured = [(one, size) for one in use.priced if (size := _size(offer, one))]
    if not measured:
        return None
    default = STEP_MONEY if offer.unit is None else STEP_UNITS
    step = default if offer.step is None else Fraction(offer.step)
    amounts = [[amount * size for amount in one.amounts] for one, size in measured]
    parts = lcm(step.denominator, *{each.denominator for hourly in amounts for each in hourly})
    layers = [
        Layer(one.price / size / parts, [int(each * parts) for each in hourly])
        for (one, size), hourly in zip(measured, amounts, strict=True)
    ]
    term = term_of(offer, use.day + timedelta(days=1))
    price = hourly_price(offer, term)
    return Held(offer, term, price, parts, History(layers, price / parts, int(step * parts)))


def _size(offer: Offer, one: Priced) -> Fraction:
    """How much of the offer's unit a part of usage takes; nought where the offer is not for it."""
    rate = one.rate
    if offer.name not in one.offers or offer.currency != rate.currency:
        return Fraction(0)
    if offer.unit is not None:
        try:
            return 1 / (one.parts * factor(offer.unit, rate.unit))
        except UnitError:
            return Fraction(0)
    if offer.discount is not None:
        return Fraction(rate.price) * (1 - Fraction(offer.discount)) / one.parts
    return Fraction(rate.commitment_price or 0) / one.parts
