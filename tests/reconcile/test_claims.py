"""Claims against hostile bills: what stays as billed, and what makes a claim only indicated."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests.reconcile.priced import covered, plan_rate, price_breaks, reconciled
from tests.reconcile.test_price_leg import CONTRACT, E3, HOUR, amounts

D = Decimal
RATES = [plan_rate("e3", "3.00")]
NO_QUANTITY = {"PricingQuantity": "", "PricingUnit": ""}


def test_a_covered_row_without_a_quantity_keeps_what_it_drew(tmp_path: Path) -> None:
    """It drew 6.20 of 10.00, e2 2.30: 1.50 are left for e3, so 2.00 of its 4.00, not all of it."""
    rows = [covered("e1", "2", "6.20", "8.40", **NO_QUANTITY), *HOUR[1:], E3]
    assert amounts(reconciled(tmp_path, rows, rates=RATES)) == [D("2.00")]


def test_an_hour_whose_use_is_not_known_claims_nothing(tmp_path: Path) -> None:
    """e1 does not say what it drew: by the contract 10.00 are there, how much is left nobody knows."""
    unknown = covered("e1", "2", "0", "8.40", CommitmentDiscountQuantity="")
    result = reconciled(tmp_path, [unknown, *HOUR[1:], E3], rates=RATES, contracts=CONTRACT)
    assert price_breaks(result) == []
