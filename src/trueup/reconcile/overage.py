"""Overage of lots at the contract's rate: what was billed beyond a lot, and what it should cost."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from trueup.period import Period
from trueup.reconcile.commitment_leg import edge_decimal
from trueup.reconcile.draws import DRAWDOWN, REFUND
from trueup.reconcile.found import LEG, plain
from trueup.reconcile.ledger import OVERAGE, OWN, POOLED
from trueup.reconcile.pools import Pool
from trueup.reconcile.terms import Terms

HALF_A_MINOR_UNIT = Fraction(1, 200)  # a charge may be rounded by so much

Row = dict[str, Any]


def overage_breaks(pool: Pool, window: Period) -> Iterator[Row]:
    """One break for each lot whose overage was billed at another rate than the contract states.

    ``times`` beside its columns are those at which something was beyond the lot.
    Where a lot covers what began in one quarter of an hour in part, the same part of the billed
    cost is overage; what gives overage back takes it off. Only charges that carry the lot, or match
    its rule, tell what they were billed.
    """
    for lot in pool.lots:
        if lot.overage_rate is None or pool.ledger is None:
            continue
        drew = {OWN: pool.own[lot.commitment_id], POOLED: pool.pooled}
        quantity = billed = Fraction(0)
        rows = 0
        times = []
        # A lot that starts after the period is no part of the ledger.
        for one in pool.ledger.movements.get(lot.commitment_id, ()):
            if one.kind != OVERAGE or one.by is None or not window.start <= one.at < window.end:
                continue
            behind = (one.at, REFUND if one.quantity < 0 else DRAWDOWN)
            draws = drew[one.by]
            moved, cost = draws.of(*behind), draws.billed.get(behind)
            if cost is not None and moved.quantity:
                quantity += one.quantity
                billed += cost * one.quantity / moved.quantity
                rows += moved.rows
                times.append(one.at)
        expected = quantity * Fraction(lot.overage_rate)
        if abs(billed - expected) > HALF_A_MINOR_UNIT * rows:
            yield {**_break(lot, quantity, billed, expected, window), "times": times}


def _break(
    lot: Terms, quantity: Fraction, billed: Fraction, expected: Fraction, window: Period
) -> Row:
    return {
        "class": "price",
        "leg": LEG,
        "provider": lot.provider,
        "commitment_id": lot.commitment_id,
        "subject": lot.commitment_id,
        "period_start": window.start,
        "period_end": window.end,
        "billed": edge_decimal(billed),
        "expected": edge_decimal(expected),
        "unit": lot.currency,
        "amount": edge_decimal(billed - expected),
        "currency": lot.currency,
        "priced_by": "contract",
        "rule": "overage_rate",
        "rows_metered": 0,
        "explanation": f"{plain(quantity)} {lot.unit} beyond the lot at {lot.overage_rate:f} are "
        f"{plain(expected)}; {plain(billed)} was billed.",
    }
