"""Which thresholds of a budget are reached, and which of that is told already.

What was told is in the journal: an entry for each delivery, and one where a figure fell below its
threshold again, so that the next time is told, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trueup.budgets.budget import BudgetTerms, Threshold
from trueup.budgets.measure import Measured
from trueup.money import plain
from trueup.workspace.journal import Entry

ALERTED, FELL_BELOW = "budget_alert", "budget_below"
_KEY = ("budget", "window", "on", "at")
Key = tuple[str, ...]


@dataclass(frozen=True)
class Crossing:
    """One threshold of a budget in a window, and whether its figure has reached it.

    ``crossed`` is None where the figure is not known.
    """

    terms: BudgetTerms
    threshold: Threshold
    measured: Measured

    @property
    def limit(self) -> Decimal:
        return self.threshold.limit(self.terms.amount)

    @property
    def value(self) -> Decimal | None:
        return self.measured.value(self.threshold.on)

    @property
    def crossed(self) -> bool | None:
        return None if self.value is None else self.value >= self.limit

    @property
    def body(self) -> dict[str, Any]:
        """What the journal keeps of it: which threshold of which window, and its figure."""
        return {
            "budget": self.terms.name,
            "window": self.terms.window_name(self.measured.window),
            "on": self.threshold.on,
            "at": f"{plain(self.threshold.at)}%",
            "limit": plain(self.limit),
            "value": None if self.value is None else plain(self.value),
            "currency": self.terms.currency,
        }

    @property
    def text(self) -> str:
        """What is told of it: ``accrued 812.00 of 1000.00 USD, 81.2 %: at or over 80%``."""
        return (
            f"{said(self.terms, self.measured, self.threshold.on)}: "
            f"at or over {plain(self.threshold.at)}%"
        )


def crossings(terms: BudgetTerms, measured: Measured) -> list[Crossing]:
    """Every threshold of a budget, in its order."""
    return [Crossing(terms, one, measured) for one in terms.thresholds]


def said(terms: BudgetTerms, measured: Measured, on: str) -> str:
    """A figure beside the amount of its budget."""
    value = measured.value(on)
    if value is None:
        return f"{on} is not known"
    estimated = ", estimated" if on == "forecast" else ""
    share = (value * 100 / terms.amount).quantize(Decimal("0.1"))
    return (
        f"{on} {plain(value, 2)} of {plain(terms.amount, 2)} {terms.currency}, {share} %{estimated}"
    )


def key_of(body: Mapping[str, Any]) -> Key:
    """What makes a crossing the same from run to run: budget, window and threshold."""
    return tuple(str(body[name]) for name in _KEY)


def told(entries: Iterable[Entry]) -> dict[Key, set[str]]:
    """Where each crossing that still holds was told, by the journal."""
    found: dict[Key, set[str]] = {}
    for entry in entries:
        if entry.kind == ALERTED:
            found.setdefault(key_of(entry.body), set()).add(entry.body["to"])
        elif entry.kind == FELL_BELOW:
            found.pop(key_of(entry.body), None)
    return found


def fell_below(found: Sequence[Crossing], before: Mapping[Key, set[str]]) -> list[Crossing]:
    """What was told and no longer holds."""
    return [one for one in found if one.crossed is False and key_of(one.body) in before]
