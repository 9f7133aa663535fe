"""Charges that two invoices hold because their months are cut in different time zones."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import lasting
from trueup.engine.integers import tally, total
from trueup.money import EXACT

NAMES = (
    "issuer",
    "billing_account",
    "account",
    "provider",
    "service",
    "resource",
    "sku",
    "description",
)
SAME_CHARGE = (*NAMES, "currency", "start", "end", "billed")


@dataclass(frozen=True)
class Again:
    """Charges of ``key`` that stand on the ``first`` invoice too: how many, what they cost."""

    key: str
    first: str
    rows: int
    cost: Decimal


def billed_again(rows: ir.Table, scale: int, engine: Engine) -> list[Again]:
    """Equal charges within a day of a month's edge, on two invoices of different billing periods.

    The one whose billing period starts later holds them again. Corrections and what costs nothing
    are left out: a charge that is taken back and billed anew is no copy.
    """
    day = lasting(days=1)
    near = rows.filter(
        rows.invoice_id.notnull()
        & (rows.category == "Usage")
        & rows.charge_class.isnull()
        & (rows.billed > 0)
        & ((rows.start < rows.billing_start + day) | (rows.start >= rows.billing_end - day))
    )
    once = near.group_by("key", "invoice_id", "billing_start", *SAME_CHARGE).aggregate(n=_.count())
    sides = once.mutate(**{name: once[name].fill_null("") for name in NAMES})
    other = sides.view()
    pairs = sides.join(
        other,
        [
            *(sides[name] == other[name] for name in SAME_CHARGE),
            sides.billing_start > other.billing_start,
            sides.invoice_id != other.invoice_id,
        ],
        rname="first_{name}",
    )
    again = ibis.least(pairs.n, pairs.first_n)
    found = pairs.group_by("key", first=pairs.first_invoice_id).aggregate(
        rows=tally(again), cost=total(pairs.billed * again)
    )
    return [
        Again(row["key"], row["first"], row["rows"], row["cost"].scaleb(-scale, EXACT))
        for row in engine.collect(found.order_by("key", "first")).to_pylist()
    ]
