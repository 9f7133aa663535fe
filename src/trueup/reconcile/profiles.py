"""Charges as the price leg sees them: lines with a quantity, and the distinct profiles they have.

A profile is everything about a charge that decides what a unit of it costs and which commitments
may cover it. There are few: rules and rates are looked up once per profile, never per line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.adapter.rating import Rating
from trueup.adapter.registry import providers
from trueup.engine.engine import Engine
from trueup.engine.instants import instant
from trueup.engine.integers import EDGE_SCALE, WHOLE, total, whole
from trueup.model.rules import OF_USAGE, Rules
from trueup.period import Period
from trueup.reconcile.billed import CORRECTION, UNUSED, USED, in_period, sku_columns
from trueup.reconcile.facts import Facts, decimals_of, step
from trueup.reconcile.text import key_with_nulls

LEAST_DECIMALS = 9  # of quantities: a commitment may cover a part of a unit
COLUMNS = (
    "x_Provider",
    "ServiceName",
    "SkuId",
    "SkuPriceId",
    "SkuMeter",
    "RegionId",
    "SkuPriceDetails",
    "PricingCategory",
    "ContractedUnitPrice",
    "ListUnitPrice",
)


@dataclass(frozen=True)
class Profile:
    """One profile, and what its lines under one commitment (None: under none) add up to.

    ``q`` is in ``unit``, ``drawn`` in the commitment's own unit (null where a line does not say),
    money in the billing currency.
    """

    key: int
    columns: dict[str, str | None]
    unit: str | None
    currency: str
    commitment_id: str | None
    contracted_price: Fraction | None
    list_price: Fraction | None
    q: Fraction
    billed: Fraction
    effective: Fraction
    listed: Fraction
    drawn: Fraction | None
    first: datetime
    last: datetime
    lines: int

    @property
    def provider(self) -> str | None:
        return self.columns.get("x_Provider")

    @property
    def sku(self) -> tuple[str | None, ...]:
        """What is the same thing sold, whether a commitment covered it or not."""
        c = self.columns
        named = (c.get("SkuId"),) if c.get("SkuId") else (c["ChargeDescription"], c.get("SkuMeter"))
        return (self.provider, *named, c.get("RegionId"), self.unit, self.currency)

    @property
    def name(self) -> str:
        """What a person calls it."""
        c = self.columns
        names = (c.get("SkuPriceId"), c.get("SkuId"), c.get("ChargeDescription"), c.get("SkuMeter"))
        return next((name for name in names if name), "without a name")


@dataclass(frozen=True)
class Columns:
    """The charge columns of a profile; ``described``: descriptions are told apart beside SKUs.

    Otherwise a description counts where no SKU is named, so that a correction nets with what it
    corrects whatever it says of itself.
    """

    names: tuple[str, ...]
    described: bool


def profile_columns(charges: ir.Table, rules: Rules) -> Columns:
    """What rates, rules and the providers' declarations look at."""
    wanted = dict.fromkeys(COLUMNS)
    for adapter in providers().values():
        rating = adapter.rating() if adapter.rating else None
        if rating is not None:
            wanted.update(dict.fromkeys(_of_rating(rating)))
    for rate in rules.rate:
        wanted.update(dict.fromkeys(OF_USAGE.get(column, column) for column in rate.match))
    if rules.rate:
        wanted.update(dict.fromkeys(sku_columns(charges, rules)))
    described = "ChargeDescription" in wanted
    wanted.setdefault("ChargeDescription")
    return Columns(tuple(name for name in wanted if name in charges.columns), described)


def _of_rating(rating: Rating) -> Iterator[str]:
    for stage in rating.stages:
        yield from stage.same
        for match in stage.eligible:
            yield from match
    yield from (column for column, _pattern in rating.parts)
    yield from (column for names in rating.rate_names for column in names)
    yield from rating.overage


