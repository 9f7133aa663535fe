"""Cost Explorer: what AWS itself says was used of each Savings Plan, by the day.

Each request costs the account 0.01 USD: one a day of the period, and one for the whole of it, by
which the days are checked. Hours are not to be had: the enumeration has HOURLY, the operation
refuses it.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetSavingsPlansUtilizationDetails.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from trueup.adapter.feed import UTILIZATION, Answer, Asking, BrokenAnswer, Changed, Feed, Page, Row

DETAILS = "ce:GetSavingsPlansUtilizationDetails"
TOTAL = "ce:GetSavingsPlansUtilization"
PAGE_ROWS = 100  # the default is 20


def days(asking: Asking) -> Iterator[tuple[str, str]]:
    """The period's whole days in UTC, each as the first day and the day after."""
    day, last = asking.period.start.date(), asking.period.end.date()
    while day < last:
        yield day.isoformat(), _next(day).isoformat()
        day = _next(day)


def _next(day: date) -> date:
    return day + timedelta(days=1)


def _fetch(asking: Asking) -> Iterator[Answer]:
    for start, end in days(asking):

        def page(token: str | None, start: str = start, end: str = end) -> Page:
            more = {"NextToken": token} if token else {}
            body = asking.connection.ask(
                "ce",
                "get_savings_plans_utilization_details",
                TimePeriod={"Start": start, "End": end},
                MaxResults=PAGE_ROWS,
                **more,
            )
            return Page(body, Answer("", {}, 0, body).json().get("NextToken"))

        yield from asking.pages(DETAILS, page, start=start, end=end)
    start, end = asking.period.start.date().isoformat(), asking.period.end.date().isoformat()
    yield asking.once(
        TOTAL,
        lambda: asking.connection.ask(
            "ce",
            "get_savings_plans_utilization",
            TimePeriod={"Start": start, "End": end},
            Granularity="MONTHLY",
        ),
        start=start,
        end=end,
    )


def _details(answers: Sequence[Answer]) -> Iterator[tuple[Answer, dict[str, Any]]]:
    for answer in answers:
        if answer.operation != DETAILS:
            continue
        found = answer.json().get("SavingsPlansUtilizationDetails")
        if found is None:
            raise BrokenAnswer(f"{DETAILS} without SavingsPlansUtilizationDetails")
        yield from ((answer, item) for item in found)


def _check(answers: Sequence[Answer]) -> None:
    """The plans' days add up to the total that Cost Explorer gives for the whole period."""
    total = next(answer for answer in answers if answer.operation == TOTAL).json()["Total"]
    for key in ("TotalCommitment", "UsedCommitment", "UnusedCommitment"):
        days_sum = sum(
            (Decimal(item["Utilization"][key]) for _, item in _details(answers)), Decimal(0)
        )
        if days_sum != Decimal(total["Utilization"][key]):
            raise Changed(
                f"{key}: the days make {days_sum}, the period {total['Utilization'][key]}"
            )


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    for answer, item in _details(answers):
        used = item["Utilization"]
        yield {
            "provider": "aws",
            "commitment_id": item["SavingsPlanArn"],
            "interval_start": f"{answer.asked['start']}T00:00:00Z",
            "interval_end": f"{answer.asked['end']}T00:00:00Z",
            "committed": used["TotalCommitment"],
            "used": used["UsedCommitment"],
            "unused": used["UnusedCommitment"],
            "unit": "USD",
            "currency": "USD",
            "operation": answer.operation,
        }


savings_plans = Feed(
    name="savings-plans-utilization",
    gives=UTILIZATION,
    operations={DETAILS: DETAILS, TOTAL: TOTAL},
    fetch=_fetch,
    normalise=_normalise,
    check=_check,
)
