"""What the payer pays by the rules against what was billed: breaks, claims and their lines.

Pure functions over the differences that ``moves`` found. What one line gains and another loses in
the same interval nets: only the payer's total counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import ibis.expr.types as ir

from trueup.model.inputs import Unread
from trueup.model.rules import Leg, Rules
from trueup.money import plain
from trueup.period import iso
from trueup.reconcile.benefit_pools import Holding
from trueup.reconcile.breaks import break_id
from trueup.reconcile.commitment_leg import edge_decimal
from trueup.reconcile.eligibility import Pool
from trueup.reconcile.lags import FINAL_AFTER, finals
from trueup.reconcile.moves import Move

PRICE: Leg = "price"  # the class, too
CLAIMABLE, INDICATED = "claimable", "indicated"
HOUR = timedelta(hours=1)

Group = tuple[str, datetime, str | None, str]  # cluster, interval, payer, currency


@dataclass(frozen=True)
class Evidence:
    """What is known beside the lines."""

    pools: Mapping[tuple[str, int], Pool]
    held: Mapping[str, Holding]
    clusters: Mapping[str, str]  # commitment -> those it shares charges with
    doubts: Mapping[Group, Sequence[str]]  # what is open about the payer's usage there
    pool_doubts: Mapping[tuple[str, datetime], str]  # and about a commitment in that hour
    unread: Sequence[Unread]
    billing_end: Mapping[str | None, datetime | None]  # of the provider's last charge
    rules: Rules
    as_of: datetime
    scale: int


@dataclass
class Claims:
    """Breaks, and the rows of ``claims`` and ``claim_lines``."""

    breaks: list[dict[str, Any]] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    behind: list[tuple[str, int]] = field(default_factory=list)  # rows_key of a break, and a line
    break_rows: list[ir.Table] = field(default_factory=list)  # see ``reconcile.leg``
    only_moved: int = 0  # intervals whose lines are covered otherwise, at the same total


def claims_of(moves: Sequence[Move], known: Evidence) -> Claims:
    """One claim per commitment and interval in which the payer's total is another one."""
    groups: dict[Group, list[Move]] = defaultdict(list)
    for move in moves:
        groups[group_of(move, known.clusters)].append(move)
    found = Claims()
    for group, members in groups.items():
        amount = sum((move.saved for move in members), Fraction(0))
        if abs(amount) <= _tolerated(members, known):
            least = Fraction(1, 10**known.scale)
            found.only_moved += any(abs(move.saved) > least for move in members)
            continue
        least = Fraction(1, 2 * 10**known.scale)
        for part, resting_on in _per_commitment(members, amount, least):
            _add(found, part, group, missing_evidence(resting_on, group, amount, known), known)
    return found


def _tolerated(members: Sequence[Move], known: Evidence) -> Fraction:
    """A unit of the run's scale per charge, or what the rules tolerate where that is more."""
    lines = {(move.source_id, move.source_row): move for move in members}
    rounding = Fraction(sum(move.rows for move in lines.values()), 10**known.scale)
    limit = known.rules.tolerance_of(PRICE, members[0].provider)
    billed = abs(sum((move.billed for move in lines.values()), Fraction(0)))
    tolerated = Fraction(limit.relative) * billed
    if limit.absolute is not None:
        tolerated = min(tolerated, Fraction(limit.absolute))
    return max(rounding, tolerated)


def _per_commitment(
    members: Sequence[Move], amount: Fraction, least: Fraction
) -> Iterator[tuple[list[Move], Sequence[Move]]]:
    """The moves of each commitment, and those on which they rest.

    They rest on the moves of all commitments that hand lines to each other. If one of those saves
    nothing by itself, or costs what others save, all make one claim: without it the lines do not
    add up. What makes less than ``least`` is nothing: that is rounding.
    """
    linked = _linked(members)
    together: dict[str, list[Move]] = defaultdict(list)
    by_pool: dict[str, list[Move]] = defaultdict(list)
    for move in members:
        together[linked[move.pool]].append(move)
        by_pool[move.pool].append(move)
    sums = {pool: sum((m.saved for m in part), Fraction(0)) for pool, part in by_pool.items()}
    sums = {pool: own if abs(own) >= least else Fraction(0) for pool, own in sums.items()}
    if any(own * amount < 0 for own in sums.values()):
        yield _largest_first(members, amount), members
        return
    for name, some in sorted(together.items()):
        pools = sorted(pool for pool, first in linked.items() if first == name)
        if all(sums[pool] for pool in pools):
            yield from ((by_pool[pool], some) for pool in pools)
        elif any(sums[pool] for pool in pools):
            yield _largest_first(some, amount), some


