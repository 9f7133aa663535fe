"""Claims as a person sends them: what one rule makes of one commitment, over its intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from trueup.report.figures import ZERO, Row, Sum
from trueup.report.names import last_part, names_of

if TYPE_CHECKING:
    from trueup.report.result import Result

CLAIMABLE, INDICATED = "claimable", "indicated"


@dataclass
class Claim:
    """The claims of one provider, commitment, rule, status and currency."""

    row: Row  # the largest of them, for what they have in common and its arithmetic
    name: str | None
    currency: str | None
    intervals: int = 0
    lines: int = 0
    amount: Sum = field(default_factory=Sum)
    missing: set[str] = field(default_factory=set)
    first: datetime | None = None
    last: datetime | None = None

    @property
    def size(self) -> Decimal:
        return abs(self.amount.known or ZERO)

    @property
    def is_claimable(self) -> bool:
        return bool(self.row["status"] == CLAIMABLE)

    @property
    def evidence(self) -> str:
        """What is lacking before it can be sent; nothing where nothing is."""
        return ", ".join(sorted(self.missing))

    def add(self, row: Row) -> None:
        self.intervals += 1
        self.lines += row["lines"] or 0
        self.amount.add(row["amount"])
        if row["missing_evidence"]:
            self.missing.add(row["missing_evidence"])
        start, end = row["interval_start"], row["interval_end"]
        if start is not None and end is not None:
            self.first = min(self.first or start, start)
            self.last = max(self.last or end, end)


def claims(result: Result) -> list[Claim]:
    """What the payer was billed too much by the rules: claimable first, then by the money.

    A total that the rules make larger is no claim: it stays a break.
    """
    names = names_of(result)
    found: dict[tuple[object, ...], Claim] = {}
    for row in result.claims:
        if (row["amount"] or ZERO) <= 0:
            continue
        shared = ("provider", "commitment_id", "rule", "status", "currency")
        identifier = row["commitment_id"]
        name = identifier and (names.get(identifier) or last_part(identifier))
        key = tuple(row[part] for part in shared)
        found.setdefault(key, Claim(row, name, row["currency"])).add(row)
    return sorted(
        found.values(),
        key=lambda item: (not item.is_claimable, item.currency or "", -item.size),
    )


def claimable(result: Result) -> dict[str, Decimal]:
    """What can be claimed now, per currency."""
    sums: dict[str, Decimal] = {}
    for item in claims(result):
        if item.is_claimable and item.currency:
            sums[item.currency] = sums.get(item.currency, ZERO) + item.size
    return sums
