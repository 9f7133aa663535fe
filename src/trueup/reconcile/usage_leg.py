"""The usage leg: billed against metered quantity, group by group, and what is left over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.attribute.parties import NO
from trueup.engine.engine import Engine
from trueup.engine.instants import lasting, moment, seconds
from trueup.engine.integers import (
    WHOLE,
    at_edge,
    magnitude,
    ratio_at_edge,
    tally,
    total,
    whole,
)
from trueup.period import Period
from trueup.reconcile.groups import DUPLICATE, MATCHED, MISSING_IN_USAGE, QUANTITY, TIMING
from trueup.reconcile.text import key_with_nulls
from trueup.reconcile.tolerance import Limits

LEG = "usage"
NO_SHIFT = ibis.null("int64")
UNVERIFIED, CORRECTION, REFUND = "unverified_capacity", "correction", "refund"
BREAK_COLUMNS = (
    "class",
    "provider",
    "commitment_id",
    "account_id",
    "region_id",
    "resource_id",
    "model",
    "meter",
    "period_start",
    "period_end",
    "billed",
    "expected",
    "unit",
    "amount",
    "currency",
    "priced_by",
    "rule",
    "rows_billed",
    "rows_metered",
    "tier",
    "contradicted",  # another meter counted work where the allocated one saw nothing
    "shift_seconds",  # of `timing`: how much later than billed it was metered
    "rows_key",  # tells, within the run, which rows stand behind it
)
ABOUT = ("provider", "account", "region", "resource", "model", "meter", "tier")


@dataclass(frozen=True)
class Money:
    """How whole amounts become figures at the edge."""

    scale: int

    def edge(self, value: ir.Value) -> ir.Value:
        return at_edge(value, self.scale)


def group_breaks(
    judged: ir.Table, copies: ir.Table, contradicted: ir.Table, money: Money
) -> ir.Table:
    """One break per group and currency that disagrees: timing, quantity, duplicate, missing."""
    wrong = judged.filter(judged.verdict != MATCHED)
    extra = copies.group_by("group", "currency").aggregate(copy_cost=total(copies.effective))
    copied = wrong.left_join(extra, ["group", "currency"]).select(
        wrong, copy_cost=extra.copy_cost.fill_null(whole(0)).cast(WHOLE)
    )
    odd = contradicted.select(odd="group")
    rows = copied.left_join(odd, copied.group == odd.odd)
    amount = ibis.cases(
        (rows.verdict == TIMING, whole(0)),
        (rows.verdict == DUPLICATE, money.edge(rows.copy_cost)),
        (rows.verdict == MISSING_IN_USAGE, money.edge(rows.effective)),
        # A quantity that nets to nothing has no price of its own.
        (rows.q == whole(0), ibis.null(WHOLE)),
        else_=rows.stake,
    ).cast(WHOLE)
    expected = ibis.ifelse(rows.verdict == DUPLICATE, rows.q - rows.copy_q, rows.metered_q)
    late = rows.verdict == TIMING
    hour_end = rows.metered_bucket + lasting(hours=1)
    return _break_columns(
        rows,
        **{"class": rows.verdict},
        period_start=ibis.ifelse(late, ibis.least(rows.bucket, rows.metered_bucket), rows.start),
        period_end=ibis.ifelse(late, ibis.greatest(rows.end, hour_end), rows.end),
        billed=ratio_at_edge(rows.q, rows.unit_factor),
        expected=ratio_at_edge(expected, rows.unit_factor),
        unit=rows.bill_unit,
        amount=amount,
        priced_by=ibis.ifelse(amount.isnull(), ibis.null(str), "bill"),
        rule=rows.rule,
        rows_billed=rows.n_billed,
        rows_metered=rows.n_metered,
        contradicted=rows.odd.notnull(),
        shift_seconds=ibis.ifelse(
            late, rows.metered_bucket.epoch_seconds() - rows.bucket.epoch_seconds(), NO_SHIFT
        ),
        rows_key=group_key(rows),
    )


def group_key(judged: ir.Table) -> ir.Value:
    """What the break of a group is called within the run: it is the group's in every currency."""
    return key_with_nulls(ibis.literal("group"), judged.group)


def sum_key(judged: ir.Table) -> ir.Value:
    """What a break that many small differences add up to is called within the run."""
    of_what = (judged.provider, judged.model, judged.meter, judged.tier, judged.currency)
    return key_with_nulls(ibis.literal("accumulated"), *of_what)


