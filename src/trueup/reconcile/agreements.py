"""Agreements: how far a minimum spend is met by what counts, and what is due where it is not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.adapter.eligibility import Eligibility
from trueup.adapter.registry import provider_of_bill, providers
from trueup.engine.engine import Engine
from trueup.engine.instants import instant, quarter
from trueup.engine.integers import EDGE_SCALE, share, total, units, whole
from trueup.errors import UsageError
from trueup.reconcile.billed import in_pieces, part
from trueup.reconcile.commitment_leg import edge_decimal
from trueup.reconcile.draws import matching
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.lot_payments import Ruled, paid_by_name, paid_by_rule, times_table
from trueup.reconcile.terms import AGREEMENT, Terms, dated_amounts

UNPUBLISHED = "the contract: its provider publishes no rule"
NOTHING = Fraction(0)


@dataclass(frozen=True)
class Counted:
    """What was billed in a quarter of an hour: what counts, what of a marketplace may, and all."""

    at: datetime
    eligible: Fraction
    marketplace: Fraction
    billed: Fraction


@dataclass(frozen=True)
class Paid:
    """What lots paid of charges, and does not count: see ``reconcile.lot_payments``."""

    by_name: ir.Table | None
    by_rule: Sequence[Ruled]


def run_leg(run: LegRun) -> Findings:
    """One row of ``agreements`` for each milestone of each agreement."""
    agreements = [term for term in run.terms if term.layer == AGREEMENT and term.counts]
    if not agreements:
        return Findings()
    paid, issuers, first = paid_by_name(run), _issuers(run), _first_charges(run)
    rows: list[dict[str, Any]] = []
    for term in agreements:
        rules = eligibility_of(term)
        ruled = list(paid_by_rule(run.commitments.pools, term.currency))
        billed = counted(term, run, rules, Paid(paid, ruled), issuers.get(term.provider, []))
        since = _start(term, first.get(term.provider), ruled)
        rows.extend(_rows(term, run, rules, billed, since))
    return Findings(tables={"agreements": rows})


def _first_charges(run: LegRun) -> dict[str | None, datetime]:
    """By provider, since when the files have charges."""
    starts = run.charges.group_by(provider=run.charges.x_Provider).aggregate(
        start=run.charges.ChargePeriodStart.min()
    )
    return {row["provider"]: row["start"] for row in run.engine.collect(starts).to_pylist()}


def eligibility_of(term: Terms) -> Eligibility:
    """What counts towards an agreement: its provider's rules, where the contract states no other.

    Raises UsageError for a column x_Eligibility that cannot be read.
    """
    adapter = providers().get(term.provider or "")
    rules = (adapter.eligibility if adapter else None) or Eligibility(UNPUBLISHED)
    if term.applies_to is not None:
        rules = replace(rules, include=json.loads(term.applies_to))
    if term.eligibility is None:
        return rules
    try:
        given = json.loads(term.eligibility, parse_float=Decimal)
        for name in ("marketplace_share", "marketplace_limit"):
            if name in given:
                given[name] = Fraction(Decimal(str(given[name])))
        if "categories" in given:
            given["categories"] = tuple(given["categories"])
        return replace(rules, source=term.contract_id or term.commitment_id, **given)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise UsageError(
            f"{term.commitment_id}: x_Eligibility {term.eligibility} cannot be read ({error})"
        ) from error


def counted(
    term: Terms, run: LegRun, rules: Eligibility, paid: Paid, issuers: Sequence[str]
) -> list[Counted]:
    """What was billed and counts, by time, exact; purchases count whole when they are billed."""
    charges = run.charges.filter(
        (run.charges.x_Provider == term.provider)
        | run.charges.InvoiceIssuerName.isin(["", *issuers])
    ).filter(_.BillingCurrency == term.currency)
    costs = charges.mutate(cost=units(charges.BilledCost, 10**EDGE_SCALE))
    countable = costs.cost
    if paid.by_name is not None:
        costs = costs.left_join(paid.by_name, costs.x_ChargeId == paid.by_name.paid_id)
        left = costs.cost - costs.paid.fill_null(whole(0))
        other_way = (left < whole(0)) != (costs.cost < whole(0))
        none_left = costs.unpriced.fill_null(other_way) | other_way
        countable = ibis.ifelse(none_left, whole(0), left)
    bought = costs.ChargeCategory == "Purchase"
    start = instant(costs.ChargePeriodStart)
    since = ibis.ifelse(bought, ibis.greatest(start, instant(costs.BillingPeriodStart)), start)
    timed = costs.mutate(
        start=since,
        end=ibis.ifelse(bought, since, instant(costs.ChargePeriodEnd)),
        countable=countable,
        eligible=_eligible(costs, term, rules, run.engine),
        sold_by_other=_sold_by_other(costs, term, rules, run.engine),
        named=_says(costs.ContractApplied, term.commitment_id),
    )
    pieces = in_pieces(timed, run.period)
    pieces = pieces.mutate(at=quarter(pieces.since), countable=part(pieces, pieces.countable))
    for one in paid.by_rule:
        pieces = _unpaid(pieces, one, run.engine)
    counts = ibis.ifelse(pieces.eligible, pieces.countable, whole(0))
    apart = pieces.sold_by_other & ~pieces.named
    found = (
        pieces.mutate(
            own=ibis.ifelse(apart, whole(0), counts),
            market=ibis.ifelse(apart, counts, whole(0)),
            all=part(pieces, pieces.cost),
        )
        .group_by("at")
        .aggregate(own=total(_.own), market=total(_.market), all=total(_.all))
    )
    return [
        Counted(row["at"], _amount(row["own"]), _amount(row["market"]), _amount(row["all"]))
        for row in run.engine.collect(found.order_by("at")).to_pylist()
    ]


def _unpaid(pieces: ir.Table, ruled: Ruled, engine: Engine) -> ir.Table:
    """The pieces with what is ``countable`` of each less what a rule's lots paid of its time."""
    times = engine.load(times_table(ruled))
    drawing = matching(pieces, ruled.lot, ruled.names, "Usage")
    basis = "ConsumedQuantity" if ruled.lot.compute_units_per_credit else "EffectiveCost"
    gives_back = (drawing[basis] < 0).fill_null(False)  # noqa: FBT003  the value of the expression
    met = drawing.mutate(gives_back=gives_back).join(
        times, [_.at == times.paid_at, _.gives_back == times.gives_back]
    )
    left = engine.keep(
        met.select(
            paid_piece=met.x_ChargeId,
            paid_since=met.since,
            unpaid=share(met.countable, met.left_num, met.left_den),
        )
    )
    joined = pieces.left_join(
        left, (pieces.x_ChargeId == left.paid_piece) & (pieces.since == left.paid_since)
    )
    columns = {name: pieces[name] for name in pieces.columns if name != "countable"}
    return joined.select(**columns, countable=ibis.coalesce(left.unpaid, pieces.countable))


