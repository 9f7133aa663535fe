"""The cascade of matching rules: finest first, each cell matches at most once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from trueup.engine.engine import Engine
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
        known = cells.mutate(model=ibis.ifelse(cells.held, cells.model.fill_null(""), cells.model))
        return key_of(*(known[name] for name in self.attributes))

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


@dataclass(frozen=True)
class Pairing:
    """What the cascade found: cell -> group on both sides, and the cells it left over."""

    billed: ir.Table  # cell, rule, grain, key, bucket
    metered: ir.Table  # cell, rule, grain, key, bucket
    billed_left: ir.Table
    metered_left: ir.Table


def pair(billed: ir.Table, metered: ir.Table, engine: Engine) -> Pairing:
    """Run the rules, for hourly charges first, then daily, then monthly ones."""
    found_billed, found_metered = [], []
    for grain, unit in GRAINS.items():
        of_grain = engine.keep(billed.filter(billed.grain == grain))
        for rule in RULES:
            ours = of_grain.mutate(key=rule.key(of_grain))
            theirs = metered.mutate(key=rule.metered_key(metered), bucket=metered.hour.truncate(unit))
            hits_billed = engine.keep(_hits(ours, theirs, rule.name, grain))
            hits_metered = engine.keep(_hits(theirs, ours, rule.name, grain))
            of_grain = engine.keep(of_grain.anti_join(hits_billed, "cell"))
            metered = engine.keep(metered.anti_join(hits_metered, "cell"))
            found_billed.append(hits_billed)
            found_metered.append(hits_metered)
    groups_billed = ibis.union(*found_billed)
    return Pairing(
        billed=groups_billed,
        metered=ibis.union(*found_metered),
        billed_left=billed.anti_join(groups_billed, "cell"),
        metered_left=metered,
    )


def _hits(side: ir.Table, other: ir.Table, rule: str, grain: str) -> ir.Table:
    partners = other.filter(other.key.notnull()).select("key", "bucket").distinct()
    matched = side.filter(side.key.notnull()).semi_join(partners, ["key", "bucket"])
    return matched.select("cell", "key", "bucket", rule=ibis.literal(rule), grain=ibis.literal(grain))


def rule_named(name: str) -> MatchingRule:
    """The matching rule of that name."""
    return next(rule for rule in RULES if rule.name == name)


def rules_by_grain() -> Iterator[tuple[MatchingRule, str, str]]:
    """Every rule with every grain and its truncation unit, in the cascade's order."""
    for grain, unit in GRAINS.items():
        for rule in RULES:
            yield rule, grain, unit
