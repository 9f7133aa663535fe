"""A commitment that ended in the period, and what it covered since billed on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.instants import instant
from trueup.engine.integers import total, units
from trueup.money import EXACT
from trueup.reconcile.causes.scene import HOUR, Break, Cause, Scene, counted, named, shown
from trueup.reconcile.terms import Terms
from trueup.reconcile.text import key_with_nulls

SPAN_MAX = timedelta(days=7)  # on either side of the end, as far as the period reaches
RISE_MIN = Decimal("0.5")  # on demand after the end, of what the commitment paid before it

_ENDS = pa.schema(
    [
        pa.field("ended_id", pa.string()),
        pa.field("ended_at", pa.timestamp("us", tz="UTC")),
        pa.field("span_start", pa.timestamp("us", tz="UTC")),
        pa.field("span_end", pa.timestamp("us", tz="UTC")),
    ]
)


def find(scene: Scene) -> list[Cause]:
    """The cost on demand of the very SKUs that it covered rises as it ends."""
    ended = {
        term.commitment_id: term
        for term in scene.terms
        if not term.is_term
        and term.counts
        and scene.window.start + HOUR <= term.end <= scene.window.end - HOUR
    }
    if not ended:
        return []
    found = []
    for (name, currency), cost in _costs(ended, scene).items():
        rise = cost["on_demand_after"] - cost["on_demand_before"]
        gone = not cost["covered_after"] and cost["covered_before"] > 0
        if gone and rise >= RISE_MIN * cost["covered_before"]:
            found.append(_cause(ended[name], currency, cost, scene))
    return found


def _span(term: Terms, scene: Scene) -> timedelta:
    return min(SPAN_MAX, term.end - scene.window.start, scene.window.end - term.end)


def _costs(ended: Mapping[str, Terms], scene: Scene) -> dict[tuple[str, str], dict[str, Decimal]]:
    """Per commitment and currency, what its SKUs cost before and after its end, in money."""
    rows = [
        {
            "ended_id": name,
            "ended_at": term.end,
            "span_start": term.end - _span(term, scene),
            "span_end": term.end + _span(term, scene),
        }
        for name, term in ended.items()
    ]
    ends = scene.engine.load(pa.Table.from_pylist(rows, schema=_ENDS))
    usage = _usage(scene.charges)
    covered = (
        usage.join(ends, usage.commitment_id == ends.ended_id)
        .filter(_.used & (_.start < instant(_.ended_at)) & (_.start >= instant(_.span_start)))
        .select("ended_id", "ended_at", "span_start", "span_end", "thing")
        .distinct()
    )
    near = usage.join(covered, "thing").filter(
        (_.start >= instant(_.span_start)) & (_.start < instant(_.span_end))
    )
    before, own = near.start < instant(near.ended_at), near.commitment_id == near.ended_id
    free = near.commitment_id.isnull()
    kind = ibis.cases(
        (own & before, "covered_before"),
        (own, "covered_after"),
        (free & before, "on_demand_before"),
        (free, "on_demand_after"),
        else_="elsewhere",
    )
    cost = units(near.EffectiveCost, 10**scene.scale)
    sums = near.mutate(kind=kind, cost=cost).group_by("ended_id", "currency", "kind")
    nothing = dict.fromkeys(
        ("covered_before", "covered_after", "on_demand_before", "on_demand_after"), Decimal(0)
    )
    found: dict[tuple[str, str], dict[str, Decimal]] = {}
    for row in scene.engine.collect(sums.aggregate(cost=total(_.cost))).to_pylist():
        of_end = found.setdefault((row["ended_id"], row["currency"]), dict(nothing))
        of_end[row["kind"]] = row["cost"].scaleb(-scene.scale, EXACT)
    return found


def _usage(charges: ir.Table) -> ir.Table:
    """Usage charges by what they are of: the SKU, else the resource, of an account."""
    keyed = charges.mutate(thing=charges.SkuId.fill_null(charges.ResourceId))
    of_use = keyed.filter((keyed.ChargeCategory == "Usage") & keyed.thing.notnull())
    return of_use.select(
        commitment_id=of_use.CommitmentDiscountId,
        used=of_use.CommitmentDiscountStatus == "Used",
        currency=of_use.BillingCurrency,
        start=instant(of_use.ChargePeriodStart),
        thing=key_with_nulls(of_use.x_Provider, of_use.BillingAccountId, of_use.thing),
        EffectiveCost=of_use.EffectiveCost,
    )


def _cause(term: Terms, currency: str, cost: Mapping[str, Decimal], scene: Scene) -> Cause:
    rise = cost["on_demand_after"] - cost["on_demand_before"]
    hours = _span(term, scene) // HOUR
    return Cause(
        "commitment_ended",
        (term.provider, term.commitment_id),
        _since(term.commitment_id, term.end, scene.breaks),
        f"{named(term.provider)}: {term.commitment_id} ended at {term.end:%Y-%m-%d %H:%M} UTC. "
        f"What it covered cost {shown(cost['on_demand_after'])} {currency} on demand in the "
        f"{counted(hours, 'hour')} after and {shown(cost['on_demand_before'])} in as many before, "
        f"when the commitment paid {shown(cost['covered_before'])}: {shown(rise)} more.",
        "renew the commitment or size down; usage on demand meanwhile is not a billing error",
        {currency: rise},
    )


def _since(name: str, end: datetime, breaks: Sequence[Break]) -> list[Break]:
    return [row for row in breaks if row["commitment_id"] == name and row["period_start"] >= end]
