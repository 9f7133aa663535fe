"""Used and unused per commitment and interval, from the bill's own Used and Unused rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import instant, moment
from trueup.engine.integers import (
    WHOLE,
    decimals,
    divide_half_even,
    magnitude,
    tally,
    total,
    units,
    whole,
)
from trueup.period import Period
from trueup.reconcile.billed import UNUSED, USED, in_period, part
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
    ]
)


def quantity_scale(charges: ir.Table, scale: int, engine: Engine) -> int:
    """The decimals that hold every commitment quantity and every amount it may fall back to."""
    most = charges.aggregate(most=decimals(charges.CommitmentDiscountQuantity).max())
    return max(scale, engine.collect(most).column("most")[0].as_py() or 0)


def commitment_rows(charges: ir.Table, scale: int, q_scale: int, period: Period | None) -> ir.Table:
    """Used and Unused rows of the period with their quantity in the commitment's own unit.

    The quantity is CommitmentDiscountQuantity, else EffectiveCost where that is positive, else
    null: unknown, never zero (FOCUS Cost and Usage, CommitmentDiscountQuantity is nullable).
    """
    t = charges.filter(
        (charges.ChargeCategory == "Usage")
        & charges.CommitmentDiscountId.notnull()
        & charges.CommitmentDiscountStatus.isin([USED, UNUSED])
    )
    stated = t.CommitmentDiscountQuantity.notnull()
    effective = units(t.EffectiveCost, 10**scale)
    fallback = ibis.ifelse(
        effective > whole(0), effective * whole(10 ** (q_scale - scale)), ibis.null(WHOLE)
    )
    rows = t.select(
        commitment_id=t.CommitmentDiscountId,
        provider=t.x_Provider,
        name=t.CommitmentDiscountName,
        category=t.CommitmentDiscountCategory,
        type=t.CommitmentDiscountType,
        currency=t.BillingCurrency,
        billing_end=instant(t.BillingPeriodEnd),
        used=t.CommitmentDiscountStatus == USED,
        stated=stated,
        unit=ibis.ifelse(stated, t.CommitmentDiscountUnit, t.BillingCurrency),
        start=instant(t.ChargePeriodStart),
        end=instant(t.ChargePeriodEnd),
        q=ibis.ifelse(stated, units(t.CommitmentDiscountQuantity, 10**q_scale), fallback).cast(
            WHOLE
        ),
        effective=effective,
    )
    inside = in_period(rows, period)
    return inside.mutate(q=part(inside, inside.q), effective=part(inside, inside.effective))


def row_grain(rows: ir.Table) -> ir.Value:
    """How coarse a row's window is, as a number of ``GRAINS``."""
    length = rows.end.epoch_seconds() - rows.start.epoch_seconds()
    return ibis.cases((length <= HOUR, 0), (length <= DAY, 1), (length <= 7 * DAY, 2), else_=3)


def per_interval(rows: ir.Table, contracts: ir.Table, engine: Engine) -> ir.Table:
    """One row per commitment, currency and interval that the bill covers.

    The interval is the contract's, or the coarsest window of the commitment's rows where that is
    longer: finer than that the bill does not say.
    """
    joined = rows.left_join(contracts, rows.commitment_id == contracts.contract_id)
    grained = joined.mutate(
        own=ibis.greatest(row_grain(joined), joined.contract_grain.fill_null(0))
    )
    coarsest = grained.mutate(grain=grained.own.max().over(group_by="commitment_id"))
    placed = coarsest.mutate(
        interval_start=ibis.cases(
            *(
                (coarsest.grain == rank, instant(coarsest.start.truncate(unit)))
                for rank, (unit, _name) in GRAINS.items()
            ),
            else_=coarsest.start,
        )
    )
    used, unused = placed.used, ~placed.used
    nothing = whole(0)
    return engine.keep(
        placed.group_by("commitment_id", "currency", "interval_start").aggregate(
            provider=_.provider.min(),
            name=_.name.min(),
            category=_.category.min(),
            type=_.type.min(),
            grain=_.grain.min(),
            billing_end=_.billing_end.max(),
            unit=_.unit.min(),
            units=_.unit.nunique(),
            stated=_.stated.min(),
            any_stated=_.stated.max(),
            used_rows=tally(used.cast("int64")),
            unused_rows=tally(unused.cast("int64")),
            used_unknown=tally((used & placed.q.isnull()).cast("int64")),
            unused_unknown=tally((unused & placed.q.isnull()).cast("int64")),
            used_q=total(ibis.ifelse(used, placed.q, nothing)),
            unused_q=total(ibis.ifelse(unused, placed.q, nothing)),
            used_cost=total(ibis.ifelse(used, placed.effective, nothing)),
            unused_cost=total(ibis.ifelse(unused, placed.effective, nothing)),
            term_start=_.term_start.min(),
            term_end=_.term_end.min(),
            interval_seconds=_.interval_seconds.min(),
        )
    )


