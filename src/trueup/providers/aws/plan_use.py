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
    Figures,
    adds_up,
    asked,
    by_day,
    manner,
    spans,
    time,
    total,
    used_of,
    whole,
)
from trueup.providers.aws.reading import items_of, need, pages

DETAILS = "ce:GetSavingsPlansUtilizationDetails"
TOTAL = "ce:GetSavingsPlansUtilization"
FIGURES = ("TotalCommitment", "UsedCommitment", "UnusedCommitment")
DAYS, EACH = "SavingsPlansUtilizationsByTime", "SavingsPlansUtilizationDetails"
PAGE_ROWS = 100  # the default is 20


def _fetch(asking: Asking) -> Iterator[Answer]:
    span = whole(asking)
    if span is None or manner(asking) == NEVER:
        return
    whole_of = TOTAL, "get_savings_plans_utilization"
    yield (all_plans := total(asking, whole_of, DAYS, span, {}))
    call = "ce", "get_savings_plans_utilization_details", REGION
    for one in spans(asking, span, _daily(all_plans), FIGURES[0]):
        yield from pages(
            asking,
            DETAILS,
            call,
            EACH,
            asked(one),
            next_key="NextToken",
            TimePeriod=time(one),
            MaxResults=PAGE_ROWS,
        )


def _daily(answer: Answer) -> dict[str, Figures]:
    return by_day(answer, DAYS, "Utilization")


def _plans(answers: Sequence[Answer]) -> Iterator[tuple[Answer, dict[str, Any]]]:
    return items_of(answers, DETAILS, EACH)


def _check(answers: Sequence[Answer]) -> None:
    """The plans add up to what Cost Explorer says of each day, and of the period."""
    for whole_of in (answer for answer in answers if answer.operation == TOTAL):
        daily = _daily(whole_of)
        if daily:
            parts = ((answer, need(item, "Utilization")) for answer, item in _plans(answers))
            stated = need(need(whole_of.json(), "Total"), "Utilization")
            adds_up(whole_of, daily, parts, stated, FIGURES)


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
