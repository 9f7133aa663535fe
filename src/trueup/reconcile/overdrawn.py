"""Draws that the bill itself shows to be wrong: beyond a charge's cost, twice, after the term."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import instant, moment
from trueup.engine.integers import EDGE_SCALE, digest, total, units, whole
from trueup.focus.applied import ELEMENTS, write_elements
from trueup.period import Period, iso
from trueup.reconcile.copies import PROVENANCE
from trueup.reconcile.draws import DRAWDOWN
from trueup.reconcile.found import DOUBLE, OTHER, Found, plain
from trueup.reconcile.pools import Pool
from trueup.reconcile.terms import Terms
from trueup.reconcile.text import key_with_nulls

ROUNDED = 5 * 10 ** (EDGE_SCALE - 3)  # half a minor unit: an element may be rounded by so much


def elements(files: Sequence[Path], lots: Sequence[str], engine: Engine) -> ir.Table:
    """The elements of ContractApplied that name one of the lots, with the charge they are of."""
    with TemporaryDirectory(prefix="trueup-elements-") as folder:
        target = Path(folder) / "elements.parquet"
        write_elements(files, lots, target)
        return engine.keep(engine.scan([target], ELEMENTS))


def beyond_cost(
    drawn: ir.Table, charges: ir.Table, lots: Mapping[str, Terms], window: Period, engine: Engine
) -> list[Found]:
    """Charges whose elements draw more money than the charge costs, by lot.

    The cost is the largest of billed, effective and contracted cost: a draw beyond all three was
    counted twice. Which of several lots of a charge it is: the one it drew most on.
    """
    per_charge = drawn.filter(drawn.cost.notnull()).mutate(cost=units(drawn.cost, 10**EDGE_SCALE))
    sums = per_charge.group_by("charge_id").aggregate(
        drawn=total(_.cost),
        n=_.count(),
        lot=_.commitment_id.argmax(_.cost),
    )
    costs = _in_window(charges, window).filter(_.ChargeCategory.isin(["Usage", "Purchase"]))
    priced = costs.select(
        charge_id=costs.x_ChargeId,
        currency=costs.BillingCurrency,
        cost=units(
            ibis.greatest(costs.BilledCost, costs.EffectiveCost, costs.ContractedCost),
            10**EDGE_SCALE,
        ),
    )
    joined = sums.join(priced, "charge_id")
    over = joined.filter(
        (joined.cost >= whole(0))
        & (joined.drawn - joined.cost > whole(ROUNDED) * joined.n.cast("decimal(38, 0)"))
    )
    rows = engine.collect(
        over.group_by("lot", "currency").aggregate(
            drawn=total(_.drawn),
            cost=total(_.cost),
            charges=_.count(),
        )
    ).to_pylist()
    return [
        Found(
            lots[row["lot"]],
            DOUBLE,
            _amount(row["drawn"]),
            _amount(row["cost"]),
            row["charges"],
            f"{row['charges']} charges draw {plain(_amount(row['drawn']))} and cost "
            f"{plain(_amount(row['cost']))}.",
        )
        for row in sorted(rows, key=lambda row: str(row["lot"]))
        if row["lot"] in lots and lots[row["lot"]].currency == row["currency"]
    ]


def booked_twice(
    drawn: ir.Table, charges: ir.Table, lots: Mapping[str, Terms], window: Period, engine: Engine
) -> list[Found]:
    """Identical charges, each of which draws on a lot: all but the first are drawn again."""
    inside = _in_window(charges, window)
    naming = inside.semi_join(drawn, inside.x_ChargeId == drawn.charge_id)
    content = [name for name in naming.columns if name not in PROVENANCE]
    texts = naming.select(
        charge_id=naming.x_ChargeId,
        content=digest(key_with_nulls(*(naming[name] for name in content))),
    )
    alike = texts.mutate(
        n=texts.count().over(group_by="content"),
        kept_id=texts.charge_id.min().over(group_by="content"),
    )
    repeated = alike.filter(alike.n > 1)
    of_lot = repeated.join(drawn, "charge_id")
    amount = units(ibis.coalesce(of_lot.cost, of_lot.quantity), 10**EDGE_SCALE)
    again = ibis.ifelse(of_lot.charge_id == of_lot.kept_id, whole(0), amount)
    rows = engine.collect(
        of_lot.mutate(amount=amount, again=again)
        .group_by("commitment_id")
        .aggregate(amount=total(_.amount), again=total(_.again), elements=_.count())
    ).to_pylist()
    return [
        Found(
            lots[row["commitment_id"]],
            DOUBLE,
            _amount(row["amount"]),
            _amount(row["amount"]) - _amount(row["again"]),
            row["elements"],
            f"{row['elements']} identical charges draw {plain(_amount(row['amount']))}, "
            f"{plain(_amount(row['again']))} of it again.",
        )
        for row in sorted(rows, key=lambda row: str(row["commitment_id"]))
        if row["commitment_id"] in lots
    ]


def after_the_term(pool: Pool, window: Period) -> Iterator[Found]:
    """What charges drew by name on a lot that had ended."""
    for lot in pool.lots:
        draws = pool.own[lot.commitment_id]
        late = [
            moved
            for (hour, kind), moved in draws.moved.items()
            if kind == DRAWDOWN and lot.end <= hour and window.start <= hour < window.end
        ]
        quantity = sum((moved.quantity for moved in late), Fraction(0))
        if quantity and draws.unknown is None:
            yield Found(
                lot,
                OTHER,
                quantity,
                Fraction(0),
                sum(moved.rows for moved in late),
                f"{plain(quantity)} was drawn after {iso(lot.end)}, when the lot had ended.",
            )


def _in_window(charges: ir.Table, window: Period) -> ir.Table:
    start = instant(charges.ChargePeriodStart)
    return charges.filter((start >= moment(window.start)) & (start < moment(window.end)))


def _amount(whole_number: Any) -> Fraction:
    return Fraction(whole_number or 0) / 10**EDGE_SCALE
