"""Pours the usage of every interval over the commitments, in the order of the provider's rules.

All intervals at once: a round per stage, owner or shared, and step of the order; in each, usage
draws what is left by a running total. Whole numbers throughout.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trueup.engine.engine import Engine
from trueup.engine.instants import instant
from trueup.engine.integers import EDGE_SCALE, WHOLE, share, total, whole
from trueup.engine.rows import united
from trueup.reconcile.eligibility import Pair

_WHOLE = pa.decimal128(38, 0)
PAIRS = pa.schema(
    [
        pa.field("profile", pa.int64()),
        pa.field("pool", pa.string()),
        pa.field("stage", pa.int64()),
        pa.field("round", pa.int64()),
        pa.field("rank", pa.int64()),
        pa.field("valid_from", pa.timestamp("us", tz="UTC")),
        pa.field("valid_to", pa.timestamp("us", tz="UTC")),
        pa.field("rate_num", _WHOLE),  # of the commitment, in 10^-18, per whole unit of quantity
        pa.field("rate_den", _WHOLE),
        pa.field("by_cost", pa.bool_()),  # what a line was billed is what it draws
        pa.field("lacking", pa.string()),
    ]
)
AT = ("pool", "interval", "payer", "currency")  # one interval of one commitment of one payer
COVERED = ("line", *AT, "stage", "covered", "worth", "drawn", "lacking", "shared")


def pair_table(pairs: Iterable[Pair], q_scale: int) -> pa.Table:
    """The pairs as a table to join with lines."""
    rows = [_pair_row(pair, q_scale) for pair in pairs]
    return pa.table({name: [row[name] for row in rows] for name in PAIRS.names}, schema=PAIRS)


def _pair_row(pair: Pair, q_scale: int) -> dict[str, Any]:
    rate = pair.rate.price * Fraction(10**EDGE_SCALE, 10**q_scale)
    return {
        "profile": pair.profile.key,
        "pool": pair.pool.commitment_id,
        "stage": pair.pool.place,
        "round": pair.round,
        "rank": pair.rank,
        "valid_from": pair.rate.start,
        "valid_to": pair.rate.end,
        "rate_num": Decimal(rate.numerator),
        "rate_den": Decimal(rate.denominator),
        "by_cost": pair.pool.stage.consumes == "on_demand",
        "lacking": pair.lacking,
    }


def steps(pairs: Iterable[Pair]) -> list[tuple[int, bool, int]]:
    """Stage, whether other accounts than the owner's draw, and round: in this order."""
    rounds = {(pair.pool.place, pair.round) for pair in pairs}
    return sorted((stage, shared, at) for stage, at in rounds for shared in (False, True))


def pour(
    lines: ir.Table,
    pairs: ir.Table,
    capacity: ir.Table,
    order: Sequence[tuple[int, bool, int]],
    scale: int,
    engine: Engine,
) -> ir.Table:
    """What commitments cover by the rules: COVERED, a row per line, commitment and round.

    ``lines``: line, profile, account, payer, currency, interval, q > 0, worth (what all of it
    costs on demand, in 10^-18), billed (of what nothing covered), commitment_id and drawn (of what
    one covered). ``capacity``: AT, stage, left in units of 10^-18, owner, open (whether accounts
    without evidence may draw), accounts. A line that was covered draws from its own commitment what
    the bill says; ties go to what was covered. Quantity and worth of what is covered in part are
    each divided once.
    """
    left = engine.keep(lines.select("line", left=lines.q, worth=lines.worth))
    rest = engine.keep(capacity)
    found: list[ir.Table] = []
    for stage, shared, at in order:
        some = pairs.filter((pairs.stage == stage) & (pairs["round"] == at))
        wanted = _wanted(lines, left, some, rest, shared, scale)
        taken = _taken(wanted, engine)
        if not engine.count(taken):
            continue
        found.append(taken)
        left = engine.keep(_less(left, taken, ("line",), left="covered", worth="worth"))
        rest = engine.keep(_less(rest, taken, AT, left="drawn"))
    if not found:
        none = pairs.filter(pairs.stage < 0)
        return _taken(_wanted(lines, left, none, rest, shared=False, scale=scale), engine)
    return engine.keep(united(*found))


