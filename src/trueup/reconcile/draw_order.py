"""In which order the lots of a pool are drawn: priority, then expiry, then name, or as agreed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from trueup.errors import UsageError
from trueup.reconcile.terms import Terms

DEFAULT = "priority,expiry"


def in_draw_order(lots: Iterable[Terms]) -> list[Terms]:
    """The lots of one pool, that which is drawn first in front.

    The criteria are the contract's ``draw_order``, the first that a lot states: ``priority`` (the
    lower first, none is 0), ``expiry`` and ``start`` (the earlier first), each the other way round
    with a minus; then the lot's id. Raises UsageError for any other word.
    """
    known = list(lots)
    order = next((lot.draw_order for lot in known if lot.draw_order), None) or DEFAULT
    criteria = [word.strip() for word in order.split(",")]
    ordered = sorted(known, key=lambda lot: lot.commitment_id)
    for word in reversed(criteria):  # a sort keeps the order of what is equal
        ordered.sort(key=lambda lot: _place(lot, word), reverse=word.startswith("-"))
    return ordered


def _place(lot: Terms, word: str) -> tuple[Decimal | datetime, ...]:
    criterion = word.removeprefix("-")
    if criterion == "priority":
        return (lot.priority or Decimal(0),)
    if criterion == "expiry":
        return (lot.end,)
    if criterion == "start":
        return (lot.start,)
    raise UsageError(
        f"{lot.commitment_id}: draw_order {word!r} is not known; "
        "it is made of priority, expiry and start, each with a minus for the other way round"
    )
