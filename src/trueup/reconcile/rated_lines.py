"""The charges that commitments may cover: what each would cost on demand, and in which interval."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from trueup.adapter.rating import BenefitRule
from trueup.adapter.registry import providers
from trueup.engine.instants import instant
from trueup.engine.integers import EDGE_SCALE, units, whole
from trueup.reconcile.billed import UNUSED, USED
from trueup.reconcile.leg import LegRun

ONE = 10**EDGE_SCALE
HOUR = 3600
ON_DEMAND = "Standard"  # FOCUS PricingCategory; null is taken for it
SKU = ("sku_id", "sku_price_id", "sku_meter", "description", "region", "unit", "currency")


@dataclass(frozen=True)
class Benefit:
    """A commitment of the bill, and the rule by which its provider applies it."""

    commitment_id: str
    provider: str
    payer: str
    currency: str
    rule: BenefitRule
    owner: str | None  # the account that owns it, where its id says so

    @property
    def order(self) -> tuple[Any, ...]:
        return self.rule.stage, self.rule.name, self.commitment_id


def usage_lines(run: LegRun, benefits: Sequence[Benefit]) -> ir.Table:
    """Usage of one hour at most, on demand or covered by one of the commitments, in whole units.

    ``on_demand`` is what it costs without a commitment (null: the bill does not say), ``paid``
    what of that was billed; ``drawn`` what it took of ``covered_by``. All in units of 10^-18.
    """
    t = run.charges
    known = [benefit.commitment_id for benefit in benefits]
    covered = (t.CommitmentDiscountStatus == USED) & t.CommitmentDiscountId.isin(known)
    free = (
        t.CommitmentDiscountId.isnull()
        & (t.PricingCategory.fill_null(ON_DEMAND) == ON_DEMAND)
        & (t.BilledCost > 0)
    )
    wanted = t.filter(
        (t.ChargeCategory == "Usage")
        & (t.ChargeClass.fill_null("") != "Correction")
        & (t.PricingQuantity > 0)
        & (covered | free)
        & (t.ChargePeriodStart >= run.window.start)
        & (t.ChargePeriodEnd <= run.window.end)
    )
    length = instant(wanted.ChargePeriodEnd).epoch_seconds() - (
        instant(wanted.ChargePeriodStart).epoch_seconds()
    )
    wanted = wanted.filter(length <= HOUR)
    is_free = wanted.CommitmentDiscountId.isnull()
    without = ibis.cases(
        (is_free, wanted.BilledCost),
        # Some bills repeat a covered row's own cost as ContractedCost: then the list tells.
        (wanted.ContractedCost > wanted.EffectiveCost, wanted.ContractedCost),
        (wanted.ListCost > wanted.EffectiveCost, wanted.ListCost),
        (wanted.ContractedCost > 0, wanted.ContractedCost),
        else_=ibis.null(wanted.BilledCost.type()),
    )
    return wanted.select(
        charge_id=wanted.x_ChargeId,
        source_id=wanted.x_SourceId,
        source_row=wanted.x_SourceRow,
        provider=wanted.x_Provider,
        payer=wanted.BillingAccountId,
        account=wanted.SubAccountId.fill_null(wanted.BillingAccountId),
        resource=wanted.ResourceId,
        start=instant(wanted.ChargePeriodStart),
        sku_id=wanted.SkuId,
        sku_price_id=wanted.SkuPriceId,
        sku_meter=wanted.SkuMeter,
        description=wanted.ChargeDescription,
        region=wanted.RegionId,
        unit=wanted.PricingUnit,
        currency=wanted.BillingCurrency,
        quantity=units(wanted.PricingQuantity, ONE),
        on_demand=units(without, ONE),
        paid=ibis.ifelse(is_free, units(wanted.BilledCost, ONE), whole(0)),
        covered_by=wanted.CommitmentDiscountId,
        drawn=units(wanted.CommitmentDiscountQuantity.fill_null(wanted.EffectiveCost), ONE),
        **{name: wanted[name] for name in eligibility_columns(benefits) if name in t.columns},
    )


def eligibility_columns(benefits: Sequence[Benefit]) -> list[str]:
    """The charge columns that the rules look at."""
    found = [name for one in benefits for name in one.rule.eligible]
    return list(dict.fromkeys(found))


def eligible(lines: ir.Table, benefit: Benefit) -> ir.Value:
    """Whether a line is of the commitment's payer and of what its rule lets it cover."""
    found = (
        (lines.provider == benefit.provider)
        & (lines.payer == benefit.payer)
        & (lines.currency == benefit.currency)
    )
    for column, pattern in benefit.rule.eligible.items():
        if column not in lines.columns:
            return found & (ibis.literal(0) == 1)
        found &= lines[column].fill_null("").re_search(f"(?i){pattern}")
    return found


def benefits_of(run: LegRun) -> list[Benefit]:
    """The commitments of the bill that a rule of their provider speaks of, in its order."""
    t = run.charges.filter(
        run.charges.CommitmentDiscountId.notnull()
        & run.charges.CommitmentDiscountStatus.isin([USED, UNUSED])
    )
    found = run.engine.collect(
        t.group_by("CommitmentDiscountId", "BillingCurrency").aggregate(
            provider=t.x_Provider.min(),
            payer=t.BillingAccountId.min(),
            payers=t.BillingAccountId.nunique(),
            type=t.CommitmentDiscountType.min(),
        )
    ).to_pylist()
    contracts = {term.commitment_id: term for term in run.terms}
    known = []
    for row in found:
        name = row["CommitmentDiscountId"]
        term = contracts.get(name)
        kind = row["type"] or (term.type if term else None) or ""
        adapter = providers().get(row["provider"] or "")
        rules = adapter.rating if adapter else ()
        rule = next((one for one in rules if re.search(one.types, kind, re.IGNORECASE)), None)
        if rule is None or row["payers"] != 1 or (term is not None and term.is_term):
            continue
        owner = re.search(rule.owner, name) if rule.owner else None
        known.append(
            Benefit(
                commitment_id=name,
                provider=row["provider"],
                payer=row["payer"],
                currency=row["BillingCurrency"],
                rule=rule,
                owner=owner["account"] if owner else None,
            )
        )
    return sorted(known, key=lambda benefit: benefit.order)
