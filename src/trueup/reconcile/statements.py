"""Our ledger against the provider's own balances: what it took from a lot, and why it differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import accumulate
from typing import Any

from trueup.errors import UnitError
from trueup.period import iso
from trueup.reconcile.draws import DRAWDOWN
from trueup.reconcile.found import DOUBLE, EARLY, MISSING, ORDER, OTHER, Found, plain
from trueup.reconcile.ledger import EXPIRY, NOTHING, Ledger
from trueup.reconcile.pools import Pool
from trueup.reconcile.terms import Terms
from trueup.units import factor

PROVIDER = "provider"  # the side of a break
Row = Mapping[str, Any]
Counted = Callable[[Terms, Fraction], bool]  # whether a lot was drawn by just so much, once


@dataclass(frozen=True)
class Statement:
    """What the provider says of a lot at an instant, in the lot's unit."""

    at: datetime
    granted: Fraction | None
    drawn: Fraction | None
    expired: Fraction | None
    remaining: Fraction
    expires_at: datetime | None
    rows: Sequence[tuple[str, int, int]] = ()  # where it stands; see ``reconcile.leg``


@dataclass(frozen=True)
class Knowledge:
    """How far the run knows the draws of a provider."""

    until: datetime  # the end of what the bill covers
    lag: timedelta
    as_of: datetime

    def open(self, at: datetime) -> bool:
        """Whether charges from before an instant may still come."""
        return self.until < at or self.as_of < at + self.lag


def statement_of(row: Row, lot: Terms) -> Statement | str:
    """A row of ``provider_balances``; else why it cannot be compared with the lot."""
    if row["at"] is None or row["remaining"] is None:
        return "the provider does not say what is left, and when"
    try:
        size = _size(row["unit"], lot.unit)
    except UnitError:
        return f"the provider counts in {row['unit']}, the contract in {lot.unit}"

    def amount(name: str) -> Fraction | None:
        return None if row[name] is None else Fraction(row[name]) * size

    return Statement(
        at=row["at"],
        granted=amount("granted"),
        drawn=amount("drawn"),
        expired=amount("expired"),
        remaining=Fraction(row["remaining"]) * size,
        expires_at=row["expires_at"],
        rows=stands_at(row),
    )


def stands_at(row: Row) -> list[tuple[str, int, int]]:
    """Where a row of what a provider says stands, where that is known; see ``reconcile.leg``."""
    place = (row["source_id"], row["source_row"])
    return [] if None in place else [(PROVIDER, *place)]


def _size(theirs: str | None, ours: str | None) -> Fraction:
    if theirs is None or ours is None or theirs.lower() == ours.lower():
        return Fraction(1)
    return factor(theirs, ours)


@dataclass
class Comparison:
    """One lot at the instant of a statement; ``rest`` is what no rule has explained yet."""

    lot: Terms
    said: Statement | None  # None: the provider has no such lot
    at: datetime
    closing: Fraction
    expired: Fraction
    rest: Fraction

    @property
    def granted(self) -> Fraction:
        return Fraction(self.lot.figure or self.lot.opening or 0)

    @property
    def remaining(self) -> Fraction:
        return self.said.remaining if self.said else NOTHING

    @property
    def drawn(self) -> Fraction:
        """What we know to be drawn until then."""
        return self.granted - self.closing - self.expired

    @property
    def drawn_there(self) -> Fraction:
        """What the provider says was drawn."""
        if self.said is None:
            return NOTHING
        if self.said.drawn is not None:
            return self.said.drawn
        granted = self.granted if self.said.granted is None else self.said.granted
        return granted - self.remaining - (self.said.expired or NOTHING)

    def found(self, rule: str, part: Fraction, why: str) -> Found:
        """A part of the difference, explained by a rule: taken until it, and expected."""
        self.rest -= part
        expected = self.granted - self.closing
        told = self.said.rows if self.said else ()
        return Found(self.lot, rule, expected + part, expected, 0, why, told)


