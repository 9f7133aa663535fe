"""One figure of a commitment as contract, bill and the provider's own API each say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.instants import instant
from trueup.engine.integers import tally, total
from trueup.errors import UnitError
from trueup.period import Period
from trueup.reconcile.commitment_leg import LEG, edge_decimal
from trueup.reconcile.draws import DRAWDOWN, REFUND
from trueup.reconcile.figures import (
    COMMITTED,
    REMAINING,
    UNUSED,
    USED,
    Figure,
    Said,
    figure_row,
    same,
    summed,
)
from trueup.reconcile.found import plain
from trueup.reconcile.lags import ARRIVES_WITHIN, arrivals
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.pools import Pool
from trueup.reconcile.statements import stands_at
from trueup.reconcile.terms import Terms
from trueup.reconcile.usage_rows import BILLED
from trueup.units import factor

SPANS = pa.schema(
    [
        pa.field("rows_key", pa.string()),
        pa.field("span_of", pa.string()),
        pa.field("span_start", pa.timestamp("us", tz="UTC")),
        pa.field("span_end", pa.timestamp("us", tz="UTC")),
    ]
)
ASKED = pa.schema(
    [
        pa.field("number", pa.int64()),
        pa.field("asked_id", pa.string()),
        pa.field("asked_start", pa.timestamp("us", tz="UTC")),
        pa.field("asked_end", pa.timestamp("us", tz="UTC")),
    ]
)


def run_leg(run: LegRun) -> Findings:
    """``figures`` of what providers say themselves; a break where they alone differ.

    Differences have a row for each interval, what agrees one row per commitment and figure. Only
    where contract and bill agree on what is committed, no charge is awaited, and the provider says
    otherwise, is it a break: all else another leg reports.
    """
    said = [*_of_intervals(run), *_of_lots(run)]
    found = _differing(said)
    terms = {term.commitment_id: term.rows for term in run.terms}
    return Findings(
        breaks=[
            _break(sums, name, run.window, terms.get(sums.first.commitment_id, []))
            for name, sums in found
        ],
        break_rows=[_rows_behind(found, run)] if found else [],
        tables={"figures": [figure_row(one) for one in summed(said)]} if said else {},
    )


def _asked(run: LegRun) -> list[dict[str, Any]]:
    """What providers say of intervals that lie in the window."""
    table = run.asserted.get("provider_utilization")
    return [
        row
        for row in (table.rows() if table is not None else [])
        if row["interval_start"] >= run.window.start and row["interval_end"] <= run.window.end
    ]


def _of_intervals(run: LegRun) -> Iterator[Said]:
    """Commitments that are used or lost: each interval of the provider, from all three sources."""
    asked = _asked(run)
    if not asked:
        return
    terms = {term.commitment_id: term for term in run.terms if not term.is_term}
    lots = {lot.commitment_id for pool in run.commitments.pools for lot in pool.lots}
    billed = _billed(run, asked)
    lags = arrivals(run.rules)
    for number, row in enumerate(asked):
        if row["commitment_id"] in lots:
            continue
        found = billed.get(number)
        term = terms.get(row["commitment_id"])
        if found is None and term is None:
            continue
        span = Period(row["interval_start"], row["interval_end"])
        unit = (found["unit"] if found else None) or (term.unit if term else None)
        size = _size(row["unit"], unit)
        late = lags.get(row["provider"], ARRIVES_WITHIN)
        contract = _committed(term, span, run) if _one_unit(term, unit) else None
        for figure in (COMMITTED, USED, UNUSED):
            told = row[figure]
            if told is None:
                continue
            yield Said(
                row["commitment_id"],
                row["provider"],
                figure,
                span.start,
                span.end,
                unit,
                row["currency"] or (term.currency if term else None),
                contract if figure == COMMITTED else None,
                _whole(found, figure, span, run),
                None if size is None else Fraction(told) * size,
                open=run.as_of < span.end + late,
                other_unit=row["unit"] if size is None else None,
                told=stands_at(row),
            )


def _one_unit(term: Terms | None, unit: str | None) -> bool:
    return term is not None and (term.unit or "").lower() == (unit or "").lower()


def _size(theirs: str | None, ours: str | None) -> Figure:
    """How many of our units one of theirs is; None where they do not convert."""
    if theirs is None or ours is None or theirs.lower() == ours.lower():
        return Fraction(1)
    try:
        return factor(theirs, ours)
    except UnitError:
        return None


def _billed(run: LegRun, asked: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """What the bill says of each interval that the provider tells of, by its number."""
    table = run.engine.load(
        pa.table(
            {
                "number": list(range(len(asked))),
                "asked_id": [row["commitment_id"] for row in asked],
                "asked_start": [row["interval_start"] for row in asked],
                "asked_end": [row["interval_end"] for row in asked],
            },
            schema=ASKED,
        )
    )
    intervals = run.commitments.intervals
    inside = intervals.join(
        table,
        (intervals.commitment_id == table.asked_id)
        & (intervals.interval_start >= table.asked_start)
        & (intervals.interval_end <= table.asked_end),
    )
    sums = inside.group_by("number").aggregate(
        unit=_.unit.min(),
        units=_.unit.nunique(),
        used=total(_.used_q),
        unused=total(_.unused_q),
        unknown=tally((_.used_q.isnull() | _.unused_q.isnull()).cast("int64")),
        used_unknown=tally(_.used_q.isnull().cast("int64")),
        seconds=tally(_.covered_seconds),
        currencies=_.currencies.max(),
        mismatched=tally(_.gap.notnull().cast("int64")),
    )
    rows = run.engine.collect(sums).to_pylist()
    return {row["number"]: row for row in rows}


def _whole(found: Mapping[str, Any] | None, figure: str, span: Period, run: LegRun) -> Figure:
    """The bill's figure of an interval that it covers from start to end."""
    if found is None or found["units"] > 1 or found["currencies"] > 1:
        return None
    if found["seconds"] != int((span.end - span.start).total_seconds()):
        return None
    size = 10**run.commitments.quantity_scale
    if found["used_unknown" if figure == USED else "unknown"]:
        return None
    if figure == COMMITTED:
        return Fraction(found["used"] + found["unused"]) / size
    return Fraction(found[figure]) / size


