"""Busy time of held capacity, brought to the groups whose cost it shares."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from trueup.attribute.parties import WHO
from trueup.engine.instants import instant
from trueup.reconcile.cascade import GRAINS, RULES
from trueup.reconcile.timing import PREFIX


def busy_usage(groups: ir.Table, parties: ir.Table) -> ir.Table:
    """Busy usage under the groups' own rule, key and time: group, WHO, q."""
    busy = parties.filter(parties.held & ~parties.allocated)
    held = groups.filter(groups.held)
    found = []
    for rule in RULES:
        for grain, unit in GRAINS.items():
            of_rule = held.filter(
                (held.grain == grain) & held.rule.isin([rule.name, PREFIX + rule.name])
            ).select("group", "key", "metered_bucket")
            keyed = busy.select(
                *WHO, "q", key=rule.metered_key(busy), metered_bucket=instant(busy.hour.truncate(unit))
            )
            found.append(
                keyed.filter(keyed.key.notnull()).join(of_rule, ["key", "metered_bucket"])
            )
    return ibis.union(*(rows.select("group", *WHO, "q") for rows in found))
