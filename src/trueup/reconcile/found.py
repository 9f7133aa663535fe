"""What the balance leg found of a lot, before it becomes a break: both sides, in the lot's unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from trueup.period import Period
from trueup.reconcile.commitment_leg import edge_decimal
from trueup.reconcile.lot_names import credit_price, in_common
from trueup.reconcile.terms import Terms

LEG = "balance"
MISSING, DOUBLE, EARLY = "missing_credit", "double_drawdown", "early_expiry"
ORDER, OTHER = "draw_order", "balance"


@dataclass(frozen=True)
class Found:
    """What was taken from a lot, and what should have been, as one rule explains it."""

    lot: Terms
    rule: str
    billed: Fraction
    expected: Fraction
    rows: int
    explanation: str
    told: Sequence[tuple[str, int, int]] = ()  # where the provider says so; see ``reconcile.leg``

    @property
    def excess(self) -> Fraction:
        """Positive: too much was taken."""
        return self.billed - self.expected

    def with_(self, other: Found) -> Found:
        """One finding of the same lot and rule: what both took too much, told by the first.

        One of them may be of the lot's pool, of which the price is not known.
        """
        return Found(
            in_common([self.lot, other.lot]),
            self.rule,
            self.billed,
            self.expected - other.excess,
            self.rows + other.rows,
            f"{self.explanation} {other.explanation}",
            list(dict.fromkeys([*self.told, *other.told])),
        )


def merged(found: Iterable[Found]) -> list[Found]:
    """One finding per lot and rule, in the order in which they were found first."""
    known: dict[tuple[str, str], Found] = {}
    for one in found:
        key = (one.lot.commitment_id, one.rule)
        known[key] = known[key].with_(one) if key in known else one
    return [one for one in known.values() if one.excess]


def break_of(found: Found, window: Period) -> dict[str, Any]:
    """The finding as a row of ``BREAKS``; its money is null where a credit has no price."""
    price = credit_price(found.lot)
    return {
        "class": LEG,
        "leg": LEG,
        "provider": found.lot.provider,
        "commitment_id": found.lot.commitment_id,
        "subject": found.lot.commitment_id,
        "period_start": window.start,
        "period_end": window.end,
        "billed": edge_decimal(found.billed),
        "expected": edge_decimal(found.expected),
        "unit": found.lot.unit,
        "amount": None if price is None else edge_decimal(found.excess * price),
        "currency": found.lot.currency,
        "priced_by": None if price is None else "contract",
        "rule": found.rule,
        "rows_billed": found.rows,
        "rows_metered": 0,
        "rows": found.told,
        "explanation": found.explanation,
    }


def plain(value: Fraction) -> str:
    """A figure for a sentence: plain decimal text, at most 18 places."""
    text = format(edge_decimal(value) or 0, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
