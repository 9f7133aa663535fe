from __future__ import annotations

from decimal import Decimal

import pyarrow as pa

from trueup.model.columns import AMOUNT
from trueup.model.sums import UNKNOWN, known_by, sums_by


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


def test_what_is_not_known_is_counted_beside_the_sum() -> None:
    """A has 1.50 and a row without a figure, b has none at all."""
    rows = pa.table({"name": ["a", "a", "b"], "cost": [Decimal("1.50"), None, None]})
    assert known_by(rows, ["name"], "cost").to_pylist() == [
        {"name": "a", "cost": Decimal("1.5"), UNKNOWN: 1},
        {"name": "b", "cost": None, UNKNOWN: 1},
    ]