def _wanted(
    lines: ir.Table, left: ir.Table, pairs: ir.Table, rest: ir.Table, shared: bool, scale: int
) -> ir.Table:
    """The lines that may draw in this round, with what each would need in full."""
    open_lines = lines.drop("worth").join(left.filter(left.left > whole(0)), "line")
    joined = open_lines.join(
        pairs,
        (open_lines.profile == pairs.profile)
        & (open_lines.interval >= instant(pairs.valid_from))
        & (open_lines.interval < instant(pairs.valid_to)),
    )
    rated = joined.select(
        open_lines,
        *(pairs[name] for name in ("pool", "stage", "rank", "rate_num", "rate_den")),
        *(pairs[name] for name in ("by_cost", "lacking")),
    )
    available = rest.filter(rest.left > whole(0)).rename(room="left", room_stage="stage")
    met = rated.join(available, [*AT])
    met = met.filter(met.stage == met.room_stage)
    owns = met.account == met.owner
    own = (met.owner.notnull() & owns).fill_null(False)  # noqa: FBT003  the value of the expression
    if shared:
        known = met.accounts.fill_null("").contains(_marked(met.account))
        some = met.filter(~own & (met.open | known))
    else:
        some = met.filter(own)
    billed_here = (some.commitment_id == some.pool).fill_null(False)  # noqa: FBT003  the same
    as_billed = billed_here & some.drawn.notnull()
    by_cost = some.by_cost & some.commitment_id.isnull()
    cost = (some.billed * whole(10 ** (EDGE_SCALE - scale))).cast(WHOLE)
    own = as_billed | by_cost  # what a part of a line draws is that part of what all of it does
    return some.mutate(
        later=ibis.ifelse(billed_here, 0, 1),
        shared=ibis.literal(shared),
        of_all=ibis.cases((as_billed, some.drawn), (by_cost, cost), else_=some.left).cast(WHOLE),
        times=ibis.ifelse(own, some.left, some.rate_num).cast(WHOLE),
        parts=ibis.ifelse(own, some.q, some.rate_den).cast(WHOLE),
    )


def _marked(account: ir.Value) -> ir.Value:
    """An account as it stands in a list of accounts."""
    return ibis.literal("\x1f") + account.fill_null("") + ibis.literal("\x1f")


def account_list(accounts: Iterable[str | None]) -> str:
    """Accounts as one text, each between separators."""
    return "".join(f"\x1f{account or ''}\x1f" for account in sorted(a or "" for a in accounts))


def _taken(wanted: ir.Table, engine: Engine) -> ir.Table:
    """What each line gets: all it needs while there is room, then the rest of the room.

    Each step is kept: a quotient of a quotient is more than an engine's planner can take.
    """
    asked = engine.keep(wanted)
    needs = engine.keep(asked.mutate(need=share(asked.of_all, asked.times, asked.parts)))
    some = needs.filter(needs.need > whole(0))
    window = ibis.window(group_by=list(AT), order_by=["rank", "later", "line"], preceding=(None, 1))
    before = some.need.cast(WHOLE).sum().over(window).cast(WHOLE).fill_null(whole(0))
    ordered = some.mutate(before=before)
    room = ibis.greatest(ordered.room - ordered.before, whole(0))
    drawn = engine.keep(ordered.mutate(drawn=ibis.least(ordered.need, room).cast(WHOLE)))
    got = drawn.filter(drawn.drawn > whole(0))

    def part(of: ir.Value) -> ir.Value:
        return ibis.ifelse(got.drawn == got.need, of, share(of, got.drawn, got.need)).cast(WHOLE)

    return engine.keep(got.mutate(covered=part(got.left), worth=part(got.worth)).select(*COVERED))


def _less(state: ir.Table, taken: ir.Table, by: tuple[str, ...], **gone: str) -> ir.Table:
    """What is left after a round; ``gone`` names what each column of the state lost."""
    sums = taken.group_by(*by).aggregate(
        **{f"gone_{name}": total(taken[c]) for name, c in gone.items()}
    )
    joined = state.left_join(sums, list(by))
    rest = {
        name: (state[name] - sums[f"gone_{name}"].fill_null(whole(0))).cast(WHOLE) for name in gone
    }
    kept = [name for name in state.columns if name not in gone]
    return joined.select(*(state[name] for name in kept), **rest)
