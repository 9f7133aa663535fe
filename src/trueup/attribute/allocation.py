"""Effective cost to who used it, exact, and what nobody can be named for."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.attribute.parties import WHO, Idle, with_idle
from trueup.attribute.shares import overflows, shared
from trueup.engine.engine import Engine
from trueup.engine.integers import DIGITS, total
from trueup.engine.rows import united
from trueup.errors import IntegrityError

IDLE, NO_RULE, MISSING = "idle", "no_rule", "missing_in_usage"


def allocate(
    groups: ir.Table,
    costs: ir.Table,
    parts: ir.Table,
    idle: Idle,
    owners: Mapping[str, str],
    engine: Engine,
) -> ir.Table:
    """One row per group, currency and party: WHO, provider, model, cost, perhaps a ``reason``.

    The reason says why a part is unattributed; an attributed part has none.

    Groups without any party are missing_in_usage as a whole. Raises IntegrityError where a
    product would not fit 38 digits, before anything is shared.
    """
    facts = groups.select("group", "provider", "model", "resource")
    priced = costs.select("group", "currency", cost=costs.effective)
    joined = engine.keep(with_idle(parts, idle).join(priced, "group"))
    _check_size(joined, engine)
    divided = shared(joined, by=("group", "currency"), ties=("idle", *WHO), engine=engine)
    named = divided.join(facts, "group")
    nobody = ibis.and_(*(named[name].isnull() for name in WHO))
    attributed = named.mutate(
        reason=ibis.cases((named.idle, IDLE), (nobody, NO_RULE), else_=ibis.null(str)),
        cost=named.share,
    )
    if idle == "owner" and owners:
        attributed = _to_owners(attributed, owners, engine)
    lonely = priced.anti_join(joined, "group").join(facts, "group")
    rest = lonely.mutate(**{name: ibis.null(str) for name in WHO}, reason=ibis.literal(MISSING))
    columns = ["group", "currency", *WHO, "provider", "model", "cost", "reason"]
    return engine.keep(united(attributed.select(columns), rest.select(columns)))


def _check_size(joined: ir.Table, engine: Engine) -> None:
    digits = engine.collect(overflows(joined, ("group", "currency"))).column("digits")[0].as_py()
    if digits is not None and digits > DIGITS:
        raise IntegrityError(
            "a cost and the quantities that share it have more digits together than can be "
            "multiplied exactly: give the bill or the telemetry in coarser units"
        )


def _to_owners(rows: ir.Table, owners: Mapping[str, str], engine: Engine) -> ir.Table:
    known = engine.load(
        pa.table({"owned": list(owners), "owner": [owners[name] for name in owners]})
    )
    joined = rows.left_join(known, rows.resource == known.owned)
    owned = (joined.reason == IDLE) & joined.owner.notnull()
    return joined.select(
        *(rows[name] for name in rows.columns if name not in ("team", "reason")),
        team=ibis.ifelse(owned, joined.owner, joined.team),
        reason=ibis.ifelse(owned, ibis.null(str), joined.reason),
    )


def allocations(rows: ir.Table) -> ir.Table:
    """Attributed cost summed per party, provider, model and currency."""
    return (
        rows.filter(rows.reason.isnull())
        .group_by(*WHO, "provider", "model", "currency")
        .aggregate(cost=total(_.cost))
        .order_by(*WHO, "provider", "model", "currency")
    )