def _linked(members: Sequence[Move]) -> dict[str, str]:
    """Commitment -> the first of those that hand lines of the bill to each other."""
    found = {move.pool: move.pool for move in members}
    for move in members:
        if move.was_pool in found and move.covered > 0:
            low, high = sorted((found[move.pool], found[move.was_pool]))
            found = {name: low if first == high else first for name, first in found.items()}
    return found


def _largest_first(members: Sequence[Move], amount: Fraction) -> list[Move]:
    """The moves, first those of the commitment that saves (or costs) the most."""
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for move in members:
        sums[move.pool] += move.saved * amount
    largest = max(sorted(sums), key=lambda pool: sums[pool])
    return sorted(members, key=lambda move: move.pool != largest)


def _add(
    found: Claims,
    members: Sequence[Move],
    group: Group,
    lacking: Sequence[str],
    known: Evidence,
) -> None:
    first = members[0]
    _cluster, interval, _payer, currency = group
    pool = _pool(members, known)
    lines = {(move.source_id, move.source_row): move for move in members}
    billed = sum((move.billed for move in lines.values()), Fraction(0))
    amount = sum((move.saved for move in members), Fraction(0))
    arithmetic = _arithmetic(members, billed, amount, currency)
    figures = {
        "billed": edge_decimal(billed),
        "expected": edge_decimal(billed - amount),
        "amount": edge_decimal(amount),
        "currency": currency,
    }
    one = {
        "class": PRICE,
        "leg": PRICE,
        "provider": first.provider,
        "commitment_id": first.pool,
        "period_start": interval,
        "period_end": interval + HOUR,
        "unit": currency,
        "priced_by": "rate",
        "rule": pool.stage.rule if pool else None,
        "rows_billed": sum(move.rows for move in lines.values()),
        "rows_metered": 0,
        "explanation": f"By the provider's own rules the payer owes another total: {arithmetic}.",
        **figures,
    }
    claim_id = break_id(one)
    found.breaks.append({**one, "rows_key": claim_id})
    found.behind.extend((claim_id, move.line) for move in members)
    claim = {
        "claim_id": claim_id,
        "provider": first.provider,
        "commitment_id": first.pool,
        "rule": one["rule"],
        "source": pool.stage.source if pool else None,
        "interval_start": interval,
        "interval_end": interval + HOUR,
        "status": INDICATED if lacking else CLAIMABLE,
        "missing_evidence": "; ".join(lacking) or None,
        "lines": len(lines),
        "arithmetic": arithmetic,
        **figures,
    }
    found.claims.append(claim)
    found.lines.extend(_line(move, claim_id) for move in members)


def _pool(members: Sequence[Move], known: Evidence) -> Pool | None:
    """The claim's commitment under the rule that applies it there."""
    name = members[0].pool
    places = [move.place for move in members if move.pool == name and move.place is not None]
    own = known.held[name].default if name in known.held else None
    return known.pools.get((name, places[0] if places else -1 if own is None else own))


def missing_evidence(
    members: Sequence[Move], group: Group, amount: Fraction, known: Evidence
) -> list[str]:
    """What is lacking before the provider can be asked for the money; empty: nothing is."""
    provider = members[0].provider
    lacking = []
    end = known.billing_end.get(provider)
    final = None if end is None else end + finals(known.rules).get(provider or "", FINAL_AFTER)
    if final is None:
        lacking.append(f"the bill of {provider} names no billing period")
    elif known.as_of < final:
        lacking.append(f"the month of {provider} is not final until {iso(final)}")
    lacking += _unseen(members, group, known)
    for move in members:
        holding = known.held.get(move.pool)
        if move.saved > 0 and move.lacking:
            lacking.append(f"{move.lacking} of SKU {move.sku}")
        if holding is None or move.covered <= 0 or not move.as_other_account:
            continue
        if holding.owner is None and len({one.account for one in members}) > 1:
            lacking.append(f"the account that owns {move.pool} is not known")
        elif holding.owner is not None and not holding.shown_with(move.account):
            lacking.append(f"that {move.pool} is shared with account {move.account}")
    if amount < 0:
        lacking.append("by the rules the payer owes more, not less")
    return list(dict.fromkeys(lacking))


