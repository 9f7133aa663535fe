"""What Cost Explorer says was used of each reservation, in instance-hours and normalised units.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetReservationUtilization.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trueup.adapter.feed import UTILIZATION, Answer, Asking, Feed, Row
from trueup.providers.aws.client import REGION
from trueup.providers.aws.commitments import INSTANCES, NORMALIZED
from trueup.providers.aws.cost_explorer import (
    NEVER,
    Figures,
    Span,
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
from trueup.providers.aws.reading import amount, items_of, listed, need, pages

USE = "ce:GetReservationUtilization"
HOURS = ("PurchasedHours", "TotalActualHours", "UnusedHours")
DAYS = "UtilizationsByTime"
UNITS = ("PurchasedUnits", "TotalActualUnits", "UnusedUnits")
EACH = "reservation"  # said of an answer by reservation; the others are totals


def _fetch(asking: Asking) -> Iterator[Answer]:
    """Each service by itself: the operation takes one, and without it means EC2 alone."""
    span = whole(asking)
    if span is None or manner(asking) == NEVER:
        return
    for service in asking.settings["reserved_services"]:
        yield from _of_service(asking, service, span)


def _of_service(asking: Asking, service: str, span: Span) -> Iterator[Answer]:
    only = {"Dimensions": {"Key": "SERVICE", "Values": [service]}}
    whole_of = USE, "get_reservation_utilization"
    said = {"service": service}
    yield (all_held := total(asking, whole_of, DAYS, span, said, Filter=only))
    call = "ce", "get_reservation_utilization", REGION
    for one in spans(asking, span, _daily(all_held), HOURS[0]):
        yield from pages(
            asking,
            USE,
            call,
            DAYS,
            asked(one) | said | {"by": EACH},
            next_key="NextPageToken",
            TimePeriod=time(one),
            GroupBy=[{"Type": "DIMENSION", "Key": "SUBSCRIPTION_ID"}],
            Filter=only,
        )


def _daily(answer: Answer) -> dict[str, Figures]:
    return by_day(answer, DAYS, "Total")


def _groups(answers: Sequence[Answer]) -> Iterator[tuple[Answer, dict[str, Any]]]:
    each = [answer for answer in answers if answer.asked.get("by") == EACH]
    for answer, stretch in items_of(each, USE, DAYS):
        yield from ((answer, group) for group in listed(stretch, "Groups"))


def _check(answers: Sequence[Answer]) -> None:
    """The reservations of a service add up to what it says of each day, and of the period."""
    for whole_of in (answer for answer in answers if "by" not in answer.asked):
        daily = _daily(whole_of)
        if daily:
            parts = (
                (answer, need(group, "Utilization"))
                for answer, group in _groups(answers)
                if answer.asked["service"] == whole_of.asked["service"]
            )
            adds_up(whole_of, daily, parts, need(whole_of.json(), "Total"), HOURS)


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    """A row in hours and, where there are any, one in normalised units."""
    for answer, group in _groups(answers):
        # The spelling of the attributes' names was seen in two ways.
        used = need(group, "Utilization")
        about = {name.lower(): value for name, value in (group.get("Attributes") or {}).items()}
        name = about.get("reservationarn") or need(group, "Value")
        for figures, unit in (HOURS, INSTANCES), (UNITS, NORMALIZED):
            if used.get(figures[0]) and amount(used[figures[0]]):
                yield used_of(name, answer.asked, used, figures) | {"unit": unit, "operation": USE}


feed = Feed(
    name="reservations-utilization",
    gives=UTILIZATION,
    operations={USE: USE},
    fetch=_fetch,
    normalise=_normalise,
    check=_check,
    needs=("reserved_services",),
)
