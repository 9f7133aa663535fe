"""Cells: all rows of one side that share every attribute matching looks at, in one time bucket.

Rows of a cell always match together, so the cascade runs over cells, which are few, and each row
still ends in exactly one group.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.attribute.parties import WHO
from trueup.engine.engine import Engine
from trueup.engine.instants import instant
from trueup.engine.integers import tally, total
from trueup.reconcile.text import key_with_nulls

ATTRIBUTES = ("provider", "account", "region", "resource", "model", "meter", "tier", "held")
HOUR_SECONDS, DAY_SECONDS = 3600, 86400


def placed(rows: ir.Table) -> ir.Table:
    """Charges with ``grain`` (hour, day or month), its ``bucket`` and whether they correct."""
    length = rows.end.epoch_seconds() - rows.start.epoch_seconds()
    grain = ibis.cases(
        (length <= HOUR_SECONDS, "hour"), (length <= DAY_SECONDS, "day"), else_="month"
    )
    return rows.mutate(
        grain=grain,
        bucket=ibis.cases(
            (grain == "hour", instant(rows.start.truncate("h"))),
            (grain == "day", instant(rows.start.truncate("D"))),
            else_=instant(rows.start.truncate("M")),
        ),
        correction=rows.charge_class.fill_null("") == "Correction",
    )


def billed_cells(rows: ir.Table, engine: Engine) -> ir.Table:
    """Placed charges by attributes, bucket, currency and whether they correct.

    Columns: cell, the attributes, grain, bucket, currency, correction, q, effective, billed, n,
    bill_unit, unit_factor, start, end.
    """
    grouped = rows.group_by(*ATTRIBUTES, "grain", "bucket", "currency", "correction").aggregate(
        q=total(_.q),
        effective=total(_.effective),
        billed=total(_.billed),
        n=_.count(),
        bill_unit=_.bill_unit.min(),
        unit_factor=_.factor.min(),
        start=_.start.min(),
        end=_.end.max(),
    )
    return engine.keep(grouped.mutate(cell=ibis.row_number()))


def metered_parties(pieces: ir.Table, engine: Engine) -> ir.Table:
    """Usage by attributes, hour and who: the finest that allocation needs.

    ``cell_key`` is the attributes as one text; ``allocated`` tells held from busy capacity.
    """
    parties = pieces.group_by(*ATTRIBUTES, "allocated", "matchable", "hour", *WHO).aggregate(
        q=total(_.q),
        n=tally(_.first_piece),
        unit=_.meter_unit.min(),
        unit_factor=_.factor.min(),
        end=_.end.max(),
    )
    return engine.keep(
        parties.mutate(cell_key=key_with_nulls(*(parties[name] for name in ATTRIBUTES)))
    )


def metered_cells(parties: ir.Table, engine: Engine) -> ir.Table:
    """Matchable usage by attributes and hour: cell, cell_key, the attributes, hour, q, n, end."""
    grouped = (
        parties.filter(parties.matchable)
        .group_by(*ATTRIBUTES, "cell_key", "hour")
        .aggregate(
            q=total(_.q),
            n=tally(_.n),
            unit=_.unit.min(),
            unit_factor=_.unit_factor.min(),
            end=_.end.max(),
        )
    )
    return engine.keep(grouped.mutate(cell=ibis.row_number()))