def _amount(whole_number: Decimal | None) -> Fraction:
    return Fraction(whole_number or 0) / 10**EDGE_SCALE


def _says(column: ir.Value, name: str) -> ir.Value:
    return column.notnull() & column.contains(json.dumps(name))


def _eligible(charges: ir.Table, term: Terms, rules: Eligibility, engine: Engine) -> ir.Value:
    """Whether a charge counts at all.

    CommitmentProgramEligibilityDetails (FOCUS 1.4) decides for usage where the provider tells of
    the agreement's program: a charge that is eligible then names its type.
    """
    found = charges.ChargeCategory.isin(rules.categories)
    for column, pattern in rules.include.items():
        found &= _matches(charges, column, pattern)
    for column, pattern in rules.exclude.items():
        found &= ~_matches(charges, column, pattern)
    if term.type is None or "CommitmentProgramEligibilityDetails" not in charges.columns:
        return found
    told = _says(charges.CommitmentProgramEligibilityDetails, term.type)
    if not engine.count(engine.keep(charges.filter(told).limit(1).select("x_ChargeId"))):
        return found
    return ibis.ifelse(charges.ChargeCategory == "Usage", told, found)


def _matches(charges: ir.Table, column: str, pattern: str) -> ir.Value:
    if column not in charges.columns:
        return ibis.literal(1) == 0
    return charges[column].cast("string").fill_null("").re_search(f"(?i){pattern}")


