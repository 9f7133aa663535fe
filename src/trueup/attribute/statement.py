"""Showback and chargeback: what each unit of the company is charged, in whole minor units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from trueup.attribute.cost_line import CostLine, in_order, total
from trueup.attribute.hierarchy import LEVELS, Path, Place, above, place_of, shown
from trueup.money import EXACT, minor_decimals

SCALE = 18  # of currencies without a minor unit: nothing is rounded


@dataclass(frozen=True)
class Statement:
    """What the unit at ``place`` is charged in one currency; what is nobody's has no name in it.

    ``amount`` is in minor units of the currency, ``exact`` the sum of ``lines``, and
    ``rounding`` = ``amount`` - ``exact`` stands as a line of its own. The amounts of the units
    below add up to it.
    """

    place: Place
    currency: str
    exact: Decimal
    amount: Decimal
    lines: tuple[CostLine, ...]

    @property
    def level(self) -> str:
        """``business_unit``, ``cost_centre``, ``team``, or ``company`` for the whole."""
        return LEVELS[len(self.place) - 1] if self.place else "company"

    @property
    def path(self) -> Path:
        """The place as pages show it, no two the same."""
        return shown(self.place)

    @property
    def rounding(self) -> Decimal:
        return EXACT.subtract(self.amount, self.exact)


def statements(lines: Iterable[CostLine]) -> list[Statement]:
    """A statement for each unit of every level and currency, the company's first.

    A currency's whole is rounded once, half to even; its teams get that by the largest remainder,
    so each is less than one minor unit off its exact sum, and every level adds up to the whole.
    """
    by_currency: dict[str, dict[Place, list[CostLine]]] = {}
    for line in sorted(lines, key=_order):
        leaves = by_currency.setdefault(line.currency, {})
        leaves.setdefault(place_of(line.payer), []).append(line)
    found: list[Statement] = []
    for currency, leaves in sorted(by_currency.items()):
        found += _of_currency(currency, leaves)
    return found


def _of_currency(currency: str, leaves: dict[Place, list[CostLine]]) -> list[Statement]:
    leaf_places = sorted(leaves, key=shown)
    exact = [total(line.cost for line in leaves[place]) for place in leaf_places]
    amounts = rounded(exact, _decimals(currency))
    places: dict[Place, list[int]] = {}
    for number, leaf in enumerate(leaf_places):
        for place in above(leaf):
            places.setdefault(place, []).append(number)
    return [
        Statement(
            place=place,
            currency=currency,
            exact=total(exact[each] for each in numbers),
            amount=total(amounts[each] for each in numbers),
            lines=tuple(line for each in numbers for line in leaves[leaf_places[each]]),
        )
        for place, numbers in sorted(places.items(), key=lambda item: shown(item[0]))
    ]


def in_minor_units(exact: Decimal, currency: str) -> Decimal:
    """The amount rounded half to even to the currency's minor unit, where it has one."""
    return rounded([exact], _decimals(currency))[0]


def _decimals(currency: str) -> int:
    minor = minor_decimals(currency)
    return SCALE if minor is None else minor


def rounded(exact: Sequence[Decimal], decimals: int) -> list[Decimal]:
    """The amounts in so many decimals, their sum the exact sum rounded half to even.

    Each is its floor, or one unit more: the units that are left go to the largest remainders, ties
    in the order given.
    """
    unit = Decimal(1).scaleb(-decimals)
    whole = _quantized(total(exact), unit, ROUND_HALF_EVEN)
    floors = [_quantized(each, unit, ROUND_FLOOR) for each in exact]
    left = int(EXACT.subtract(whole, total(floors)).scaleb(decimals))
    remainders = [EXACT.subtract(each, floor) for each, floor in zip(exact, floors, strict=True)]
    order = sorted(range(len(exact)), key=lambda at: (-remainders[at], at))
    for at in order[:left]:
        floors[at] = EXACT.add(floors[at], unit)
    return floors


def _quantized(value: Decimal, unit: Decimal, rounding: str) -> Decimal:
    free = EXACT.copy()
    free.clear_traps()
    return value.quantize(unit, rounding=rounding, context=free)


def _order(line: CostLine) -> tuple[object, ...]:
    names = (*line.payer, line.provider, line.about, line.agent)
    return (line.currency, line.kind, *in_order(names), line.cost)
