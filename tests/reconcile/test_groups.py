"""Groups judged: what is at stake is exact, whatever digits cost and quantity have."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pyarrow as pa

from trueup.engine.engine import open_engine
from trueup.model.rules import Rules
from trueup.reconcile.groups import QUANTITY, judge
from trueup.reconcile.tolerance import limits_of

WHOLE = pa.decimal128(38, 0)


def test_the_stake_is_exact_where_the_product_does_not_fit() -> None:
    """Cost x gap / quantity of 22 and 21 digits: 43 digits on the way, 21 in the end.

    1,000.123456789012345678 USD of 24.5 h in parts of 10^-15 s, 20 h of them metered.
    """
    cost, billed, metered = 1000123456789012345678, 88200 * 10**15, 72000 * 10**15
    with open_engine("duckdb") as engine:
        groups = engine.load(
            pa.table(
                {
                    "group": pa.array([1], pa.int64()),
                    "rule": ["resource"],
                    "provider": ["p"],
                    "q": pa.array([Decimal(billed)], WHOLE),
                    "metered_q": pa.array([Decimal(metered)], WHOLE),
                }
            )
        )
        costs = engine.load(
            pa.table(
                {
                    "group": pa.array([1], pa.int64()),
                    "currency": ["USD"],
                    "effective": pa.array([Decimal(cost)], WHOLE),
                    "n": pa.array([1], pa.int64()),
                }
            )
        )
        copies = engine.load(
            pa.table({"group": pa.array([], pa.int64()), "copy_q": pa.array([], WHOLE)})
        )
        judged = judge(groups, costs, copies, limits_of("usage", Rules()), 18, engine)
        [row] = engine.collect(judged.select("verdict", "stake")).to_pylist()
    # 4.5 / 24.5 = 9 / 49 of the cost
    assert row == {"verdict": QUANTITY, "stake": round(Fraction(cost * 9, 49))}
