"""Used and unused per commitment and interval, from the bill's own Used and Unused rows."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import INSTANT, instant, lasting, within
from trueup.engine.integers import (
    EDGE_SCALE,
    WHOLE,
    at_edge,
    divide_half_even,
    magnitude,
    tally,
    total,
    whole,
)
from trueup.period import Period
from trueup.reconcile.billed import CORRECTION, UNUSED, USED, in_period, part
from trueup.reconcile.facts import Facts, decimals_of, step
from trueup.reconcile.interval_terms import DAY, GRAINS, HOUR


def quantity_scale(facts: Facts, scale: int, contracts: bool, engine: Engine) -> int:
    """The decimals that hold every commitment quantity and every amount it may fall back to.

    A contract's figure may be finer than the bill (a term's total by its hours): with contracts
    all 18 are kept.
    """
    if contracts:
        return EDGE_SCALE
    t = facts.profiles
    most = t.aggregate(most=decimals_of(t, "CommitmentDiscountQuantity").max())
    return max(scale, engine.collect(most).column("most")[0].as_py() or 0)


def commitment_rows(facts: Facts, scale: int, q_scale: int, period: Period | None) -> ir.Table:
    """Used and Unused rows of the period with their quantity in the commitment's own unit.

    The quantity is CommitmentDiscountQuantity, else EffectiveCost where that is positive, else
    null: unknown, never zero (FOCUS Cost and Usage, CommitmentDiscountQuantity is nullable).
    """
    p = facts.profiles
    t = facts.profiles.filter(
        (p.ChargeCategory == "Usage")
        & p.CommitmentDiscountId.notnull()
        & p.CommitmentDiscountStatus.isin([USED, UNUSED])
    )
    stated = decimals_of(t, "CommitmentDiscountQuantity").notnull()
    known = t.select(
        profile=t.profile,
        commitment_id=t.CommitmentDiscountId,
        provider=t.x_Provider,
        name=t.CommitmentDiscountName,
        category=t.CommitmentDiscountCategory,
        type=t.CommitmentDiscountType,
        currency=t.BillingCurrency,
        regular=t.ChargeClass.fill_null("") != CORRECTION,
        billing_end=instant(t.BillingPeriodEnd),
        used=t.CommitmentDiscountStatus == USED,
        stated=stated,
        unit=ibis.ifelse(stated, t.CommitmentDiscountUnit, t.BillingCurrency),
        q_step=step(t, "CommitmentDiscountQuantity", q_scale),
        effective_step=step(t, "EffectiveCost", scale),
    )
    joined = facts.rows.join(known, "profile")
    rows = joined.mutate(
        source_id=joined.x_SourceId,
        source_row=joined.x_SourceRow,
        start=instant(joined.ChargePeriodStart),
        end=instant(joined.ChargePeriodEnd),
        effective=(joined.EffectiveCost * joined.effective_step).cast(WHOLE),
    )
    fallback = ibis.ifelse(
        rows.effective > whole(0), rows.effective * whole(10 ** (q_scale - scale)), ibis.null(WHOLE)
    )
    q = ibis.ifelse(rows.stated, rows.CommitmentDiscountQuantity * rows.q_step, fallback)
    inside = in_period(rows.mutate(q=q.cast(WHOLE)), period)
    return inside.select(
        *("source_id", "source_row", "start", "end"),
        *(name for name in known.columns if name not in ("profile", "q_step", "effective_step")),
        q=part(inside, inside.q),
        effective=part(inside, inside.effective),
    )


def row_grain(rows: ir.Table) -> ir.Value:
    """How coarse a row's window is, as a number of ``GRAINS``."""
    length = rows.end.epoch_seconds() - rows.start.epoch_seconds()
    day = DAY + HOUR  # of a zone, where clocks go back
    return ibis.cases(
        (length <= HOUR, 0), (length <= day, 1), (length <= 6 * DAY + day, 2), else_=3
    )


def _begun(rows: ir.Table, grain: ir.Value) -> ir.Value:
    """Where the UTC hour, day, week or month that a row starts in began."""
    starts = ((grain == n, instant(rows.start.truncate(GRAINS[n][0]))) for n in GRAINS)
    return ibis.cases(*starts, else_=rows.start)