def _committed(term: Terms | None, span: Period, run: LegRun) -> Figure:
    """What the contract commits in an interval: whole fulfilment intervals of its term."""
    active = term.active(span) if term else None
    if term is None or active is None:
        return None
    figure = run.commitments.figures.get(term.commitment_id)
    return None if figure is None else figure * term.intervals(active)


def _of_lots(run: LegRun) -> Iterator[Said]:
    """Lots: what is left at each of the provider's statements, and what it says was drawn."""
    lags = arrivals(run.rules)
    pools = {lot.commitment_id: (pool, lot) for pool in run.commitments.pools for lot in pool.lots}
    for row in _asked(run):
        if row["commitment_id"] in pools and row["used"] is not None:
            pool, lot = pools[row["commitment_id"]]
            late = lags.get(lot.provider or "", ARRIVES_WITHIN)
            size = _size(row["unit"], lot.unit)
            start, end = row["interval_start"], row["interval_end"]
            yield Said(
                *(lot.commitment_id, lot.provider, USED, start, end, lot.unit, lot.currency),
                None,
                _drawn(pool, lot, start, end),
                None if size is None else Fraction(row["used"]) * size,
                open=run.as_of < end + late,
                other_unit=row["unit"] if size is None else None,
            )
    table = run.asserted.get("provider_balances")
    for row in table.rows() if table is not None else []:
        pair = pools.get(row["lot_id"]) or pools.get(row["commitment_id"])
        at = row["at"]
        if pair is None or at is None or row["remaining"] is None or at > run.window.end:
            continue
        pool, lot = pair
        size = _size(row["unit"], lot.unit)
        if pool.ledger is None or at < pool.ledger.since or size is None:
            continue
        late = lags.get(lot.provider or "", ARRIVES_WITHIN)
        name = lot.commitment_id
        yield Said(
            *(name, lot.provider, REMAINING, at, at, lot.unit, lot.currency),
            None,
            pool.ledger.balance(name, at) if name in pool.ledger.held else None,
            Fraction(row["remaining"]) * size,
            open=run.as_of < at + late,
        )


