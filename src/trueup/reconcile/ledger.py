"""The credit ledger of a pool: what moved the balance of each of its lots, by quarters of hours.

Amounts are exact fractions in the lots' unit. A balance is never negative: what is drawn beyond it
is overage. What a lot still holds when its term ends is lost, and so is what is given back later.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from trueup.engine.instants import QUARTER_SECONDS
from trueup.errors import IntegrityError
from trueup.period import Period
from trueup.reconcile.draws import ADJUSTMENT, DRAWDOWN, REFUND, Draws, Moved

GRANT, EXPIRY, OVERAGE = "grant", "expiry", "overage"
OWN, POOLED = "own", "pooled"  # charges that name the lot, and those that go by the draw order
HOUR, QUARTER = timedelta(hours=1), timedelta(seconds=QUARTER_SECONDS)
NOTHING = Fraction(0)


def hour_end(at: datetime) -> datetime:
    """The end of the UTC hour."""
    return at.replace(minute=0, second=0, microsecond=0) + HOUR


@dataclass(frozen=True)
class Lot:
    """One lot as the ledger knows it when it opens: ``held`` at ``since``, or granted later."""

    id: str
    start: datetime
    end: datetime
    held: Fraction | None  # None: it is granted at ``start``
    granted: Fraction
    rollover: Fraction = NOTHING
    adjustments: tuple[tuple[datetime, Fraction], ...] = ()

    def active(self, at: datetime) -> bool:
        """Whether charges that start then draw on it: also in the hour in which it starts."""
        return self.start < hour_end(at) and at < self.end


@dataclass(frozen=True)
class Movement:
    """What moved a balance, signed; overage moves none. ``after`` is the balance it left.

    ``closing`` marks what happens as a term ends: at midnight it belongs to the day that is over.
    ``by`` says which charges drew it or gave it back: OWN or POOLED, None for what no charge did.
    """

    at: datetime
    kind: str
    quantity: Fraction
    rows: int
    after: Fraction
    closing: bool = False
    by: str | None = None

    @property
    def agreed(self) -> bool:
        """Whether the contract adjusted the lot, or a lot before it left it something."""
        return self.kind == ADJUSTMENT and not self.rows

    def before(self, end: datetime) -> bool:
        """Whether it has happened when a span ends."""
        return self.at <= end if self.closing else self.at < end


@dataclass(frozen=True)
class Roll:
    """opening + granted - drawn + refunded + adjusted - expired = closing, of one lot and span."""

    opening: Fraction
    granted: Fraction
    drawn: Fraction
    refunded: Fraction
    adjusted: Fraction
    expired: Fraction
    closing: Fraction
    overage: Fraction
    agreed: Fraction = NOTHING  # of what is adjusted, by the contract: no charge is behind it


@dataclass
class Ledger:
    """The movements of a pool's lots from ``since`` on, and what each held then."""

    since: datetime
    held: dict[str, Fraction]
    movements: dict[str, list[Movement]]  # by lot, as they were booked

    def balance(self, lot: str, at: datetime) -> Fraction:
        """What the lot holds at an instant not before ``since``, as its last movement left it."""
        before = (one.after for one in reversed(self.movements[lot]) if one.before(at))
        return next(before, self.held[lot])

    def until(self, lot: str, end: datetime) -> list[Movement]:
        """What moved the lot before a span ends."""
        return [one for one in self.movements[lot] if one.before(end)]

    def roll(self, lot: str, spans: Sequence[Period]) -> list[Roll]:
        """The lot's roll-forwards over adjoining spans; IntegrityError unless each adds up."""
        ends = [span.end for span in spans]
        inside: list[list[Movement]] = [[] for _ in spans]
        for one in self.movements[lot]:
            place = bisect_left(ends, one.at) if one.closing else bisect_right(ends, one.at)
            if place < len(spans) and not one.before(spans[0].start):
                inside[place].append(one)
        opening = self.balance(lot, spans[0].start)
        rolled = []
        for span, movements in zip(spans, inside, strict=True):
            rolled.append(_rolled(opening, movements))
            check(rolled[-1], f"lot {lot}, {span}")
            opening = rolled[-1].closing
        return rolled


def _rolled(opening: Fraction, movements: Sequence[Movement]) -> Roll:
    sums = dict.fromkeys((GRANT, DRAWDOWN, REFUND, ADJUSTMENT, EXPIRY, OVERAGE), NOTHING)
    for one in movements:
        sums[one.kind] += one.quantity
    return Roll(
        opening=opening,
        granted=sums[GRANT],
        drawn=-sums[DRAWDOWN],
        refunded=sums[REFUND],
        adjusted=sums[ADJUSTMENT],
        expired=-sums[EXPIRY],
        closing=movements[-1].after if movements else opening,
        overage=sums[OVERAGE],
        agreed=sum((one.quantity for one in movements if one.agreed), NOTHING),
    )


