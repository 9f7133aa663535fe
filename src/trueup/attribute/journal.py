"""Journal entries for the general ledger: what each cost centre bears, against one account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trueup.attribute.cost_line import total
from trueup.attribute.hierarchy import APART
from trueup.attribute.statement import Statement
from trueup.errors import IntegrityError
from trueup.money import EXACT

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Accounts:
    """The accounts of the ledger: of the costs that units bear, and of the bill that they clear."""

    cost: str
    clearing: str


@dataclass(frozen=True)
class Entry:
    """A line of the journal: one of ``debit`` and ``credit`` is above zero, the other is zero."""

    day: date
    account: str
    cost_centre: str
    team: str
    currency: str
    debit: Decimal
    credit: Decimal
    text: str


def journal(given: Iterable[Statement], accounts: Accounts, day: date) -> list[Entry]:
    """The teams' statements as entries, balanced in every currency; IntegrityError if not.

    A team that gets money back is credited. A statement of nothing has no entry, and what nobody is
    charged for stays where the bill was posted.
    """
    entries: list[Entry] = []
    teams = [each for each in given if each.level == "team" and each.path[-1] != APART[-1]]
    for currency in sorted({each.currency for each in teams}):
        some = [each for each in teams if each.currency == currency and each.amount]
        for each in some:
            unit, centre, team = each.path
            text = f"AI compute of {team}" + (f", {unit}" if unit != APART[0] else "")
            entries.append(_entry(day, accounts.cost, (centre, team), currency, each.amount, text))
        whole = total(each.amount for each in some)
        if whole:
            text = "AI compute charged to teams"
            less = EXACT.minus(whole)
            entries.append(_entry(day, accounts.clearing, ("", ""), currency, less, text))
        _check(entries, currency)
    return entries


def _entry(
    day: date, account: str, who: tuple[str, str], currency: str, amount: Decimal, text: str
) -> Entry:
    debit = amount if amount > 0 else NOTHING
    credit = EXACT.minus(amount) if amount < 0 else NOTHING
    return Entry(day, account, *who, currency, debit, credit, text)


def _check(entries: Iterable[Entry], currency: str) -> None:
    some = [each for each in entries if each.currency == currency]
    debit, credit = total(each.debit for each in some), total(each.credit for each in some)
    if debit != credit:
        raise IntegrityError(
            f"journal in {currency}: debits {debit} and credits {credit} differ; "
            "please report this as a defect"
        )