def _sold_by_other(charges: ir.Table, term: Terms, rules: Eligibility, engine: Engine) -> ir.Value:
    """Whether a charge is of the marketplace: by its seller, or as the rules recognise it."""
    sellers = engine.collect(
        charges.filter(charges.x_PublisherName.notnull()).select("x_PublisherName").distinct()
    )
    foreign = [
        name
        for name in sellers.column("x_PublisherName").to_pylist()
        if provider_of_bill(name) != term.provider
    ]
    found = charges.x_PublisherName.fill_null("").isin(["\0", *sorted(foreign)])
    found |= charges.x_Provider.fill_null("") != (term.provider or "")
    for column, pattern in rules.marketplace.items():
        found |= _matches(charges, column, pattern)
    return found


def _issuers(run: LegRun) -> dict[str | None, list[str]]:
    """By provider, the names under which it issues invoices."""
    names = run.engine.collect(run.charges.select("InvoiceIssuerName").distinct())
    found: dict[str | None, list[str]] = {}
    for name in names.column("InvoiceIssuerName").to_pylist():
        found.setdefault(provider_of_bill(name), []).append(name)
    return found


def _rows(
    term: Terms,
    run: LegRun,
    rules: Eligibility,
    billed: Sequence[Counted],
    start: tuple[datetime, Fraction, str | None],
) -> Iterator[dict[str, Any]]:
    """A row for each milestone; without any, for the whole term, if it has a figure."""
    stones = dated_amounts(term.milestones, "due", "amount", term.commitment_id)
    if not stones and term.figure is not None:
        stones = [(term.end, Fraction(term.figure))]
    since, before, reason = start
    for number, (due, target) in enumerate(stones, start=1):
        passed = due <= min(run.window.end, run.as_of)
        why = reason
        if why is None and since >= due:
            why = "its progress is stated after the milestone"
        sums = None if why else _sums(billed, since, min(due, run.window.end), rules, target)
        reached = None if sums is None else before + sums[0]
        short = max(target - reached, NOTHING) if reached is not None and passed else None
        yield {
            "commitment_id": term.commitment_id,
            "provider": term.provider,
            "milestone": f"{number} of {len(stones)}",
            "due_at": due,
            "basis": f"billed cost of {', '.join(rules.categories)}; {rules.source}",
            "target": edge_decimal(target),
            "counted": edge_decimal(reached),
            "excluded": edge_decimal(sums[1]) if sums else None,
            "progress": None if reached is None else edge_decimal(reached / target),
            "shortfall": edge_decimal(short),
            "unit": term.unit or term.currency,
            "status": _status(reached, target, passed),
            "reason": why,
        }


def _start(
    term: Terms, first: datetime | None, ruled: Sequence[Ruled]
) -> tuple[datetime, Fraction, str | None]:
    """From when on charges are counted, what counted before, and why it is not known."""
    since, before = term.start, NOTHING
    if term.opening is not None and term.opening_at is not None:
        since = term.opening_at
        before = Fraction(term.figure or 0) - Fraction(term.opening)
    if first is None or (first > since and term.opening is None):
        return since, before, "the bill does not reach back to the start of the term"
    if first > since:
        return since, before, "the bill does not reach back to its stated balance"
    unknown = next((one for one in ruled if one.unknown), None)
    if unknown is not None:
        why = (
            f"what {unknown.lot.commitment_id} paid of its charges is not known: {unknown.unknown}"
        )
        return since, before, why
    return since, before, None


def _status(reached: Fraction | None, target: Fraction, passed: bool) -> str:
    if reached is None:
        return "unknown"
    if reached >= target:
        return "met"
    return "missed" if passed else "on_the_way"


def _sums(
    billed: Sequence[Counted], start: datetime, end: datetime, rules: Eligibility, target: Fraction
) -> tuple[Fraction, Fraction]:
    """What counts between two instants, and what was billed besides."""
    inside = [one for one in billed if start <= one.at < end]
    market = sum((one.marketplace for one in inside), NOTHING) * rules.marketplace_share
    if rules.marketplace_limit is not None:
        market = min(market, rules.marketplace_limit * target)
    reached = sum((one.eligible for one in inside), NOTHING) + market
    return reached, sum((one.billed for one in inside), NOTHING) - reached