def check(roll: Roll, subject: str) -> None:
    """Raise IntegrityError unless a roll-forward adds up to a balance that is not negative."""
    found = roll.opening + roll.granted - roll.drawn + roll.refunded + roll.adjusted - roll.expired
    if found != roll.closing or roll.closing < 0:
        raise IntegrityError(
            f"{subject}: {roll.opening} + {roll.granted} - {roll.drawn} + {roll.refunded} + "
            f"{roll.adjusted} - {roll.expired} = {found}, but the balance is {roll.closing}; "
            "please report this as a defect"
        )


def check_days(days: Iterable[Roll], whole: Roll, subject: str) -> None:
    """Raise IntegrityError unless the days of a period lead from its opening to its closing."""
    sums, at = dict.fromkeys(("granted", "drawn", "refunded", "adjusted", "expired"), NOTHING), None
    for day in days:
        if day.opening != (whole.opening if at is None else at):
            raise IntegrityError(
                f"{subject}: a day opens with {day.opening}, but the one before it left {at}; "
                "please report this as a defect"
            )
        at = day.closing
        for name in sums:
            sums[name] += getattr(day, name)
    wrong = [name for name, found in sums.items() if found != getattr(whole, name)]
    if at is not None and (wrong or at != whole.closing):
        raise IntegrityError(
            f"{subject}: its days do not add up to the period in {', '.join(wrong) or 'closing'}; "
            "please report this as a defect"
        )


def ledger_of(
    lots: Sequence[Lot],
    since: datetime,
    own: Mapping[str, Draws],
    pooled: Draws,
    as_of: datetime,
) -> Ledger:
    """What happens to the lots of a pool, given in their draw order, from ``since`` to ``as_of``.

    ``own`` are draws that name a lot, ``pooled`` those that name none: they go by the order.
    At one time lots are granted first, then drawn, then given back.
    """
    return _Booking(lots, since, as_of).booked(own, pooled)


