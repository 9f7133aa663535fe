"""Charges as the core sees them: whole amounts, cut to the period, each with its SKU's meter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trueup.adapter.registry import providers
from trueup.engine.engine import Engine
from trueup.engine.instants import instant, moment
from trueup.engine.integers import WHOLE, divide, magnitude, portion, tally, total, whole
from trueup.engine.rows import united
from trueup.model.rules import Rules
from trueup.period import Period
from trueup.reconcile.facts import Facts, decimals_of, step, tens
from trueup.reconcile.metering import SKU_COLUMNS, Metering, NotMetered, metering_of
from trueup.reconcile.scale import LEAST_MONEY_DECIMALS, Counted
from trueup.reconcile.text import key_with_nulls

USED, UNUSED = "Used", "Unused"
CORRECTION = "Correction"  # FOCUS's ChargeClass
LONG_AGO, FAR_OFF = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Sku:
    """Charges of one SKU whose quantities have as many decimals, with the SKU's meter."""

    key: str
    unit: str
    rows: int
    metering: Metering
    counted: Counted


@dataclass(frozen=True)
class Bill:
    """The charges of a run with whole amounts of 10^-``scale``.

    ``every`` are all of them, ``touching`` those that touch the period, both whole; ``rows`` are
    these cut to it, kept. Each has the number of its profile.
    """

    profiles: ir.Table
    scale: int
    every: ir.Table
    touching: ir.Table
    rows: ir.Table

    def told(self, rows: ir.Table) -> ir.Table:
        """Rows of these with what their profile says."""
        said = self.profiles.drop("consumed", "effective_step", "billed_step")
        return rows.join(said, "profile")


def bill_of(facts: Facts, columns: tuple[str, ...], period: Period | None, engine: Engine) -> Bill:
    """The charges under the core's names; ``columns`` tell their SKUs apart."""
    scale = money_scale(facts, engine)
    profiles = billed_profiles(facts, scale, columns, engine)
    every = billed_facts(facts, profiles)
    touching = in_period(every, period)
    rows = engine.keep(cut(touching).select(every.columns))
    return Bill(profiles, scale, every, touching, rows)


def money_scale(facts: Facts, engine: Engine) -> int:
    """The most decimals that any effective or billed cost of the files uses, at least 2."""
    t = facts.profiles
    most = t.aggregate(
        effective=decimals_of(t, "EffectiveCost").max(), billed=decimals_of(t, "BilledCost").max()
    )
    row = engine.collect(most).to_pylist()[0]
    return max(LEAST_MONEY_DECIMALS, row["effective"] or 0, row["billed"] or 0)


def sku_columns(charges: ir.Table, rules: Rules) -> tuple[str, ...]:
    """The charge columns that may say what a SKU is: FOCUS's, the adapters' and the rules'."""
    wanted = dict.fromkeys(SKU_COLUMNS)
    for adapter in providers().values():
        wanted.update(dict.fromkeys(pattern.column for pattern in adapter.meters))
    for matched in (*(rule.match for rule in rules.meter), *(rule.match for rule in rules.factor)):
        wanted.update(dict.fromkeys(matched))
    return tuple(column for column in wanted if column in charges.columns)


def billed_profiles(facts: Facts, scale: int, columns: tuple[str, ...], engine: Engine) -> ir.Table:
    """What the core calls the columns of profiles, with the key of their SKU; kept.

    ``unit`` is that of what was consumed, else of what was priced; ``decimals`` are its quantity's,
    null where no charge has one. ``goods`` is the SKU whatever it is counted in and described as.
    """
    t = facts.profiles
    consumed = decimals_of(t, "ConsumedQuantity").notnull() & t.ConsumedUnit.notnull()
    unit = ibis.ifelse(consumed, t.ConsumedUnit, t.PricingUnit)
    return engine.keep(
        t.select(
            profile=t.profile,
            provider=t.x_Provider,
            account=t.SubAccountId.fill_null(t.BillingAccountId),
            region=t.RegionId,
            resource=t.ResourceId,
            resource_name=t.ResourceName,
            category=t.ChargeCategory,
            charge_class=t.ChargeClass,
            status=t.CommitmentDiscountStatus,
            commitment_id=t.CommitmentDiscountId,
            service=t.ServiceName,
            service_category=t.ServiceCategory,
            provider_name=t.ServiceProviderName,
            publisher=t.x_PublisherName,
            currency=t.BillingCurrency,
            period_end=instant(t.BillingPeriodEnd),
            unit=unit,
            decimals=ibis.ifelse(
                consumed, decimals_of(t, "ConsumedQuantity"), decimals_of(t, "PricingQuantity")
            ),
            consumed=consumed,
            effective_step=step(t, "EffectiveCost", scale),
            billed_step=step(t, "BilledCost", scale),
            sku_key=key_with_nulls(t.x_Provider, unit, *(t[column] for column in columns)),
            goods=key_with_nulls(
                t.x_Provider, *(t[column] for column in columns if column != "ChargeDescription")
            ),
        )
    )


def billed_facts(facts: Facts, profiles: ir.Table) -> ir.Table:
    """Every charge with whole amounts and the number of its profile; nothing is filtered yet.

    ``quantity`` counts what was consumed, else what was priced, in the profile's decimals.
    """
    own = profiles.select("profile", "consumed", "effective_step", "billed_step")
    t = facts.rows.join(own, "profile")
    return t.select(
        charge_id=t.x_ChargeId,
        source_id=t.x_SourceId,
        source_row=t.x_SourceRow,
        profile=t.profile,
        start=instant(t.ChargePeriodStart),
        end=instant(t.ChargePeriodEnd),
        quantity=ibis.ifelse(t.consumed, t.ConsumedQuantity, t.PricingQuantity),
        effective=(t.EffectiveCost * t.effective_step).cast(WHOLE),
        billed=(t.BilledCost * t.billed_step).cast(WHOLE),
    )


