"""What sessions cost, step by step: by the bill, accrued until it arrives, and by rates beside it.

Every metered row of a session counts in one basis: ``billed`` (a charge was matched with it),
``accrued`` (its charge is still to come), ``capacity`` (its cost stands with the capacity that
served it), ``rated`` (no bill could hold it: priced by the rules) or ``unrated`` (nor do they).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.attribute.allocation import with_names
from trueup.attribute.parties import WHO
from trueup.engine.engine import Engine
from trueup.engine.integers import EDGE_SCALE, WHOLE, at_edge, ratio_at_edge, total, whole
from trueup.engine.rows import united
from trueup.model.rules import Rules
from trueup.model.spend_schema import SESSION_COSTS
from trueup.money import EXACT
from trueup.period import Period
from trueup.reconcile.control import check_sum
from trueup.reconcile.metering import TOKENS
from trueup.reconcile.rated import UNIT, rated, rated_hours
from trueup.reconcile.session_tags import STEP, callers, in_period, reasoning
from trueup.reconcile.text import key_with_nulls
from trueup.reconcile.usage import UsageFindings

BILLED, ACCRUED, CAPACITY, RATED, UNRATED = "billed", "accrued", "capacity", "rated", "unrated"
CALLS = ("requests", "tool_calls", "api_calls")
FIGURES = {"cost": WHOLE, "committed": WHOLE, "q": WHOLE, "unit_factor": WHOLE, "unit": "string"}
ROW = (*STEP, "basis", "currency", *FIGURES)


def session_costs(
    used: UsageFindings,
    rules: Rules,
    period: Period | None,
    allocated: Mapping[str, Decimal],
    scale: int,
    engine: Engine,
) -> dict[str, ir.Table]:
    """The tables ``session_costs`` and ``rated`` of a reconciliation with usage.

    A quantity stands once, where the cost is in several currencies with the first of them by name.
    Raises IntegrityError unless what sessions were billed adds up to what is ``allocated`` by
    currency, in units of 10^-scale, and the hours of ``rated`` to what sessions were rated.
    """
    usage = engine.keep(_told(used))
    beside = engine.keep(rated(usage.filter(usage.basis == RATED), rules, engine))
    costs = engine.keep(_summed(united(_billed(used, scale), _accrued(used, scale))))
    seen = usage.filter((usage.basis != RATED) & usage.who.notnull())
    quantities = _placed(_quantities(seen), costs)
    rows = united(costs, quantities, of_rates(beside))
    table = engine.keep(table_of(rows, in_period(used.usage, period), rules, engine))
    hours = engine.keep(rated_hours(beside))
    wanted = {name: cost.scaleb(EDGE_SCALE - scale, EXACT) for name, cost in allocated.items()}
    billed, by_rates = (_sums(table.filter(table.basis == of), engine) for of in (BILLED, RATED))
    _check("what sessions were billed", billed, "what is allocated", wanted)
    _check("what is rated by the hour", _sums(hours, engine), "what sessions were rated", by_rates)
    return {"session_costs": table, "rated": hours}


def _sums(table: ir.Table, engine: Engine) -> dict[str, Decimal]:
    known = table.filter(table.cost.notnull())
    sums = engine.collect(known.group_by("currency").aggregate(cost=total(_.cost)))
    return {row["currency"]: row["cost"] for row in sums.to_pylist()}


def _check(what: str, found: Mapping[str, Decimal], of: str, wanted: Mapping[str, Decimal]) -> None:
    for currency in sorted(found.keys() | wanted.keys()):
        ours, theirs = (each.get(currency, Decimal(0)) for each in (found, wanted))
        check_sum(f"{what} in {currency}", ours, of, theirs, EDGE_SCALE)


def _told(used: UsageFindings) -> ir.Table:
    """All usage of sessions by hour with who it is of, what it speaks of, and its basis."""
    told, alone = used.told, used.alone
    marks = alone.select("thing", "hour", beside=alone.scope_reason.notnull()).distinct()
    marked = told.left_join(marks, ["thing", "hour"]).select(told, marks.beside)
    named = marked.left_join(used.parties, "who").select(marked, *(_[name] for name in WHO))
    basis = ibis.cases(
        (~named.matchable, CAPACITY),
        (named.beside.isnull(), BILLED),
        (named.beside, RATED),
        else_=ACCRUED,
    )
    return of_work(named.mutate(basis=basis).drop("beside"))


def of_work(usage: ir.Table) -> ir.Table:
    """Usage without the capacity that nobody, or somebody whose busy time is known, held."""
    held = usage.held & usage.allocated
    at_work = usage.filter(~held).select("who", "meter").distinct()
    holders = usage.filter(held & usage.who.notnull()).anti_join(at_work, ["who", "meter"])
    return united(usage.filter(~held), holders)


def of_rates(priced: ir.Table) -> ir.Table:
    """What ``rated`` gave as rows of sessions; what no rate speaks of is unrated."""
    return priced.mutate(basis=ibis.ifelse(priced.cost.isnull(), UNRATED, RATED)).select(*ROW)


def _billed(used: UsageFindings, scale: int) -> ir.Table:
    shares = with_names(used.allocated.filter(used.allocated.reason.isnull()), used.parties)
    return _costs(shares.mutate(basis=ibis.literal(BILLED)), shares.covered, scale)


def _accrued(used: UsageFindings, scale: int) -> ir.Table:
    rows = used.accrued.filter(used.accrued.reason.isnull())
    named = rows.left_join(used.parties, "who").select(rows, *(_[name] for name in WHO))
    return _costs(named.mutate(basis=ibis.literal(ACCRUED)), ibis.null(WHOLE), scale)


def _costs(rows: ir.Table, committed: ir.Value, scale: int) -> ir.Table:
    edge = rows.mutate(cost=at_edge(rows.cost, scale), committed=at_edge(committed, scale))
    return _without(edge, "q", "unit_factor", "unit").select(*ROW)


def _without(rows: ir.Table, *names: str) -> ir.Table:
    return rows.mutate(**{name: ibis.null(FIGURES[name]) for name in names})


def _summed(rows: ir.Table) -> ir.Table:
    sums = {name: total(rows[name]) for name in ("cost", "committed", "q")}
    return rows.group_by(*STEP, "basis", "currency").aggregate(**sums, **UNIT).select(*ROW)


def _quantities(usage: ir.Table) -> ir.Table:
    return usage.group_by(*STEP, "basis").aggregate(q=total(_.q), **UNIT)


def _placed(quantities: ir.Table, costs: ir.Table) -> ir.Table:
    """Quantities under the basis and currency of the cost that they are of.

    What has no cost of its own (busy time, capacity that others used) stands with a cost of the
    same step, the bill's first, else under ``capacity``.
    """
    keyed = costs.mutate(key=_key(costs))
    order = [ibis.desc("basis"), ibis.asc("currency", nulls_first=True)]
    first = keyed.mutate(
        any_place=ibis.row_number().over(group_by="key", order_by=order),
        place=ibis.row_number().over(group_by=["key", "basis"], order_by=order),
    )
    own = first.filter(first.place == 0).select("key", "basis", own="currency", cost_of="basis")
    shared = first.filter(first.any_place == 0).select("key", found="basis", of="currency")
    rows = quantities.mutate(key=_key(quantities))
    joined = rows.left_join(own, ["key", "basis"]).select(rows, own.own, own.cost_of)
    placed = joined.left_join(shared, "key").select(joined, shared.found, shared.of)
    elsewhere = placed.cost_of.isnull()
    told = placed.mutate(
        basis=ibis.ifelse(elsewhere, placed.found.fill_null(CAPACITY), placed.basis),
        currency=ibis.ifelse(elsewhere, placed.of, placed.own),
    )
    return _without(told, "cost", "committed").select(*ROW)


def _key(rows: ir.Table) -> ir.Value:
    return key_with_nulls(*(rows[name] for name in STEP))


def table_of(rows: ir.Table, usage: ir.Table, rules: Rules, engine: Engine) -> ir.Table:
    """Rows as the table shows them, summed by step, basis and currency.

    ``usage`` are the usage rows as they were read: their tags tell who called whom, and how much of
    the output was reasoning. Where a step stands in several rows, of which is not known.
    """
    sums = engine.keep(_summed(rows))
    keyed = sums.mutate(key=_key(sums), caller_key=key_with_nulls(sums.session, sums.agent))
    known = keyed.q.notnull()
    placed = keyed.mutate(rows_of_step=known.cast("int64").sum().over(group_by="key"))
    thought, called = reasoning(usage, rules, engine), callers(usage)
    told = placed.left_join(thought, "key").select(placed, thought.reasoning)
    told = told.left_join(called, "caller_key").select(told, called.called_by)
    known = told.q.notnull()
    factor = ibis.ifelse(known, told.unit_factor, whole(1)).cast(WHOLE)
    quantity = ratio_at_edge(told.q.fill_null(whole(0)), factor)
    return told.mutate(
        kind=ibis.cases(
            (told.meter.isin(TOKENS), "tokens"), (told.meter.isin(CALLS), "calls"), else_="compute"
        ),
        quantity=ibis.ifelse(known, quantity, ibis.null(WHOLE)).cast(WHOLE),
        reasoning=ibis.ifelse(
            known & (told.rows_of_step == 1), at_edge(told.reasoning, 0), ibis.null(WHOLE)
        ).cast(WHOLE),
        committed_cost=told.committed,
    ).select(*SESSION_COSTS.names)
