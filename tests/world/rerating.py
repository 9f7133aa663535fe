"""A commitment applied to an hour's usage by its provider's rules: in fractions, apart from trueup.

What a commitment does not use in an hour is lost and paid for all the same: only what stays on
demand can be another sum than the bill's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from tests.world.figures import Row, exact, rounded
from tests.world.focus import text
from tests.world.ledger import HOUR, Ledger

NOTHING = Fraction(0)


@dataclass(frozen=True)
class Line:
    """Usage of one row, and whether the commitment paid for it on the bill."""

    quantity: Decimal
    rate: Decimal  # what a unit takes of the commitment, in the commitment's own
    price: Fraction  # what a unit costs on demand
    cost: Decimal  # what the row costs on demand, as a bill rounds it
    covered: bool

    @property
    def needs(self) -> Decimal:
        """What all of it takes of the commitment."""
        return self.quantity * self.rate

    @property
    def order(self) -> tuple[Fraction, Decimal, bool]:
        """The highest share saved first, then the lowest rate; what was covered stays so."""
        return Fraction(self.rate) / self.price, self.rate, not self.covered


@dataclass(frozen=True)
class Applied:
    """A commitment, and the name of the rule by which it is applied."""

    id: str
    provider: str
    rule: str
    currency: str


def by_rules(lines: Sequence[Line], pool: Fraction) -> list[Fraction]:
    """What the commitment saves of each line's cost on demand."""
    saved = [NOTHING] * len(lines)
    left = pool
    for place in sorted(range(len(lines)), key=lambda place: lines[place].order):
        line = lines[place]
        taken = min(Fraction(line.needs), left)
        saved[place] = Fraction(line.cost) * taken / Fraction(line.needs)
        left -= taken
    return saved


def on_demand(lines: Sequence[Line], pool: Fraction) -> tuple[Decimal, Decimal]:
    """What lines cost on demand: as billed, and by the rules, rounded once at 18 decimals.

    Only lines that are covered on the bill or by the rules count.
    """
    saved = by_rules(lines, pool)
    touched = [line for line, part in zip(lines, saved, strict=True) if part or line.covered]
    whole = sum((Fraction(line.cost) for line in touched), NOTHING)
    covered = sum((Fraction(line.cost) for line in touched if line.covered), NOTHING)
    return exact(whole - covered), rounded(whole - sum(saved, NOTHING))


def breaks(ledger: Ledger, applied: Applied, lines: Mapping[datetime, Sequence[Line]]) -> list[Row]:
    """A break for every hour in which the rules leave another sum on demand than the bill."""
    rows: list[Row] = []
    for one in ledger.covered:
        if one.commitment != applied.id:
            continue
        pool = Fraction(one.used) + Fraction(one.unused)
        billed, expected = on_demand(lines.get(one.start, ()), pool)
        if billed != expected:
            rows.append(_break(applied, one.start, billed, expected))
    return rows


def _break(applied: Applied, start: datetime, billed: Decimal, expected: Decimal) -> Row:
    return {
        "class": "price",
        "leg": "price",
        "rule": applied.rule,
        "provider": applied.provider,
        "commitment_id": applied.id,
        "account_id": None,
        "subject": None,
        "period_start": text(start),
        "period_end": text(start + HOUR),
        "billed": text(billed),
        "expected": text(expected),
        "unit": applied.currency,
        "amount": text(billed - expected),
        "currency": applied.currency,
    }


def claims(misapplied: Iterable[Row]) -> list[Row]:
    """What can be asked back for each break: indicated, as the month is not final yet."""
    same = ("provider", "commitment_id", "rule", "billed", "expected", "amount", "currency")
    return [
        {
            **{name: row[name] for name in same},
            "interval_start": row["period_start"],
            "interval_end": row["period_end"],
            "status": "indicated",
        }
        for row in misapplied
    ]