def first_look(rows: ir.Table, engine: Engine) -> list[dict[str, Any]]:
    """Per commitment, what its covered intervals add up to: enough to read the contract by."""
    sums = rows.group_by("commitment_id").aggregate(
        used_q=total(_.used_q),
        unused_q=total(_.unused_q),
        unknown=tally(_.used_unknown + _.unused_unknown),
        intervals=_.count(),
    )
    return list(engine.collect(sums).to_pylist())


def with_committed(
    rows: ir.Table, figures: ir.Table, period: Period | None, engine: Engine
) -> ir.Table:
    """Intervals with ``committed_q``, ``overage_q``, ``gap`` and null for what is not known.

    Without a contract, committed is what the bill says: used + unused. An interval that the term
    (or the period) cuts is as the provider bills it.
    """
    timed = _timed(rows.left_join(figures, rows.commitment_id == figures.figure_id), period)
    count, whole_intervals = timed.intervals, timed.whole_intervals
    used_known = (timed.used_unknown == 0) & (timed.units <= 1)
    unused_known = (
        (timed.unused_unknown == 0) & (timed.units <= 1) & (used_known | (timed.unused_rows > 0))
    )
    used_q = ibis.ifelse(used_known, timed.used_q, ibis.null(WHOLE))
    unused_q = ibis.ifelse(unused_known, timed.unused_q, ibis.null(WHOLE))
    billed = used_q + unused_q
    contract = divide_half_even(
        count.cast(WHOLE) * timed.figure_num.fill_null(whole(0)),
        timed.figure_den.fill_null(whole(1)),
    )
    stated = timed.figure_num.notnull() & whole_intervals & (count > 0)
    committed = ibis.ifelse(stated, contract, billed)
    compared = stated & billed.notnull()
    inexact = (
        compared
        & (magnitude(billed - committed) * whole(10**6) <= magnitude(committed))
        & (timed.figure_den > whole(1))
    )
    gap = ibis.ifelse(compared & ~inexact, billed - committed, ibis.null(WHOLE))
    return engine.keep(
        timed.mutate(
            used_q=used_q.cast(WHOLE),
            unused_q=unused_q.cast(WHOLE),
            committed_q=committed.cast(WHOLE),
            overage_q=ibis.ifelse(
                compared, ibis.greatest(billed - committed, whole(0)), ibis.null(WHOLE)
            ).cast(WHOLE),
            unused_cost=ibis.ifelse(unused_known, timed.unused_cost, ibis.null(WHOLE)).cast(WHOLE),
            committed_cost=ibis.ifelse(
                timed.fee.notnull() & whole_intervals,
                timed.fee * count.cast(WHOLE),
                ibis.ifelse(unused_known, timed.used_cost + timed.unused_cost, ibis.null(WHOLE)),
            ).cast(WHOLE),
            gap=gap.cast(WHOLE),
        ).drop("whole_intervals")
    )


def _timed(rows: ir.Table, period: Period | None) -> ir.Table:
    """``interval_end``, how many fulfilment ``intervals`` lie in it, and whether whole ones."""
    end = ibis.cases(
        *(
            (rows.grain == rank, rows.interval_start + _length(unit))
            for rank, (unit, _name) in GRAINS.items()
        ),
        else_=rows.interval_start,
    )
    timed = rows.mutate(interval_end=instant(end))
    begin, finish = timed.interval_start, timed.interval_end
    if period is not None:
        begin = ibis.greatest(begin, moment(period.start))
        finish = ibis.least(finish, moment(period.end))
    begin = ibis.greatest(begin, instant(timed.term_start).fill_null(begin))
    finish = ibis.least(finish, instant(timed.term_end).fill_null(finish))
    seconds = finish.epoch_seconds() - begin.epoch_seconds()
    full = timed.interval_end.epoch_seconds() - timed.interval_start.epoch_seconds()
    size = timed.interval_seconds.fill_null(full)
    count = seconds // size
    return timed.mutate(
        intervals=ibis.greatest(count, 0), whole_intervals=seconds - count * size == 0
    )


def _length(unit: str) -> ir.IntervalScalar:
    """One grain as an interval that every engine can write: days and months only, above hours."""
    hours = {"h": 1, "D": 24, "W": 7 * 24}.get(unit)
    if hours is not None:
        return ibis.interval(hours=hours)
    return ibis.interval(months={"M": 1, "Q": 3, "Y": 12}[unit])


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
    terms: Iterable[Terms], figures: Mapping[str, Fraction | None], scale: int, q_scale: int
) -> pa.Table:
    """What one interval commits, a fraction in units of 10^-q_scale, and its fee in 10^-scale."""
    rows = []
    for term in terms:
        figure, fee = figures.get(term.commitment_id), term.fee
        scaled = None if figure is None else figure * 10**q_scale
        money = None if fee is None else Fraction(fee) * 10**scale
        rows.append(
            {
                "figure_id": term.commitment_id,
                "figure_num": None if scaled is None else Decimal(scaled.numerator),
                "figure_den": None if scaled is None else Decimal(scaled.denominator),
                "fee": Decimal(money.numerator) if money and money.denominator == 1 else None,
            }
        )
    return _of_rows(rows, FIGURES)


def _of_rows(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.table({name: [row[name] for row in rows] for name in schema.names}, schema=schema)
