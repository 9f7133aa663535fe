"""Chargeback as FOCUS 1.4 Cost and Usage: every cost line an allocated charge.

EffectiveCost adds up to the identity in every currency. An origin charge is here all usage of one
provider and model, all that is unused of a commitment, or all of a provider that is unattributed
for one reason. What lines do not know (BilledCost above all: they are shares of effective cost) is
null, also where FOCUS asks for a value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.attribute.hierarchy import LEVELS, place_of
from trueup.focus.columns import ARROW_TYPES, COST_AND_USAGE, columns_of
from trueup.model.columns import TEXT
from trueup.money import EXACT, plain
from trueup.report.focus import VERSION
from trueup.report.parquet import write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

    from trueup.attribute.cost_line import CostLine
    from trueup.report.chargeback import Chargeback

METHOD = "trueup/{}"  # of AllocatedMethodId: usage, unused/<policy>, unattributed/<policy>
RATIO_DECIMALS = 18
FURTHER = ("x_Kind", "x_Provider", "x_Model", "x_Reason", "x_Agent")
CATEGORIES = {  # of what is unattributed, by reason; else Usage
    "tax": "Tax",
    "credit": "Credit",
    "purchase": "Purchase",
    "correction": "Adjustment",
    "refund": "Adjustment",
    "rounding": "Adjustment",
}


def write_allocated(charged: Chargeback, path: Path) -> Path:
    """Write the charges as Parquet."""
    from trueup.model.table import Table

    rows = [row for some in _origins(charged.lines) for row in _rows(some, charged)]
    return write_parquet(Table.from_rows(schema(), rows), path)


def schema() -> pa.Schema:
    """The columns of FOCUS's dataset, then ours."""
    import pyarrow as pa

    fields = [pa.field(each.name, ARROW_TYPES[each.kind]) for each in columns_of(COST_AND_USAGE)]
    fields += [pa.field(name, TEXT) for name in FURTHER]
    about = {"focus_dataset": COST_AND_USAGE, "focus_version": VERSION}
    return pa.schema(fields, metadata=about)


def _origins(lines: Sequence[CostLine]) -> Iterator[list[CostLine]]:
    def origin(line: CostLine) -> tuple[str, ...]:
        return (line.currency, line.kind, line.provider or "", line.about or "")

    for _, some in groupby(sorted(lines, key=origin), origin):
        yield list(some)


def _rows(lines: Sequence[CostLine], charged: Chargeback) -> Iterator[dict[str, Any]]:
    for line, ratio in zip(lines, ratios([line.cost for line in lines]), strict=True):
        place = place_of(line.payer)
        names = {level: name for level, name in zip(LEVELS, place, strict=True) if name}
        who = {
            "AllocatedResourceId": "/".join(map(_escaped, place)),
            "AllocatedResourceName": line.team or line.cost_centre or line.business_unit,
        }
        yield {
            "ChargePeriodStart": charged.start,
            "ChargePeriodEnd": charged.end,
            "BillingPeriodStart": charged.start,
            "BillingPeriodEnd": charged.end,
            "BillingCurrency": line.currency,
            "EffectiveCost": line.cost,
            "ServiceProviderName": line.provider,
            "AllocatedMethodId": METHOD.format(charged.method_of(line)),
            "AllocatedMethodDetails": _details(ratio),
            "AllocatedTags": _tags(line, names),
            **(who if names else {}),
            **_about(line),
            "x_Kind": line.kind,
            "x_Provider": line.provider,
            "x_Agent": line.agent,
        }


def _escaped(name: str | None) -> str:
    return (name or "").replace("%", "%25").replace("/", "%2F")


def _about(line: CostLine) -> dict[str, str | None]:
    if line.kind == "usage":
        used = {"ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based"}
        return {**used, "x_Model": line.about}
    if line.kind == "unused":
        return {
            "ChargeCategory": "Usage",
            "CommitmentDiscountId": line.about,
            "CommitmentDiscountStatus": "Unused",
        }
    return {"ChargeCategory": CATEGORIES.get(line.about or "", "Usage"), "x_Reason": line.about}


def _tags(line: CostLine, names: dict[str, str]) -> str:
    tags = {**names, **({"agent": line.agent} if line.agent else {})}
    return json.dumps(tags, ensure_ascii=False)


def _details(ratio: Decimal | None) -> str | None:
    """JSON whose number has every digit."""
    return None if ratio is None else f'{{"Elements": [{{"AllocatedRatio": {plain(ratio)}}}]}}'


def ratios(costs: Sequence[Decimal]) -> list[Decimal | None]:
    """What part of their sum each cost is, in so many decimals that add up to 1.

    The largest remainders get what is left; null where the sum is nothing.
    """
    whole = sum(map(Fraction, costs), Fraction())
    if not whole:
        return [None] * len(costs)
    one = 10**RATIO_DECIMALS
    exact = [Fraction(cost) / whole * one for cost in costs]
    floors = [each.numerator // each.denominator for each in exact]
    order = sorted(range(len(costs)), key=lambda at: (floors[at] - exact[at], at))
    for at in order[: one - sum(floors)]:
        floors[at] += 1
    return [Decimal(each).scaleb(-RATIO_DECIMALS, EXACT) for each in floors]
