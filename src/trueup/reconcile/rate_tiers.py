"""Which contract rate prices what was used, from when to when, and in which tiers: whole numbers.

Quantities are whole parts of their meter's base unit, costs whole numbers of 10^-18.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

import pyarrow as pa

from trueup.engine.integers import DIGITS, EDGE_SCALE
from trueup.errors import ConfigurationError, UnitError
from trueup.model.rules import Rate, Rules
from trueup.reconcile.liability import ALWAYS, speaks_of
from trueup.reconcile.liability import SUBJECT as OF_BILLS
from trueup.reconcile.metering import base_factor
from trueup.reconcile.scale import PARTS_LIMIT
from trueup.reconcile.text import text_of
from trueup.units import parse_unit

SUBJECT = (*OF_BILLS, "tool")  # what a rate may match by
ENDLESS = 10**DIGITS - 1

_WHOLE = pa.decimal128(DIGITS, 0)
_INSTANT = pa.timestamp("us", tz="UTC")
RATES = pa.schema(
    [
        ("subject", pa.string()),
        ("place", pa.int64()),  # of the rate, and of those that match the first counts
        ("valid_from", _INSTANT),
        ("valid_to", _INSTANT),
        ("currency", pa.string()),
        ("committed", pa.bool_()),
        ("step", _WHOLE),  # tiers count in parts so many times as fine as quantities
    ]
)
TIERS = pa.schema(
    [
        ("tier_of", pa.int64()),  # the rate's place
        ("low", _WHOLE),  # holds what is above ``low``, up to ``high``
        ("high", _WHOLE),
        ("num", _WHOLE),  # 10^-18 money for each part, as a fraction
        ("den", _WHOLE),
    ]
)


@dataclass(frozen=True)
class Priced:
    """The rates that speak of each subject, and the tiers of those rates."""

    rates: pa.Table
    tiers: pa.Table


def priced_subjects(subjects: Iterable[Mapping[str, Any]], rules: Rules) -> Priced:
    """``subjects`` have SUBJECT, ``unit`` and ``unit_factor`` (parts in a unit).

    A rate that says what such usage draws from a commitment prices it so; else on demand, by its
    tiers where it has some. A rate whose unit is not one of its meter prices nothing. Raises
    ConfigurationError where a price cannot be counted exactly.
    """
    rates, tiers = [], {}
    for subject in subjects:
        for place, rate in enumerate(rules.rate):
            parts = _parts(rate, subject)
            if parts is None or not speaks_of(rate.match, subject):
                continue
            step, found = _tiers(place, rate, parts)
            tiers[place] = found
            rates.append(
                {
                    "subject": text_of(subject[name] for name in SUBJECT),
                    "place": place,
                    "valid_from": _midnight(rate.valid_from or ALWAYS[0]),
                    "valid_to": _midnight(rate.valid_to or ALWAYS[1]),
                    "currency": rate.currency,
                    "committed": _is_committed(rate),
                    "step": Decimal(step),
                }
            )
    rows = [row for found in tiers.values() for row in found]
    return Priced(pa.Table.from_pylist(rates, RATES), pa.Table.from_pylist(rows, TIERS))


def _parts(rate: Rate, subject: Mapping[str, Any]) -> Fraction | None:
    """How many parts one unit of the rate has; None where the rate is of another meter."""
    if rate.meter != subject["meter"]:
        return None
    try:
        of_rate = base_factor(parse_unit(rate.unit), rate.meter)
    except UnitError:
        return None
    of_unit = base_factor(parse_unit(subject["unit"]), rate.meter)
    return of_rate / of_unit * Fraction(subject["unit_factor"])


def _is_committed(rate: Rate) -> bool:
    return rate.commitment_id is not None and rate.commitment_price is not None


def _tiers(place: int, rate: Rate, parts: Fraction) -> tuple[int, list[dict[str, Any]]]:
    """How much finer than quantities the rate's tiers count, and the tiers."""
    if _is_committed(rate):
        prices, limits = [rate.commitment_price], []
    elif rate.tiers:
        prices = [tier.price for tier in rate.tiers]
        limits = [Fraction(tier.up_to) * parts for tier in rate.tiers if tier.up_to is not None]
    else:
        prices, limits = [rate.price], []
    step = lcm(*(limit.denominator for limit in limits))
    edges = [0, *(int(limit * step) for limit in limits), ENDLESS]
    rows = []
    for at, price in enumerate(prices):
        each = Fraction(price or 0) * 10**EDGE_SCALE / (parts * step)
        if each.denominator >= PARTS_LIMIT or edges[-2] >= ENDLESS:
            raise ConfigurationError(
                f"rules: rate[{place + 1}]: {price} per {rate.unit} cannot be counted exactly "
                "beside usage so fine: give the price or the usage with fewer decimals"
            )
        rows.append(
            {
                "tier_of": place,
                "low": Decimal(edges[at]),
                "high": Decimal(edges[at + 1]),
                "num": Decimal(each.numerator),
                "den": Decimal(each.denominator),
            }
        )
    return step, rows


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
