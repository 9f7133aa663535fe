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

from trueup.attribute.allocation import with_payers
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
from trueup.reconcile.scale import fine_scale
from trueup.reconcile.session_tags import in_period, with_callers, with_reasoning
from trueup.reconcile.usage import UsageFindings

BILLED, ACCRUED, CAPACITY, RATED, UNRATED = "billed", "accrued", "capacity", "rated", "unrated"
CALLS = ("requests", "tool_calls", "api_calls")
FIGURES = {"cost": WHOLE, "committed": WHOLE, "q": WHOLE, "unit_factor": WHOLE, "unit": "string"}
STEP = ("who", "provider", "model", "meter")
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
    paid = used.allocated.filter(used.allocated.reason.isnull())
    billed, people = with_payers(paid, used.parties, rules.owners, engine)
    beside, sums = _steps(used, billed, rules, scale, engine)
    tagged = in_period(used.usage, period)
    table = engine.keep(table_of(sums, people, tagged, rules, engine))
    hours = engine.keep(rated_hours(beside, used.parties))
    wanted = {name: cost.scaleb(EDGE_SCALE - scale, EXACT) for name, cost in allocated.items()}
    ours, by_rates = (_sums(table.filter(table.basis == of), engine) for of in (BILLED, RATED))
    _check("what sessions were billed", ours, "what is allocated", wanted)
    _check("what is rated by the hour", _sums(hours, engine), "what sessions were rated", by_rates)
    return {"session_costs": table, "rated": hours}


def _steps(
    used: UsageFindings, billed: ir.Table, rules: Rules, scale: int, engine: Engine
) -> tuple[ir.Table, ir.Table]:
    """What is rated, and the sums of all rows; what these are made of leaves the engine."""
    kept = engine.keep(_told(used).select("thing", "hour", "who", "q", "basis"))
    usage = kept.join(used.things, "thing")
    outside = usage.filter(usage.basis == RATED)
    beside = engine.keep(rated(with_tools(outside, used.parties), rules, engine))
    costs = engine.keep(summed(united(_billed(billed, scale), _accrued(used, fine_scale(scale)))))
    seen = usage.filter((usage.basis != RATED) & usage.who.notnull())
    rows = united(costs, _placed(_quantities(seen), costs), of_rates(beside))
    return beside, engine.keep(summed(rows))


def _sums(table: ir.Table, engine: Engine) -> dict[str, Decimal]:
    known = table.filter(table.cost.notnull())
    sums = engine.collect(known.group_by("currency").aggregate(cost=total(_.cost)))
    return {row["currency"]: row["cost"] for row in sums.to_pylist()}


def _check(what: str, found: Mapping[str, Decimal], of: str, wanted: Mapping[str, Decimal]) -> None:
    for currency in sorted(found.keys() | wanted.keys()):
        ours, theirs = (each.get(currency, Decimal(0)) for each in (found, wanted))
        check_sum(f"{what} in {currency}", ours, of, theirs, EDGE_SCALE)


def _told(used: UsageFindings) -> ir.Table:
    """All usage of sessions by hour, with the basis that its cost has."""
    told, alone = used.told, used.alone
    marks = alone.select("thing", "hour", beside=alone.scope_reason.notnull()).distinct()
    marked = told.left_join(marks, ["thing", "hour"]).select(told, marks.beside)
    basis = ibis.cases(
        (~marked.matchable, CAPACITY),
        (marked.beside.isnull(), BILLED),
        (marked.beside, RATED),
        else_=ACCRUED,
    )
    return of_work(marked.mutate(basis=basis).drop("beside"))


def with_tools(usage: ir.Table, people: ir.Table) -> ir.Table:
    """Usage with the tool that it is of, which rates may speak of."""
    return usage.left_join(people, "who").select(usage, people.tool)


