"""The cascade of matching rules: finest first, each cell matches at most once."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trueup.engine.engine import Engine
from trueup.engine.instants import instant
from trueup.engine.rows import united
from trueup.reconcile.text import key_of


@dataclass(frozen=True)
class MatchingRule:
    """Two cells match when all these attributes are known and equal, within one bucket."""

    name: str
    attributes: tuple[str, ...]

    def key(self, cells: ir.Table) -> ir.Value:
        """The attributes as one text; null where one of them is not known.

        Capacity has no model, so it needs none.
        """
        model = ibis.ifelse(cells.held, cells.model.fill_null(""), cells.model)
        return key_of(*(model if name == "model" else cells[name] for name in self.attributes))

    def metered_key(self, cells: ir.Table) -> ir.Value:
        """The key on the side of the meters.

        Held capacity whose meter names its resource matches that resource or nothing: two
        machines of one account are not each other's.
        """
        if "resource" in self.attributes:
            return self.key(cells)
        return ibis.ifelse(cells.held & cells.resource.notnull(), ibis.null(str), self.key(cells))


RULES = (
    MatchingRule("resource", ("meter", "resource")),
    MatchingRule("region", ("meter", "provider", "account", "region", "model", "tier")),
    MatchingRule("account", ("meter", "provider", "account", "model", "tier")),
    MatchingRule("model", ("meter", "provider", "model", "tier")),
)
GRAINS = {"hour": "h", "day": "D", "month": "M"}
HITS = pa.schema(
    [
        pa.field("cell", pa.int64()),
        pa.field("rule", pa.string()),
        pa.field("grain", pa.string()),
        pa.field("key", pa.string()),
        pa.field("bucket", pa.timestamp("us")),
        pa.field("metered_bucket", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True)
class Pairing:
    """What the cascade found: cell -> group on both sides, and the cells it left over.

    A hit has ``cell``, ``rule``, ``grain``, ``key``, ``bucket`` (the charge's) and
    ``metered_bucket`` (the usage's: another hour only where it is a matter of timing).
    """

    billed: ir.Table
    metered: ir.Table
    billed_left: ir.Table
    metered_left: ir.Table


def pair(billed: ir.Table, metered: ir.Table, engine: Engine) -> Pairing:
    """Run the rules, for hourly charges first, then daily, then monthly ones."""
    found_billed, found_metered, left = [], [], []
    for grain, unit in GRAINS.items():
        of_grain = engine.keep(billed.filter(billed.grain == grain))
        if engine.count(of_grain) == 0:
            continue
        for rule in RULES:
            ours = of_grain.mutate(key=rule.key(of_grain))
            theirs = metered.mutate(
                key=rule.metered_key(metered), bucket=instant(metered.hour.truncate(unit))
            )
            hits_billed = engine.keep(_hits(ours, theirs, rule.name, grain))
            if engine.count(hits_billed) == 0:
                continue
            hits_metered = engine.keep(_hits(theirs, ours, rule.name, grain))
            of_grain = engine.keep(of_grain.anti_join(hits_billed, "cell"))
            metered = engine.keep(metered.anti_join(hits_metered, "cell"))
            found_billed.append(hits_billed)
            found_metered.append(hits_metered)
        left.append(of_grain)
    return Pairing(
        billed=united(engine.load(HITS.empty_table()), *found_billed),
        metered=united(engine.load(HITS.empty_table()), *found_metered),
        billed_left=engine.keep(united(*left)) if left else billed,
        metered_left=metered,
    )


def _hits(side: ir.Table, other: ir.Table, rule: str, grain: str) -> ir.Table:
    partners = other.filter(other.key.notnull()).select("key", "bucket").distinct()
    matched = side.filter(side.key.notnull()).semi_join(partners, ["key", "bucket"])
    return matched.select(
        "cell",
        rule=ibis.literal(rule),
        grain=ibis.literal(grain),
        key=matched.key,
        bucket=matched.bucket,
        metered_bucket=matched.bucket,
    )
