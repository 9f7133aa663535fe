"""The breaks of the invoice leg, each with its sum in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from trueup.model.rules import Leg
from trueup.money import EXACT, plain
from trueup.reconcile.billing_groups import PARTS
from trueup.reconcile.control import exact_sum
from trueup.reconcile.month_edges import Again
from trueup.reconcile.stated_invoices import Invoice, Statement

LEG: Leg = "invoice"
STATED_PARTS = {"Tax": ("tax",), "Credit": ("credits", "prepaid_drawdown")}
Agree = Callable[[str | None, str | None], bool]


@dataclass(frozen=True)
class Judged:
    """A statement with its row of ``invoices``, and what a person should know of it."""

    statement: Statement
    row: Mapping[str, Any]
    rounding_explains: bool = False
    repeats: tuple[Invoice, ...] = ()

    @property
    def asked(self) -> tuple[Statement, Mapping[str, Any]]:
        """The statement with invoices that ask again, and its row with what they ask for."""
        more = exact_sum(invoice.amount for invoice in self.repeats)
        if not more:
            return self.statement, self.row
        invoices = (*self.statement.invoices, *self.repeats)
        return replace(self.statement, invoices=invoices), {
            **self.row,
            "invoiced": EXACT.add(self.row["invoiced"], more),
            "difference": EXACT.add(self.row["difference"], more),
        }

    @property
    def difference(self) -> Decimal:
        """What is invoiced beyond what is due."""
        invoiced = self.row["invoiced"]
        return EXACT.subtract(Decimal(0) if invoiced is None else invoiced, self.row["amount_due"])


def breaks_of(
    one: Judged, judged: Sequence[Judged], agree: Agree, again: Sequence[Again]
) -> list[dict[str, Any]]:
    """What does not agree about one statement; an invoice that is still open may change."""
    found = [_issued_twice(one, invoice) for invoice in one.statement.invoices if invoice.copies]
    found.extend(
        _another_number(one, invoice, one.statement.invoices[0], one.row["amount_due"])
        for invoice in one.repeats
    )
    found.extend(_cut_elsewhere(one, judged, again))
    status, difference = one.row["status"], one.difference
    if not difference or any(invoice.is_open for invoice in one.statement.invoices):
        return found
    if status == "differs":
        kind = "rounding" if one.rounding_explains else "invoice"
        found.append(_break(one, kind, kind, difference, _differs(one)))
    elif status == "no_charges":
        invoice = one.statement.invoices[0]
        twin = _twin(invoice, judged, agree)
        if twin is not None:
            found.append(_another_number(one, invoice, twin, twin.amount))
        else:
            text = f"Invoice {one.statement.name} asks for {money_of(one, difference)}; no charge "
            known = any(
                agree(invoice.issuer, o.statement.issuer) for o in judged if o.statement.groups
            )
            text += "stands on it." if known else "of its issuer is in the bill."
            found.append(_break(one, LEG, LEG, difference, text))
    elif status == "no_invoice" and one.statement.invoice_id and _covered(one, judged, agree):
        text = (
            f"Charges of {money_of(one, one.row['amount_due'])} name invoice {one.statement.name}, "
            "which is not among the invoices of their issuer and month."
        )
        found.append(_break(one, LEG, LEG, difference, text))
    return found


def _covered(one: Judged, judged: Sequence[Judged], agree: Agree) -> bool:
    """Whether invoices of the issuer and month were given, so that this one is missing."""
    mine = one.statement
    return any(
        other.statement.month == mine.month
        and (
            other.statement.issuer == mine.issuer
            or any(agree(invoice.issuer, mine.issuer) for invoice in other.statement.invoices)
        )
        for other in judged
        if other.statement.invoices
    )


def _twin(invoice: Invoice, judged: Sequence[Judged], agree: Agree) -> Invoice | None:
    """An invoice with charges that asks for the same: same issuer, account, month and amount."""
    for one in judged:
        if not one.statement.groups:
            continue
        for other in one.statement.invoices:
            same_issuer = invoice.issuer == other.issuer or agree(
                invoice.issuer, one.statement.issuer
            )
            same_account = invoice.account is None or other.account in (None, invoice.account)
            if same_issuer and same_account and invoice.asks_as(other):
                return other
    return None


def _cut_elsewhere(
    one: Judged, judged: Sequence[Judged], again: Sequence[Again]
) -> Iterator[dict[str, Any]]:
    """A month, or the hours at its edge, invoiced twice because it is cut in two time zones."""
    for invoice in one.statement.invoices if one.statement.groups else ():
        for other in judged:
            for first in other.statement.invoices if other.statement.groups else ():
                if invoice.asks_as(first) and invoice.cut_later(first):
                    yield _another_number(one, invoice, first, first.amount)
                    return
    keys = {group.key for group in one.statement.groups}
    for edge in again:
        if edge.key in keys:
            text = (
                f"Invoice {one.statement.name} holds {edge.rows} charges of "
                f"{money_of(one, edge.cost)} at the edge of its month that stand on invoice "
                f"{edge.first} too: the two months are cut in different time zones."
            )
            yield _break(one, "duplicate", "month_edge", edge.cost, text) | {
                "billed": EXACT.add(edge.cost, edge.cost),
                "expected": edge.cost,
            }


def _issued_twice(one: Judged, invoice: Invoice) -> dict[str, Any]:
    more = invoice.copied
    if more == EXACT.multiply(invoice.amount, Decimal(invoice.copies)):
        text = f"is in the list {invoice.copies + 1} times, each {money_of(one, invoice.amount)}"
    else:
        text = f"is in the list once, and {invoice.copies} of its rows again"
    text = (
        f"Invoice {one.statement.name} {text}: {money_of(one, more)} too much if all of it is paid."
    )
    return _break(one, "duplicate", "issued_twice", more, text) | {
        "billed": EXACT.add(invoice.amount, more),
        "expected": invoice.amount,
    }


def _another_number(
    one: Judged, invoice: Invoice, first: Invoice, expected: Decimal
) -> dict[str, Any]:
    """The same amount of the same month under a second number, or cut in another time zone."""
    text = (
        f"Invoice {invoice.invoice_id} asks again for the {money_of(one, invoice.amount)} of "
        f"invoice {first.invoice_id}"
    )
    if invoice.start and first.start and invoice.start != first.start:
        text += f": the same month, cut in another time zone ({_span(invoice)} and {_span(first)})"
    return _break(one, "duplicate", "issued_again", invoice.amount, f"{text}.") | {
        "rows": list(dict.fromkeys((*first.rows, *invoice.rows))),
        "subject": invoice.invoice_id,
        "period_start": invoice.start,
        "period_end": invoice.end,
        "billed": EXACT.add(expected, invoice.amount),
        "expected": expected,
    }


def _span(invoice: Invoice) -> str:
    return f"{invoice.start:%Y-%m-%dT%H:%MZ} to {invoice.end:%Y-%m-%dT%H:%MZ}"


def _break(one: Judged, kind: str, rule: str, amount: Decimal, text: str) -> dict[str, Any]:
    row = one.row
    return {
        "class": kind,
        "leg": LEG,
        "provider": one.statement.provider,
        "account_id": row["billing_account_id"],
        "subject": row["invoice_id"] or row["issuer"],
        "period_start": row["billing_period_start"],
        "period_end": row["billing_period_end"],
        "billed": row["invoiced"] if row["invoiced"] is not None else Decimal(0),
        "expected": row["amount_due"],
        "unit": row["currency"],
        "amount": amount,
        "currency": row["currency"],
        "priced_by": "bill",
        "rule": rule,
        "rows_billed": row["rows"],
        "rows": [behind for invoice in one.statement.invoices for behind in invoice.rows],
        "explanation": text,
    }


def _differs(one: Judged) -> str:
    """The sum in words: the parts, what is invoiced, and where the invoice states it otherwise."""
    row = one.row
    terms = [f"{part.replace('_', ' ')} {plain(row[part], 2)}" for part in PARTS if row[part]]
    text = (
        f"Invoice {one.statement.name} asks for {money_of(one, row['invoiced'])}; its charges come "
        f"to {plain(row['amount_due'], 2)} ({', '.join(terms) or 'nothing'})."
    )
    if one.rounding_explains:
        return f"{text} The difference is what rounding every line or service makes."
    for category, parts in STATED_PARTS.items():
        stated = [i.stated[category] for i in one.statement.invoices if category in i.stated]
        ours = exact_sum(row[part] for part in parts)
        if stated and exact_sum(stated) != ours:
            text += (
                f" {category}: {plain(exact_sum(stated), 2)} on the invoice, {plain(ours, 2)} in "
                "the charges."
            )
    return text


def money_of(one: Judged, amount: Decimal) -> str:
    """An amount to its last digit, with the statement's currency."""
    return f"{plain(amount, 2)} {one.statement.currency}"
