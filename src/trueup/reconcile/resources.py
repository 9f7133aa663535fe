"""Which billed resource a meter's resource name stands for."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.rows import united

# How a meter may name a billed resource, best first.
BY_ID, BY_NAME, BY_LAST_SEGMENT = 1, 2, 3


def resource_names(billed: ir.Table, names: ir.Value) -> ir.Table:
    """Pairs (said_resource, resource): each name of the telemetry with the bill's ResourceId.

    A name stands for the resource with that id, else with that name, else whose id ends in it
    after the last slash or colon; upper and lower case are one. A name that could stand for
    several resources stands for none, and a name no resource has stands for itself.
    """
    metered = names.name("said_resource").as_table()
    said = metered.filter(metered.said_resource.notnull()).distinct()
    known = billed.filter(billed.resource.notnull()).select("resource", "resource_name").distinct()
    last = known.resource.lower().re_extract(r"[^/:]*$", 0)
    aliases = united(
        known.select(said=known.resource.lower(), resource=known.resource, rank=BY_ID),
        known.filter(known.resource_name.notnull()).select(
            said=known.resource_name.lower(), resource=known.resource, rank=BY_NAME
        ),
        known.select(said=last, resource=known.resource, rank=BY_LAST_SEGMENT),
        distinct=True,
    )
    single = (
        aliases.group_by("said", "rank")
        .having(_.resource.nunique() == 1)
        .aggregate(resource=_.resource.min())
    )
    found = said.join(single, said.said_resource.lower() == single.said)
    ranked = found.group_by("said_resource").order_by("rank").mutate(place=ibis.row_number())
    best = ranked.filter(ranked.place == 0).select("said_resource", "resource")
    return said.left_join(best, "said_resource").select(
        said_resource=said.said_resource, resource=best.resource.fill_null(said.said_resource)
    )
