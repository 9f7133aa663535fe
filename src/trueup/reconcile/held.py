"""What breaks of the usage leg hold of charges already, so that no sum stands in two breaks.

The legs take a charge's money in turn: first whether its quantity was used at all (usage leg),
then what a unit of the rest costs (contract rate), then who pays for it (rules of commitments).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.integers import WHOLE, share, total, whole
from trueup.engine.rows import united
from trueup.reconcile import usage_leg as leg
from trueup.reconcile.cells import PLACE
from trueup.reconcile.groups import DUPLICATE, MATCHED, MISSING_IN_USAGE, QUANTITY
from trueup.reconcile.usage_rows import Cells, Judged

SCALED = ("q", "billed", "effective", "listed", "drawn")


def held_parts(
    breaks: ir.Table, judged: Judged, copies: ir.Table, cells: Cells, engine: Engine
) -> ir.Table:
    """Charges of which a break holds a part: ``charge_id``, ``held_num`` / ``held_den``.

    Of a ``duplicate`` break that is every copy, whole; of ``missing_in_usage`` all; of ``quantity``
    the part that was not metered, the same of each of its charges. What was billed too little
    holds nothing. ``copies`` are those of ``copies.copied_charges``.
    """
    groups = judged.groups
    columns = ("group", "currency", "q", "metered_q", "stake")
    wrong = groups.filter(groups.verdict.isin([QUANTITY, MISSING_IN_USAGE])).select(columns)
    parts = united(wrong, _accumulated(groups, breaks).select(columns))
    parts = parts.filter((parts.stake > whole(0)) & (parts.metered_q < parts.q))
    parts = parts.select(
        "group", "currency", held_num=(parts.q - parts.metered_q).cast(WHOLE), held_den=parts.q
    )
    parts = parts.rename(of_currency="currency")
    met = judged.ours.join(parts, "group").join(cells.billed, "cell")
    left = judged.billed_left
    missing = left.filter((left.verdict == MISSING_IN_USAGE) & (left.effective > whole(0)))
    places = united(
        met.filter(met.currency == met.of_currency).select(*PLACE, "held_num", "held_den"),
        missing.select(*PLACE, held_num=whole(1), held_den=whole(1)),
    )
    names = ("charge_id", "held_num", "held_den")
    doubled = groups.filter(groups.verdict == DUPLICATE)
    again = copies.semi_join(doubled, ["group", "currency"])
    return engine.keep(
        united(
            cells.charges.join(places, PLACE).select(names),
            again.select("charge_id", held_num=whole(1), held_den=whole(1)),
        )
    )


def _accumulated(groups: ir.Table, breaks: ir.Table) -> ir.Table:
    """Groups that agree by themselves, with the sums of the break they add up to."""
    fine = groups.filter(groups.verdict == MATCHED)
    some = fine.mutate(rows_key=leg.sum_key(fine)).semi_join(breaks, "rows_key")
    sums = some.group_by("rows_key").aggregate(
        q=total(_.q), metered_q=total(_.metered_q), stake=total(_.stake)
    )
    return some.select("group", "currency", "rows_key").join(sums, "rows_key")


def rest_of(lines: ir.Table, held: ir.Table | None, engine: Engine) -> ir.Table:
    """The lines of ``profiles.charge_lines`` less what is ``held``: that money is a column of it.

    Quantity and money are cut alike, money to a whole unit of the run's scale.
    """
    nothing = whole(0)
    if held is None or engine.count(held) == 0:
        return lines.mutate(held=nothing)
    known = held.rename(held_id="charge_id")
    joined = lines.inner_join(known, lines.charge_id == known.held_id)
    rest = (joined.held_den - joined.held_num).cast(WHOLE)
    kept = {name: joined[name] for name in lines.columns}
    cut = {name: share(joined[name], rest, joined.held_den) for name in SCALED}
    paid, left = (
        ibis.ifelse(one["billed"] == nothing, one["effective"], one["billed"])
        for one in (kept, cut)
    )
    some = joined.select(**{**kept, **cut}, held=(paid - left).cast(WHOLE), rest=rest)
    parts = engine.keep(some.filter(some.rest > nothing).drop("rest"))
    whole_lines = lines.anti_join(held, "charge_id").mutate(held=nothing)
    return united(whole_lines.select(parts.columns), parts)
