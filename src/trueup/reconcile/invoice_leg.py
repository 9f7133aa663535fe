"""The invoice leg: what issuers ask for against what their charges come to, per invoice.

charges + purchases + tax + support + marketplace +- corrections - credits - prepaid drawdown
+- rounding = amount due. FOCUS Cost and Usage, column BilledCost: its sum over an InvoiceId is the
amount of that invoice. docs/concepts/invoices.md says what counts as rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trueup.errors import IntegrityError
from trueup.focus.applied import drawn_per_invoice
from trueup.model.rules import Leg, Rules
from trueup.money import EXACT, plain
from trueup.reconcile.billing_groups import (
    LEAST_SCALE,
    PARTS,
    BillingGroup,
    billing_groups,
    invoice_rows,
)
from trueup.reconcile.control import exact_sum
from trueup.reconcile.invoice_bridge import bridge
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.month_edges import Again, billed_again
from trueup.reconcile.statements import (
    Invoice,
    Statement,
    concerns,
    issuers_agree,
    read_invoices,
    statements,
    without_repeats,
)

LEG: Leg = "invoice"
FUNDING = "funding"
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
    def difference(self) -> Decimal:
        """What is invoiced beyond what is due."""
        invoiced = self.row["invoiced"]
        return EXACT.subtract(Decimal(0) if invoiced is None else invoiced, self.row["amount_due"])


def run_leg(run: LegRun) -> Findings:
    """Compare every invoice with its charges; nothing where no invoices were given."""
    if run.invoices is None:
        return Findings()
    scale = max(run.scale, LEAST_SCALE)
    lots = sorted({terms.commitment_id for terms in run.terms if terms.layer == FUNDING})
    rows = invoice_rows(run.charges, scale, lots, run.engine)
    groups = _drawn(billing_groups(rows, run.charges, scale, run.engine), run, lots)
    invoices, voided, superseded = read_invoices(run.invoices.table)
    every = statements(invoices, groups)
    ours = [one for one in every if concerns(run.period, one.start, one.end)]
    judged = [_judged(one, run.rules) for one in ours]
    again = billed_again(rows, scale, run.engine)
    agree = issuers_agree(group.issuer for group in groups)
    elsewhere = sum(len(one.invoices) for one in every) - sum(len(one.invoices) for one in ours)
    return Findings(
        breaks=[found for one in judged for found in _breaks(one, judged, agree, again)],
        tables={
            "invoices": [one.row for one in judged],
            "invoice_bridge": bridge(
                [(one.statement, one.row) for one in judged], rows, agree, scale, run
            ),
        },
        notes=_notes(judged, voided, superseded, elsewhere),
    )


def _drawn(groups: Sequence[BillingGroup], run: LegRun, lots: Sequence[str]) -> list[BillingGroup]:
    """The groups, less what lots paid of charges that are billed in full all the same."""
    if run.invoices is None or not lots:
        return list(groups)
    costs = {
        (row["issuer"], row["invoice_id"], row["currency"], row["account"], row["start"]): row
        for row in drawn_per_invoice(run.charge_files, lots)
    }
    found = []
    for group in groups:
        alone = (group.account, group.start) if group.invoice_id is None else (None, None)
        row = costs.get((group.issuer, group.invoice_id, group.currency, *alone))
        found.append(group.paid_by_lots(row["cost"]) if row else group)
    return found


def _judged(statement: Statement, rules: Rules) -> Judged:
    """The statement's figures; a difference within the allowance is its rounding."""
    repeats: tuple[Invoice, ...] = ()
    if len(statement.invoices) > 1 and _beyond(statement, rules):
        single, left = without_repeats(statement)
        if left and not _beyond(single, rules):
            statement, repeats = single, tuple(left)
    parts = {part: exact_sum(group.parts[part] for group in statement.groups) for part in PARTS}
    due = exact_sum(group.due for group in statement.groups)
    invoiced = _invoiced(statement)
    status = "no_invoice" if invoiced is None else "no_charges"
    explained = False
    if invoiced is not None and statement.groups:
        difference = EXACT.subtract(invoiced, due)
        if _beyond(statement, rules):
            status = "differs"
            explained = invoiced in _rounded(statement)
        else:
            status = "agreed"
            parts["rounding"] = EXACT.add(parts["rounding"], difference)
            due = invoiced
    if exact_sum(parts.values()) != due:
        raise IntegrityError(
            f"invoice {_name(statement)}: its parts add up to {exact_sum(parts.values())}, the "
            f"amount due is {due} {statement.currency}; please report this as a defect"
        )
    row = {
        "invoice_id": statement.invoice_id,
        "issuer": statement.issuer,
        "billing_account_id": statement.account,
        "billing_period_start": statement.start,
        "billing_period_end": statement.end,
        "currency": statement.currency,
        **parts,
        "amount_due": due,
        "invoiced": invoiced,
        "difference": None if invoiced is None else EXACT.subtract(invoiced, due),
        "rows": sum(group.rows for group in statement.groups),
        "status": status,
    }
    return Judged(statement, row, explained, repeats)