def _unseen(members: Sequence[Move], group: Group, known: Evidence) -> list[str]:
    """What the bill does not tell of that hour, of the payer's usage and of each commitment."""
    provider, interval = members[0].provider, group[1]
    found = [
        f"{one.source}, which could not be read"
        for one in known.unread
        if one.provider in (None, provider)
    ]
    found += known.doubts.get(group, ())
    for pool in sorted({move.pool for move in members}):
        if (pool, interval) in known.pool_doubts:
            found.append(known.pool_doubts[pool, interval])
        found += _cut_hour(pool, interval, known)
    return found


def _cut_hour(pool: str, interval: datetime, known: Evidence) -> list[str]:
    """Of a commitment that starts or ends within the hour: which usage it covers is not told."""
    terms = known.held[pool].terms if pool in known.held else None
    edges = {"starts": terms.start, "ends": terms.end} if terms else {}
    return [
        f"which usage of that hour is of {pool}, which {what} at {iso(at)}"
        for what, at in edges.items()
        if interval < at < interval + HOUR
    ]


def group_of(move: Move, clusters: Mapping[str, str]) -> Group:
    """What is netted with each other: one hour of one payer and the commitments it may use."""
    return clusters.get(move.pool, move.pool), move.interval, move.payer, move.currency


def _arithmetic(members: Sequence[Move], billed: Fraction, amount: Fraction, currency: str) -> str:
    expected = billed - amount
    sums = f"{money(billed)} - {money(expected)} = {money(amount)} {currency}"
    wrong = {move.line: move.excess for move in members}
    if any(wrong.values()):
        sums += f", where {money(sum(wrong.values(), Fraction(0)))} of a wrong rate stay in both"
    held = {move.line: move.held for move in members}
    if any(held.values()):
        sums += f", without {money(sum(held.values(), Fraction(0)))} in breaks of their quantity"
    if len(members) == 1:
        move = members[0]
        rest = move.quantity - move.covered
        return (
            f"{figure(move.covered)} of {figure(move.quantity)} {move.unit or 'units'} are covered "
            f"and draw {figure(move.drawn)}, so {figure(rest)} on demand: {sums}"
        )
    more = sum(1 for move in members if move.saved > 0)
    fewer = sum(1 for move in members if move.saved < 0)
    told = f"{more} lines covered more" + (f" and {fewer} less" if fewer else "")
    return f"{told}: {sums} on demand"


def _line(move: Move, claim_id: str) -> dict[str, Any]:
    expected = move.billed - move.saved
    netted = f", netted of {move.rows} charges" if move.rows > 1 else ""
    if move.excess:
        netted += f", {money(move.excess)} of it a wrong rate"
    if move.held:
        netted += f", without {money(move.held)} in a break of its quantity"
    return {
        "claim_id": claim_id,
        "source_id": move.source_id,
        "source_row": move.source_row,
        "account_id": move.account,
        "resource_id": move.resource,
        "sku": move.sku,
        "interval_start": move.interval,
        "quantity": edge_decimal(move.quantity),
        "unit": move.unit,
        "billed": edge_decimal(move.billed),
        "expected": edge_decimal(expected),
        "difference": edge_decimal(move.saved),
        "currency": move.currency,
        "billed_commitment": move.was_pool,
        "expected_commitment": move.pool if move.covered else None,
        "expected_covered": edge_decimal(move.covered),
        "arithmetic": f"{figure(move.covered)} of {figure(move.quantity)} covered{netted}: "
        f"{money(move.billed)} - {money(expected)} = {money(move.saved)}",
    }


def figure(value: Fraction) -> str:
    """A quantity as plain text, half-even at 18 decimals."""
    return plain(edge_decimal(value))


def money(value: Fraction) -> str:
    """An amount as plain text, with two decimals at least."""
    return plain(edge_decimal(value), 2)
