"""Charge rows that stand in the bill more than once, looked for only where too much is billed."""

from __future__ import annotations

import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.integers import total
from trueup.reconcile.cells import PLACE
from trueup.reconcile.text import key_with_nulls

PROVENANCE = ("x_ChargeId", "x_SourceId", "x_SourceRow")
COPIES = pa.schema(
    [
        pa.field("charge_id", pa.int64()),
        pa.field("group", pa.int64()),
        pa.field("currency", pa.string()),
        pa.field("q", pa.decimal128(38, 0)),
        pa.field("effective", pa.decimal128(38, 0)),
    ]
)


def copied_charges(
    charges: ir.Table,
    rows: ir.Table,
    cells: ir.Table,
    members: ir.Table,
    groups: ir.Table,
    engine: Engine,
) -> ir.Table:
    """The second and later ones of identical charges of a group, under ``COPIES``.

    Identical means equal in every column of the file; where they came from does not count.
    """
    suspected = engine.keep(groups.filter(groups.q > groups.metered_q).select("group"))
    if engine.count(suspected) == 0:
        return engine.load(COPIES.empty_table())
    of_cells = members.semi_join(suspected, "group").join(cells, "cell").select("group", *PLACE)
    inside = engine.keep(rows.join(of_cells, PLACE).select(COPIES.names))
    content = [name for name in charges.columns if name not in PROVENANCE]
    looked_at = charges.mutate(charge_id=charges.x_ChargeId).semi_join(inside, "charge_id")
    texts = looked_at.select(
        "charge_id", content=key_with_nulls(*(looked_at[name] for name in content))
    )
    named = engine.keep(inside.join(texts, "charge_id"))
    alike = ("group", "currency", "content")
    firsts = named.group_by(*alike).aggregate(charge_id=_.charge_id.min())
    return engine.keep(named.anti_join(firsts, "charge_id").select(COPIES.names))


def per_group(copies: ir.Table) -> ir.Table:
    """The quantity of the copies per group, over all currencies."""
    return copies.group_by("group").aggregate(copy_q=total(_.q))


def like_files(charges: ir.Table, engine: Engine) -> list[list[int]]:
    """Sources that hold as many charges of the same cost over the same time, by their numbers.

    One bill saved in two forms looks like that, whatever its bytes.
    """
    by_source = charges.group_by("x_SourceId").aggregate(
        rows=_.count(),
        billed=_.BilledCost.sum(),
        effective=_.EffectiveCost.sum(),
        start=_.ChargePeriodStart.min(),
        end=_.ChargePeriodEnd.max(),
    )
    costly = by_source.filter((by_source.billed != 0) | (by_source.effective != 0))
    alike: dict[tuple[object, ...], list[int]] = {}
    for row in engine.collect(costly.order_by("x_SourceId")).to_pylist():
        number = row.pop("x_SourceId")
        alike.setdefault(tuple(row.values()), []).append(number)
    return [numbers for numbers in alike.values() if len(numbers) > 1]
