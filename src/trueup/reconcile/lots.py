"""Commitments drawn down over their term as rows of the result: lots, agreements that count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from trueup.period import Period
from trueup.reconcile.commitment_leg import edge_decimal, stated
from trueup.reconcile.draws import Draws
from trueup.reconcile.ledger import EXPIRY, NOTHING, Ledger
from trueup.reconcile.pools import UNSTATED, Pool, opened
from trueup.reconcile.terms import AGREEMENT, Terms, dated_amounts

__all__ = ["Balance", "Draws", "balance_in", "balance_of", "burn_down", "credit_row", "lot_row"]


@dataclass(frozen=True)
class Balance:
    """A lot over one period, in its own unit; null where it is not known."""

    opening: Fraction | None
    drawn: Fraction | None
    expired: Fraction | None
    remaining: Fraction | None
    overage: Fraction | None
    expired_before: Fraction | None = NOTHING  # the period
    agreed: Fraction = NOTHING  # by the contract, after it was granted: to date


NOT_KNOWN = Balance(None, None, None, None, None)


def balance_of(
    terms: Terms, draws: Draws, period: Period, billed_since: datetime | None, as_of: datetime
) -> Balance:
    """Opening - drawn - expired = remaining; draws beyond the lot are overage, never negative.

    The opening is known from a stated balance, from a contract that starts in the period, or from
    files that reach back to its start. What is left when the term has ended expires; an agreement
    counts and does not expire: what it lacks is a shortfall.
    """
    if terms.layer == AGREEMENT:
        return _counted(terms, draws, period, billed_since)
    own = {terms.commitment_id: draws}
    return balance_in(opened([terms], own, Draws(), period, billed_since, as_of), terms, period)


def balance_in(pool: Pool, terms: Terms, period: Period) -> Balance:
    """One lot of a pool over the period; ``drawn`` is all that was drawn on it, overage too.

    What the contract grants or adjusts in the period is part of ``opening``.
    """
    if pool.unknown is not None or terms.start >= period.end:
        return NOT_KNOWN
    if pool.ledger is None:
        drawn = pool.drawn(terms.commitment_id).between(period.start, period.end)
        return Balance(None, drawn if pool.alone else None, None, None, None)
    [roll] = pool.ledger.roll(terms.commitment_id, [period])
    opening = roll.opening + roll.granted + roll.agreed
    drawn = roll.drawn - roll.refunded - (roll.adjusted - roll.agreed) + roll.overage
    figures = (opening, drawn, roll.expired, roll.closing, roll.overage)
    return Balance(*figures, *_earlier(pool.ledger, terms, period))


def _earlier(ledger: Ledger, terms: Terms, period: Period) -> tuple[Fraction | None, Fraction]:
    """What expired before the period, and what the contract adjusted until its end."""
    name = terms.commitment_id
    past = [one for one in ledger.until(name, period.start) if one.kind == EXPIRY]
    booked = sum((one.quantity for one in ledger.until(name, period.end) if one.agreed), NOTHING)
    given = dated_amounts(terms.adjustments, "at", "quantity", name)
    agreed = booked + sum((quantity for at, quantity in given if at < ledger.since), NOTHING)
    if terms.end <= ledger.since:
        return None, agreed
    return -sum((one.quantity for one in past), NOTHING), agreed


def _counted(terms: Terms, draws: Draws, period: Period, billed_since: datetime | None) -> Balance:
    if draws.unknown is not None or terms.start >= period.end:
        return NOT_KNOWN
    drawn = draws.between(period.start, period.end)
    opening = _opening(terms, draws, period, billed_since)
    if opening is None:
        return Balance(None, drawn, None, None, None)
    left = max(opening - drawn, Fraction(0))
    return Balance(opening, drawn, Fraction(0), left, max(drawn - opening, Fraction(0)))


def _opening(
    terms: Terms, draws: Draws, period: Period, billed_since: datetime | None
) -> Fraction | None:
    """What was left of an agreement when the period began."""
    if terms.opening is not None and terms.opening_at is not None:
        known, at = Fraction(terms.opening), terms.opening_at
        if at <= period.start:
            return known - draws.between(at, period.start)
        return known + draws.between(period.start, at)
    if terms.figure is None:
        return None
    if terms.start >= period.start:
        return Fraction(terms.figure)
    if billed_since is not None and billed_since <= terms.start:
        return Fraction(terms.figure) - draws.between(terms.start, period.start)
    return None


def lot_row(
    terms: Terms, balance: Balance, reason: str | None, provisional: bool
) -> dict[str, Any]:
    """The row of the result for a commitment that is drawn down; ``reason`` why it is not known.

    A promotional lot is no used commitment: it was never committed to.
    """
    bought = not terms.is_promotional
    figure = None if terms.figure is None else Fraction(terms.figure)
    in_money = terms.unit is not None and terms.unit == terms.currency
    return {
        **stated(terms),
        "quantity_basis": terms.quantity_basis or ("spend" if in_money else "credits"),
        "committed_quantity": edge_decimal(figure) if bought else None,
        "used_quantity": edge_decimal(balance.drawn) if bought else None,
        "overage_quantity": edge_decimal(balance.overage),
        "committed_cost": edge_decimal(figure) if in_money and bought else None,
        "used_cost": edge_decimal(balance.drawn) if in_money and bought else None,
        "status": "complete" if balance.drawn is not None else "not_covered",
        "provisional": provisional,
        "opening": edge_decimal(balance.opening),
        "drawn": edge_decimal(balance.drawn),
        "expired": edge_decimal(balance.expired),
        "remaining": edge_decimal(balance.remaining),
        "reason": None if balance.opening is not None else reason or UNSTATED,
    }


def credit_row(terms: Terms, balance: Balance) -> dict[str, Any]:
    """The row of ``credits``: the lot to date, so that granted = drawn + expired + remaining.

    What the contract adjusted is part of what it granted.
    """
    granted = None if terms.figure is None else Fraction(terms.figure) + balance.agreed
    drawn = expired = None
    if balance.expired is not None and balance.expired_before is not None:
        expired = balance.expired_before + balance.expired
    if granted is not None and balance.remaining is not None and expired is not None:
        drawn = granted - balance.remaining - expired
    return {
        "lot_id": terms.commitment_id,
        "commitment_id": terms.commitment_id,
        "provider": terms.provider,
        "unit": terms.unit,
        "granted": edge_decimal(granted),
        "drawn": edge_decimal(drawn),
        "expired": edge_decimal(expired),
        "remaining": edge_decimal(balance.remaining),
        "expires_at": terms.end,
        "compute_unit": terms.compute_unit,
        "compute_units_per_credit": terms.compute_units_per_credit,
        "cost_per_credit": terms.cost_per_credit,
        "currency": terms.currency,
    }


def burn_down(
    terms: Terms,
    draws: Draws,
    balance: Balance,
    days: Iterable[datetime],
    ledger: Ledger | None = None,
) -> list[dict[str, Any]]:
    """One row a day: drawn that day, and what remained when it ended (null where not known).

    What remained is the ledger's, where there is one; else the opening less the draws.
    """
    rows, left = [], balance.opening
    for day in days:
        end = day + timedelta(days=1)
        used = draws.between(day, end)
        if left is not None and ledger is not None:
            left = ledger.balance(terms.commitment_id, end)
        elif left is not None:
            left = max(left - used, NOTHING)
            if balance.expired and terms.end <= end:
                left = NOTHING
        rows.append(
            {
                "commitment_id": terms.commitment_id,
                "provider": terms.provider,
                "day": day,
                "unit": terms.unit,
                "used_quantity": edge_decimal(used) if draws.unknown is None else None,
                "remaining": edge_decimal(left),
            }
        )
    return rows
