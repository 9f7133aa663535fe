"""Cells: all rows of one side that share every attribute matching looks at, in one time bucket.

Rows of a cell always match together, so the cascade runs over cells, which are few, and each row
still ends in exactly one group.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.integers import total
from trueup.reconcile.metered import WHO

ATTRIBUTES = ("provider", "account", "region", "resource", "model", "meter", "tier", "held")
HOUR_SECONDS, DAY_SECONDS = 3600, 86400


def billed_cells(rows: ir.Table, engine: Engine) -> ir.Table:
    """Metered charges by attributes, time bucket, currency and whether they correct.

    Columns: cell, the attributes, grain (hour, day or month), bucket, currency, correction,
    q, effective, billed, n, bill_unit, unit_factor, start, end.
    """
    length = rows.end.epoch_seconds() - rows.start.epoch_seconds()
    grain = ibis.cases((length <= HOUR_SECONDS, "hour"), (length <= DAY_SECONDS, "day"),
                       else_="month")
    bucketed = rows.mutate(
        grain=grain,
        bucket=ibis.cases(
            (grain == "hour", rows.start.truncate("h")),
            (grain == "day", rows.start.truncate("D")),
            else_=rows.start.truncate("M"),
        ),
        correction=rows.charge_class.fill_null("") == "Correction",
    )
    grouped = bucketed.group_by(*ATTRIBUTES, "grain", "bucket", "currency", "correction").aggregate(
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
    """Usage by attributes, hour and who: the finest that allocation needs."""
    return engine.keep(
        pieces.group_by(*ATTRIBUTES, "hour", *WHO).aggregate(
            q=total(_.q),
            n=_.first_piece.sum().cast("int64"),
            unit=_.meter_unit.min(),
            unit_factor=_.factor.min(),
            end=_.end.max(),
        )
    )


def metered_cells(parties: ir.Table, engine: Engine) -> ir.Table:
    """Usage by attributes and hour. Columns: cell, the attributes, hour, q, n, unit, end."""
    grouped = parties.group_by(*ATTRIBUTES, "hour").aggregate(
        q=total(_.q),
        n=_.n.sum().cast("int64"),
        unit=_.unit.min(),
        unit_factor=_.unit_factor.min(),
        end=_.end.max(),
    )
    return engine.keep(grouped.mutate(cell=ibis.row_number()))
