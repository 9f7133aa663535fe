"""Quantities that commitments cover by the rules and not on the bill, or the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.integers import EDGE_SCALE, WHOLE, total, whole
from trueup.engine.rows import united


@dataclass(frozen=True)
class Move:
    """One line and one commitment that covers another quantity of it than the bill says.

    ``saved`` is what the payer saves on demand by it, in money: negative where the line loses
    cover. ``billed`` is what the line was billed on demand, 0 where a commitment covered it.
    """

    line: int  # the id of the first of its ``rows`` charges
    source_id: int
    source_row: int
    provider: str | None
    payer: str | None
    account: str | None
    resource: str | None
    sku: str | None
    interval: datetime
    billing_end: datetime | None
    currency: str
    unit: str | None
    rows: int
    quantity: Fraction
    billed: Fraction
    was_pool: str | None  # the commitment that covered the line on the bill
    pool: str
    place: int | None  # of the rule by which it covers it now
    covered: Fraction  # by the rules
    drawn: Fraction  # of the commitment, by the rules
    saved: Fraction
    excess: Fraction  # of ``billed``, at a wrong rate: a break of its own
    held: Fraction  # beside ``billed``, by breaks of its quantity
    lacking: str | None
    as_other_account: bool


def moves(
    lines: ir.Table,
    covered: ir.Table,
    scale: int,
    q_scale: int,
    engine: Engine,
) -> list[Move]:
    """Every difference between rules and bill: a line saves the worth of what covers it.

    The worth of a line that nothing covered is its own billed cost; of one that was covered it is
    the on-demand price of its SKU, which it costs as soon as it is not.
    """
    sums = _both_sides(lines, covered)
    apart = sums.filter(sums.by != sums.was)
    joined = apart.join(lines, "line")
    rows = engine.collect(
        joined.order_by("interval", "source_id", "source_row", "pool")
    ).to_pylist()
    return [_move(row, scale, q_scale) for row in rows]


def _both_sides(lines: ir.Table, covered: ir.Table) -> ir.Table:
    """Per line and commitment, how much it covers by the rules and how much it did on the bill."""
    by_rules = covered.select(
        "line",
        "pool",
        stage=covered.stage,
        lacking=covered.lacking,
        shared=covered.shared,
        by=covered.covered,
        drawn=covered.drawn,
        was=whole(0),
        saved=covered.worth,
    )
    on_bill = lines.filter(lines.commitment_id.notnull())
    on_bill = on_bill.select(
        "line",
        pool=on_bill.commitment_id,
        stage=ibis.null("int64"),
        lacking=ibis.null(str),
        shared=ibis.null(bool),
        by=whole(0),
        drawn=whole(0),
        was=on_bill.q,
        saved=(whole(0) - on_bill.worth).cast(WHOLE),
    )
    return (
        united(by_rules, on_bill)
        .group_by("line", "pool")
        .aggregate(
            stage=_.stage.max(),
            lacking=_.lacking.max(),
            shared=_.shared.max(),
            by=total(_.by),
            taken=total(_.drawn),
            was=total(_.was),
            saved=total(_.saved),
        )
    )


def _move(row: Mapping[str, Any], scale: int, q_scale: int) -> Move:
    def exact(name: str, decimals: int) -> Fraction:
        value: Decimal = row[name]
        return Fraction(value) / 10**decimals

    free = row["commitment_id"] is None
    return Move(
        **{
            name: row[name]
            for name in (
                *("line", "source_id", "source_row", "provider", "payer", "account", "resource"),
                "sku",
                *("interval", "billing_end", "currency", "unit", "rows", "pool", "lacking"),
            )
        },
        quantity=exact("q", q_scale),
        billed=exact("billed", scale) if free else Fraction(0),
        was_pool=row["commitment_id"],
        place=row["stage"],
        covered=exact("by", q_scale),
        drawn=exact("taken", EDGE_SCALE),
        saved=exact("saved", EDGE_SCALE),
        excess=exact("excess", scale),
        held=exact("held", scale),
        as_other_account=bool(row["shared"]),
    )
