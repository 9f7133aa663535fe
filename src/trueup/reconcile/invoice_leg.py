"""The invoice leg: what issuers ask for against what their charges come to, per invoice.

charges + purchases + tax + support + marketplace +- corrections - credits - prepaid drawdown
+- rounding = amount due. FOCUS Cost and Usage, column BilledCost: its sum over an InvoiceId is the
amount of that invoice. docs/concepts/invoices.md says what counts as rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trueup.errors import IntegrityError
from trueup.model.rules import Rules
from trueup.money import EXACT
from trueup.reconcile.billing_groups import (
    LEAST_SCALE,
    PARTS,
    billing_groups,
    invoice_rows,
)
from trueup.reconcile.control import exact_sum
from trueup.reconcile.invoice_breaks import LEG, Judged, breaks_of, money_of
from trueup.reconcile.invoice_bridge import bridge
from trueup.reconcile.invoice_drawdown import drawn_apart
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.month_edges import billed_again
from trueup.reconcile.stated_invoices import (
    Invoice,
    Statement,
    concerns,
    issuers_agree,
    read_invoices,
    statements,
    without_repeats,
)
from trueup.reconcile.usage_rows import BILLED

FUNDING = "funding"
KEY = "rows_key"


def run_leg(run: LegRun) -> Findings:
    """Compare every invoice with its charges; nothing where no invoices were given."""
    if run.invoices is None:
        return Findings()
    scale = max(run.scale, LEAST_SCALE)
    funding = [terms for terms in run.terms if terms.layer == FUNDING]
    lots = {name for terms in funding for name in (terms.commitment_id, terms.pool) if name}
    rows = invoice_rows(run.charges, scale, sorted(lots), run.engine)
    drawn, unpriced = drawn_apart(rows, scale, run)
    groups = [
        group.paid_by_lots(drawn.get(group.key, Decimal(0)))
        for group in billing_groups(rows, run.charges, scale, run.engine)
    ]
    invoices, voided, superseded = read_invoices(run.invoices.table)
    every = statements(invoices, groups)
    ours = [one for one in every if concerns(run.period, one.start, one.end)]
    judged = [_judged(one, run.rules) for one in ours]
    cuts = {group.start for group in groups if group.invoice_id is not None}
    again = billed_again(rows, scale, run.engine) if len(cuts) > 1 else []
    agree = issuers_agree(group.issuer for group in groups)
    elsewhere = sum(len(one.invoices) for one in every) - sum(len(one.invoices) for one in ours)
    breaks: list[dict[str, Any]] = []
    keys: list[dict[str, str]] = []
    for one in judged:
        for found in breaks_of(one, judged, agree, again):
            name = f"invoice {len(breaks)}"
            breaks.append({**found, "rows_key": name})
            keys.extend({"key": each.key, "rows_key": name} for each in one.statement.groups)
    return Findings(
        breaks=breaks,
        break_rows=[_rows_behind(rows, keys, run)] if keys else [],
        tables={
            "invoices": [one.row for one in judged],
            "invoice_bridge": bridge([one.asked for one in judged], rows, agree, scale, run),
        },
        notes=[*_notes(judged, voided, superseded, elsewhere), *_unpriced(unpriced)],
    )


def _rows_behind(rows: ir.Table, keys: Sequence[Mapping[str, str]], run: LegRun) -> ir.Table:
    """The charges of the invoices that breaks are of."""
    columns = {name: pa.array([one[name] for one in keys], pa.string()) for name in ("key", KEY)}
    met = rows.join(run.engine.load(pa.table(columns)), "key")
    return met.select(KEY, "source_id", "source_row", side=ibis.literal(BILLED))


def _unpriced(charges: int) -> list[dict[str, Any]]:
    if not charges:
        return []
    return [
        {
            "code": "credits_without_price",
            "subject": "invoices",
            "text": f"{charges:,} billed charges drew credits of a lot whose price is not known: "
            "what was prepaid of them is not taken off the invoice",
            "remedy": "state cost_per_credit, and the unit of the credits, in the contract; where "
            "they name a pool whose lots differ in price, have them name the lot",
        }
    ]


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
            f"invoice {statement.name}: its parts add up to {exact_sum(parts.values())}, the "
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


def _notes(
    judged: Sequence[Judged], voided: int, superseded: int, elsewhere: int
) -> list[dict[str, Any]]:
    still_open = [
        one.statement.name
        for one in judged
        if one.difference and any(invoice.is_open for invoice in one.statement.invoices)
    ]
    waiting = [
        f"{money_of(one, one.row['amount_due'])} {one.statement.name}"
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
