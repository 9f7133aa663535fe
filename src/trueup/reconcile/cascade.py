"""The cascade of matching rules: finest first, each cell matches at most once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.rows import united
from trueup.reconcile.matching_rules import RULES, MatchingRule
from trueup.reconcile.things import OURS, THEIRS
from trueup.reconcile.windows import GRAINS, in_utc, shared

IDENTITIES = pa.schema(
    [
        pa.field("group", pa.int64()),
        pa.field("rule", pa.string()),
        pa.field("grain", pa.string()),
        pa.field("key", pa.int64()),
        pa.field("bucket", pa.timestamp("us")),
        pa.field("metered_bucket", pa.timestamp("us")),
        pa.field("until", pa.timestamp("us")),
    ]
)
MEMBERS = pa.schema([pa.field("cell", pa.int64()), pa.field("group", pa.int64())])


@dataclass(frozen=True)
class Pairing:
    """What the cascade found: groups, the cells of both sides in them, and those left over.

    ``identities`` has ``group``, ``rule``, ``grain``, ``key``, ``bucket`` (the charges') and
    ``metered_bucket`` (the usage's: another hour only where it is a matter of timing), and
    ``until`` where they are no UTC hour, day or month (see ``windows``); ``billed`` and ``metered``
    have ``cell`` and ``group``.
    """

    identities: ir.Table
    billed: ir.Table
    metered: ir.Table
    billed_left: ir.Table
    metered_left: ir.Table

    def with_places(
        self, places: ir.Table, ours: ir.Table, theirs: ir.Table, engine: Engine
    ) -> Pairing:
        """This and a new group for each of ``places``, with the cells that lie there.

        ``places`` has the columns of ``identities`` but the group; ``ours`` has
        ``cell``, ``key`` and ``bucket``, ``theirs`` has ``metered_bucket`` instead of ``bucket``.
        """
        first = engine.count(self.identities)
        numbered = engine.keep(places.mutate(group=first + ibis.row_number()))
        hits = engine.keep(ours.join(numbered, ["key", "bucket"]).select("cell", "group"))
        their_hits = engine.keep(
            theirs.join(numbered, ["key", "metered_bucket"]).select("cell", "group")
        )
        return Pairing(
            identities=engine.keep(united(self.identities, numbered)),
            billed=engine.keep(united(self.billed, hits)),
            metered=engine.keep(united(self.metered, their_hits)),
            billed_left=engine.keep(self.billed_left.anti_join(hits, "cell")),
            metered_left=engine.keep(self.metered_left.anti_join(their_hits, "cell")),
        )

    def with_corrections(self, bare: ir.Table, billed: ir.Table, engine: Engine) -> Pairing:
        """This and the cells of ``bare``, which have no quantity, with the charges they correct.

        Such a cell is of the group in which the regular ones of its thing and time are, if they
        found a partner; else it is left over.
        """
        if engine.count(bare) == 0:
            return self
        place = ("thing", "grain", "bucket")
        regular = billed.filter(~billed.correction).join(self.billed, "cell")
        of_place = regular.group_by(*place).aggregate(group=_.group.min())
        hits = engine.keep(bare.join(of_place, place).select("cell", "group"))
        return replace(
            self,
            billed=engine.keep(united(self.billed, hits)),
            billed_left=engine.keep(united(self.billed_left, bare.anti_join(hits, "cell"))),
        )


@dataclass(frozen=True)
class Keys:
    """The keys of the things under every rule; see ``things.keys``."""

    table: ir.Table

    def of(self, cells: ir.Table, rule: MatchingRule, side: str, *columns: str) -> ir.Table:
        """The cells that have a key under the rule, with ``key``."""
        known = self.table.filter((self.table.rule == rule.name) & (self.table.side == side))
        named = known.select("thing", "key")
        return cells.join(named, "thing").select(*columns, "key")


def pair(billed: ir.Table, metered: ir.Table, keys: Keys, engine: Engine) -> Pairing:
    """Run the rules, for hourly charges first, then daily, then monthly ones."""
    members = engine.load(MEMBERS.empty_table())
    identities = engine.load(IDENTITIES.empty_table())
    pairing = Pairing(identities, members, members, billed, metered)
    kinds = billed.group_by("grain").aggregate(own=_.until.notnull().any())
    grains = {row["grain"]: row["own"] for row in engine.collect(kinds).to_pylist()}
    for grain in (name for name in GRAINS if name in grains):
        for rule in RULES:
            pairing = _paired(pairing, rule, grain, keys, engine, own=grains[grain])
    return pairing


def _paired(
    pairing: Pairing, rule: MatchingRule, grain: str, keys: Keys, engine: Engine, *, own: bool
) -> Pairing:
    """What one rule pairs of the cells that are left; ``own``: some have windows of their own."""
    of_grain = pairing.billed_left.filter(pairing.billed_left.grain == grain)
    ours = engine.keep(keys.of(of_grain, rule, OURS, "cell", "bucket", "begin", "finish", "until"))
    if not (engine.count(ours) and engine.count(pairing.metered_left)):
        return pairing
    theirs = keys.of(pairing.metered_left, rule, THEIRS, "cell", "hour")
    sides = shared(ours, theirs, grain, engine) if own else (ours, in_utc(theirs, grain))
    ours, theirs = (engine.keep(side) for side in sides)
    places = ours.select("key", "bucket", "until").distinct()
    met = engine.keep(
        places.semi_join(theirs.select("key", bucket="metered_bucket"), ["key", "bucket"])
    )
    if engine.count(met) == 0:
        return pairing
    named = met.mutate(
        rule=ibis.literal(rule.name), grain=ibis.literal(grain), metered_bucket=met.bucket
    )
    return pairing.with_places(named, ours, theirs, engine)