def of_work(usage: ir.Table) -> ir.Table:
    """Usage without the capacity that nobody, or somebody whose busy time is known, held."""
    held = usage.held & usage.allocated
    at_work = usage.filter(~held).select("who", "meter").distinct()
    holders = usage.filter(held & usage.who.notnull()).anti_join(at_work, ["who", "meter"])
    return united(usage.filter(~held), holders)


def of_rates(priced: ir.Table) -> ir.Table:
    """What ``rated`` gave as rows of sessions; what no rate speaks of is unrated."""
    return priced.mutate(basis=ibis.ifelse(priced.cost.isnull(), UNRATED, RATED)).select(*ROW)


def _billed(paid: ir.Table, scale: int) -> ir.Table:
    return _costs(paid.mutate(basis=ibis.literal(BILLED)), paid.covered, scale)


def _accrued(used: UsageFindings, scale: int) -> ir.Table:
    rows = used.accrued.filter(used.accrued.reason.isnull())
    return _costs(rows.mutate(basis=ibis.literal(ACCRUED)), ibis.null(WHOLE), scale)


def _costs(rows: ir.Table, committed: ir.Value, scale: int) -> ir.Table:
    edge = rows.mutate(cost=at_edge(rows.cost, scale), committed=at_edge(committed, scale))
    return _without(edge, "q", "unit_factor", "unit").select(*ROW)


def _without(rows: ir.Table, *names: str) -> ir.Table:
    return rows.mutate(**{name: ibis.null(FIGURES[name]) for name in names})


def summed(rows: ir.Table) -> ir.Table:
    """Rows of STEP as sums by step, basis and currency."""
    sums = {name: total(rows[name]) for name in ("cost", "committed", "q")}
    return rows.group_by(*STEP, "basis", "currency").aggregate(**sums, **UNIT).select(*ROW)


def _quantities(usage: ir.Table) -> ir.Table:
    return usage.group_by(*STEP, "basis").aggregate(q=total(_.q), **UNIT)


def _placed(quantities: ir.Table, costs: ir.Table) -> ir.Table:
    """Quantities under the basis and currency of the cost that they are of.

    What has no cost of its own (busy time, capacity that others used) stands with a cost of the
    same step, the bill's first, else under ``capacity``. Where a cost is in several currencies,
    the first by name has the quantity, one that is not known before all.
    """
    coded = costs.mutate(code=costs.currency.fill_null(""))
    first = {of: coded.code.min(where=coded.basis == of) for of in (BILLED, ACCRUED)}
    found = coded.group_by(*STEP).aggregate(**first)
    placed = quantities.left_join(
        found, [quantities[name].identical_to(found[name]) for name in STEP]
    ).select(quantities, found[BILLED], found[ACCRUED])
    accrued = placed[ACCRUED].notnull()
    basis = ibis.cases(
        ((placed.basis == ACCRUED) & accrued, ACCRUED),
        (placed[BILLED].notnull(), BILLED),
        (accrued, ACCRUED),
        else_=CAPACITY,
    )
    code = ibis.cases(
        (basis == BILLED, placed[BILLED]), (basis == ACCRUED, placed[ACCRUED]), else_=ibis.null(str)
    )
    told = placed.mutate(basis=basis, currency=code.nullif(""))
    return _without(told, "cost", "committed").select(*ROW)


def table_of(
    sums: ir.Table, people: ir.Table, usage: ir.Table, rules: Rules, engine: Engine
) -> ir.Table:
    """Sums by step, basis and currency, as the table shows them.

    ``people`` has ``who`` and WHO. ``usage`` are the usage rows as they were read: their tags tell
    who called whom, and how much of the output was reasoning. Where a step stands in several rows,
    of which is not known.
    """
    several = sums.q.notnull().cast("int64").sum().over(group_by=STEP)
    placed = sums.mutate(rows_of_step=several).left_join(people, "who")
    named = placed.select(
        *(sums[name] for name in sums.columns if name != "who"), "rows_of_step", *WHO
    )
    told = with_reasoning(with_callers(named, usage, engine), usage, rules, engine)
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
