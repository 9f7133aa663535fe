"""The bridge from what a period's use cost to what was invoiced, per issuer and currency.

An invoice month is no usage month: invoices hold rows of earlier and later periods, fees that are
amortised over their term, and not the amortised cost itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trueup.engine.instants import moment
from trueup.engine.integers import WHOLE, divide, total, whole
from trueup.errors import IntegrityError
from trueup.money import EXACT
from trueup.reconcile.billed import in_pieces, part
from trueup.reconcile.control import exact_sum
from trueup.reconcile.leg import LegRun
from trueup.reconcile.stated_invoices import Statement

STEPS = {
    "usage_period_cost": "effective cost of the issuer's charges in the period",
    "on_other_invoices": "of it on other invoices, or on none yet",
    "earlier_periods": "effective cost of earlier charge periods on these invoices",
    "later_periods": "effective cost of later charge periods on these invoices",
    "purchases": "fees and other purchases, invoiced now and used over their term",
    "amortisation": "cost of commitments, paid by their fees",
    "other_differences": "billed and effective cost of other charges differ",
    "prepaid_drawdown": "paid by prepaid lots",
    "rounding": "by which invoices are rounded",
    "difference": "invoiced beyond what is due: the breaks",
    "invoiced": "what the invoices ask for",
}
LAST = "invoiced"
Figures = dict[str, Decimal]


def bridge(
    judged: Sequence[tuple[Statement, Mapping[str, Any]]],
    rows: ir.Table,
    agree: Callable[[str | None, str | None], bool],
    scale: int,
    run: LegRun,
) -> list[dict[str, Any]]:
    """The steps for each issuer and currency that invoices; IntegrityError if they do not add up.

    ``rows`` are all charges with the ``key`` of their invoice, whole numbers of 10^-scale.
    """
    invoiced = [(statement, row) for statement, row in judged if statement.invoices]
    known = sorted(
        {group.issuer for statement, _ in judged for group in statement.groups if group.issuer}
    )
    labels = {
        id(statement): statement.issuer
        if statement.groups
        else next((name for name in known if agree(statement.issuer, name)), statement.issuer)
        for statement, _ in invoiced
    }
    keys = {group.key: labels[id(s)] for s, _ in invoiced for group in s.groups}
    figures = _of_charges(rows, keys, scale, run)
    found: list[dict[str, Any]] = []
    for issuer, currency in sorted({(labels[id(s)] or "", s.currency) for s, _ in invoiced}):
        mine = [
            (s, row)
            for s, row in invoiced
            if (labels[id(s)] or "", s.currency) == (issuer, currency)
        ]
        steps = figures.get((issuer, currency), {}) | _of_invoices(mine)
        found.extend(_steps(issuer or None, currency, steps))
    return found


def _of_invoices(mine: Sequence[tuple[Statement, Mapping[str, Any]]]) -> Figures:
    groups = [group for statement, _ in mine for group in statement.groups]
    drawn = exact_sum(group.drawn for group in groups)
    due = exact_sum(row["amount_due"] for _, row in mine)
    return {
        "prepaid_drawdown": EXACT.minus(drawn),
        "rounding": EXACT.subtract(due, exact_sum(group.due for group in groups)),
        "difference": exact_sum(row["difference"] for _, row in mine),
        LAST: exact_sum(invoice.amount for statement, _ in mine for invoice in statement.invoices),
    }


def _steps(issuer: str | None, currency: str, figures: Figures) -> Iterable[dict[str, Any]]:
    amounts = {item: figures.get(item, Decimal(0)) for item in STEPS}
    added = exact_sum(amount for item, amount in amounts.items() if item != LAST)
    if added != amounts[LAST]:
        raise IntegrityError(
            f"bridge of {issuer}: its steps add up to {added}, invoiced are {amounts[LAST]} "
            f"{currency}; please report this as a defect"
        )
    return [
        {
            "issuer": issuer,
            "currency": currency,
            "step": number,
            "item": item,
            "amount": amounts[item],
            "explanation": text,
        }
        for number, (item, text) in enumerate(STEPS.items(), start=1)
    ]


def _of_charges(
    rows: ir.Table, keys: Mapping[str, str | None], scale: int, run: LegRun
) -> dict[tuple[str, str], Figures]:
    """The steps that charges make, by issuer and currency."""
    chosen = run.engine.load(
        pa.table(
            {"key": list(keys), "label": [label or "" for label in keys.values()]},
            schema=pa.schema([("key", pa.string()), ("label", pa.string())]),
        )
    )
    slim = rows.select(
        "key",
        "issuer",
        "currency",
        "category",
        "commitment_id",
        "start",
        "end",
        "billed",
        "effective",
    )
    labelled = slim.left_join(chosen, "key").drop("key_right")
    labelled = labelled.mutate(
        on=labelled.label.notnull(), issuer=labelled.label.fill_null(labelled.issuer).fill_null("")
    )
    pieces = in_pieces(labelled, run.window)
    # Cut where the identity cuts: at the bill's own decimals.
    finer = whole(10 ** (scale - run.scale))
    cost = (part(pieces, divide(pieces.effective, finer)) * finer).cast(WHOLE)
    earlier = pieces.since < moment(run.window.start)
    later = pieces.since >= moment(run.window.end)
    inside = ~earlier & ~later
    extra = labelled.billed - labelled.effective
    purchase = labelled.category == "Purchase"
    covered = ~purchase & labelled.commitment_id.notnull()

    def where(condition: ir.Value, value: ir.Value) -> ir.Value:
        return total(ibis.ifelse(condition, value, whole(0)))

    tables = (
        pieces.group_by("issuer", "currency").aggregate(
            usage_period_cost=where(inside, cost),
            on_other_invoices=where(inside & ~pieces.on, whole(0) - cost),
            earlier_periods=where(earlier & pieces.on, cost),
            later_periods=where(later & pieces.on, cost),
        ),
        labelled.group_by("issuer", "currency").aggregate(
            purchases=where(labelled.on & purchase, extra),
            amortisation=where(labelled.on & covered, extra),
            other_differences=where(labelled.on & ~purchase & ~covered, extra),
        ),
    )
    found: dict[tuple[str, str], Figures] = {}
    for table in tables:
        for row in run.engine.collect(table).to_pylist():
            figures = found.setdefault((row["issuer"], row["currency"]), {})
            figures |= {item: row[item].scaleb(-scale, EXACT) for item in row if item in STEPS}
    return found
