"""What speaks against a claim: what the bill leaves open about the payer's usage in an hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import instant, lasting
from trueup.engine.integers import WHOLE, total, whole
from trueup.model.schema import REPEATS
from trueup.money import EXACT, plain
from trueup.period import iso
from trueup.reconcile.benefit_pools import HOUR
from trueup.reconcile.claims import Group
from trueup.reconcile.eligibility import Eligible
from trueup.reconcile.leg import LegRun

_KEYS = ("cluster", "interval", "payer", "currency")
GROUPS = pa.schema(
    [
        pa.field("cluster", pa.string()),
        pa.field("interval", pa.timestamp("us", tz="UTC")),
        pa.field("payer", pa.string()),
        pa.field("currency", pa.string()),
    ]
)
NAMES = pa.schema(
    [
        pa.field("provider", pa.string()),
        pa.field("sku", pa.string()),
        pa.field("cluster", pa.string()),
        pa.field("unrated", pa.bool_()),
    ]
)


def usage_doubts(
    run: LegRun,
    groups: Iterable[Group],
    charges: ir.Table,
    members: ir.Table,
    may: Eligible,
    clusters: Mapping[str, str],
) -> dict[Group, list[str]]:
    """By group of a claim, what of the payer's usage was not rated again, or not read at all.

    ``charges`` are the lines of ``profiles.charge_lines``, ``members`` those that were rated.
    """
    found: dict[Group, list[str]] = defaultdict(list)
    rows = [dict(zip(_KEYS, group, strict=True)) for group in groups]
    if not rows:
        return found
    engine = run.engine
    asked = engine.load(pa.Table.from_pylist(rows, schema=GROUPS))
    names = engine.load(pa.Table.from_pylist(_names(may, clusters), schema=NAMES))
    for row in _unrated(charges, members, names, asked, engine):
        found[_group(row)].append(f"no rate of the commitment for SKU {row['sku']}")
    for row in _loose(charges, members, names, asked, engine):
        found[_group(row)].append(_text(row, run.scale))
    for row in _rejected(run, asked):
        text = f"{row['rows']} charges of {row['source']} that could not be read"
        found[_group(row)].append(text)
    return found


def _group(row: Mapping[str, Any]) -> Group:
    return row["cluster"], row["interval"], row["payer"], row["currency"]


def _names(may: Eligible, clusters: Mapping[str, str]) -> list[dict[str, Any]]:
    """The SKUs that may draw on the commitments of each cluster, and whether a rate is lacking."""
    pairs = [(one.profile, one.pool, False) for one in may.pairs]
    pairs += [(profile, pool, True) for profile, pool in may.unrated]
    rows = {
        (one.provider, one.name, clusters[pool.commitment_id], unrated)
        for one, pool, unrated in pairs
        if pool.commitment_id in clusters
    }
    return [dict(zip(NAMES.names, row, strict=True)) for row in sorted(rows, key=str)]


def _unrated(
    charges: ir.Table, members: ir.Table, names: ir.Table, asked: ir.Table, engine: Engine
) -> list[dict[str, Any]]:
    """Where a line is eligible for a commitment of which no rate for it is known."""
    lines = charges.filter(charges.commitment_id.isnull()).semi_join(members, "charge_id")
    lacking = names.filter(names.unrated)
    met = lines.mutate(interval=instant(lines.start.truncate("h"))).join(
        lacking, ["provider", "sku"]
    )
    sums = met.group_by(*_KEYS).aggregate(sku=_.sku.min()).semi_join(asked, list(_KEYS))
    return list(engine.collect(sums.order_by(*_KEYS)).to_pylist())


def _loose(
    charges: ir.Table, members: ir.Table, names: ir.Table, asked: ir.Table, engine: Engine
) -> list[dict[str, Any]]:
    """Charges of the hour that cost something and are no line of it.

    They do not lie within it, or take back what no line of theirs was billed. A correction that
    names no SKU may be of any.
    """
    t = charges.filter(
        (charges.commitment_id.isnull() | charges.correction)
        & ((charges.billed != whole(0)) | (charges.effective != whole(0)))
    ).anti_join(members, "charge_id")
    t = t.mutate(cost=ibis.ifelse(t.billed == whole(0), t.effective, t.billed).cast(WHOLE))
    known = names.select("provider", "sku", "cluster").distinct()
    of_sku = t.join(known, ["provider", "sku"])
    anything = known.select("provider", "cluster").distinct()
    of_any = t.filter(t.correction & ~t.named).join(anything, "provider")
    columns = ("charge_id", "cluster", "payer", "currency", "sku", "start", "end", "cost")
    rows = ibis.union(
        of_sku.select(*columns, of_sku.correction), of_any.select(*columns, of_any.correction),
        distinct=True,
    )  # fmt: skip
    hour = asked.interval
    near = rows.join(
        asked.rename(group="cluster", of_payer="payer", in_currency="currency"),
        (rows.cluster == asked.cluster)
        & rows.payer.identical_to(asked.payer)
        & (rows.currency == asked.currency)
        & (rows.start < hour + lasting(seconds=HOUR))
        & ((rows.end > hour) | (rows.start == hour)),
    )
    sums = near.group_by(*_KEYS, "sku", "correction").aggregate(rows=_.count(), cost=total(_.cost))
    ordered = sums.order_by(*_KEYS, "correction", "sku")
    return list(engine.collect(ordered).to_pylist())


def _text(row: Mapping[str, Any], scale: int) -> str:
    cost = plain(row["cost"].scaleb(-scale, EXACT), 2)
    what = "corrections" if row["correction"] else "charges that do not lie within its hour"
    return f"to which lines {row['rows']} {what} of {row['sku']} ({cost} {row['currency']}) belong"


def _rejected(run: LegRun, asked: ir.Table) -> list[dict[str, Any]]:
    """Rejected charges of files that hold charges of the payer, or of nobody else.

    A row that cannot be read does not tell whose it is, nor of when.
    """
    if run.rejects is None or not len(run.rejects):
        return []
    engine = run.engine
    t = engine.load(run.rejects.to_arrow())
    lost = (
        t.filter(~t.reason.startswith(REPEATS))
        .group_by("source_id", "source", of="currency")
        .aggregate(rows=_.count())
    )
    payers = run.charges.select(
        source_id=run.charges.x_SourceId, whose=run.charges.BillingAccountId
    ).distinct()
    held = lost.left_join(payers, "source_id").select(
        lost.source, lost.of, lost["rows"], payers.whose
    )
    met = asked.join(
        held,
        (held.whose.isnull() | held.whose.identical_to(asked.payer))
        & (held.of.isnull() | (held.of == asked.currency)),
    )
    sums = met.group_by(*_KEYS, "source").aggregate(rows=_["rows"].sum().cast("int64"))
    return list(engine.collect(sums.order_by(*_KEYS, "source")).to_pylist())


def pool_doubts(capacity: ir.Table, engine: Engine) -> dict[tuple[str, datetime], str]:
    """By commitment and hour, what the bill does not tell of the commitment itself."""
    hours = capacity.filter(capacity.gap).select("pool", "interval", "on_bill").distinct()
    return {
        (row["pool"], row["interval"]): (
            f"used and unused of {row['pool']} on the bill do not reach what is committed from "
            f"{iso(row['interval'])} on"
            if row["on_bill"]
            else f"the bill says nothing of {row['pool']} from {iso(row['interval'])} on"
        )
        for row in engine.collect(hours).to_pylist()
    }
