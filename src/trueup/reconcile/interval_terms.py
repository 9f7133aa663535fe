"""What contracts say of the intervals of commitments, as tables to join with the bill's rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa

from trueup.engine.integers import EDGE_SCALE
from trueup.reconcile.terms import Terms

HOUR, DAY = 3600, 86400
# grain -> (truncation unit, contract interval); a coarser grain has the larger number
GRAINS = {
    0: ("h", "hourly"),
    1: ("D", "daily"),
    2: ("W", "weekly"),
    3: ("M", "monthly"),
    4: ("Q", "quarterly"),
    5: ("Y", "annual"),
}
_RANK = {interval: rank for rank, (_unit, interval) in GRAINS.items()}
_SECONDS = {"hourly": HOUR, "daily": DAY}

CONTRACTS = pa.schema(
    [
        pa.field("contract_id", pa.string()),
        pa.field("contract_grain", pa.int64()),
        pa.field("term_start", pa.timestamp("us", tz="UTC")),
        pa.field("term_end", pa.timestamp("us", tz="UTC")),
        pa.field("interval_seconds", pa.int64()),  # null: one interval per row
    ]
)
FIGURES = pa.schema(
    [
        pa.field("figure_id", pa.string()),
        pa.field("figure_num", pa.decimal128(38, 0)),
        pa.field("figure_den", pa.decimal128(38, 0)),
        pa.field("fee", pa.decimal128(38, 0)),
        pa.field("figure_unit", pa.string()),
    ]
)


def contract_table(terms: Iterable[Terms]) -> pa.Table:
    """Contracts of used-or-lost commitments, ready to be joined with the bill's rows."""
    return _of_rows(
        [
            {
                "contract_id": term.commitment_id,
                "contract_grain": _RANK.get(term.interval or "", 0),
                "term_start": term.start,
                "term_end": term.end,
                "interval_seconds": _SECONDS.get(term.interval or ""),
            }
            for term in terms
            if not term.is_term and term.counts
        ],
        CONTRACTS,
    )


def figure_table(
    terms: Iterable[Terms], figures: Mapping[str, Fraction | None], q_scale: int
) -> pa.Table:
    """What one interval commits, a fraction in units of 10^-q_scale, and its fee in 10^-18."""
    rows = []
    for term in terms:
        figure, fee = figures.get(term.commitment_id), term.fee
        scaled = None if figure is None else figure * 10**q_scale
        money = None if fee is None else Fraction(fee) * 10**EDGE_SCALE
        rows.append(
            {
                "figure_id": term.commitment_id,
                "figure_num": None if scaled is None else Decimal(scaled.numerator),
                "figure_den": None if scaled is None else Decimal(scaled.denominator),
                "fee": None if money is None else Decimal(money.numerator),
                "figure_unit": term.unit,
            }
        )
    return _of_rows(rows, FIGURES)


def _of_rows(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.table({name: [row[name] for row in rows] for name in schema.names}, schema=schema)
