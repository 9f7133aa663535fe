"""What a period cost, line by line: the common form of usage, unused commitment and the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, NamedTuple

from trueup.money import EXACT

Kind = Literal["usage", "unused", "unattributed"]


class Payer(NamedTuple):
    """Who is charged; without any name nobody is."""

    team: str | None = None
    cost_centre: str | None = None
    business_unit: str | None = None


@dataclass(frozen=True)
class CostLine:
    """An exact effective cost in one currency, and whom it falls to.

    Without a payer nobody is charged: then it is shown apart. ``about`` is the model of usage, the
    commitment of what is unused, the reason of what is unattributed.
    """

    currency: str
    kind: Kind
    team: str | None
    cost_centre: str | None
    provider: str | None
    about: str | None
    cost: Decimal
    business_unit: str | None = None
    agent: str | None = None

    @property
    def payer(self) -> Payer:
        return Payer(self.team, self.cost_centre, self.business_unit)

    def charged(self, payer: Payer, cost: Decimal) -> CostLine:
        """A part of it, charged to somebody."""
        return replace(self, **payer._asdict(), cost=cost)


def total(costs: Iterable[Decimal]) -> Decimal:
    """The exact sum; no cost is zero."""
    found = Decimal(0)
    for cost in costs:
        found = EXACT.add(found, cost)
    return found


def in_order(names: Iterable[str | None]) -> list[tuple[bool, str]]:
    """A key that sorts by names, those that are not known last."""
    return [(name is None, name or "") for name in names]
