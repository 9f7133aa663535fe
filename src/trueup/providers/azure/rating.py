"""The order in which Azure applies reservations and savings plans, hour by hour.

Reservations are applied before savings plans, and a savings plan to the usage with the greatest
discount first, up to its hourly commitment. Both are used or lost each hour.
"""

from __future__ import annotations

from trueup.adapter.rating import BenefitRule

PLANS = (
    "https://learn.microsoft.com/azure/cost-management-billing/savings-plan/discount-application"
)
RESERVED = (
    "https://learn.microsoft.com/azure/cost-management-billing/reservations/"
    "understand-reservation-charges"
)

rules = (
    BenefitRule(
        name="reservation",
        source=RESERVED,
        types="reservation",
        stage=1,
        eligible={"ServiceName": "."},
        consumes="units",
    ),
    BenefitRule(
        name="savings_plan",
        source=PLANS,
        types="savings ?plan",
        stage=2,
        eligible={"ServiceName": "."},
    ),
)
