"""Charge rows that stand in the bill more than once, looked for only where too much is billed."""

from __future__ import annotations

import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.integers import tally, total
from trueup.reconcile.cells import PLACE
from trueup.reconcile.text import key_with_nulls

PROVENANCE = ("x_ChargeId", "x_SourceId", "x_SourceRow")
COPIES = pa.schema(
    [
        pa.field("group", pa.int64()),
        pa.field("currency", pa.string()),
        pa.field("copy_q", pa.decimal128(38, 0)),
        pa.field("copy_cost", pa.decimal128(38, 0)),
        pa.field("copies", pa.int64()),
    ]
)


def copied_rows(
    charges: ir.Table,
    rows: ir.Table,
    cells: ir.Table,
    members: ir.Table,
    groups: ir.Table,
    engine: Engine,
) -> ir.Table:
    """Per group and currency, what the second and later copies of identical charges add up to.

    Identical means equal in every column of the file; where they came from does not count.
    """
    suspected = engine.keep(groups.filter(groups.q > groups.metered_q).select("group"))
    if engine.count(suspected) == 0:
        return engine.load(COPIES.empty_table())
    of_cells = members.semi_join(suspected, "group").join(cells, "cell").select("group", *PLACE)
    columns = ("charge_id", "group", "currency", "q", "effective")
    inside = engine.keep(rows.join(of_cells, PLACE).select(columns))
    content = [name for name in charges.columns if name not in PROVENANCE]
    looked_at = charges.mutate(charge_id=charges.x_ChargeId).semi_join(inside, "charge_id")
    texts = looked_at.select(
        "charge_id", content=key_with_nulls(*(looked_at[name] for name in content))
    )
    named = engine.keep(inside.join(texts, "charge_id"))
    repeated = (
        named.group_by("group", "currency", "content")
        .aggregate(n=_.count(), q=_.q.min(), effective=_.effective.min())
        .filter(_.n > 1)
    )
    return engine.keep(
        repeated.mutate(more=(repeated.n - 1).cast("decimal(38, 0)"))
        .group_by("group", "currency")
        .aggregate(
            copy_q=total(_.q * _.more),
            copy_cost=total(_.effective * _.more),
            copies=tally(_.n - 1),
        )
    )


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


def per_group(copies: ir.Table) -> ir.Table:
    """The quantity of the copies per group, over all currencies."""
    return copies.group_by("group").aggregate(copy_q=total(_.copy_q))
