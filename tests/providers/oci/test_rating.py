"""There is no benefit layer: the rate card's price, and its overage price beyond the pool."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.providers.rated import on_demand, price_breaks, reconciled

from trueup.reconcile.rates import rating_of

D = Decimal
GPU = {
    "ProviderName": "Oracle",
    "PublisherName": "Oracle",
    "InvoiceIssuerName": "Oracle",
    "ServiceName": "Compute",
    "PricingUnit": "GPU-Hours",
}


def card(price: str, condition: str = "") -> dict[str, Any]:
    """A row of the rate card for one product."""
    return {
        "provider": "oci",
        "sku_id": "B95909",
        "sku": f"GPU4 - Compute - GPU{condition}",
        "unit": "GPU Per Hour",
        "price": D(price),
        "currency": "USD",
        "operation": "onesubscription:ListRateCards",
    }


def test_no_commitment_changes_a_price() -> None:
    """Universal Credits pay for charges: there is no rule to apply them by."""
    rating = rating_of("oci")
    assert rating
    assert rating.stages == ()


@pytest.mark.parametrize(
    ("cost", "overage", "amount"),
    [
        ("2.95", "N", None),
        ("3.10", "N", D("0.15")),  # the card says 2.95
        ("3.20", "Y", None),
        ("2.95", "Y", D("-0.25")),  # the card says 3.20 beyond the pool
    ],
)
def test_the_rate_card_decides(
    tmp_path: Path, cost: str, overage: str, amount: Decimal | None
) -> None:
    """2.95 a GPU-hour within the pool, 3.20 beyond it; a tier's price says nothing of one row."""
    rates = [card("2.95"), card("3.20", ", overage"), card("1.00", ", up to 10")]
    row = on_demand("B95909", "1", cost, **GPU, x_OverageFlag=overage)
    found = [one["amount"] for one in price_breaks(reconciled(tmp_path, [row], rates=rates))]
    assert found == ([] if amount is None else [amount])


def test_overage_without_a_price_of_its_own(tmp_path: Path) -> None:
    """The card tells an overage price only where it is another one."""
    row = on_demand("B95909", "2", "5.90", **GPU, x_OverageFlag="Y")
    assert price_breaks(reconciled(tmp_path, [row], rates=[card("2.95")])) == []
