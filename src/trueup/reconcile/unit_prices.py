"""Unit prices held to the contract: what a line costs against quantity x the dated rate."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.instants import instant
from trueup.engine.integers import EDGE_SCALE, WHOLE, magnitude, share, total, units, whole
from trueup.money import EXACT, plain
from trueup.reconcile.commitment_rates import price_table
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.rated_lines import ONE, SKU
from trueup.reconcile.text import key_with_nulls

RULE = "rate"
GROUP = ("provider", "account", "sku", "subject", "currency")


def wrong_rates(run: LegRun) -> Findings:
    """A break for every SKU, account and currency billed at another price than the contract's.

    Only usage on demand whose price the contract states, dated; a difference within one unit of
    the bill's scale a line is rounding. ``rules.tolerance`` of the leg may widen it.
    """
    found = Findings()
    if not run.rules.rate and "provider_rates" not in run.asserted:
        return found
    engine = run.engine
    lines = engine.keep(_on_demand(run))
    table, _ambiguous = price_table(run, lines)
    if not table.num_rows:
        return found
    prices = engine.load(table)
    dated = prices.select(
        "rate", "valid_from", "valid_to", key=key_with_nulls(*(prices[name] for name in SKU))
    )
    joined = lines.join(dated, "key")
    priced = joined.filter((joined.start >= joined.valid_from) & (joined.start < joined.valid_to))
    expected = priced.mutate(expected=share(priced.quantity, priced.rate, whole(ONE)))
    wrong = expected.mutate(off=(expected.cost - expected.expected).cast(WHOLE))
    unit = whole(10 ** (EDGE_SCALE - run.scale))
    wrong = wrong.filter(magnitude(wrong.off) > _allowed(run, wrong, unit))
    groups = wrong.group_by(*GROUP).aggregate(
        billed=total(_.cost),
        expected=total(_.expected),
        start=_.start.min(),
        end=_.end.max(),
        lines=_.count(),
        highest=_.rate.max(),
        lowest=_.rate.min(),
    )
    for row in engine.collect(groups.order_by(*GROUP)).to_pylist():
        found.breaks.append(_break(row))
    return found


def _on_demand(run: LegRun) -> ir.Table:
    """Usage on demand with its cost and its SKU."""
    t = run.charges
    wanted = t.filter(
        (t.ChargeCategory == "Usage")
        & (t.ChargeClass.fill_null("") != "Correction")
        & t.CommitmentDiscountId.isnull()
        & (t.PricingCategory.fill_null("Standard") == "Standard")
        & t.PricingQuantity.notnull()
        & t.PricingUnit.notnull()
        & (t.ChargePeriodStart >= run.window.start)
        & (t.ChargePeriodStart < run.window.end)
    )
    named = wanted.select(
        charge_id=wanted.x_ChargeId,
        provider=wanted.x_Provider,
        account=wanted.SubAccountId.fill_null(wanted.BillingAccountId),
        start=instant(wanted.ChargePeriodStart),
        end=instant(wanted.ChargePeriodEnd),
        sku_id=wanted.SkuId,
        sku_price_id=wanted.SkuPriceId,
        sku_meter=wanted.SkuMeter,
        description=wanted.ChargeDescription,
        region=wanted.RegionId,
        unit=wanted.PricingUnit,
        currency=wanted.BillingCurrency,
        quantity=units(wanted.PricingQuantity, ONE),
        cost=units(wanted.EffectiveCost, ONE),
        subject=wanted.SkuPriceId.fill_null(wanted.SkuId).fill_null(wanted.ChargeDescription),
    )
    key = key_with_nulls(*(named[name] for name in SKU))
    return named.mutate(key=key, sku=named.subject)


def _allowed(run: LegRun, lines: ir.Table, unit: ir.Value) -> ir.Value:
    """How far a line's cost may be off: rounding, and what a tolerance of the leg allows."""
    most = unit
    for entry in run.rules.tolerance:
        if entry.leg != "price" or entry.absolute is None:
            continue
        limit = whole(int(entry.absolute.scaleb(EDGE_SCALE, EXACT)))
        of_it = limit if entry.provider is None else ibis.ifelse(
            lines.provider == entry.provider, limit, unit
        )  # fmt: skip
        most = ibis.greatest(most, of_it)
    return most


def _break(row: dict[str, Any]) -> dict[str, Any]:
    billed = row["billed"].scaleb(-EDGE_SCALE, EXACT)
    expected = row["expected"].scaleb(-EDGE_SCALE, EXACT)
    low, high = (row[name].scaleb(-EDGE_SCALE, EXACT) for name in ("lowest", "highest"))
    rate = plain(low, 2) if low == high else f"{plain(low, 2)} to {plain(high, 2)}"
    return {
        "class": "price",
        "leg": "price",
        "provider": row["provider"],
        "account_id": row["account"],
        "subject": row["subject"],
        "period_start": row["start"].replace(tzinfo=UTC),
        "period_end": row["end"].replace(tzinfo=UTC),
        "billed": billed,
        "expected": expected,
        "unit": row["currency"],
        "amount": EXACT.subtract(billed, expected),
        "currency": row["currency"],
        "priced_by": "rate",
        "rule": RULE,
        "rows_billed": row["lines"],
        "rows_metered": 0,
        "explanation": f"{row['lines']:,} lines cost {plain(billed, 2)}; at the contract's rate of "
        f"{rate} a unit they cost {plain(expected, 2)} {row['currency']}.",
    }
