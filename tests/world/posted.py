"""The journal that posts what everyone bears, line by line, from the contract of its export."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tests.world.charged import CENT, Leaves, in_cents
from tests.world.ledger import Ledger
from tests.world.payers import APART, NO_TEAM


class Entry(NamedTuple):
    """A line: one of debit and credit is above zero. Names are those that the line has."""

    day: date
    account: str
    cost_centre: str | None
    team: str | None
    business_unit: str | None
    currency: str
    debit: Decimal
    credit: Decimal


class Ledgers(NamedTuple):
    """The company's accounts: of costs, of the bill, and of what rounding leaves."""

    cost: str
    clearing: str
    rounding: str | None = None


def posted(ledger: Ledger, leaves: Mapping[str, Leaves], accounts: Ledgers) -> list[Entry]:
    """Costs to who bears them; off the bill what they are together, or as it was before rounding.

    What nobody is charged for is not posted, nor is what comes to nothing. Without an account for
    it, rounding goes with the bill.
    """
    day = (ledger.end - timedelta(days=1)).date()
    found: list[Entry] = []
    for currency, borne in leaves.items():
        cents = in_cents(borne)
        charged = [place for place in cents if place != APART]
        for place in charged:
            unit, centre, team = (None if name in (*APART, NO_TEAM) else name for name in place)
            found += _entry(day, accounts.cost, (centre, team, unit), currency, cents[place])
        off = together = sum(cents[place] for place in charged)
        if accounts.rounding is not None:
            exact = sum(sum(borne[place].values()) for place in charged)
            off = round(Fraction(exact, CENT))  # half to even
            nobody = None, None, None
            found += _entry(day, accounts.rounding, nobody, currency, off - together)
        found += _entry(day, accounts.clearing, (None, None, None), currency, -off)
    return found


def _entry(
    day: date, account: str, who: tuple[str | None, ...], currency: str, cents: int
) -> list[Entry]:
    centre, team, unit = who
    debit, credit = (Decimal(max(side, 0)) / 100 for side in (cents, -cents))
    return [Entry(day, account, centre, team, unit, currency, debit, credit)] if cents else []