def accumulated_breaks(judged: ir.Table, limits: Limits, window: Period) -> ir.Table:
    """In-tolerance differences that add up to more than the period's threshold, per SKU."""
    fine = judged.filter(judged.verdict == MATCHED)
    sums = fine.group_by("provider", "model", "meter", "tier", "currency").aggregate(
        q=total(_.q),
        metered_q=total(_.metered_q),
        stake=total(_.stake),
        bill_unit=_.bill_unit.min(),
        unit_factor=_.unit_factor.min(),
        n_billed=tally(_.n_billed),
        n_metered=tally(_.n_metered),
    )
    numerator, denominator = limits.fraction(sums.provider, "period_relative")
    gap = magnitude(sums.q - sums.metered_q)
    over = sums.filter(gap * denominator > magnitude(sums.q) * numerator)
    nowhere = ibis.null(str)
    rows = over.mutate(account=nowhere, region=nowhere, resource=nowhere)
    return _break_columns(
        rows,
        **{"class": ibis.literal(QUANTITY)},
        period_start=moment(window.start),
        period_end=moment(window.end),
        billed=ratio_at_edge(rows.q, rows.unit_factor),
        expected=ratio_at_edge(rows.metered_q, rows.unit_factor),
        unit=rows.bill_unit,
        amount=rows.stake,
        priced_by=ibis.literal("bill"),
        rule=ibis.literal("accumulated"),
        rows_billed=rows.n_billed,
        rows_metered=rows.n_metered,
        rows_key=sum_key(rows),
    )


def left_over(billed_left: ir.Table, cells: ir.Table, engine: Engine) -> ir.Table:
    """Billed cells without a partner, each with its ``verdict``.

    Capacity is missing only where its meter is known to have reported: the resource was seen by
    an allocated meter in the run, and some such meter reported in that time. Otherwise nobody
    can tell, and it is unverified.
    """
    held = cells.filter(cells.held)
    seen = (
        held.filter(held.resource.notnull())
        .select(seen_resource=held.resource, seen_meter=held.meter)
        .distinct()
    )
    alive = held.select(alive_meter=held.meter, alive_day=held.hour.truncate("D")).distinct()
    alive_hour = held.select(live_meter=held.meter, live_hour=held.hour).distinct()
    b = billed_left
    joined = b.left_join(seen, (b.resource == seen.seen_resource) & (b.meter == seen.seen_meter))
    joined = joined.select(b, known=seen.seen_resource.notnull())
    more = joined.left_join(
        alive,
        (joined.meter == alive.alive_meter) & (joined.bucket.truncate("D") == alive.alive_day),
    )
    more = more.select(joined, alive_day=alive.alive_day.notnull())
    last = more.left_join(
        alive_hour, (more.meter == alive_hour.live_meter) & (more.bucket == alive_hour.live_hour)
    )
    last = last.select(more, alive_hour=alive_hour.live_hour.notnull())
    alive_then = ibis.ifelse(last.grain == "hour", last.alive_hour, last.alive_day)
    in_own = _alive_in_window(b, alive_hour).select(own="cell")
    last = last.mutate(alive=alive_then).left_join(in_own, last.cell == in_own.own)
    reporting = last.known & ibis.ifelse(last.until.isnull(), last.alive, last.own.notnull())
    verdict = ibis.cases(
        (last.bare < 0, REFUND),
        (last.correction, CORRECTION),
        (last.held & ~reporting, UNVERIFIED),
        else_=MISSING_IN_USAGE,
    )
    return engine.keep(
        last.mutate(verdict=verdict).drop("known", "alive_day", "alive_hour", "alive", "own")
    )


def _alive_in_window(left: ir.Table, alive: ir.Table) -> ir.Table:
    """Cells with a window of their own in which some allocated meter like theirs reported."""
    own = left.filter(left.until.notnull())
    return own.semi_join(
        alive,
        [
            own.meter == alive.live_meter,
            own.begin <= alive.live_hour,
            own.finish > alive.live_hour,
        ],
    )


def unmetered(left: ir.Table) -> ir.Table:
    """Billed cells that a meter should have seen, with ``rows_key``: one per break.

    Counted work is missing by SKU, whatever resource served it.
    """
    missing = left.filter(left.verdict == MISSING_IN_USAGE)
    named = missing.mutate(
        resource=ibis.ifelse(missing.held, missing.resource, ibis.null(str)),
    )
    about = (named[name] for name in (*ABOUT, "grain", "currency"))
    key = key_with_nulls(ibis.literal("billed"), seconds(named.bucket), *about)
    return named.mutate(rows_key=key)


