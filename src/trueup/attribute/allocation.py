"""Effective cost to who used it, exact, and what nobody can be named for."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.attribute.parties import NOBODY, WHO, Idle, with_idle
from trueup.attribute.shares import overflows, shared
from trueup.engine.engine import Engine
from trueup.engine.integers import DIGITS, WHOLE, total, whole
from trueup.engine.rows import united
from trueup.errors import IntegrityError

IDLE, NO_RULE, MISSING = "idle", "no_rule", "missing_in_usage"
NO_ONE = -1  # for joining: a null is equal to nothing
BY, TIES = ("group", "currency"), ("idle", "who")  # a cost is shared by these, equals in this order


def allocate(
    groups: ir.Table,
    costs: ir.Table,
    parts: ir.Table,
    idle: Idle,
    owners: Mapping[str, str],
    engine: Engine,
) -> ir.Table:
    """One row per group, currency and party: who, owner, cost, ``covered``, perhaps a reason.

    ``covered`` is what of the cost commitments paid for, shared as the cost is. The reason says why
    a part is unattributed; an attributed part has none. ``owner`` is the team that is charged for
    what it left idle, by ``owners`` of resources.

    Groups without any party are missing_in_usage as a whole. Raises IntegrityError where a
    product would not fit 38 digits, before anything is shared.
    """
    priced = costs.select("group", "currency", "covered", cost=costs.effective)
    joined = engine.keep(with_idle(parts, idle).join(priced, "group"))
    parted = divided(joined, engine)
    attributed = parted.select(
        "group",
        "currency",
        "who",
        "covered",
        cost=parted.share,
        reason=reason_of(parted),
    )
    lonely = priced.anti_join(joined, "group")
    rest = lonely.mutate(who=NOBODY, reason=ibis.literal(MISSING))
    every = united(attributed, rest.select(attributed.columns))
    return engine.keep(_owned(every, groups, owners if idle == "owner" else {}, engine))


def reason_of(parts: ir.Table) -> ir.Value:
    """Why a part is attributed to nobody; null where it is to somebody."""
    return ibis.cases((parts.idle, IDLE), (parts.who.isnull(), NO_RULE), else_=ibis.null(str))


def divided(joined: ir.Table, engine: Engine) -> ir.Table:
    """The kept parts with ``share``, and ``covered`` of the part: all, nothing, or shared as well.

    Raises IntegrityError where a product would not fit 38 digits, before anything is shared.
    """
    _check_size(joined, engine)
    only = (joined.covered == joined.cost) | (joined.covered == whole(0))
    named = joined.mutate(part=joined.who.fill_null(NO_ONE))
    mixed = engine.keep(named.filter(~only))
    if engine.count(mixed) == 0:
        return _all_or_nothing(shared(joined, BY, TIES, engine))
    _check_size(mixed.mutate(cost=mixed.covered), engine)
    covers = shared(mixed.mutate(cost=mixed.covered), BY, TIES, engine)
    covers = covers.select(*BY, "idle", "part", covered=covers.share)
    costs = shared(mixed, BY, TIES, engine).drop("covered")
    parted = costs.join(covers, [*BY, "idle", "part"])
    plain = _all_or_nothing(shared(engine.keep(joined.filter(only)), BY, TIES, engine))
    return united(plain, parted.select(plain.columns))


def _all_or_nothing(divided: ir.Table) -> ir.Table:
    part = ibis.ifelse(divided.covered == whole(0), whole(0), divided.share).cast(WHOLE)
    return divided.mutate(covered=part)


def _check_size(joined: ir.Table, engine: Engine) -> None:
    digits = engine.collect(overflows(joined, ("group", "currency"))).column("digits")[0].as_py()
    if digits is not None and digits > DIGITS:
        raise IntegrityError(
            "a cost and the quantities that share it have more digits together than can be "
            "multiplied exactly: give the bill or the telemetry in coarser units"
        )


def _owned(rows: ir.Table, groups: ir.Table, owners: Mapping[str, str], engine: Engine) -> ir.Table:
    """The rows with ``owner``: whose resource was idle, where that is known."""
    if not owners:
        return rows.mutate(owner=ibis.null(str))
    known = engine.load(
        pa.table({"owned": list(owners), "owner": [owners[name] for name in owners]})
    )
    held = groups.select("group", "resource").join(known, groups.resource == known.owned)
    joined = rows.left_join(held.select("group", "owner"), "group")
    owned = (joined.reason == IDLE) & joined.owner.notnull()
    return joined.select(
        *(rows[name] for name in rows.columns if name != "reason"),
        reason=ibis.ifelse(owned, ibis.null(str), joined.reason),
        owner=ibis.ifelse(owned, joined.owner, ibis.null(str)),
    )


def of_models(allocated: ir.Table, groups: ir.Table) -> ir.Table:
    """Allocated rows with the provider, model, meter and time of their group."""
    about = ("provider", "model", "meter", "grain", "bucket", "until")
    return allocated.join(groups.select("group", *about), "group")


def with_names(rows: ir.Table, parties: ir.Table) -> ir.Table:
    """Allocated rows with WHO instead of a number; ``parties`` has ``who`` and WHO."""
    joined = rows.left_join(parties, "who")
    return joined.select(
        *(rows[name] for name in rows.columns if name not in ("who", "owner")),
        *(joined[name] for name in WHO if name != "team"),
        team=joined.owner.fill_null(joined.team),
    )


def with_payers(
    rows: ir.Table, parties: ir.Table, owners: Mapping[str, str], engine: Engine
) -> tuple[ir.Table, ir.Table]:
    """Allocated rows whose ``who`` is the owner, where there is one; and the names of all numbers.

    An owner is a team and nothing else: where usage names no such party, it has a number below 0.
    """
    if not owners:
        return rows.drop("owner"), parties
    teams = engine.load(pa.table({"owner": sorted(set(owners.values()))}))
    bare = ibis.and_(*(parties[name].isnull() for name in WHO if name != "team"))
    known = parties.filter(bare).select("team", payer="who")
    numbered = teams.mutate(below=NO_ONE - 1 - ibis.row_number().over(order_by="owner"))
    joined = numbered.left_join(known, numbered.owner == known.team)
    payers = engine.keep(joined.select("owner", payer=joined.payer.fill_null(joined.below)))
    added = payers.filter(payers.payer < 0).select(
        who="payer", **{name: ibis.null(str) for name in WHO if name != "team"}, team="owner"
    )
    paid = rows.left_join(payers, "owner")
    named = paid.select(
        *(rows[name] for name in rows.columns if name not in ("who", "owner")),
        who=paid.payer.fill_null(paid.who),
    )
    return named, united(parties, added.select(*parties.columns))


def allocations(rows: ir.Table, parties: ir.Table) -> ir.Table:
    """Attributed cost summed per party, provider, model and currency."""
    about = ("provider", "model", "currency")
    sums = (
        rows.filter(rows.reason.isnull())
        .group_by("who", "owner", *about)
        .aggregate(cost=total(_.cost), covered=total(_.covered))
    )
    named = with_names(sums, parties)
    costs = {"cost": total(_.cost), "covered": total(_.covered)}
    return named.group_by(*WHO, *about).aggregate(**costs).order_by(*WHO, *about)