def in_period(rows: ir.Table, period: Period | None) -> ir.Table:
    """The rows that touch the period, with how much of their time lies in it.

    ``length``, ``from_second`` and ``to_second`` count from the row's start; ``straddles`` says
    that a part lies outside. Without a period nothing is cut.
    """
    if period is None:
        return rows.mutate(
            straddles=ibis.literal(0) == 1,
            length=whole(1),
            from_second=whole(0),
            to_second=whole(1),
        )
    start, end = moment(period.start), moment(period.end)
    first, last = int(period.start.timestamp()), int(period.end.timestamp())
    begin, finish = rows.start.epoch_seconds(), rows.end.epoch_seconds()
    touching = rows.filter(
        (rows.start < end)
        & ((rows.end > start) | ((rows.start >= start) & (rows.end == rows.start)))
    )
    return touching.mutate(
        straddles=(rows.start < start) | (rows.end > end),
        length=ibis.greatest(finish - begin, 1).cast(WHOLE),
        from_second=ibis.greatest(first - begin, 0).cast(WHOLE),
        to_second=ibis.least(ibis.greatest(finish - begin, 1), last - begin).cast(WHOLE),
    )


def in_pieces(rows: ir.Table, period: Period | None) -> ir.Table:
    """Each row for each side of the period's edges that it touches, with ``since``.

    ``since`` is the row's start or the edge behind which the piece lies. Otherwise as
    ``in_period``: ``part`` gives what falls into a piece.
    """
    if period is None:
        return in_period(rows, None).mutate(since=rows.start)
    sides = (Period(LONG_AGO, period.start), period, Period(period.end, FAR_OFF))
    pieces = ((in_period(rows, side), side) for side in sides)
    return united(
        *(each.mutate(since=ibis.greatest(each.start, moment(side.start))) for each, side in pieces)
    )


def part(rows: ir.Table, value: ir.Value) -> ir.Value:
    """The part of a whole number that falls into the period, split by time.

    Cut at running totals, so that the parts of adjoining periods add up to the whole.
    """
    size = magnitude(value)
    inside = portion(size, rows.to_second, rows.length) - portion(
        size, rows.from_second, rows.length
    )
    signed = ibis.ifelse(value < whole(0), whole(0) - inside, inside)
    return ibis.ifelse(rows.straddles, signed, value).cast(WHOLE)


def cut(rows: ir.Table) -> ir.Table:
    """Amounts reduced to their part in the period; ``quantity`` is cut once it is whole."""
    return rows.mutate(effective=part(rows, rows.effective), billed=part(rows, rows.billed))


def of_usage(profiles: ir.Table) -> ir.Table:
    """The profiles of Usage charges, but of what was unused, that name a unit."""
    t = profiles
    return t.filter((t.category == "Usage") & (t.status.fill_null("") != UNUSED) & t.unit.notnull())


def distinct_skus(
    facts: Facts, profiles: ir.Table, columns: tuple[str, ...], engine: Engine
) -> list[dict[str, Any]]:
    """Per distinct SKU of the usage charges and decimals of its quantities: their sum, its span.

    ``most`` is at least the sum of the quantities' magnitudes.
    """
    charges = billed_facts(facts, profiles)
    counted = charges.filter(charges.quantity.notnull())
    sums = counted.group_by("profile").aggregate(
        most=total(magnitude(counted.quantity)),
        rows=counted.count(),
        first=counted.start.min(),
        last=counted.end.max(),
    )
    known = of_usage(profiles).select("profile", "provider", "unit", "decimals", "sku_key")
    usage = sums.join(known, "profile").join(facts.profiles.select("profile", *columns), "profile")
    found = usage.group_by("sku_key", "decimals").aggregate(
        provider=usage.provider.min(),
        unit=usage.unit.min(),
        most=total(divide(usage.most, tens(usage.decimals)) + whole(1)),
        rows=tally(usage["rows"]),
        first=usage["first"].min(),
        last=usage["last"].max(),
        **{column: usage[column].min() for column in columns},
    )
    return list(engine.collect(found.order_by("sku_key", "decimals")).to_pylist())


def classify(
    found: list[dict[str, Any]], columns: tuple[str, ...], rules: Rules
) -> tuple[list[Sku], list[NotMetered]]:
    """The meter of every SKU that has one, and what could not be compared."""
    metered: list[Sku] = []
    not_compared: list[NotMetered] = []
    adapters = providers()
    for key, of_sku in groupby(found, itemgetter("sku_key")):
        rows = list(of_sku)
        metering = metering_of(
            {column: rows[0][column] for column in columns},
            rows[0]["unit"],
            adapters.get(rows[0]["provider"] or ""),
            rules,
            (min(row["first"] for row in rows), max(row["last"] for row in rows)),
        )
        if isinstance(metering, NotMetered):
            not_compared.append(metering)
        elif metering is not None:
            for row in rows:
                counted = Counted(
                    metering.meter, metering.factor, row["decimals"], int(row["most"])
                )
                metered.append(Sku(key, row["unit"], row["rows"], metering, counted))
    return metered, not_compared


SKU_DIMENSION = pa.schema(
    [
        pa.field("sku_key", pa.string()),
        pa.field("decimals", pa.int64()),
        pa.field("meter", pa.string()),
        pa.field("model", pa.string()),
        pa.field("tier", pa.string()),
        pa.field("held", pa.bool_()),
        pa.field("step", pa.decimal128(38, 0)),  # base units in a unit of the last decimal
        pa.field("factor", pa.decimal128(38, 0)),  # base units in a unit
        pa.field("bill_unit", pa.string()),
    ]
)