def missing_in_usage(left: ir.Table, money: Money) -> ir.Table:
    """One break per resource (or SKU) and time bucket of charges that no meter saw."""
    rows = (
        unmetered(left)
        .group_by(*ABOUT, "currency", "rows_key")
        .aggregate(
            q=total(_.q),
            effective=total(_.effective),
            start=_.start.min(),
            end=_.end.max(),
            bill_unit=_.bill_unit.min(),
            unit_factor=_.unit_factor.min(),
            n_billed=tally(_.n),
        )
    )
    return _break_columns(
        rows,
        **{"class": ibis.literal(MISSING_IN_USAGE)},
        period_start=rows.start,
        period_end=rows.end,
        billed=ratio_at_edge(rows.q, rows.unit_factor),
        expected=whole(0),
        unit=rows.bill_unit,
        amount=money.edge(rows.effective),
        priced_by=ibis.literal("bill"),
        rule=ibis.null(str),
        rows_billed=rows.n_billed,
        rows_metered=ibis.literal(0, type="int64"),
        rows_key=rows.rows_key,
    )


def of_whom(metered_left: ir.Table) -> ir.Table:
    """Metered cells that no charge took, counted work by SKU, whatever resource served it."""
    return metered_left.mutate(
        resource=ibis.ifelse(metered_left.held, metered_left.resource, ibis.null(str))
    )


def unbilled_key(rows: ir.Table) -> ir.Value:
    """What the break of usage without a charge is called within the run."""
    about = (rows[name] for name in ABOUT)
    return key_with_nulls(ibis.literal("metered"), seconds(rows.hour), *about)


def unbilled(metered_left: ir.Table, engine: Engine) -> ir.Table:
    """Usage without a charge, one row per resource (or SKU) and hour."""
    return engine.keep(
        of_whom(metered_left)
        .group_by(*ABOUT, "held", "hour")
        .aggregate(
            q=total(_.q),
            n=tally(_.n),
            end=_.end.max(),
            unit=_.unit.min(),
            unit_factor=_.unit_factor.min(),
        )
        .filter(_.q > whole(0))
    )


def missing_in_billing(priced: ir.Table, as_of: datetime, money: Money) -> ir.Table:
    """Usage whose charge is overdue: a liability, negative."""
    rows = priced.filter(priced.expected_by <= moment(as_of))
    return _break_columns(
        rows,
        **{"class": ibis.literal("missing_in_billing")},
        period_start=rows.hour,
        period_end=rows.hour + lasting(hours=1),
        billed=whole(0),
        expected=ratio_at_edge(rows.q, rows.shown_factor),
        unit=rows.shown_unit,
        amount=money.edge(whole(0) - rows.liability),
        priced_by=rows.priced_by,
        rule=ibis.null(str),
        rows_billed=ibis.literal(0, type="int64"),
        rows_metered=rows.n,
        commitment_id=rows.commitment_id,
        rows_key=unbilled_key(rows),
    )


def pending(priced: ir.Table, as_of: datetime, money: Money) -> ir.Table:
    """Usage whose charge may still come, with what it would add to the bill."""
    rows = priced.filter(priced.expected_by > moment(as_of))
    return rows.select(
        provider=rows.provider,
        account_id=rows.account,
        resource_id=rows.resource,
        model=rows.model,
        meter=rows.meter,
        period_start=rows.hour,
        period_end=rows.hour + lasting(hours=1),
        expected=ratio_at_edge(rows.q, rows.shown_factor),
        unit=rows.shown_unit,
        amount=money.edge(whole(0) - rows.liability),
        currency=rows.currency,
        expected_by=rows.expected_by,
        rows_metered=rows.n,
    )


def _break_columns(rows: ir.Table, **figures: ir.Value) -> ir.Table:
    """The columns of a break: what it is about from ``rows``, its figures as given."""
    about = {
        "commitment_id": ibis.null(str),
        "account_id": rows.account,
        "region_id": rows.region,
        "resource_id": rows.resource,
        "provider": rows.provider,
        "model": rows.model,
        "meter": rows.meter,
        "currency": rows.currency,
        "tier": rows.tier,
        "contradicted": NO,
        "shift_seconds": NO_SHIFT,
    }
    counted = {name: figures.pop(name).cast(WHOLE) for name in ("billed", "expected", "amount")}
    columns = {**about, **counted, **figures}
    return rows.select(**{name: columns[name] for name in BREAK_COLUMNS})
