"""One figure of one interval, as contract, bill and provider say it, and which of them agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from trueup.reconcile.commitment_leg import edge_decimal

COMMITTED, USED, UNUSED, REMAINING = "committed", "used", "unused", "remaining"
AGREE = "agree"
MONEY_DECIMALS = 2
Figure = Fraction | None


@dataclass(frozen=True)
class Said:
    """One figure of one interval, in one unit, as each source says it; None: it does not."""

    commitment_id: str
    provider: str | None
    figure: str
    start: datetime
    end: datetime
    unit: str | None
    currency: str | None
    contract: Figure
    bill: Figure
    provider_says: Figure
    open: bool = False  # charges of the interval may still arrive
    other_unit: str | None = None  # that of the provider, where it cannot be compared
    told: Sequence[tuple[str, int, int]] = ()  # where the provider says so; see ``reconcile.leg``

    @property
    def verdict(self) -> str:
        """Which of the sources agree; with two that differ nobody knows which is right."""
        contract, bill, there = self.contract, self.bill, self.provider_says
        known = [value for value in (contract, bill, there) if value is not None]
        pairs = {
            "provider_differs": same(contract, bill),
            "bill_differs": same(contract, there),
            "contract_differs": same(bill, there),
        }
        if len(known) < 2 or all(same(known[0], value) for value in known[1:]):
            return AGREE
        agreeing = [name for name, agrees in pairs.items() if agrees]
        return agreeing[0] if len(known) == 3 and agreeing else "all_differ"

    @property
    def compared(self) -> int:
        return sum(value is not None for value in (self.contract, self.bill, self.provider_says))


def same(one: Figure, other: Figure) -> bool:
    """Whether two figures are equal, or one is the other rounded, to cents or finer."""
    if one is None or other is None:
        return False
    decimals = max(MONEY_DECIMALS, min(_decimals(one), _decimals(other)))
    return one == other or abs(one - other) * 2 * 10**decimals <= 1


def _decimals(value: Fraction) -> int:
    exponent = (edge_decimal(value) or Decimal(0)).normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def summed(said: Sequence[Said]) -> Iterator[Said]:
    """What differs as it is; what agrees as one figure over all its intervals."""
    agreeing: dict[tuple[str, str, str | None, bool, bool], list[Said]] = {}
    for one in said:
        if one.compared > 1 and (one.figure == REMAINING or one.verdict != AGREE):
            yield one
        elif one.compared > 1:
            key = (one.commitment_id, one.figure, one.unit, one.contract is None, one.bill is None)
            agreeing.setdefault(key, []).append(one)
    for group in agreeing.values():
        first = group[0]
        yield Said(
            *(first.commitment_id, first.provider, first.figure),
            min(one.start for one in group),
            max(one.end for one in group),
            *(first.unit, first.currency),
            _sum(one.contract for one in group),
            _sum(one.bill for one in group),
            _sum(one.provider_says for one in group),
            open=any(one.open for one in group),
            other_unit=first.other_unit,
        )


def _sum(values: Iterator[Figure]) -> Figure:
    known = [value for value in values if value is not None]
    return sum(known, Fraction(0)) if known else None


def figure_row(one: Said) -> dict[str, Any]:
    """The row of ``figures``."""
    return {
        "commitment_id": one.commitment_id,
        "provider": one.provider,
        "figure": one.figure,
        "interval_start": one.start,
        "interval_end": one.end,
        "unit": one.unit,
        "contract": edge_decimal(one.contract),
        "bill": edge_decimal(one.bill),
        "provider_says": edge_decimal(one.provider_says),
        "verdict": one.verdict,
        "compared": one.compared,
        "explanation": _explanation(one),
    }


def _explanation(one: Said) -> str | None:
    if one.other_unit is not None:
        return f"the provider counts in {one.other_unit}: not compared"
    if one.verdict != AGREE and one.open:
        return "provisional: charges of the interval may still arrive"
    return None
