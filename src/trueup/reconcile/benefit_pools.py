"""Commitments as pools to draw on: under which rule, whose, and how much there is an interval."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trueup.adapter.registry import providers
from trueup.engine.engine import Engine
from trueup.engine.instants import instant, moment
from trueup.engine.integers import EDGE_SCALE, WHOLE, whole
from trueup.engine.rows import united
from trueup.period import Period
from trueup.reconcile import commitment_leg, intervals
from trueup.reconcile.billed import UNUSED, USED
from trueup.reconcile.commitments import CommitmentFindings
from trueup.reconcile.eligibility import Pool, stage_of
from trueup.reconcile.rates import rating_of
from trueup.reconcile.terms import HOURLY, Terms
from trueup.reconcile.text import key_with_nulls
from trueup.reconcile.waterfall import account_list

HOUR = 3600
FACTS = (
    "CommitmentDiscountCategory",
    "CommitmentDiscountType",
    "CommitmentDiscountName",
    "CommitmentDiscountUnit",
)
_SEEN = pa.schema(
    [
        pa.field("seen_id", pa.string()),
        pa.field("seen_facts", pa.string()),
        pa.field("seen_stage", pa.int64()),
    ]
)
_HELD = pa.schema(
    [
        pa.field("held_id", pa.string()),
        pa.field("held_stage", pa.int64()),
        pa.field("in_money", pa.bool_()),
        pa.field("by_default", pa.bool_()),
        pa.field("owner", pa.string()),
        pa.field("open", pa.bool_()),
        pa.field("accounts", pa.string()),
    ]
)
_CONTRACTS = pa.schema(
    [
        pa.field("pool", pa.string()),
        pa.field("stage", pa.int64()),
        pa.field("payer", pa.string()),
        pa.field("currency", pa.string()),
        pa.field("starts", pa.timestamp("us", tz="UTC")),
        pa.field("ends", pa.timestamp("us", tz="UTC")),
        pa.field("figure", pa.decimal128(38, 0)),
        pa.field("owner", pa.string()),
        pa.field("open", pa.bool_()),
        pa.field("accounts", pa.string()),
    ]
)


@dataclass
class Holding:
    """What the bill says of one commitment as a whole."""

    commitment_id: str
    provider: str | None
    terms: Terms | None
    stages: dict[str, int] = field(default_factory=dict)  # facts of Used rows -> place of the rule
    of_unused: set[int] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)  # whose usage it covered
    buyers: set[str] = field(default_factory=set)  # on whose account fee and unused stand
    payers: set[str] = field(default_factory=set)
    unit: str | None = None

    @property
    def owner(self) -> str | None:
        """The account that owns it: where its fee stands, else what its id says."""
        if len(self.buyers) == 1:
            return next(iter(self.buyers))
        rating = rating_of(self.provider)
        found = re.search(rating.owner, self.commitment_id) if rating and rating.owner else None
        return found["owner"] if found else None

    @property
    def default(self) -> int | None:
        """The only rule that its rows speak of."""
        used = set(self.stages.values()) or self.of_unused
        return next(iter(used)) if len(used) == 1 else None

    def pools(self) -> Iterator[Pool]:
        """It, under each rule that its rows speak of."""
        rating = rating_of(self.provider)
        places = set(self.stages.values()) or self.of_unused
        for place in sorted(places):
            if rating is not None:
                stage = rating.stages[place]
                yield Pool(self.commitment_id, self.provider, place, stage, self.unit, self.terms)

    def shown_with(self, account: str | None) -> bool:
        """Whether the bill shows that usage of this account draws on it."""
        return account == self.owner or account in self.accounts

    def is_open(self, pool: Pool) -> bool:
        """Whether accounts that the bill does not show with it may draw on it."""
        shared = bool(self.accounts - {self.owner}) and self.owner is not None
        return pool.stage.sharing == "on" or shared or len(self.accounts) > 1


def _fact_columns(charges: ir.Table) -> tuple[str, ...]:
    wanted = dict.fromkeys(FACTS)
    for adapter in providers().values():
        rating = adapter.rating() if adapter.rating else None
        for stage in rating.stages if rating else ():
            wanted.update(dict.fromkeys(stage.commitment))
    return tuple(name for name in wanted if name in charges.columns)


def commitment_charges(charges: ir.Table, period: Period | None) -> ir.Table:
    """The charges of commitments themselves and of what they covered, with what tells the rule."""
    names = _fact_columns(charges)
    t = charges.filter(
        charges.CommitmentDiscountId.notnull()
        & (
            charges.CommitmentDiscountStatus.isin([USED, UNUSED])
            | (charges.ChargeCategory == "Purchase")
        )
    )
    start = instant(t.ChargePeriodStart)
    if period is not None:
        inside = (start >= moment(period.start)) & (start < moment(period.end))
        t = t.filter(inside | (t.ChargeCategory == "Purchase"))
    return t.select(
        commitment_id=t.CommitmentDiscountId,
        provider=t.x_Provider,
        payer=t.BillingAccountId,
        account=t.SubAccountId.fill_null(t.BillingAccountId),
        currency=t.BillingCurrency,
        interval=instant(instant(t.ChargePeriodStart).truncate("h")),
        used=(t.CommitmentDiscountStatus.fill_null("") == USED),
        bought=(t.ChargeCategory == "Purchase"),
        facts=key_with_nulls(*(t[name] for name in names)),
        **{f"f_{name}": t[name] for name in names},
    )


def holdings(rows: ir.Table, terms: Sequence[Terms], engine: Engine) -> dict[str, Holding]:
    """Commitment -> what the bill says of it."""
    contracts = {one.commitment_id: one for one in terms}
    names = [name for name in rows.columns if name.startswith("f_")]
    distinct = rows.select(
        "commitment_id", "provider", "payer", "account", "used", "bought", "facts", *names
    ).distinct()
    found: dict[str, Holding] = {}
    for row in engine.collect(distinct).to_pylist():
        name = row["commitment_id"]
        one = found.setdefault(name, Holding(name, row["provider"], contracts.get(name)))
        one.payers.add(row["payer"])
        if row["bought"] or not row["used"]:
            one.buyers.add(row["account"])
        if row["used"]:
            one.accounts.add(row["account"])
        if row["bought"]:
            continue
        one.unit = one.unit or row["f_CommitmentDiscountUnit"]
        place = _place(one, {key.removeprefix("f_"): row[key] for key in names})
        if place is not None and row["used"]:
            one.stages[row["facts"]] = place
        elif place is not None:
            one.of_unused.add(place)
    return found


def _place(one: Holding, facts: dict[str, str | None]) -> int | None:
    rating = rating_of(one.provider)
    if rating is None:
        return None
    if one.terms is not None:
        facts["x_QuantityBasis"] = one.terms.quantity_basis
        facts["CommitmentDiscountType"] = facts["CommitmentDiscountType"] or one.terms.type
    return stage_of(rating, facts)


def capacities(
    found: CommitmentFindings, rows: ir.Table, held: Mapping[str, Holding], engine: Engine
) -> ir.Table:
    """What each commitment has in each hour that the bill covers, and who may draw on it.

    ``used`` is what the bill says of that was drawn. Hours whose rows speak of different rules or
    do not say what they drew, and commitments that count in another unit than the rule does, have
    none: their usage stays as billed. ``gap``: used and unused do not reach what is committed.
    """
    seen = engine.load(_table(_seen(held.values()), _SEEN))
    holding = engine.load(_table(_held(held.values()), _HELD))
    told = rows.filter(~rows.bought).left_join(
        seen, (rows.commitment_id == seen.seen_id) & (rows.facts == seen.seen_facts) & rows.used
    )
    hours = told.group_by("commitment_id", "currency", "interval").aggregate(
        payer=told.payer.min(),
        payers=told.payer.nunique(),
        low=told.seen_stage.min(),
        high=told.seen_stage.max(),
    )
    t = found.intervals
    hourly = t.filter(
        (t.interval_end.epoch_seconds() - t.interval_start.epoch_seconds() == HOUR)
        & t.committed_q.notnull()
        & t.used_q.notnull()
    ).select(
        *("commitment_id", "currency", "committed_q", "used_q", "unused_q", "unit", "gap"),
        interval=t.interval_start,
    )
    met = hourly.join(hours.filter(hours.payers == 1), ["commitment_id", "currency", "interval"])
    ruled = met.join(
        holding,
        (met.commitment_id == holding.held_id)
        & (
            (met.low.isnull() & holding.by_default)
            | ((met.low == met.high) & (met.low == holding.held_stage)).fill_null(False)  # noqa: FBT003
        ),
    )
    fit = ruled.filter(~ruled.in_money | (ruled.unit == ruled.currency))
    billed = fit.used_q + fit.unused_q
    whole_hour = ibis.greatest(fit.committed_q, billed.fill_null(fit.committed_q))
    size = whole(10 ** (EDGE_SCALE - found.quantity_scale))
    return engine.keep(
        fit.select(
            pool=fit.commitment_id,
            interval=fit.interval,
            payer=fit.payer,
            currency=fit.currency,
            stage=fit.held_stage,
            left=(whole_hour.cast(WHOLE) * size).cast(WHOLE),
            used=(fit.used_q * size).cast(WHOLE),
            owner=fit.owner,
            open=fit.open,
            accounts=fit.accounts,
            on_bill=ibis.literal(True),  # noqa: FBT003
            gap=((fit.gap < whole(0)) | fit.unused_q.isnull()).fill_null(False),  # noqa: FBT003
        )
    )


def with_uncovered(
    capacity: ir.Table,
    lines: ir.Table,
    held: Mapping[str, Holding],
    found: CommitmentFindings,
    terms: Sequence[Terms],
    engine: Engine,
) -> ir.Table:
    """The same, with what contracts promise in hours of the lines that the bill does not cover.

    Only of commitments that the bill covers in other hours: one that it never names is the
    commitment leg's.
    """
    rows = _promised(held, found, terms, engine)
    if not rows:
        return capacity
    contracts = engine.load(_table(rows, _CONTRACTS))
    hours = (
        lines.filter(lines.commitment_id.isnull())
        .select("interval", "payer", "currency")
        .distinct()
    )
    active = hours.join(contracts, ["payer", "currency"])
    active = active.filter(
        (active.interval >= instant(active.starts)) & (active.interval < instant(active.ends))
    )
    known = found.intervals.select(
        pool="commitment_id", interval_start="interval_start", interval_end="interval_end"
    )
    covered = active.join(
        known,
        (active.pool == known.pool)
        & (active.interval >= known.interval_start)
        & (active.interval < known.interval_end),
    ).select(active.pool, active.interval)
    open_hours = active.anti_join(covered, ["pool", "interval"])
    more = open_hours.select(
        *("pool", "interval", "payer", "currency", "stage"),
        left=open_hours.figure,
        used=whole(0),
        owner=open_hours.owner,
        open=open_hours.open,
        accounts=open_hours.accounts,
        on_bill=ibis.literal(False),  # noqa: FBT003
        gap=ibis.literal(True),  # noqa: FBT003
    )
    return engine.keep(united(capacity, more))


def _promised(
    held: Mapping[str, Holding], found: CommitmentFindings, terms: Sequence[Terms], engine: Engine
) -> list[dict[str, Any]]:
    hourly = [one for one in terms if one.counts and not one.is_term and one.interval == HOURLY]
    looked = intervals.first_look(found.intervals, engine)
    figures = commitment_leg.figures(hourly, looked, found.quantity_scale)
    rows = []
    for term in hourly:
        one, figure = held.get(term.commitment_id), figures[term.commitment_id][0]
        if one is None or figure is None or len(one.payers) != 1 or one.default is None:
            continue
        pool = next(pool for pool in one.pools() if pool.place == one.default)
        in_money = pool.stage.consumes in ("rate", "on_demand")
        if term.currency is None or (in_money and term.unit != term.currency):
            continue
        rows.append(
            {
                "pool": term.commitment_id,
                "stage": one.default,
                "payer": next(iter(one.payers)),
                "currency": term.currency,
                "starts": term.start,
                "ends": term.end,
                "figure": Decimal(int(figure * 10**EDGE_SCALE)),
                "owner": one.owner,
                "open": one.is_open(pool),
                "accounts": account_list(one.accounts),
            }
        )
    return rows


def _seen(held: Iterable[Holding]) -> list[dict[str, Any]]:
    return [
        {"seen_id": one.commitment_id, "seen_facts": facts, "seen_stage": place}
        for one in held
        for facts, place in one.stages.items()
    ]


def _held(held: Iterable[Holding]) -> list[dict[str, Any]]:
    return [
        {
            "held_id": one.commitment_id,
            "held_stage": pool.place,
            "in_money": pool.stage.consumes in ("rate", "on_demand"),
            "by_default": pool.place == one.default,
            "owner": one.owner,
            "open": one.is_open(pool),
            "accounts": account_list(one.accounts),
        }
        for one in held
        for pool in one.pools()
    ]


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.table({name: [row[name] for row in rows] for name in schema.names}, schema=schema)
