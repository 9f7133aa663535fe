"""What a period cost, line by line: the common form of usage, unused commitment and the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from trueup.money import EXACT

Kind = Literal["usage", "unused", "unattributed"]


@dataclass(frozen=True, order=True)
class CostLine:
    """An exact effective cost in one currency, and whom it falls to.

    ``team`` and ``cost_centre`` are null where nobody is charged: then it is shown apart. ``about``
    is the model of usage, the commitment of what is unused, the reason of what is unattributed.
    """

    currency: str
    kind: Kind
    team: str | None
    cost_centre: str | None
    provider: str | None
    about: str | None
    cost: Decimal


def total(costs: Iterable[Decimal]) -> Decimal:
    """The exact sum; no cost is zero."""
    found = Decimal(0)
    for cost in costs:
        found = EXACT.add(found, cost)
    return found
