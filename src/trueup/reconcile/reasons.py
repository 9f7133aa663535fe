"""Why a charge is not compared with telemetry: the reasons of unattributed cost."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from trueup.adapter.registry import provider_of_bill
from trueup.engine.engine import Engine
from trueup.reconcile.billed import CORRECTION, UNUSED
from trueup.reconcile.text import SEPARATOR, key_of

UNUSED_REASON = "unused"
ROUNDING_LIMIT_CENTS = 1


def foreign_publishers(rows: ir.Table, engine: Engine) -> list[str]:
    """Keys of provider and publisher where somebody else sells through the provider."""
    pairs = engine.collect(
        rows.filter(rows.publisher.notnull()).select("provider", "publisher").distinct()
    ).to_pylist()
    return sorted(
        {
            f"{row['provider']}{SEPARATOR}{row['publisher']}"
            for row in pairs
            if provider_of_bill(row["publisher"]) != row["provider"]
        }
    )


def sold_by_other(rows: ir.Table, foreign: list[str]) -> ir.BooleanValue:
    """Whether somebody else sold it through the provider, as ``foreign_publishers`` found."""
    return key_of(rows.provider, rows.publisher).isin(["", *foreign])


def is_support(rows: ir.Table) -> ir.BooleanValue:
    """Whether it is a fee for support, by the words of its service."""
    return rows.service_category.fill_null("").re_search(r"(?i)\bsupport\b") | (
        rows.service.fill_null("").re_search(r"(?i)\bsupport\b")
    )


def out_of_scope_reason(rows: ir.Table, foreign: list[str], scale: int) -> ir.Value:
    """The reason of a charge that no rule compares, by what kind of charge it is."""
    small = (rows.effective > -(10 ** (scale - 2)) * ROUNDING_LIMIT_CENTS) & (
        rows.effective < 10 ** (scale - 2) * ROUNDING_LIMIT_CENTS
    )
    corrects = rows.charge_class.fill_null("") == CORRECTION
    return ibis.cases(
        ((rows.category == "Usage") & (rows.status.fill_null("") == UNUSED), UNUSED_REASON),
        (rows.category == "Tax", "tax"),
        (rows.category == "Credit", "credit"),
        (rows.category == "Purchase", "purchase"),
        ((rows.category == "Adjustment") & small, "rounding"),
        (rows.category == "Adjustment", "correction"),
        (corrects & (rows.effective < 0) & rows.quantity.isnull(), "refund"),
        (corrects, "correction"),
        (sold_by_other(rows, foreign), "marketplace"),
        (is_support(rows), "support"),
        else_="no_rule",
    )
