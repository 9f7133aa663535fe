"""Journal entries for the general ledger: what each unit bears, against one account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trueup.attribute.cost_line import total
from trueup.attribute.hierarchy import LEVELS
from trueup.attribute.statement import Statement, in_minor_units
from trueup.errors import IntegrityError
from trueup.money import EXACT, plain

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Accounts:
    """The accounts of the ledger: of the costs that units bear, and of the bill that they clear.

    With ``rounding``, the bill is cleared of the exact cost, rounded once, and that account takes
    what statements are rounded otherwise; without it all is on ``clearing``.
    """

    cost: str
    clearing: str
    rounding: str | None = None


@dataclass(frozen=True)
class Entry:
    """A line of the journal: one of ``debit`` and ``credit`` is above zero, the other is zero.

    Cost centre and team are null where they are not known, and on the accounts that clear.
    """

    day: date
    account: str
    cost_centre: str | None
    team: str | None
    currency: str
    debit: Decimal
    credit: Decimal
    text: str


def journal(given: Iterable[Statement], accounts: Accounts, day: date) -> list[Entry]:
    """The lowest units' statements as entries, balanced in every currency.

    Who gets money back is credited. A statement of nothing has no entry, and what nobody is charged
    for stays where the bill was posted. Raises IntegrityError where entries do not balance, or
    units do not bear all that the company does but what is nobody's.
    """
    some = list(given)
    entries: list[Entry] = []
    for currency in sorted({each.currency for each in some}):
        here = [each for each in some if each.currency == currency]
        charged = [each for each in here if each.level == LEVELS[-1] and any(each.place)]
        borne = [_borne(each, accounts, day) for each in charged if each.amount]
        posted = [*borne, *_against(charged, accounts, day)]
        _check(borne, posted, here)
        entries += posted
    return entries


def _borne(each: Statement, accounts: Accounts, day: date) -> Entry:
    unit, centre, team = each.place
    who = ", ".join(name for name in (team or centre, unit) if name)
    text = f"AI compute of {who}"
    return _entry(day, accounts.cost, (centre, team), each.currency, each.amount, text)


def _against(charged: Sequence[Statement], accounts: Accounts, day: date) -> list[Entry]:
    """What the bill is cleared of, and what is rounded otherwise."""
    if not charged:
        return []
    currency = charged[0].currency
    amount, exact = total(each.amount for each in charged), total(each.exact for each in charged)
    cleared = amount if accounts.rounding is None else in_minor_units(exact, currency)
    text = "AI compute charged to units"
    if cleared != exact:
        text += f": {plain(exact, 2)}, rounded by {plain(EXACT.subtract(cleared, exact))}"
    nobody, rounding = (None, None), "AI compute: rounding of statements"
    sides = (
        (accounts.clearing, EXACT.minus(cleared), text),
        (accounts.rounding or "", EXACT.subtract(cleared, amount), rounding),
    )
    return [_entry(day, where, nobody, currency, side, said) for where, side, said in sides if side]


def _entry(
    day: date,
    account: str,
    who: tuple[str | None, str | None],
    currency: str,
    amount: Decimal,
    text: str,
) -> Entry:
    debit = amount if amount > 0 else NOTHING
    credit = EXACT.minus(amount) if amount < 0 else NOTHING
    return Entry(day, account, *who, currency, debit, credit, text)


def _check(borne: Sequence[Entry], posted: Sequence[Entry], here: Sequence[Statement]) -> None:
    whole = total(each.amount for each in here if each.level == "company")
    apart = total(each.amount for each in here if each.level == LEVELS[-1] and not any(each.place))
    for what, entries, expected in (
        ("what units bear", borne, EXACT.subtract(whole, apart)),
        ("all entries", posted, NOTHING),
    ):
        found = total(EXACT.subtract(each.debit, each.credit) for each in entries)
        if found != expected:
            raise IntegrityError(
                f"journal in {here[0].currency}: {what} is {plain(found, 2)}, not "
                f"{plain(expected, 2)}; please report this as a defect"
            )