class _Booking:
    def __init__(self, lots: Sequence[Lot], since: datetime, as_of: datetime) -> None:
        self.lots = {lot.id: lot for lot in lots}
        self.as_of = as_of
        self.balance = {lot.id: lot.held or NOTHING for lot in lots}
        self.ledger = Ledger(since, dict(self.balance), {lot.id: [] for lot in lots})
        self.over = dict.fromkeys(self.lots, NOTHING)
        self.drawn: list[tuple[str, Fraction]] = []  # the latest draw is the first given back
        self.events = sorted(self._known_events(), key=lambda event: event[:3])

    def _known_events(self) -> Iterable[tuple[datetime, int, str, Fraction]]:
        """Grants, the contract's adjustments and expiries: instant, rank, lot, quantity."""
        since = self.ledger.since
        for lot in self.lots.values():
            if lot.held is None:
                yield lot.start, 0, lot.id, lot.granted
            for at, quantity in lot.adjustments:
                if at >= since:
                    yield at, 1, lot.id, quantity
            if since < lot.end <= self.as_of:
                yield lot.end, 2, lot.id, NOTHING

    def booked(self, own: Mapping[str, Draws], pooled: Draws) -> Ledger:
        every = [*own.values(), pooled]
        times = sorted({at for draws in every for at in draws.times()})
        for at in times:
            if at >= self.ledger.since:
                self._advance(at)
                self._draw(at, own, pooled)
                self._give_back(at, own, pooled)
        self._advance(None)
        self._check(every)
        return self.ledger

    def _check(self, every: Iterable[Draws]) -> None:
        """Raise IntegrityError unless each drawing was booked once: on a lot, or as overage."""
        since = self.ledger.since
        moved = [one for draws in every for (at, _), one in draws.moved.items() if at >= since]
        given = [part for lot in self.lots.values() for part in lot.adjustments if part[0] >= since]
        drawn = sum((one.quantity for one in moved), NOTHING) - sum((q for _, q in given), NOTHING)
        booked = NOTHING
        for one in (one for movements in self.ledger.movements.values() for one in movements):
            if one.kind in (DRAWDOWN, REFUND, ADJUSTMENT):
                booked -= one.quantity
            elif one.kind == OVERAGE:
                booked += one.quantity
        if booked != drawn:
            raise IntegrityError(
                f"lots {', '.join(self.lots)}: {drawn} was drawn, but {booked} is booked; "
                "please report this as a defect"
            )

    def _advance(self, now: datetime | None) -> None:
        """Book what is due when the charges of a time come: all that is left without one."""
        waiting = []
        for event in self.events:
            at, rank, name, quantity = event
            due = now is None or (at < hour_end(now) and (rank < 2 or at <= now))
            if not due:
                waiting.append(event)
            elif rank == 0:
                self._book(name, at, GRANT, quantity)
            elif rank == 1:
                self._adjust(name, at, quantity)
            else:
                self._expire(self.lots[name])
        self.events = waiting

    def _book(
        self,
        name: str,
        at: datetime,
        kind: str,
        quantity: Fraction,
        rows: int = 0,
        *,
        closing: bool = False,
        by: str | None = None,
    ) -> None:
        if not quantity:
            return
        if kind != OVERAGE:
            self.balance[name] += quantity
        self.ledger.movements[name].append(
            Movement(at, kind, quantity, rows, self.balance[name], closing, by)
        )

    def _expire(self, lot: Lot) -> None:
        """Lose what is left, but for what the pool's next lot takes over."""
        left = self.balance[lot.id]
        heir = next(
            (
                one.id
                for one in self.lots.values()
                if one.id != lot.id and one.start <= lot.end < one.end
            ),
            None,
        )
        if heir is not None and lot.rollover:
            kept = left * lot.rollover
            self._book(lot.id, lot.end, ADJUSTMENT, -kept, closing=True)
            self._book(heir, lot.end, ADJUSTMENT, kept)
        self._book(lot.id, lot.end, EXPIRY, -self.balance[lot.id], closing=True)

    def _adjust(self, name: str, at: datetime, quantity: Fraction, rows: int = 0) -> None:
        """Add to a lot or take from it: what it does not hold is overage."""
        if quantity >= 0:
            self._return(name, at, quantity, rows, ADJUSTMENT)
            return
        taken = min(-quantity, self.balance[name])
        self._book(name, at, ADJUSTMENT, -taken, rows)
        self._exceed(name, at, -quantity - taken, rows)

    def _exceed(
        self, name: str, at: datetime, quantity: Fraction, rows: int, by: str | None = None
    ) -> None:
        self.over[name] += quantity
        self._book(name, at, OVERAGE, quantity, rows, by=by)

    def _draw(self, at: datetime, own: Mapping[str, Draws], pooled: Draws) -> None:
        for name in self.lots:
            draws = own.get(name)
            if draws is None:
                continue
            self._take([name], at, draws.of(at, DRAWDOWN), OWN)
            moved = draws.of(at, ADJUSTMENT)
            self._adjust(name, at, -moved.quantity, moved.rows)
        self._take(list(self.lots), at, pooled.of(at, DRAWDOWN), POOLED)
        moved = pooled.of(at, ADJUSTMENT)
        if moved.quantity:
            self._adjust(self._last(at), at, -moved.quantity, moved.rows)

    def _take(self, names: Sequence[str], at: datetime, moved: Moved, by: str) -> None:
        left = moved.quantity
        for name in names:
            if left > 0 and self.lots[name].active(at):
                served = min(left, self.balance[name])
                self._book(name, at, DRAWDOWN, -served, moved.rows, by=by)
                self.drawn.append((name, served))
                left -= served
        if left:
            name = names[0] if len(names) == 1 else self._last(at)
            self._exceed(name, at, left, moved.rows, by)

    def _last(self, at: datetime) -> str:
        """Whose overage it is when all are drawn: the last that is active, else the last ended."""
        active = [lot.id for lot in self.lots.values() if lot.active(at)]
        return active[-1] if active else max(self.lots.values(), key=lambda lot: lot.end).id

    def _give_back(self, at: datetime, own: Mapping[str, Draws], pooled: Draws) -> None:
        for name in self.lots:
            if name in own:
                moved = own[name].of(at, REFUND)
                left = self._uncharge([name], at, moved, OWN)
                self._forget(name, left)
                self._return(name, at, left, moved.rows, REFUND, OWN)
        moved = pooled.of(at, REFUND)
        left = self._uncharge(list(self.lots), at, moved, POOLED)
        while left > 0 and self.drawn:
            name, served = self.drawn.pop()
            back = min(left, served)
            if served > back:
                self.drawn.append((name, served - back))
            self._return(name, at, back, moved.rows, REFUND, POOLED)
            left -= back
        if left:
            self._return(self._last(at), at, left, moved.rows, REFUND, POOLED)

    def _uncharge(self, names: Sequence[str], at: datetime, moved: Moved, by: str) -> Fraction:
        """Give overage back first; what is left of the quantity."""
        quantity = -moved.quantity
        for name in reversed(names):
            back = min(quantity, self.over[name])
            self.over[name] -= back
            self._book(name, at, OVERAGE, -back, moved.rows, by=by)
            quantity -= back
        return quantity

    def _forget(self, name: str, quantity: Fraction) -> None:
        """What is given back to a lot by name is not given back to it again by order."""
        later: list[tuple[str, Fraction]] = []
        while quantity > 0 and self.drawn:
            lot, served = self.drawn.pop()
            back = min(quantity, served) if lot == name else NOTHING
            quantity -= back
            if served > back:
                later.append((lot, served - back))
        self.drawn.extend(reversed(later))

    def _return(
        self,
        name: str,
        at: datetime,
        quantity: Fraction,
        rows: int,
        kind: str,
        by: str | None = None,
    ) -> None:
        """Give a lot something back; one that has ended loses it in that quarter."""
        self._book(name, at, kind, quantity, rows, by=by)
        if self.lots[name].end <= at:
            self._book(name, at + QUARTER, EXPIRY, -quantity, closing=True)
