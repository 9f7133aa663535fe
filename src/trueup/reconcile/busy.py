"""Busy time of held capacity, brought to the groups whose cost it shares."""

from __future__ import annotations

import ibis.expr.types as ir
import pyarrow as pa

from trueup.attribute.parties import in_own_time, in_utc
from trueup.engine.engine import Engine
from trueup.engine.rows import united
from trueup.reconcile.cascade import Keys
from trueup.reconcile.matching_rules import RULES
from trueup.reconcile.things import THEIRS
from trueup.reconcile.timing import PREFIX
from trueup.reconcile.windows import GRAINS

BUSY = pa.schema(
    [
        pa.field("group", pa.int64()),
        pa.field("who", pa.int64()),
        pa.field("q", pa.decimal128(38, 0)),
    ]
)


def busy_usage(groups: ir.Table, parties: ir.Table, keys: Keys, engine: Engine) -> ir.Table:
    """Busy usage under the groups' own rule, key and time: group, who, q."""
    busy = parties.filter(parties.held & ~parties.allocated)
    held = groups.filter(groups.held)
    found = [engine.load(BUSY.empty_table())]
    present = engine.collect(held.select("rule", "grain").distinct()).to_pylist()
    combinations = {(row["rule"].removeprefix(PREFIX), row["grain"]) for row in present}
    for rule in RULES:
        for grain, unit in GRAINS.items():
            if (rule.name, grain) not in combinations:
                continue
            of_rule = held.filter(
                (held.grain == grain) & held.rule.isin([rule.name, PREFIX + rule.name])
            )
            keyed = keys.of(busy, rule, THEIRS, "who", "q", "hour")
            met = united(in_utc(of_rule, keyed, "key", unit), in_own_time(of_rule, keyed, "key"))
            found.append(met.select("group", "who", "q"))
    return engine.keep(united(*found))
