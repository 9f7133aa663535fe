"""Shadow re-rating: the usage of the bill under the providers' own rules, against the bill."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import instant
from trueup.engine.integers import EDGE_SCALE, WHOLE, share, total, whole
from trueup.reconcile import benefit_pools as pools
from trueup.reconcile.benefit_pools import Holding
from trueup.reconcile.billed import part
from trueup.reconcile.claims import Claims, Evidence, claims_of, group_of
from trueup.reconcile.doubts import pool_doubts, usage_doubts
from trueup.reconcile.eligibility import (
    DYNAMIC,
    Eligible,
    clusters,
    eligible,
    on_demand_prices,
)
from trueup.reconcile.leg import LegRun
from trueup.reconcile.moves import moves
from trueup.reconcile.profiles import Profile
from trueup.reconcile.rates import RateBook, rating_of
from trueup.reconcile.text import key_with_nulls
from trueup.reconcile.usage_rows import BILLED
from trueup.reconcile.waterfall import pair_table, pour, steps

_WHOLE = pa.decimal128(38, 0)
PRICES = pa.schema(
    [
        pa.field("profile", pa.int64()),
        pa.field("price_num", _WHOLE),  # whole money per whole unit of quantity
        pa.field("price_den", _WHOLE),
    ]
)
BEHIND = pa.schema([pa.field("rows_key", pa.string()), pa.field("line", pa.int64())])


def rated_again(
    run: LegRun,
    charges: ir.Table,
    found: Sequence[Profile],
    book: RateBook,
    q_scale: int,
    excess: ir.Table | None,
) -> tuple[Claims, list[dict[str, Any]]]:
    """Claims and notes; ``charges`` are the lines of ``held.rest_of``.

    ``excess`` is what charges were billed at a wrong rate: that is a break of its own already.
    """
    engine = run.engine
    rows = pools.commitment_charges(run.charges, run.period)
    held = pools.holdings(rows, run.terms, engine)
    of_rules = [pool for holding in held.values() for pool in holding.pools()]
    prices = on_demand_prices(found, book)
    may = eligible(found, of_rules, prices, book)
    notes = _notes(may, held, found)
    free = {pair.profile.key for pair in may.pairs if pair.profile.commitment_id is None}
    if not free:  # nothing that no commitment covered could be covered
        return Claims(), notes
    capacity = pools.capacities(run.commitments, rows, held, engine)
    lines, members, left_out = _lines(run, charges, may)
    if left_out:
        notes.append(_coarse(left_out))
    capacity = pools.with_uncovered(capacity, lines, held, run.commitments, run.terms, engine)
    known = engine.load(_prices(found, prices, q_scale))
    lines, capacity = _settled(run, lines, capacity, known)
    lines = engine.keep(_with_worth(lines, known, _excess(excess, members), run.scale))
    pairs = engine.load(pair_table(may.pairs, q_scale))
    poured = pour(lines, pairs, capacity, steps(may.pairs), run.scale, engine)
    differences = moves(lines, poured, run.scale, q_scale, engine)
    names = clusters(may.pairs)
    groups = {group_of(move, names) for move in differences}
    evidence = Evidence(
        pools={(pool.commitment_id, pool.place): pool for pool in of_rules},
        held=held,
        clusters=names,
        doubts=usage_doubts(run, groups, charges, members, may, names),
        pool_doubts=pool_doubts(capacity, engine),
        unread=run.unread,
        billing_end=_billing_ends(charges, engine),
        rules=run.rules,
        as_of=run.as_of,
        scale=run.scale,
    )
    claims = claims_of(differences, evidence)
    claims.break_rows.append(_rows_of(claims.behind, members, engine))
    if claims.only_moved:
        notes.append(_only_moved(claims.only_moved))
    return claims, notes


def _lines(run: LegRun, charges: ir.Table, may: Eligible) -> tuple[ir.Table, ir.Table, int]:
    """The lines that a commitment may cover, netted with corrections; how many are too long.

    A line is what one resource of one profile used in an hour; its charges are in the second table
    (line, charge_id, source_id, source_row). What nets to nothing is left out, and what costs
    nothing.
    """
    engine = run.engine
    wanted = sorted({pair.profile.key for pair in may.pairs} | {p.key for p, _pool in may.unrated})
    listed = engine.load(pa.table({"profile": pa.array(wanted, pa.int64())}))
    t = charges.semi_join(listed, "profile")
    seconds = t.end.epoch_seconds() - instant(t.start.truncate("h")).epoch_seconds()
    inside = t.filter(seconds <= pools.HOUR)
    cost = ibis.ifelse(inside.billed == whole(0), inside.effective, inside.billed).cast(WHOLE)
    cut = {name: part(inside, inside[name]) for name in ("q", "drawn")}
    names = ("provider", "payer", "account", "resource", "profile", "commitment_id", "currency")
    keyed = inside.mutate(
        **cut,
        cost=part(inside, cost),
        held=part(inside, inside.held),
        interval=instant(inside.start.truncate("h")),
        key=key_with_nulls(*(inside[name] for name in names)),
    )
    sums = keyed.group_by("key", "interval", *names).aggregate(
        line=_.charge_id.min(),
        unit=_.unit.min(),
        sku=_.sku.min(),
        billing_end=_.billing_end.max(),
        rows=_.count(),
        q=total(_.q),
        billed=total(_.cost),
        held=total(_.held),
        drawn=total(_.drawn),
        unknown=(_.commitment_id.notnull() & _.drawn.isnull()).max(),
    )
    some = engine.keep(
        sums.filter(
            (sums.q > whole(0))
            & ~sums.unknown
            & (sums.commitment_id.notnull() | (sums.billed > whole(0)))
        ).drop("unknown")
    )
    members = engine.keep(
        keyed.join(some.select("key", "interval", "line"), ["key", "interval"]).select(
            "line", "charge_id", "source_id", "source_row"
        )
    )
    first = members.filter(members.line == members.charge_id)
    named = some.join(first.select("line", "source_id", "source_row"), "line")
    kept = engine.keep(named.drop("key"))
    too_long = (
        engine.collect(t.filter(seconds > pools.HOUR).aggregate(rows=_.count()))
        .column("rows")[0]
        .as_py()
    )
    return kept, members, too_long


def _rows_of(behind: Iterable[tuple[str, int]], members: ir.Table, engine: Engine) -> ir.Table:
    """The charges of the lines of claims, as rows behind their breaks."""
    pairs = sorted(set(behind))
    table = pa.table(
        {"rows_key": [key for key, _line in pairs], "line": [line for _key, line in pairs]},
        schema=BEHIND,
    )
    met = engine.load(table).join(members, "line")
    return met.select("rows_key", "source_id", "source_row", side=ibis.literal(BILLED))


def _settled(
    run: LegRun, lines: ir.Table, capacity: ir.Table, prices: ir.Table
) -> tuple[ir.Table, ir.Table]:
    """Lines and capacity without what stays as it is billed.

    Lines covered by a commitment of which nothing is known in that hour, or whose on-demand price
    is not known, stay as they are. So does whatever else was used of a commitment, and is no line:
    a row without a quantity, or one that does not lie within an hour.
    """
    engine = run.engine
    keys = ("interval", "payer", "currency")
    free = lines.filter(lines.commitment_id.isnull())
    covered = (
        lines.filter(lines.commitment_id.notnull())
        .semi_join(capacity.select(*keys, commitment_id=capacity.pool), ["commitment_id", *keys])
        .semi_join(prices, "profile")
    )
    drawn = covered.group_by(*keys, pool=covered.commitment_id).aggregate(
        again=total(covered.drawn)
    )
    rest = capacity.left_join(drawn, ["pool", *keys])
    stays = ibis.greatest(capacity.used - drawn.again.fill_null(whole(0)), whole(0))
    names = [name for name in capacity.columns if name not in ("left", "used")]
    less = rest.select(
        *(capacity[name] for name in names), left=(capacity.left - stays).cast(WHOLE)
    )
    return engine.keep(ibis.union(free, covered)), engine.keep(less)


def _excess(excess: ir.Table | None, members: ir.Table) -> ir.Table:
    """By line, what its charges were billed at a wrong rate beyond the right one."""
    if excess is None:
        return members.filter(members.line < 0).select(excess_of="line", excess=whole(0))
    met = members.select("line", "charge_id").join(excess, "charge_id")
    return met.group_by(excess_of=met.line).aggregate(excess=total(met.excess))


def _with_worth(lines: ir.Table, prices: ir.Table, excess: ir.Table, scale: int) -> ir.Table:
    """The lines with ``worth``: what all of each costs on demand, in units of 10^-18.

    Of one that nothing covered that is what it was billed, at the right rate.
    """
    known = prices.rename(price_of="profile")
    joined = lines.left_join(known, lines.profile == known.price_of).left_join(
        excess, lines.line == excess.excess_of
    )
    by_price = share(
        lines.q, known.price_num.fill_null(whole(0)), known.price_den.fill_null(whole(1))
    )
    wrong = ibis.ifelse(lines.commitment_id.isnull(), excess.excess, ibis.null(WHOLE))
    wrong = wrong.fill_null(whole(0)).cast(WHOLE)
    right = ibis.greatest(lines.billed - wrong, whole(0))
    billed = (right * whole(10 ** (EDGE_SCALE - scale))).cast(WHOLE)
    worth = ibis.ifelse(lines.commitment_id.isnull(), billed, by_price).cast(WHOLE)
    columns = {name: lines[name] for name in lines.columns}
    return joined.select(**columns, worth=worth, excess=wrong)


def _prices(found: Iterable[Profile], prices: Mapping[object, Fraction], q_scale: int) -> pa.Table:
    """What a whole unit of quantity costs on demand, in 10^-18, as a fraction."""
    rows = {}
    for one in found:
        price = prices.get(one.sku)
        if price is not None and one.commitment_id is not None:
            rows[one.key] = price * Fraction(10**EDGE_SCALE, 10**q_scale)
    return pa.table(
        {
            "profile": list(rows),
            "price_num": [Decimal(price.numerator) for price in rows.values()],
            "price_den": [Decimal(price.denominator) for price in rows.values()],
        },
        schema=PRICES,
    )


def _billing_ends(charges: ir.Table, engine: Any) -> dict[str | None, datetime | None]:
    ends = charges.group_by("provider").aggregate(end=charges.billing_end.max())
    return {row["provider"]: row["end"] for row in engine.collect(ends).to_pylist()}


def _notes(
    may: Eligible, held: Mapping[str, Holding], found: Sequence[Profile]
) -> list[dict[str, Any]]:
    notes = []
    without: dict[str, list[Profile]] = {}
    for profile, pool in may.unrated:
        without.setdefault(pool.commitment_id, []).append(profile)
    for name, some in sorted(without.items()):
        lines = sum(one.lines for one in some)
        notes.append(
            {
                "code": "no_commitment_rate",
                "subject": name,
                "text": f"{lines} charges, such as of SKU {min(one.name for one in some)}, may be "
                "eligible for it, but no rate for them is known: they stay as billed",
                "remedy": "add a [[rules.rate]] with commitment_price, or fetch the provider's "
                "rates",
            }
        )
    notes += [
        {
            "code": "scope_unknown",
            "subject": pool.commitment_id,
            "text": "neither the bill nor the contract tells what it applies to: charges that it "
            "did not cover were not held against it",
            "remedy": "add applies_to to the contract",
        }
        for pool in may.unscoped
    ]
    return notes + _undecided(held, found)


def _undecided(held: Mapping[str, Holding], found: Sequence[Profile]) -> list[dict[str, Any]]:
    """Commitments under none of their provider's rules, some of whose SKUs were not covered."""
    free = {
        one.sku
        for one in found
        if one.commitment_id is None and one.columns.get("PricingCategory") != DYNAMIC
    }
    covered: dict[str, set[object]] = {}
    for one in found:
        if one.commitment_id is not None:
            covered.setdefault(one.commitment_id, set()).add(one.sku)
    return [
        {
            "code": "rule_unknown",
            "subject": name,
            "text": "its charges do not tell by which of the provider's rules it is applied: it "
            "was not rated again",
            "remedy": "state its basis in the contract",
        }
        for name, one in sorted(held.items())
        if rating_of(one.provider) is not None
        and not list(one.pools())
        and covered.get(name, set()) & free
    ]


def _coarse(rows: int) -> dict[str, Any]:
    return {
        "code": "not_hourly",
        "subject": "price",
        "text": f"{rows} charges that do not lie within one hour may be eligible for commitments "
        "that are used or lost by the hour: they stay as billed",
        "remedy": "export the bill by the hour",
    }


def _only_moved(intervals: int) -> dict[str, Any]:
    return {
        "code": "allocation_difference",
        "subject": "price",
        "text": f"in {intervals} intervals commitments cover other charges than by the rules, at "
        "the same total for the payer",
        "remedy": None,
    }
