"""The charges that draw on lots, by file and row: what stands behind breaks of the balance leg."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trueup.engine.instants import instant, quarter, within
from trueup.engine.rows import united
from trueup.reconcile.billed import USED, in_period
from trueup.reconcile.draws import matching
from trueup.reconcile.leg import LegRun
from trueup.reconcile.pools import Pool
from trueup.reconcile.terms import Terms
from trueup.reconcile.usage_rows import BILLED

NAMES = pa.schema([pa.field("named", pa.string()), pa.field("lot", pa.string())])
KEYS = pa.schema([pa.field("rows_key", pa.string()), pa.field("lot", pa.string())])
TIMES = pa.schema(
    [
        pa.field("rows_key", pa.string()),
        pa.field("lot", pa.string()),
        pa.field("at", pa.timestamp("us", tz="UTC")),
    ]
)


def with_rows(run: LegRun, breaks: Sequence[dict[str, Any]], named: ir.Table | None) -> ir.Table:
    """Gives each break of a lot its ``rows_key`` and contract; the charges behind all of them.

    What the provider says of the lot, a break of ``found.break_of`` has already.

    ``named`` are the elements of ContractApplied that name the lots. A break that tells ``times``
    has the charges of those alone. Charges of a pool stand behind each of its lots: which
    lot paid for which is a matter of the draw order.
    """
    lots = {lot.commitment_id: lot for pool in run.commitments.pools for lot in pool.lots}
    wholes: list[dict[str, str]] = []
    parts: list[dict[str, str | datetime]] = []
    for number, one in enumerate(breaks):
        lot, key = lots[one["commitment_id"]], f"lot {number}"
        times: Sequence[datetime] | None = one.pop("times", None)
        told = [*lot.rows, *one.get("rows", ())]
        one |= {"rows_key": key, "rows": told, "rows_billed": None}
        behind = {"rows_key": key, "lot": lot.commitment_id}
        if times is None:
            wholes.append(behind)
        parts.extend({**behind, "at": at} for at in times or ())
    charges = run.engine.keep(_charges(run, {one["commitment_id"] for one in breaks}, named))
    of_lot = run.engine.load(pa.Table.from_pylist(wholes, KEYS)).join(charges, "lot")
    of_times = run.engine.load(pa.Table.from_pylist(parts, TIMES)).join(charges, ["lot", "at"])
    columns = ("rows_key", "source_id", "source_row")
    rows = united(of_lot.select(*columns), of_times.select(*columns))
    return rows.distinct().mutate(side=ibis.literal(BILLED))


def _charges(run: LegRun, wanted: set[str], named: ir.Table | None) -> ir.Table:
    """lot, at, source_id, source_row: what draws on these lots within the window."""
    pools = [
        pool for pool in run.commitments.pools if wanted & {lot.commitment_id for lot in pool.lots}
    ]
    t = run.charges.mutate(
        start=instant(run.charges.ChargePeriodStart), end=instant(run.charges.ChargePeriodEnd)
    )
    inside = in_period(t, run.window)
    inside = inside.mutate(at=quarter(within(inside.start, inside.end, run.window)[0]))
    names = run.engine.load(pa.Table.from_pylist(list(_names(pools, wanted)), NAMES))
    carried = inside.filter(
        (inside.ChargeCategory == "Usage") & (inside.CommitmentDiscountStatus == USED)
    )
    found = [carried.join(names, carried.CommitmentDiscountId == names.named)]
    if named is not None:
        naming = inside.join(
            named.select("charge_id", "commitment_id"), inside.x_ChargeId == named.charge_id
        )
        found.append(naming.join(names, naming.commitment_id == names.named))
    for pool in pools:
        ruled = _rule(pool, run.charges)
        if ruled is not None:
            category = "Credit" if ruled.credits_the_bill else "Usage"
            met = matching(inside, ruled, pool.names, category)
            found.extend(
                met.mutate(lot=ibis.literal(lot.commitment_id))
                for lot in pool.lots
                if lot.commitment_id in wanted
            )
    columns = ("lot", "at", "source_id", "source_row")
    parts = [
        one.select("lot", "at", source_id=one.x_SourceId, source_row=one.x_SourceRow)
        for one in found
    ]
    return united(*(one.select(*columns) for one in parts), distinct=True)


def _names(pools: Sequence[Pool], wanted: set[str]) -> Iterator[Mapping[str, str]]:
    """By what a charge names, the lots of which it stands behind breaks."""
    for pool in pools:
        for lot in pool.lots:
            if lot.commitment_id in wanted:
                yield {"named": lot.commitment_id, "lot": lot.commitment_id}
                if pool.name is not None and pool.name != lot.commitment_id:
                    yield {"named": pool.name, "lot": lot.commitment_id}


def _rule(pool: Pool, charges: ir.Table) -> Terms | None:
    """The lot whose rule the pool's charges match, if the bill has the columns it names."""
    ruled = pool.ruled
    wanted = json.loads(ruled.applies_to or "{}") if ruled is not None else {}
    return ruled if wanted and all(name in charges.columns for name in wanted) else None
