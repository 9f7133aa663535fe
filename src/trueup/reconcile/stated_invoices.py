"""Invoices as their issuers state them, beside the charges that stand on them.

An invoice finds its charges by InvoiceId; where the bill has no numbers for its issuer and month,
by issuer, billing account and billing period. Months are compared by the middle of the billing
period, so that it does not matter in which zone an issuer cuts them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from trueup.adapter.registry import provider_of_bill
from trueup.period import Period
from trueup.reconcile.billing_groups import BillingGroup, month_of
from trueup.reconcile.control import exact_sum

A_DAY = timedelta(days=1)
OPEN, VOIDED = "Open", "Voided"
MARKETPLACE = "marketplace"


@dataclass(frozen=True)
class Invoice:
    """What an issuer asks for: one invoice in one currency.

    ``stated`` has its tax and credits by ChargeCategory, where it says them. ``copies`` counts how
    many of its rows stand in the list again, which ask for ``copied`` more.
    """

    invoice_id: str | None
    issuer: str | None
    account: str | None
    start: datetime | None
    end: datetime | None
    currency: str
    amount: Decimal
    stated: Mapping[str, Decimal]
    is_open: bool
    copies: int = 0
    copied: Decimal = Decimal(0)
    rows: tuple[tuple[str, int, int], ...] = ()  # behind it, see ``reconcile.leg``

    @property
    def month(self) -> str | None:
        return month_of(self.start, self.end)

    def asks_as(self, other: Invoice) -> bool:
        """Whether both ask for the same amount of the same month."""
        return (
            self.month is not None
            and self.month == other.month
            and (self.amount, self.currency) == (other.amount, other.currency)
        )

    def cut_later(self, other: Invoice) -> bool:
        """Whether both are of one issuer and account, and this one's month begins some hours later.

        Two equal amounts of the same hours may be two things; of months cut apart they are one.
        """
        return (
            (self.issuer, self.account) == (other.issuer, other.account)
            and self.start is not None
            and other.start is not None
            and self.start > other.start
        )


@dataclass(frozen=True)
class Statement:
    """Invoices and the charges that stand on them; one of the two may be empty."""

    invoices: tuple[Invoice, ...]
    groups: tuple[BillingGroup, ...]

    @property
    def sides(self) -> list[Invoice | BillingGroup]:
        return [*self.invoices, *self.groups]

    @property
    def currency(self) -> str:
        return self.sides[0].currency

    @property
    def invoice_id(self) -> str | None:
        names = [one.invoice_id for one in self.invoices or self.groups if one.invoice_id]
        return " + ".join(dict.fromkeys(names)) or None

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.invoice_id or f"of {self.issuer} for {self.month}"

    @property
    def issuer(self) -> str | None:
        """As the bill writes it, where it has charges of it."""
        return _first(one.issuer for one in reversed(self.sides))

    @property
    def account(self) -> str | None:
        return _first(one.account for one in self.sides)

    @property
    def start(self) -> datetime | None:
        return min((one.start for one in self._dated if one.start), default=None)

    @property
    def end(self) -> datetime | None:
        return max((one.end for one in self._dated if one.end), default=None)

    @property
    def _dated(self) -> Sequence[Invoice | BillingGroup]:
        return [one for one in self.invoices if one.start] or self.groups

    @property
    def provider(self) -> str | None:
        found = {group.provider for group in self.groups}
        if len(found) == 1 and None not in found:
            return found.pop()
        return provider_of_bill(self.issuer)

    @property
    def month(self) -> str | None:
        return month_of(self.start, self.end)


def _first(names: Iterable[str | None]) -> str | None:
    return next((name for name in names if name is not None), None)


def concerns(period: Period | None, start: datetime | None, end: datetime | None) -> bool:
    """Whether a billing period is one of the run's: a day of it at least, or all of the period.

    The hours by which another zone moves a month's edge do not make it one.
    """
    if period is None or start is None or end is None:
        return True
    common = min(end, period.end) - max(start, period.start)
    return common >= min(A_DAY, period.end - period.start)


def issuers_agree(known: Iterable[str | None]) -> Callable[[str | None, str | None], bool]:
    """Say whether a name on an invoice and one on the bill are of one issuer.

    They are where they are equal. A list may write it in another way than the bill, which counts
    as the same provider; but not where the bill knows the name as another issuer's, and what a
    marketplace bills is never the provider's own.
    """
    on_bill = {name for name in known if name}

    def agree(invoiced: str | None, billed: str | None) -> bool:
        if invoiced is None or billed is None or invoiced == billed:
            return invoiced == billed
        market, other_market = (MARKETPLACE in name.lower() for name in (invoiced, billed))
        return (
            invoiced not in on_bill
            and market == other_market
            and provider_of_bill(invoiced) == provider_of_bill(billed)
        )

    return agree


def read_invoices(rows: Iterable[Mapping[str, Any]]) -> tuple[list[Invoice], int, int]:
    """Invoices from the rows of their dataset; how many rows were voided, how many superseded.

    Rows of Invoice Detail add up by InvoiceId; of several states of one InvoiceDetailId the one
    updated last counts. Rows of totals that are alike in everything are one invoice and its copies.
    """
    details: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    totals: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    superseded = 0
    for row in rows:
        if row["InvoiceDetailId"] is None:
            totals[_whole(row)].append(row)
            continue
        key = (row["InvoiceIssuerName"], row["InvoiceId"], row["InvoiceDetailId"])
        superseded += key in details
        if key not in details or _updated(row) >= _updated(details[key]):
            details[key] = row
    lines: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    copies: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    voided = 0
    for row, repeats in (
        *((row, []) for row in details.values()),
        *((found[0], found[1:]) for found in totals.values()),
    ):
        if row["InvoiceIssueStatus"] == VOIDED:
            voided += 1
            continue
        lines[_key(row)].append(row)
        copies[_key(row)].extend(repeats)
    found = [_invoice(same, copies[key]) for key, same in lines.items()]
    return sorted(found, key=_order), voided, superseded


def _whole(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (*_key(row), row["BillingAccountId"], row["BilledCost"], row["InvoiceIssueStatus"])


def _updated(row: Mapping[str, Any]) -> str:
    return str(row["InvoiceDetailLastUpdated"] or "")


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    start, end = row["BillingPeriodStart"], row["BillingPeriodEnd"]
    key = (row["InvoiceId"], row["InvoiceIssuerName"], row["BillingCurrency"])
    return key if row["InvoiceId"] else (*key, row["BillingAccountId"], start, end)


def _invoice(rows: Sequence[Mapping[str, Any]], copies: Sequence[Mapping[str, Any]]) -> Invoice:
    first = rows[0]
    accounts = {row["BillingAccountId"] for row in rows}
    stated: dict[str, list[Decimal]] = defaultdict(list)
    for row in rows:
        for category, amount in (
            (row["ChargeCategory"], row["BilledCost"]),
            ("Tax", row["x_Tax"]),
            ("Credit", row["x_Credits"]),
        ):
            if category is not None and amount is not None:
                stated[category].append(amount)
    starts = [row["BillingPeriodStart"] for row in rows if row["BillingPeriodStart"]]
    ends = [row["BillingPeriodEnd"] for row in rows if row["BillingPeriodEnd"]]
    return Invoice(
        invoice_id=first["InvoiceId"],
        issuer=first["InvoiceIssuerName"],
        account=accounts.pop() if len(accounts) == 1 else None,
        start=min(starts, default=None),
        end=max(ends, default=None),
        currency=first["BillingCurrency"],
        amount=exact_sum(row["BilledCost"] for row in rows),
        stated={category: exact_sum(amounts) for category, amounts in stated.items()},
        is_open=any(row["InvoiceIssueStatus"] == OPEN for row in rows),
        copies=len(copies),
        copied=exact_sum(row["BilledCost"] for row in copies),
        rows=tuple(("invoice", row["x_SourceId"], row["x_SourceRow"]) for row in (*rows, *copies)),
    )


def _order(invoice: Invoice) -> tuple[str, ...]:
    names = (invoice.issuer, invoice.month, invoice.invoice_id, invoice.account, invoice.currency)
    return tuple(name or "" for name in names)


def statements(invoices: Sequence[Invoice], groups: Sequence[BillingGroup]) -> list[Statement]:
    """Every invoice and every group of charges, each in exactly one statement."""
    agree = issuers_agree(group.issuer for group in groups)
    by_number: dict[tuple[str, str], list[BillingGroup]] = defaultdict(list)
    for group in groups:
        if group.invoice_id is not None:
            by_number[group.invoice_id, group.currency].append(group)
    found: list[Statement] = []
    unfound: list[Invoice] = []
    taken: set[str] = set()
    claimed = {(one.issuer, one.invoice_id) for one in invoices}
    for invoice in invoices:
        mine = [
            group
            for group in _numbered(invoice, by_number, agree, claimed)
            if group.key not in taken
        ]
        taken.update(group.key for group in mine)
        if mine:
            found.append(Statement((invoice,), tuple(mine)))
        else:
            unfound.append(invoice)
    found.extend(_by_period(unfound, groups, taken, agree))
    found.extend(Statement((), (group,)) for group in groups if group.key not in taken)
    return found


def _numbered(
    invoice: Invoice,
    by_number: Mapping[tuple[str, str], Sequence[BillingGroup]],
    agree: Callable[[str | None, str | None], bool],
    claimed: Collection[tuple[str | None, str | None]],
) -> Sequence[BillingGroup]:
    """The charges of the issuer that carry the invoice's number.

    Where none are its own, or are of its name in other words, those of the one issuer that has
    charges of that number and no such invoice itself: the list names it as the bill does not.
    """
    if invoice.invoice_id is None:
        return []
    numbered = by_number.get((invoice.invoice_id, invoice.currency), ())
    own = [group for group in numbered if group.issuer == invoice.issuer]
    alike = own or [group for group in numbered if agree(invoice.issuer, group.issuer)]
    alone = len({group.issuer for group in numbered}) == 1
    unclaimed = alone and (numbered[0].issuer, invoice.invoice_id) not in claimed
    return alike or (numbered if unclaimed else [])


def _by_period(
    invoices: Sequence[Invoice],
    groups: Sequence[BillingGroup],
    taken: set[str],
    agree: Callable[[str | None, str | None], bool],
) -> Iterator[Statement]:
    """Invoices without charges of their number, with the month's charges that have no number.

    Several invoices of one issuer, account and month stand beside the same charges, together.
    """
    together: dict[tuple[Any, ...], list[Invoice]] = defaultdict(list)
    for invoice in sorted(invoices, key=lambda one: (one.account is None, _order(one))):
        together[invoice.issuer, invoice.account, invoice.month, invoice.currency].append(invoice)
    for same in together.values():
        one = same[0]
        of_month = [
            group
            for group in groups
            if group.currency == one.currency
            and group.month == one.month
            and agree(one.issuer, group.issuer)
        ]
        mine = [
            group
            for group in of_month
            if group.invoice_id is None
            and group.key not in taken
            and one.account in (None, group.account)
        ]
        if mine and all(group.invoice_id is None for group in of_month):
            taken.update(group.key for group in mine)
            yield Statement(tuple(same), tuple(mine))
        else:
            yield from (Statement((invoice,), ()) for invoice in same)


def without_repeats(statement: Statement) -> tuple[Statement, list[Invoice]]:
    """The statement without invoices of equal amounts beyond the first, and those left out."""
    kept: list[Invoice] = []
    left: list[Invoice] = []
    for invoice in statement.invoices:
        (left if any(invoice.amount == one.amount for one in kept) else kept).append(invoice)
    return replace(statement, invoices=tuple(kept)), left
