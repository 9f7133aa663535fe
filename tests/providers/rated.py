"""Small bills for the rules of each provider, and the claims that they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.reconcile.priced import at, on_demand, price_breaks, reconciled

__all__ = ["at", "claimed", "of", "on_demand", "price_breaks", "reconciled", "used"]


def of(name: str, status: str, drawn: str, unit: str, **more: str) -> dict[str, str]:
    """The columns that name a commitment and what a row draws from it."""
    return {
        "CommitmentDiscountId": name,
        "CommitmentDiscountStatus": status,
        "CommitmentDiscountQuantity": drawn,
        "CommitmentDiscountUnit": unit,
        "PricingCategory": "Committed",
        **more,
    }


def used(sku: str, quantity: str, listed: str, **more: str) -> dict[str, str]:
    """Covered usage: billed nothing, its on-demand cost as ListCost."""
    values = {"ListCost": listed, "EffectiveCost": "0", "ResourceId": f"covered-{sku}", **more}
    return on_demand(sku, quantity, "0", **values)


def claimed(
    folder: Path, rows: Sequence[Mapping[str, str]], **more: Any
) -> dict[tuple[str, str], Decimal]:
    """Rule and commitment -> amount, of every claim."""
    found = reconciled(folder, rows, **more).claims.rows()
    return {(one["rule"], one["commitment_id"]): one["amount"] for one in found}