def _invoiced(statement: Statement) -> Decimal | None:
    amounts = [one.amount for one in statement.invoices]
    return exact_sum(amounts) if amounts else None


def _rounded(statement: Statement) -> set[Decimal]:
    """What the charges come to when lines, or accounts and services, are rounded first."""
    names = statement.groups[0].rounded
    return {exact_sum(group.rounded[name] for group in statement.groups) for name in names}


def _beyond(statement: Statement, rules: Rules) -> bool:
    """Whether invoice and charges differ by more than rounding may make them differ.

    That is half a minor unit for each part and service whose sum is no whole number of them, or
    the absolute tolerance that the rules give the leg.
    """
    invoiced = _invoiced(statement) or Decimal(0)
    due = exact_sum(group.due for group in statement.groups)
    allowed = rules.tolerance_of(LEG, statement.provider).absolute
    if allowed is None:
        allowed = exact_sum(group.unrounded * group.minor / 2 for group in statement.groups)
    return abs(EXACT.subtract(invoiced, due)) > allowed


def _breaks(
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
            text = f"Invoice {_name(one.statement)} asks for {_money(one, difference)}; no charge "
            known = any(agree(invoice.issuer, group.issuer) for group in _groups(judged))
            text += "stands on it." if known else "of its issuer is in the bill."
            found.append(_break(one, LEG, LEG, difference, text))
    elif status == "no_invoice" and one.statement.invoice_id and _covered(one, judged, agree):
        text = (
            f"Charges of {_money(one, one.row['amount_due'])} name invoice {_name(one.statement)}, "
            "which is not among the invoices of their issuer and month."
        )
        found.append(_break(one, LEG, LEG, difference, text))
    return found


def _groups(judged: Sequence[Judged]) -> list[BillingGroup]:
    return [group for one in judged for group in one.statement.groups]


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
                f"Invoice {_name(one.statement)} holds {edge.rows} charges of "
                f"{_money(one, edge.cost)} at the edge of its month that stand on invoice "
                f"{edge.first} too: the two months are cut in different time zones."
            )
            yield _break(one, "duplicate", "month_edge", edge.cost, text) | {
                "billed": EXACT.add(edge.cost, edge.cost),
                "expected": edge.cost,
            }


def _issued_twice(one: Judged, invoice: Invoice) -> dict[str, Any]:
    more = EXACT.multiply(invoice.amount, Decimal(invoice.copies))
    text = (
        f"Invoice {_name(one.statement)} is in the list {invoice.copies + 1} times, each "
        f"{_money(one, invoice.amount)}: {_money(one, more)} too much if it is paid each time."
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
        f"Invoice {invoice.invoice_id} asks again for the {_money(one, invoice.amount)} of invoice "
        f"{first.invoice_id}"
    )
    if invoice.start and first.start and invoice.start != first.start:
        text += f": the same month, cut in another time zone ({_span(invoice)} and {_span(first)})"
    return _break(one, "duplicate", "issued_again", invoice.amount, f"{text}.") | {
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
        "explanation": text,
    }


def _differs(one: Judged) -> str:
    """The sum in words: the parts, what is invoiced, and where the invoice states it otherwise."""
    row = one.row
    terms = [f"{part.replace('_', ' ')} {plain(row[part], 2)}" for part in PARTS if row[part]]
    text = (
        f"Invoice {_name(one.statement)} asks for {_money(one, row['invoiced'])}; its charges come "
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


def _name(statement: Statement) -> str:
    return statement.invoice_id or f"of {statement.issuer} for {statement.month}"


def _money(one: Judged, amount: Decimal) -> str:
    return f"{plain(amount, 2)} {one.statement.currency}"


def _notes(
    judged: Sequence[Judged], voided: int, superseded: int, elsewhere: int
) -> list[dict[str, Any]]:
    still_open = [
        _name(one.statement)
        for one in judged
        if one.difference and any(invoice.is_open for invoice in one.statement.invoices)
    ]
    waiting = [
        f"{_money(one, one.row['amount_due'])} of {one.statement.issuer} for {one.statement.month}"
        for one in judged
        if one.row["status"] == "no_invoice"
        and not one.statement.invoice_id
        and one.row["amount_due"]
    ]
    said = (
        ("invoices_open", len(still_open), "differ from their charges and are still open: "),
        ("charges_without_invoice", len(waiting), "groups of charges stand on no invoice yet: "),
        ("invoices_voided", voided, "voided invoices or invoice rows do not count"),
        ("invoice_rows_superseded", superseded, "rows are earlier states of an invoice detail"),
        ("invoices_of_other_periods", elsewhere, "invoices are of other billing periods"),
    )
    names = {"invoices_open": still_open, "charges_without_invoice": waiting}
    return [
        {
            "code": code,
            "subject": "invoices",
            "text": f"{count:,} {text}{'; '.join(names.get(code, ())[:3])}",
            "remedy": None,
        }
        for code, count, text in said
        if count
    ]