def in_intervals(rows: ir.Table, contracts: ir.Table) -> ir.Table:
    """The rows with their contract, ``grain``, ``interval_start`` and number of ``currencies``.

    The interval is the contract's, or the coarsest window of the commitment's rows where that is
    longer: finer than that the bill does not say. It begins in UTC; but where all rows are as long
    and some begin at another time (days of another zone), their own windows are the intervals, and
    ``window_end`` says where each ends.
    """
    joined = rows.left_join(contracts, rows.commitment_id == contracts.contract_id)
    grained = joined.mutate(
        own=ibis.greatest(row_grain(joined), joined.contract_grain.fill_null(0))
    )
    # A correction may span a month: it neither coarsens the commitment nor covers an interval.
    own = ibis.ifelse(grained.regular, grained.own, grained.contract_grain.fill_null(0))
    told = row_grain(grained)
    regular = grained.mutate(own=own, told=told, apart=_begun(grained, told) != grained.start)
    of_all = regular.group_by("commitment_id").aggregate(
        grain=regular.own.max(),
        finest=regular.told.min(where=regular.regular),
        zoned=regular.apart.max(where=regular.regular).fill_null(ibis.literal(value=False)),
        currencies=ibis.ifelse(regular.currency.min() == regular.currency.max(), 1, 2),
    )
    coarsest = regular.join(of_all, "commitment_id")
    by_row = coarsest.zoned & (coarsest.finest == coarsest.grain)
    begun = _begun(coarsest, coarsest.grain)
    end = ibis.ifelse(by_row & coarsest.regular, coarsest.end, ibis.null(INSTANT))
    return coarsest.mutate(
        interval_start=instant(ibis.ifelse(by_row, coarsest.start, begun)), window_end=instant(end)
    ).drop("told", "apart", "finest", "zoned")


def per_interval(placed: ir.Table, engine: Engine) -> ir.Table:
    """One row per commitment, currency and interval that the bill covers."""
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
            currencies=_.currencies.max(),
            regular_rows=tally(_.regular.cast("int64")),
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
            window_end=_.window_end.max(),
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
    rows: ir.Table,
    figures: ir.Table,
    period: Period | None,
    scale: int,
    q_scale: int,
    engine: Engine,
) -> ir.Table:
    """Intervals with what contract and bill make of each other, null where it is not known:
    ``committed_q`` and its cost, ``within_q``, ``overage_q``, ``off_bill_q`` and its cost, ``gap``.

    Without a contract, committed is what the bill says: used + unused. An interval that the term
    (or the period) cuts is as the provider bills it.
    """
    joined = rows.left_join(figures, rows.commitment_id == figures.figure_id)
    timed = _held_against_contract(_known(_timed(joined, period)))
    billed, committed = timed.used_q + timed.unused_q, timed.committed_q
    compared = timed.by_contract & billed.notnull()
    # A figure that no decimal holds (a term by its hours) may be off by the bill's own rounding.
    rounding = (timed.used_rows + timed.unused_rows).cast(WHOLE) * whole(10 ** (q_scale - scale))
    # Where an interval is many of the contract's, overage in one leaves another's unused as it is.
    apart = _where(timed.whole_count > 1, ibis.greatest(timed.unused_q, whole(0)))
    available = ibis.greatest(committed - apart.fill_null(whole(0)), whole(0))
    off_by_rounding = (timed.figure_den > whole(1)) & (
        magnitude(billed - committed) <= rounding.cast(WHOLE)
    )
    from_bill = at_edge(timed.used_cost + timed.unused_cost, scale)
    fee = (timed.fee * timed.whole_count.cast(WHOLE)).cast(WHOLE)
    # Where a cost stands in for the quantity, the two are of different bases.
    off_bill = _where(
        compared & timed.stated,
        ibis.ifelse(off_by_rounding, whole(0), ibis.greatest(committed - billed, whole(0))),
    )
    own_fee = timed.fee.notnull() & timed.whole_intervals & (timed.currencies == 1)
    return engine.keep(
        timed.mutate(
            overage_q=_where(compared, ibis.greatest(billed - committed, whole(0))),
            within_q=_where(
                timed.used_q.notnull() & committed.notnull(), ibis.least(timed.used_q, available)
            ),
            gap=_where(compared & ~off_by_rounding, billed - committed),
            committed_cost=ibis.ifelse(own_fee, fee, from_bill).cast(WHOLE),
            off_bill_q=off_bill,
            off_bill_cost=ibis.cases(
                (off_bill == whole(0), whole(0)),
                ((off_bill > whole(0)) & own_fee, ibis.greatest(fee - from_bill, whole(0))),
                else_=ibis.null(WHOLE),
            ).cast(WHOLE),
        ).drop("whole_intervals", "whole_count", "by_contract")
    )


