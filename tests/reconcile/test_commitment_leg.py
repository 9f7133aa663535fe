"""The break of a commitment that is not what its contract says: what it is worth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.reconcile.test_terms import terms
from trueup.reconcile.commitment_leg import Scales, gap_break

D = Decimal
START = datetime(2026, 10, 3, 14, tzinfo=UTC)


def hour(number: int, **given: Any) -> dict[str, Any]:
    """6.00 used and 2.00 unused of 10.00, for 3.00 + 1.00 USD; in cents and hundredths."""
    row: dict[str, Any] = {"commitment_id": "plan", "provider": "p", "currency": "USD"}
    row |= {"interval_start": START + timedelta(hours=number), "unit": "Hours"}
    row |= {"interval_end": START + timedelta(hours=number + 1)}
    row |= {"used_q": D(600), "unused_q": D(200), "committed_q": D(1000)}
    row |= {"used_cost": D(300), "unused_cost": D(100), "used_rows": 3, "unused_rows": 1}
    return row | given


NOTHING = {"used_q": D(0), "unused_q": D(0)}


@pytest.mark.parametrize(
    ("given", "billed", "amount", "priced_by"),
    [
        # 16 of 20 units for 8.00: 0.50 each, 4 too few
        ({}, 16, D("-2"), "observed"),
        # 16.00 of 20.00 in the billing currency: the difference itself
        ({"unit": "USD"}, 16, D("-4"), "contract"),
        # nothing tells what the unused cost
        ({"unused_cost": None}, 16, None, None),
        # nothing is billed: nothing shows what a unit costs
        (NOTHING, 0, None, None),
    ],
)
def test_a_gap_is_worth_what_its_units_cost(
    given: dict[str, Any], billed: int, amount: Decimal | None, priced_by: str | None
) -> None:
    """Two hours with 8 of 10 units each."""
    row = gap_break([hour(0, **given), hour(1, **given)], terms(), Scales(2, 2))
    assert (row["billed"], row["expected"]) == (billed, 20)
    assert (row["amount"], row["priced_by"]) == (amount, priced_by)
    assert (row["period_start"], row["period_end"]) == (START, START + timedelta(hours=2))
    assert row["rows_billed"] == 8
