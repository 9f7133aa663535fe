"""What Cost Explorer says was used of each Savings Plan.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetSavingsPlansUtilization.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetSavingsPlansUtilizationDetails.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trueup.adapter.feed import UTILIZATION, Answer, Asking, Feed, Row
from trueup.providers.aws.client import REGION
from trueup.providers.aws.cost_explorer import (
    NEVER,
    NO_DATA,
    Figures,
    adds_up,
    asked,
    by_day,
    manner,
    spans,
    time,
    used_of,
    whole,
)
from trueup.providers.aws.reading import items_of, need, pages

DETAILS = "ce:GetSavingsPlansUtilizationDetails"
TOTAL = "ce:GetSavingsPlansUtilization"
FIGURES = ("TotalCommitment", "UsedCommitment", "UnusedCommitment")
PAGE_ROWS = 100  # the default is 20


def _fetch(asking: Asking) -> Iterator[Answer]:
    span = whole(asking)
    if span is None or manner(asking) == NEVER:
        return
    total = asking.once(
        TOTAL,
        lambda: asking.connection.ask(
            "ce",
            "get_savings_plans_utilization",
            unless=NO_DATA,
            TimePeriod=time(span),
            Granularity="DAILY",
        ),
        **asked(span),
    )
    yield total
    call = "ce", "get_savings_plans_utilization_details", REGION
    for one in spans(asking, span, _daily(total), FIGURES[0]):
        yield from pages(
            asking,
            DETAILS,
            call,
            "SavingsPlansUtilizationDetails",
            asked(one),
            next_key="NextToken",
            TimePeriod=time(one),
            MaxResults=PAGE_ROWS,
        )


def _daily(total: Answer) -> dict[str, Figures]:
    return by_day(total, "SavingsPlansUtilizationsByTime", "Utilization")


def _plans(answers: Sequence[Answer]) -> Iterator[tuple[Answer, dict[str, Any]]]:
    return items_of(answers, DETAILS, "SavingsPlansUtilizationDetails")


def _check(answers: Sequence[Answer]) -> None:
    """The plans add up to what Cost Explorer says of each day, and of the period."""
    for total in (answer for answer in answers if answer.operation == TOTAL):
        daily = _daily(total)
        if daily:
            parts = ((answer, need(item, "Utilization")) for answer, item in _plans(answers))
            stated = need(need(total.json(), "Total"), "Utilization")
            adds_up(total, daily, parts, stated, FIGURES)


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    for answer, item in _plans(answers):
        used = need(item, "Utilization")
        yield used_of(need(item, "SavingsPlanArn"), answer.asked, used, FIGURES) | {
            "unit": "USD",
            "currency": "USD",
            "operation": DETAILS,
        }


feed = Feed(
    name="savings-plans-utilization",
    gives=UTILIZATION,
    operations={DETAILS: DETAILS, TOTAL: TOTAL},
    fetch=_fetch,
    normalise=_normalise,
    check=_check,
)