def _where(condition: ir.Value, value: ir.Value) -> ir.Value:
    """A whole number where the condition holds, else null."""
    return ibis.ifelse(condition, value, ibis.null(WHOLE)).cast(WHOLE)


def _known(timed: ir.Table) -> ir.Table:
    """Used and unused, null where a row's quantity is not known or units are mixed.

    What was unused cost is known wherever the bill states it, or that all was used.
    """
    used = (timed.used_unknown == 0) & (timed.units <= 1)
    told = used | (timed.unused_rows > 0)
    unused = told & (timed.unused_unknown == 0) & (timed.units <= 1)
    return timed.mutate(
        used_q=_where(used, timed.used_q),
        unused_q=_where(unused, timed.unused_q),
        unused_cost=_where(told, timed.unused_cost),
    )


def _held_against_contract(timed: ir.Table) -> ir.Table:
    """``committed_q``: the contract's where it can be held against the bill, else the bill's own.

    ``by_contract`` says that it is the contract's; ``not_compared`` why a contract could not be.
    """
    same_unit = (
        timed.figure_unit.isnull()
        | timed.unit.isnull()
        | (timed.figure_unit.lower() == timed.unit.lower())
    )
    by_contract = (
        timed.figure_num.notnull()
        & timed.whole_intervals
        & (timed.whole_count > 0)
        & (timed.regular_rows > 0)
        & same_unit
        & (timed.currencies == 1)
    )
    contract = divide_half_even(
        timed.whole_count.cast(WHOLE) * timed.figure_num.fill_null(whole(0)),
        timed.figure_den.fill_null(whole(1)),
    )
    return timed.mutate(
        by_contract=by_contract,
        committed_q=ibis.ifelse(by_contract, contract, timed.used_q + timed.unused_q).cast(WHOLE),
        not_compared=ibis.cases(
            (timed.currencies > 1, "billed in several currencies: not held against a contract"),
            (
                timed.figure_num.notnull() & ~same_unit,
                "contract and bill count in different units: not compared",
            ),
            (
                timed.figure_num.notnull() & ~timed.whole_intervals,
                "its term, or the period, cuts an interval: not held against the contract there",
            ),
            else_=ibis.null(str),
        ),
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
    timed = rows.mutate(interval_end=instant(rows.window_end.fill_null(end))).drop("window_end")
    begin, finish = within(timed.interval_start, timed.interval_end, period)
    begin = ibis.greatest(begin, instant(timed.term_start).fill_null(begin))
    finish = ibis.least(finish, instant(timed.term_end).fill_null(finish))
    seconds = finish.epoch_seconds() - begin.epoch_seconds()
    full = timed.interval_end.epoch_seconds() - timed.interval_start.epoch_seconds()
    size = timed.interval_seconds.fill_null(full)
    count = seconds // size
    return timed.mutate(
        intervals=ibis.ifelse(timed.regular_rows > 0, ibis.greatest(count, 0), 0),
        whole_count=ibis.greatest(count, 0),
        covered_seconds=ibis.ifelse(timed.regular_rows > 0, ibis.greatest(seconds, 0), 0),
        whole_intervals=seconds - count * size == 0,
    )


def _length(unit: str) -> ir.IntervalScalar:
    """One grain as an interval that every engine can write: days and months only, above hours."""
    hours = {"h": 1, "D": 24, "W": 7 * 24}.get(unit)
    if hours is not None:
        return lasting(hours=hours)
    return lasting(months={"M": 1, "Q": 3, "Y": 12}[unit])