def compared(pool: Pool, said: Mapping[str, Statement], at: datetime | None) -> list[Comparison]:
    """Each lot of a pool with its statement; ``at`` is when the provider spoke of other lots.

    A statement from before the ledger is left out, and so is a lot that the provider need not have.
    """
    found: list[Comparison] = []
    ledger = pool.ledger
    if ledger is None:
        return found
    for lot in pool.lots:
        one = said.get(lot.commitment_id)
        when = one.at if one else at
        held = lot.commitment_id in ledger.held
        if when is None or not held or when < ledger.since:
            continue
        if one is None and not lot.start <= when < lot.end:
            continue
        closing = ledger.balance(lot.commitment_id, when)
        rest = closing - (one.remaining if one else NOTHING)
        expired = _expired(ledger, lot.commitment_id, when)
        found.append(Comparison(lot, one, when, closing, expired, rest))
    return found


def _expired(ledger: Ledger, lot: str, at: datetime) -> Fraction:
    lost = (one.quantity for one in ledger.movements[lot] if one.kind == EXPIRY and one.before(at))
    return -sum(lost, NOTHING)


def explained(
    pool: Pool, comparisons: Sequence[Comparison], known: Knowledge, counted: Counted
) -> tuple[list[Found], list[str]]:
    """Why the provider's balances of a pool differ from ours, and what may still explain itself."""
    found = [one for each in comparisons for one in _of_the_lot(each)]
    differing = [each for each in comparisons if each.rest]
    same_sum = sum((each.drawn for each in comparisons), NOTHING) == sum(
        (each.drawn_there for each in comparisons), NOTHING
    )
    notes = []
    for each in differing:
        if len(comparisons) > 1 and same_sum:
            found.append(each.found(ORDER, each.rest, _order_text(pool, each)))
        elif known.open(each.at) and _may_come(pool, each, known):
            notes.append(
                f"{each.lot.commitment_id}: the provider's balance at {iso(each.at)} is "
                f"{plain(each.remaining)}, ours {plain(each.closing)}: provisional, charges may "
                "still arrive"
            )
        elif each.rest > 0 and counted(each.lot, each.rest):
            found.append(
                each.found(
                    DOUBLE, each.rest, f"{plain(each.rest)} that was drawn once is taken twice."
                )
            )
        else:
            found.append(each.found(OTHER, each.rest, _other_text(each)))
    return found, notes


def _of_the_lot(each: Comparison) -> Iterator[Found]:
    """What the provider's own figures of the lot explain: a smaller grant, an earlier loss."""
    if each.rest <= 0:
        return
    name, granted = each.lot.commitment_id, each.granted
    if each.said is None:
        why = f"The contract grants {plain(granted)}; the provider's balances have no lot {name}."
        yield each.found(MISSING, each.rest, why)
        return
    if each.said.granted is not None and each.said.granted < granted:
        why = f"The contract grants {plain(granted)}, the provider {plain(each.said.granted)}."
        yield each.found(MISSING, min(granted - each.said.granted, each.rest), why)
    lost = NOTHING
    if each.said.expired is not None:
        lost = max(each.said.expired - each.expired, NOTHING)
    ends = each.said.expires_at
    if not lost and ends is not None and ends <= each.at < each.lot.end and not each.remaining:
        lost = each.rest
    lost = min(lost, each.rest)
    if lost:
        why = f"{plain(lost)} expired before {iso(each.lot.end)}, when the contract ends."
        yield each.found(EARLY, lost, why)


def _may_come(pool: Pool, each: Comparison, known: Knowledge) -> bool:
    """Whether draws that have not arrived, on either side, may explain what is left."""
    if each.rest > 0:
        return True
    recent = pool.drawn(each.lot.commitment_id).between(each.at - known.lag, each.at)
    return -each.rest <= recent


def _order_text(pool: Pool, each: Comparison) -> str:
    order = ", ".join(lot.commitment_id for lot in pool.lots)
    return (
        f"Drawn in the order {order}, the lot gives {plain(each.drawn)}; the provider drew "
        f"{plain(each.drawn_there)} from it, and as much from all of them together."
    )


def _other_text(each: Comparison) -> str:
    return (
        f"At {iso(each.at)} the ledger leaves {plain(each.closing)}, the provider "
        f"{plain(each.remaining)}."
    )


def drawn_once(ledger: Ledger, lot: str, quantity: Fraction) -> bool:
    """Whether drawings that followed one another add up to just that quantity."""
    drawn = [-one.quantity for one in ledger.movements[lot] if one.kind == DRAWDOWN]
    seen: set[Fraction] = set()
    for running in accumulate(drawn, initial=NOTHING):
        if running - quantity in seen:
            return True
        seen.add(running)
    return False