def charge_lines(
    facts: Facts,
    period: Period | None,
    columns: Columns,
    scale: int,
    q_scale: int,
    engine: Engine,
) -> tuple[ir.Table, ir.Table]:
    """Every Usage charge of the period with a quantity, and the profiles that these have.

    A line has whole money, whole quantity and its ``profile``; a profile its columns beside it.
    What straddles the period's edges is whole, and says what part lies inside (``in_period``). A
    correction without a quantity changes money alone: its quantity is 0, its unit null.
    ``commitment_id`` is that of the commitment which covered it, else null; ``drawn`` what it drew,
    in units of 10^-18, null where the row does not say. A description that a SKU makes superfluous
    is no part of the profile, so that a correction nets with what it corrects.
    """
    t = _profiled(_in_question(facts.profiles), columns)
    names = [f"p_{name}" for name in ("unit", "currency", *columns.names)]
    keyed = engine.keep(t.select("profile", *names, key=key_with_nulls(*(t[n] for n in names))))
    alike = keyed.select("key", *names).distinct()
    known = engine.keep(alike.mutate(number=ibis.dense_rank().over(order_by=alike.key)))
    numbers = keyed.select("profile", "key").join(known.select("key", "number"), "key")
    told = engine.keep(_told(t.join(numbers.select("profile", "number"), "profile")))
    lines = engine.keep(_lines(facts, engine.keep(_steps(t, scale, q_scale))))
    every = lines.join(told, "of").drop("of")
    return in_period(every, period), known.rename(profile="number").drop("key")


def _profiled(t: ir.Table, columns: Columns) -> ir.Table:
    """The profiles of charges with the columns that prices hang on, as ``p_``."""
    account = t.SubAccountId.fill_null(t.BillingAccountId)
    priced = decimals_of(t, "PricingQuantity").notnull()
    known = {name: t[name] for name in columns.names} | {"SubAccountId": account}
    if not columns.described:
        named = t.SkuId.notnull() | t.SkuPriceId.notnull()
        known["ChargeDescription"] = ibis.ifelse(named, ibis.null(str), t.ChargeDescription)
    return t.mutate(
        account=account,
        priced=priced,
        p_unit=ibis.ifelse(priced, t.PricingUnit, t.ConsumedUnit),
        p_currency=t.BillingCurrency,
        **{f"p_{name}": known[name] for name in columns.names},
    )


def _steps(t: ir.Table, scale: int, q_scale: int) -> ir.Table:
    """What decides how the amounts of a charge are counted, by the number of its profile."""
    covered = t.CommitmentDiscountStatus.fill_null("") == USED
    return t.select(
        "profile",
        "priced",
        counted=_counted(t),
        covered=covered,
        stated=decimals_of(t, "CommitmentDiscountQuantity").notnull(),
        q_step=ibis.ifelse(
            t.priced, step(t, "PricingQuantity", q_scale), step(t, "ConsumedQuantity", q_scale)
        ),
        billed_step=step(t, "BilledCost", scale),
        effective_step=step(t, "EffectiveCost", scale),
        edge_step=step(t, "EffectiveCost", EDGE_SCALE),
        listed_step=step(t, "ListCost", EDGE_SCALE),
        drawn_step=step(t, "CommitmentDiscountQuantity", EDGE_SCALE),
    )


def _lines(facts: Facts, steps: ir.Table) -> ir.Table:
    t = facts.rows.join(steps, "profile")
    fallback = ibis.ifelse(
        t.EffectiveCost > whole(0), t.EffectiveCost * t.edge_step, ibis.null(WHOLE)
    )
    drawn = ibis.ifelse(t.stated, t.CommitmentDiscountQuantity * t.drawn_step, fallback)
    q = ibis.ifelse(t.priced, t.PricingQuantity, t.ConsumedQuantity) * t.q_step
    return t.select(
        charge_id=t.x_ChargeId,
        source_id=t.x_SourceId,
        source_row=t.x_SourceRow,
        of=t.profile,
        start=instant(t.ChargePeriodStart),
        end=instant(t.ChargePeriodEnd),
        q=ibis.ifelse(t.counted, q.cast(WHOLE), whole(0)).cast(WHOLE),  # corrections may have none
        billed=(t.BilledCost * t.billed_step).cast(WHOLE),
        effective=(t.EffectiveCost * t.effective_step).cast(WHOLE),
        listed=(t.ListCost * t.listed_step).cast(WHOLE),
        drawn=ibis.ifelse(t.covered, drawn.cast(WHOLE), ibis.null(WHOLE)).cast(WHOLE),
    )


