from __future__ import annotations

from decimal import Decimal

import pyarrow as pa

from trueup.model.columns import AMOUNT
from trueup.model.sums import sums_by


def test_a_sum_beyond_38_digits_is_exact() -> None:
    """Four times 9 x 10^19 is 3.6 x 10^20: more than a column of amounts holds; null is left out."""
    big = Decimal(9 * 10**19)
    rows = pa.table(
        {
            "team": ["a", "a", "a", "a", "b", "c"],
            "cost": pa.array([big, big, big, big, Decimal("0.1"), None], AMOUNT),
            "rows": [1, 2, 3, 4, 5, 6],
        }
    )
    assert sums_by(rows, ["team"], ["cost", "rows"]).to_pylist() == [
        {"team": "a", "cost": Decimal(36 * 10**19), "rows": 10},
        {"team": "b", "cost": Decimal("0.1"), "rows": 5},
        {"team": "c", "cost": None, "rows": 6},
    ]