def _drawn(pool: Pool, lot: Terms, start: datetime, end: datetime) -> Figure:
    """What was drawn on a lot, less refunds; what was beyond it is none of its."""
    if pool.ledger is None:
        known = pool.alone and pool.unknown is None
        return pool.drawn(lot.commitment_id).between(start, end) if known else None
    moved = pool.ledger.movements.get(lot.commitment_id, [])
    inside = (
        one.quantity
        for one in moved
        if one.kind in (DRAWDOWN, REFUND) and one.before(end) and not one.before(start)
    )
    return -sum(inside, Fraction(0))


@dataclass
class _Differing:
    """The intervals of one commitment in which the provider alone differs, by figure."""

    first: Said
    bill: Fraction = Fraction(0)
    there: Fraction = Fraction(0)
    intervals: list[Period] = field(default_factory=list)
    told: list[tuple[str, int, int]] = field(default_factory=list)


def _differing(said: Sequence[Said]) -> list[tuple[str, _Differing]]:
    """By commitment: unused where that differs, else used, else committed."""
    by_interval: dict[tuple[str, datetime, datetime], dict[str, Said]] = {}
    for one in said:
        if one.figure != REMAINING:
            key = (one.commitment_id, one.start, one.end)
            by_interval.setdefault(key, {})[one.figure] = one
    found: dict[tuple[str, str], _Differing] = {}
    for figures in by_interval.values():
        base = figures.get(COMMITTED)
        if base is None or not same(base.contract, base.bill):
            continue
        for name in (UNUSED, USED, COMMITTED):
            told = figures.get(name)
            if told is None or told.open or told.bill is None or told.provider_says is None:
                continue
            if not same(told.bill, told.provider_says):
                sums = found.setdefault((told.commitment_id, name), _Differing(told))
                sums.bill += told.bill
                sums.there += told.provider_says
                sums.intervals.append(Period(told.start, told.end))
                sums.told.extend(told.told)
                break
    return [(name, sums) for (_id, name), sums in _first_figure(found)]


def _rows_behind(found: Sequence[tuple[str, _Differing]], run: LegRun) -> ir.Table:
    """The Used and Unused rows of the intervals in which the provider says otherwise."""
    spans = [
        {
            "rows_key": f"three sources {sums.first.commitment_id}",
            "span_of": sums.first.commitment_id,
            "span_start": span.start,
            "span_end": span.end,
        }
        for _name, sums in found
        for span in sums.intervals
    ]
    table = run.engine.load(pa.Table.from_pylist(spans, SPANS))
    t = run.charges.filter(
        (run.charges.ChargeCategory == "Usage")
        & run.charges.CommitmentDiscountStatus.isin(["Used", "Unused"])
    )
    start = instant(t.ChargePeriodStart)
    met = t.join(
        table,
        (t.CommitmentDiscountId == table.span_of)
        & (start >= table.span_start)
        & (start < table.span_end),
    )
    rows = met.select(
        "rows_key",
        source_id=met.x_SourceId,
        source_row=met.x_SourceRow,
        side=ibis.literal(BILLED),
    )
    return rows.distinct()


def _first_figure(
    found: Mapping[tuple[str, str], _Differing],
) -> Iterator[tuple[tuple[str, str], _Differing]]:
    """One entry for each commitment: its break has one identity over all figures."""
    seen: set[str] = set()
    for key in sorted(found, key=lambda key: (key[0], (UNUSED, USED, COMMITTED).index(key[1]))):
        if key[0] not in seen:
            seen.add(key[0])
            yield key, found[key]


def _break(
    sums: _Differing, name: str, window: Period, contract: Sequence[tuple[str, int, int]]
) -> dict[str, Any]:
    first, bill, there = sums.first, sums.bill, sums.there
    in_money = first.unit is not None and first.unit == first.currency
    return {
        "class": LEG,
        "leg": LEG,
        "provider": first.provider,
        "commitment_id": first.commitment_id,
        "period_start": window.start,
        "period_end": window.end,
        "billed": edge_decimal(bill),
        "expected": edge_decimal(there),
        "unit": first.unit,
        "amount": edge_decimal(bill - there) if in_money else None,
        "currency": first.currency,
        "priced_by": "contract" if in_money else None,
        "rule": "three_sources",
        "rows_key": f"three sources {first.commitment_id}",
        "rows_metered": 0,
        "rows": [*contract, *sums.told],
        "explanation": f"{name} of {len(sums.intervals)} intervals: {plain(bill)} on the bill, "
        f"which agrees with the contract on what is committed; the provider says {plain(there)}.",
    }