def _told(t: ir.Table) -> ir.Table:
    """What a line is about, by the number of its facts' profile (``of``)."""
    covered = t.CommitmentDiscountStatus.fill_null("") == USED
    stated = decimals_of(t, "CommitmentDiscountQuantity").notnull()
    return t.select(
        of=t.profile,
        profile=t.number,
        provider=t.x_Provider,
        payer=t.BillingAccountId,
        account=t.account,
        resource=t.ResourceId,
        sku=ibis.coalesce(t.SkuPriceId, t.SkuId, t.ChargeDescription),
        named=t.SkuPriceId.notnull() | t.SkuId.notnull(),
        correction=t.ChargeClass.fill_null("") == CORRECTION,
        currency=t.BillingCurrency,
        commitment_id=ibis.ifelse(covered, t.CommitmentDiscountId, ibis.null(str)),
        billing_end=instant(t.BillingPeriodEnd),
        unit=t.p_unit,
        drawn_unit=ibis.ifelse(stated, t.CommitmentDiscountUnit, t.BillingCurrency),
    )


def _counted(profiles: ir.Table) -> ir.BooleanValue:
    """Whether the charges of a profile have a quantity."""
    t = profiles
    return (
        decimals_of(t, "PricingQuantity").notnull() | decimals_of(t, "ConsumedQuantity").notnull()
    )


def _in_question(profiles: ir.Table) -> ir.Table:
    t = profiles
    return t.filter(
        (t.ChargeCategory == "Usage")
        & (t.CommitmentDiscountStatus.fill_null("") != UNUSED)
        & (_counted(t) | (t.ChargeClass.fill_null("") == CORRECTION))
        & t.BillingCurrency.notnull()
    )


def quantity_scale(facts: Facts, engine: Engine) -> int:
    """The decimals in which quantities of lines are counted."""
    t = facts.profiles
    most = t.aggregate(
        most=decimals_of(t, "PricingQuantity").fill_null(decimals_of(t, "ConsumedQuantity")).max()
    )
    return max(LEAST_DECIMALS, engine.collect(most).column("most")[0].as_py() or 0)


def profiles(
    lines: ir.Table,
    known: ir.Table,
    columns: Columns,
    scale: int,
    q_scale: int,
    engine: Engine,
) -> list[Profile]:
    """Each profile with each commitment that covered lines of it."""
    sums = lines.group_by("profile", "commitment_id").aggregate(
        q=total(_.q),
        billed=total(_.billed),
        effective=total(_.effective),
        listed=total(_.listed),
        drawn=total(_.drawn),
        unknown=(_.commitment_id.notnull() & _.drawn.isnull()).max(),
        first=_.start.min(),
        last=_.end.max(),
        lines=_.count(),
    )
    described = sums.join(known, "profile").order_by("profile", "commitment_id")
    rows = engine.collect(described).to_pylist()
    return [_profile(row, columns, scale, q_scale) for row in rows]


def _profile(row: dict[str, Any], columns: Columns, scale: int, q_scale: int) -> Profile:
    values = {name: row[f"p_{name}"] for name in columns.names}
    drawn = None if row["unknown"] or row["drawn"] is None else row["drawn"]
    return Profile(
        key=row["profile"],
        columns={name: None if value is None else str(value) for name, value in values.items()},
        unit=row["p_unit"],
        currency=row["p_currency"],
        commitment_id=row["commitment_id"],
        contracted_price=_exact(values.get("ContractedUnitPrice")),
        list_price=_exact(values.get("ListUnitPrice")),
        q=Fraction(row["q"]) / 10**q_scale,
        billed=Fraction(row["billed"]) / 10**scale,
        effective=Fraction(row["effective"]) / 10**scale,
        listed=Fraction(row["listed"] or 0) / 10**EDGE_SCALE,
        drawn=None if drawn is None else Fraction(drawn) / 10**EDGE_SCALE,
        first=row["first"],
        last=row["last"],
        lines=row["lines"],
    )


def _exact(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)
