"""The columns of a plan: offers with their best level, the curve, what is in force.

Amounts and quantities are decimal128(38, 18), instants UTC; a figure not known is null, never zero.
"""

from __future__ import annotations

from trueup.model.columns import AMOUNT, COUNT, INSTANT, TEXT, columns_as

OFFERS = columns_as(  # of the hours of the history, beyond what is in force
    offer=TEXT,
    unit=TEXT,  # of the level: committed in each hour
    currency=TEXT,
    payment=TEXT,  # all | partial | none: how much of it upfront
    term_start=INSTANT,
    term_end=INSTANT,
    price=AMOUNT,  # of a unit for an hour; upfront spread over the actual hours of the term
    level=AMOUNT,  # the best
    cost=AMOUNT,  # of the hours at that level, with on demand or spot for the rest
    cost_without=AMOUNT,  # with nothing committed
    saving=AMOUNT,
    utilization=AMOUNT,  # how much of the level these hours would have used
    upfront=AMOUNT,  # to pay when it is bought; null where the offer does not say
    low=AMOUNT,  # the best level in the middle 80 % of draws of other weeks: an estimate
    high=AMOUNT,
    regret=AMOUNT,  # the most that the level costs beyond the best in 80 % of those draws
    reason=TEXT,  # why a figure is null
)

CURVE = columns_as(offer=TEXT, level=AMOUNT, unit=TEXT, cost=AMOUNT, currency=TEXT)

IN_FORCE = columns_as(
    commitment_id=TEXT,
    unit=TEXT,
    committed=AMOUNT,  # in each hour
    served=AMOUNT,  # of the use, over all hours
    ends=INSTANT,
    reason=TEXT,  # why nothing of it was subtracted
)

LEFT_OUT = columns_as(subject=TEXT, reason=TEXT, rows=COUNT)  # usage, or offers without rows
