"""Pools: the lots that the same charges draw on, with their ledger as far as it is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from trueup.period import Period
from trueup.reconcile.draw_order import in_draw_order
from trueup.reconcile.draws import DRAWDOWN, REFUND, SILENT, Drawing, Draws, by_rule, named
from trueup.reconcile.ledger import NOTHING, OVERAGE, Ledger, Lot, ledger_of
from trueup.reconcile.terms import Terms, dated_amounts

UNSTATED = "its balance before the period is not known"


@dataclass(frozen=True)
class Pool:
    """Lots in their draw order, what was drawn on each by name, and on all of them by order."""

    name: str | None
    lots: tuple[Terms, ...]
    own: Mapping[str, Draws]
    pooled: Draws
    ledger: Ledger | None  # None: not known, as ``unknown`` or ``unstated`` says
    unknown: str | None = None  # why the draws are not known
    unstated: str | None = None  # why a balance is not

    @property
    def ruled(self) -> Terms | None:
        """The lot whose rule (``applies_to``) charges match, if one has any."""
        return ruled_lot(self.lots)

    @property
    def names(self) -> tuple[str, ...]:
        """What charges may call it: its lots' names, and its own."""
        return (*(lot.commitment_id for lot in self.lots), *filter(None, (self.name,)))

    @property
    def alone(self) -> bool:
        return len(self.lots) == 1

    def drawn(self, lot: str) -> Draws:
        """What was drawn on a lot, what the order gave it included, where that is known."""
        draws = Draws(unknown=self.unknown or (None if self.alone else self.unstated))
        if self.alone or self.ledger is None:
            draws.include(self.own[lot])
        if self.alone:
            draws.include(self.pooled)
        elif self.ledger is not None:
            for one in self.ledger.movements[lot]:
                sign = 1 if one.kind == OVERAGE else -1
                if one.kind in (DRAWDOWN, REFUND, OVERAGE):
                    draws.add(one.at, sign * one.quantity, rows=one.rows)
        return draws

    def reason(self, lot: Terms, period: Period) -> str | None:
        """Why a figure of the lot is not known."""
        later = "it starts after the period" if lot.start >= period.end else None
        return self.unknown or later or self.unstated


def ruled_lot(lots: Iterable[Terms]) -> Terms | None:
    """The first lot that applies by a rule."""
    return next((lot for lot in lots if lot.applies_to is not None), None)


def pools_of(terms: Iterable[Terms]) -> list[list[Terms]]:
    """Lots by pool, each in draw order.

    Lots are of one pool that a contract names so, or that have the same contract and the same
    ``applies_to``: no charge can then be told to draw on one of them alone.
    """
    pools: dict[object, list[Terms]] = {}
    for lot in terms:
        key: object = lot.commitment_id
        if lot.pool is not None:
            key = (lot.provider, lot.pool, lot.unit, lot.currency)
        elif lot.contract_id is not None and lot.applies_to is not None:
            key = (lot.provider, lot.contract_id, lot.applies_to, lot.unit, lot.currency)
        pools.setdefault(key, []).append(lot)
    return [in_draw_order(lots) for lots in pools.values()]


def pool_of(
    lots: Sequence[Terms],
    given: Drawing,
    period: Period,
    billed_since: datetime | None,
    as_of: datetime,
) -> Pool:
    """The pool of these lots over the period: what charges drew, and the ledger it makes."""
    own = {lot.commitment_id: named(lot.commitment_id, lot, given) for lot in lots}
    pooled = Draws()
    names = list(own)
    name = lots[0].pool
    if name is not None and name not in own:
        pooled.include(named(name, lots[0], given))
        names.append(name)
    ruled = ruled_lot(lots)
    if ruled is not None:
        pooled.include(by_rule(ruled, names, given))
    silent = not (pooled.moved or any(draws.moved for draws in own.values()))
    if ruled is None and silent and lots[0].provider not in given.telling:
        pooled.unknown = SILENT
    return opened(lots, own, pooled, period, billed_since, as_of)


def opened(
    lots: Sequence[Terms],
    own: Mapping[str, Draws],
    pooled: Draws,
    period: Period,
    billed_since: datetime | None,
    as_of: datetime,
) -> Pool:
    """A pool with its ledger, from draws that are read already."""
    name = lots[0].pool
    rates = {lot.compute_units_per_credit for lot in lots}
    unknown = next((one.unknown for one in (pooled, *own.values()) if one.unknown), None)
    if len(rates) > 1 and pooled.moved:
        unknown = unknown or "a credit of its pool's lots buys different amounts"
    if unknown is not None:
        return Pool(name, tuple(lots), own, pooled, None, unknown=unknown)
    found = _entries(
        [lot for lot in lots if lot.start < period.end], own, pooled, period, billed_since
    )
    if isinstance(found, str):
        return Pool(name, tuple(lots), own, pooled, None, unstated=found)
    since, entries = found
    ledger = ledger_of(entries, since, own, pooled, as_of)
    return Pool(name, tuple(lots), own, pooled, ledger)


def _entries(
    lots: Sequence[Terms],
    own: Mapping[str, Draws],
    pooled: Draws,
    period: Period,
    billed_since: datetime | None,
) -> tuple[datetime, list[Lot]] | str:
    """Since when a ledger can be kept, and each lot as it then was; else why it cannot."""
    alive = [lot for lot in lots if lot.end > period.start]
    stated = {lot.opening_at for lot in alive if lot.opening_at is not None}
    if len(stated) > 1:
        return "the balances of its pool's lots are stated at different instants"
    at = next(iter(stated), None)
    if at is not None and at > period.start:
        if len(lots) > 1:
            return "the balances of its pool's lots are stated after the period began"
        drawn = own[lots[0].commitment_id].between(period.start, at)
        back = Fraction(lots[0].opening or 0) + drawn + pooled.between(period.start, at)
        return period.start, [_lot(lots[0], back, period.start)]
    since = at or _since(lots, alive, period)
    if at is None and since < period.start and (billed_since is None or billed_since > since):
        return UNSTATED
    held = {lot.commitment_id: _held(lot, since) for lot in lots}
    if None in held.values():
        return UNSTATED
    return since, [_lot(lot, held[lot.commitment_id] or NOTHING, since) for lot in lots]


def _held(lot: Terms, since: datetime) -> Fraction | None:
    """What a lot holds at ``since``, or is granted later; None where that is not known."""
    if lot.end <= since:
        return NOTHING
    if lot.opening is not None and lot.opening_at == since:
        return Fraction(lot.opening)
    if lot.figure is not None and lot.start >= since:
        return Fraction(lot.figure)
    return None


def _since(lots: Sequence[Terms], alive: Sequence[Terms], period: Period) -> datetime:
    """The period's start, or when the first lot began that was drawn in turn with one alive."""
    since = min((lot.start for lot in alive), default=period.start)
    if since >= period.start:
        return period.start
    while earlier := [lot.start for lot in lots if lot.start < since < lot.end]:
        since = min(earlier)
    return since


def _lot(terms: Terms, held: Fraction, since: datetime) -> Lot:
    """The lot with what it held at ``since``; one that starts then or later is granted that."""
    granted_later = terms.start >= since
    return Lot(
        id=terms.commitment_id,
        start=terms.start,
        end=terms.end,
        held=None if granted_later else held,
        granted=held,
        rollover=Fraction(terms.rollover or 0),
        adjustments=tuple(dated_amounts(terms.adjustments, "at", "quantity", terms.commitment_id)),
    )
