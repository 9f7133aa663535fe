"""Charges as the core sees them: whole amounts, cut to the period, each with its SKU's meter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trueup.adapter.registry import providers
from trueup.engine.engine import Engine
from trueup.engine.instants import instant, moment
from trueup.engine.integers import WHOLE, decimals, divide, magnitude, units, whole
from trueup.engine.rows import united
from trueup.model.rules import Rules
from trueup.period import Period
from trueup.reconcile.metering import SKU_COLUMNS, Metering, NotMetered, metering_of
from trueup.reconcile.scale import LEAST_MONEY_DECIMALS
from trueup.reconcile.text import key_with_nulls

USED, UNUSED = "Used", "Unused"
LONG_AGO, FAR_OFF = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Sku:
    """One distinct SKU of the bill with its meter."""

    key: str
    unit: str
    decimals: int
    metering: Metering


def money_scale(charges: ir.Table, engine: Engine) -> int:
    """The most decimals that any effective or billed cost of the files uses, at least 2."""
    most = charges.aggregate(
        effective=decimals(charges.EffectiveCost).max(),
        billed=decimals(charges.BilledCost).max(),
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


def billed_rows(
    charges: ir.Table, scale: int, columns: tuple[str, ...], *, described: bool = False
) -> ir.Table:
    """Every charge with whole amounts; nothing is filtered yet.

    ``quantity`` and ``unit`` are what was consumed, else what was priced. ``described`` keeps the
    SKU's columns beside their key.
    """
    t = charges
    consumed = t.ConsumedQuantity.notnull() & t.ConsumedUnit.notnull()
    unit = ibis.ifelse(consumed, t.ConsumedUnit, t.PricingUnit)
    money = 10**scale
    return t.select(
        charge_id=t.x_ChargeId,
        source_id=t.x_SourceId,
        source_row=t.x_SourceRow,
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
        start=instant(t.ChargePeriodStart),
        end=instant(t.ChargePeriodEnd),
        quantity=ibis.ifelse(consumed, t.ConsumedQuantity, t.PricingQuantity),
        unit=unit,
        sku_key=key_with_nulls(t.x_Provider, unit, *(t[column] for column in columns)),
        effective=units(t.EffectiveCost, money),
        billed=units(t.BilledCost, money),
        **({column: t[column] for column in columns} if described else {}),
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
    inside = divide(size * rows.to_second, rows.length) - divide(
        size * rows.from_second, rows.length
    )
    signed = ibis.ifelse(value < whole(0), whole(0) - inside, inside)
    return ibis.ifelse(rows.straddles, signed, value).cast(WHOLE)


def cut(rows: ir.Table) -> ir.Table:
    """Amounts reduced to their part in the period; ``quantity`` is cut once it is whole."""
    return rows.mutate(effective=part(rows, rows.effective), billed=part(rows, rows.billed))


def distinct_skus(
    charges: ir.Table, columns: tuple[str, ...], engine: Engine
) -> list[dict[str, Any]]:
    """One row per distinct SKU among the usage charges, with its decimals and time span."""
    rows = billed_rows(charges, LEAST_MONEY_DECIMALS, columns, described=True)
    usage = rows.filter(
        (rows.category == "Usage")
        & (rows.status.fill_null("") != UNUSED)
        & rows.quantity.notnull()
        & rows.unit.notnull()
    )
    found = usage.group_by("sku_key").aggregate(
        provider=usage.provider.min(),
        unit=usage.unit.min(),
        decimals=decimals(usage.quantity).max(),
        first=usage.start.min(),
        last=usage.end.max(),
        **{column: usage[column].min() for column in columns},
    )
    return list(engine.collect(found.order_by("sku_key")).to_pylist())


def classify(
    found: list[dict[str, Any]], columns: tuple[str, ...], rules: Rules
) -> tuple[list[Sku], list[NotMetered]]:
    """The meter of every SKU that has one, and what could not be compared."""
    metered: list[Sku] = []
    not_compared: list[NotMetered] = []
    adapters = providers()
    for row in found:
        metering = metering_of(
            {column: row[column] for column in columns},
            row["unit"],
            adapters.get(row["provider"] or ""),
            rules,
            (row["first"], row["last"]),
        )
        if isinstance(metering, NotMetered):
            not_compared.append(metering)
        elif metering is not None:
            metered.append(Sku(row["sku_key"], row["unit"], row["decimals"], metering))
    return metered, not_compared


SKU_DIMENSION = pa.schema(
    [
        pa.field("sku_key", pa.string()),
        pa.field("meter", pa.string()),
        pa.field("model", pa.string()),
        pa.field("tier", pa.string()),
        pa.field("held", pa.bool_()),
        pa.field("factor", pa.decimal128(38, 0)),
        pa.field("bill_unit", pa.string()),
    ]
)
