"""Breaks as findings: the same thing that went wrong in many hours is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from trueup.report.figures import ZERO, Row, Sum, is_off_bill, largest
from trueup.report.names import last_part, names_of, subject_of
from trueup.report.numbers import length, moment

if TYPE_CHECKING:
    from trueup.report.result import Result

SHOWN = 6  # in a list of what to look at first
SPECK = Decimal("0.01")  # what is less is no one's first concern
PER_CENT = 100
RESTATEMENT = "restatement"  # the leg
NO_TIME = timedelta(0)


@dataclass
class Finding:
    """Breaks of one class, leg, provider, subject and currency, and what they add up to."""

    row: Row  # the largest of them, for what they have in common
    name: str | None  # of what it is about, as people call it
    currency: str | None  # None where an amount or its currency is not known
    times: int = 0
    lasting: timedelta = NO_TIME
    explained: bool = False  # by a cause or a claim, which tells of them
    first: datetime | None = None
    last: datetime | None = None
    amount: Sum = field(default_factory=Sum)
    gross: Sum = field(default_factory=Sum)
    billed: Sum = field(default_factory=Sum)
    expected: Sum = field(default_factory=Sum)

    @property
    def size(self) -> Decimal:
        """The money in it, overbilled and underbilled not set off against each other."""
        return self.gross.known or ZERO

    def add(self, row: Row) -> None:
        amount = row["amount"]
        self.times += 1
        self.amount.add(amount)
        self.gross.add(None if amount is None else abs(amount))
        self.billed.add(row["billed"])
        self.expected.add(row["expected"])
        start, end = row["period_start"], row["period_end"]
        if start is not None and end is not None:
            self.lasting += end - start
            self.first = min(self.first or start, start)
            self.last = max(self.last or end, end)

    @property
    def when(self) -> str:
        """How long it was wrong in all, and from when to when."""
        if self.first is None or self.last is None:
            return ""
        if self.last - self.first == self.lasting:
            return f"{length(self.lasting)} from {moment(self.first)}"
        return f"{length(self.lasting)} between {moment(self.first)} and {moment(self.last)}"

    @property
    def where(self) -> str:
        """Provider, name and meter."""
        meter = None if self.row["commitment_id"] else self.row["meter"]
        return " ".join(part for part in (self.row["provider"], self.name, meter) if part)


def _plain(subject: str, row: Row) -> str:
    """A lot, an invoice or a pair of currencies as it is called; of an identifier its last part."""
    return subject if row["subject"] else last_part(subject)


def findings(result: Result) -> list[Finding]:
    """All breaks of the drift, grouped: by currency, the most money first, unknown amounts last."""
    names = names_of(result)
    claimed = {row["claim_id"] for row in result.claims.rows()}
    found: dict[tuple[object, ...], Finding] = {}
    for row in result.breaks:
        if is_off_bill(row):
            continue
        explained = row["cause_id"] is not None or row["id"] in claimed
        currency = None if row["amount"] is None else row["currency"]
        subject = subject_of(row)
        meter = None if row["commitment_id"] else row["meter"]
        # What many small differences add up to stands beside the hours it is made of.
        accumulated = row["rule"] == "accumulated"
        shared = tuple(row[name] for name in ("class", "leg", "provider", "unit"))
        key = (*shared, subject, meter, currency, accumulated, explained)
        if key not in found:
            name = subject and (names.get(subject) or _plain(subject, row))
            if row["leg"] == RESTATEMENT:  # its subject is a whole row of the bill
                own = row["resource_id"] or row["commitment_id"]
                name = names.get(own) or last_part(own) if own else name
            found[key] = Finding(row, name, currency, explained=explained)
        found[key].add(row)
    return sorted(
        found.values(),
        key=lambda item: (item.currency is None, item.currency or "", -item.size),
    )


@dataclass(frozen=True)
class Selection:
    """The findings to look at first, and how many breaks with money are left to the report."""

    shown: list[Finding]
    left: int
    left_gross: dict[str, Sum]
    unpriced: int  # breaks whose amount is not known


def first_findings(result: Result, limit: int = SHOWN) -> Selection:
    """What is material, else a hundredth of its currency's drift; one per currency at least.

    What a cause explains, or a claim states, is told with that and not once more.
    """
    every = [item for item in findings(result) if not item.explained]
    moving = [item for item in every if item.currency is not None and item.size]
    of_currency: dict[str | None, Decimal] = {}
    for item in moving:
        of_currency[item.currency] = of_currency.get(item.currency, ZERO) + item.size
    material = result.outcome.material_amount
    due: list[Finding] = []
    seen: set[str | None] = set()
    for item in moving:
        floor = of_currency[item.currency] / PER_CENT if material is None else material
        if item.size >= SPECK and (item.size >= floor or item.currency not in seen):
            due.append(item)
            seen.add(item.currency)
    shown = largest(due, limit)
    gross: dict[str, Sum] = {}
    left = [item for item in moving if not any(item is other for other in shown)]
    for item in left:
        gross.setdefault(item.currency or "", Sum()).add(item.size)
    return Selection(
        shown,
        sum(item.times for item in left),
        gross,
        sum(item.times for item in every if item.currency is None),
    )
