"""Which charges and which usage rows stand behind each break of the usage leg."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from trueup.engine.engine import Engine
from trueup.engine.rows import united
from trueup.reconcile import usage_leg as leg
from trueup.reconcile.cells import PLACE
from trueup.reconcile.groups import MATCHED

BILLED, METERED = "billed", "metered"


@dataclass(frozen=True)
class Cells:
    """Both sides of the leg: their cells, and the rows that cells are made of.

    ``billed`` and ``metered`` are the cells, ``charges`` the placed charges in scope, ``pieces``
    the usage by hour, ``usage`` the usage rows as they were read.
    """

    billed: ir.Table
    metered: ir.Table
    charges: ir.Table
    pieces: ir.Table
    usage: ir.Table

    def charges_of(self, keyed: ir.Table) -> ir.Table:
        """The charges of cells (``cell``, ``rows_key``)."""
        cells = keyed.join(self.billed, "cell").select("rows_key", *PLACE)
        rows = self.charges.join(cells, PLACE)
        return rows.select("rows_key", "source_id", "source_row", side=ibis.literal(BILLED))

    def usage_of(self, keyed: ir.Table) -> ir.Table:
        """The usage rows of cells (``cell``, ``rows_key``): those that lie in their hours."""
        cells = keyed.join(self.metered, "cell").select("rows_key", "thing", "hour")
        matchable = self.pieces.filter(self.pieces.matchable)
        pieces = matchable.join(cells, ["thing", "hour"])
        rows = pieces.select("rows_key", "usage_id").distinct().join(self.usage, "usage_id")
        return rows.select("rows_key", "source_id", "source_row", side=ibis.literal(METERED))


@dataclass(frozen=True)
class Judged:
    """What the leg made of the cells: groups with their members, and the cells without any."""

    groups: ir.Table
    ours: ir.Table
    theirs: ir.Table
    billed_left: ir.Table
    metered_left: ir.Table


def break_rows(breaks: ir.Table, judged: Judged, cells: Cells, engine: Engine) -> list[ir.Table]:
    """The rows behind ``breaks`` (kept, with their ``rows_key``); see ``reconcile.breaks``."""
    if engine.count(breaks) == 0:
        return []
    groups = judged.groups
    key = ibis.ifelse(groups.verdict == MATCHED, leg.sum_key(groups), leg.group_key(groups))
    keyed = engine.keep(
        groups.select("group", rows_key=key).distinct().semi_join(breaks, "rows_key")
    )
    alone = leg.unmetered(judged.billed_left).select("cell", "rows_key")
    lonely = leg.of_whom(judged.metered_left)
    lonely = lonely.select("cell", rows_key=leg.unbilled_key(lonely)).semi_join(breaks, "rows_key")
    columns = ["cell", "rows_key"]
    billed = united(judged.ours.join(keyed, "group").select(columns), alone.select(columns))
    metered = united(judged.theirs.join(keyed, "group").select(columns), lonely.select(columns))
    return [cells.charges_of(engine.keep(billed)), cells.usage_of(engine.keep(metered))]
