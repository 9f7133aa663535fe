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
    NO_DATA,
    Figures,
    Span,
    adds_up,
    asked,
    by_day,
    manner,
    spans,
    time,
    used_of,
    whole,
)
from trueup.providers.aws.reading import amount, items_of, need, pages

USE = "ce:GetReservationUtilization"
HOURS = ("PurchasedHours", "TotalActualHours", "UnusedHours")
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
    total = asking.once(
        USE,
        lambda: asking.connection.ask(
            "ce",
            "get_reservation_utilization",
            unless=NO_DATA,
            TimePeriod=time(span),
            Granularity="DAILY",
            Filter=only,
        ),
        **asked(span),
        service=service,
    )
    yield total
    call = "ce", "get_reservation_utilization", REGION
    for one in spans(asking, span, _daily(total), HOURS[0]):
        yield from pages(
            asking,
            USE,
            call,
            "UtilizationsByTime",
            asked(one) | {"service": service, "by": EACH},
            next_key="NextPageToken",
            TimePeriod=time(one),
            GroupBy=[{"Type": "DIMENSION", "Key": "SUBSCRIPTION_ID"}],
            Filter=only,
        )


def _daily(total: Answer) -> dict[str, Figures]:
    return by_day(total, "UtilizationsByTime", "Total")


def _groups(answers: Sequence[Answer]) -> Iterator[tuple[Answer, dict[str, Any]]]:
    each = [answer for answer in answers if answer.asked.get("by") == EACH]
    for answer, stretch in items_of(each, USE, "UtilizationsByTime"):
        yield from ((answer, group) for group in stretch.get("Groups") or ())


def _check(answers: Sequence[Answer]) -> None:
    """The reservations of a service add up to what it says of each day, and of the period."""
    for total in (answer for answer in answers if "by" not in answer.asked):
        daily = _daily(total)
        if daily:
            parts = (
                (answer, need(group, "Utilization"))
                for answer, group in _groups(answers)
                if answer.asked["service"] == total.asked["service"]
            )
            adds_up(total, daily, parts, need(total.json(), "Total"), HOURS)


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    """A row in hours and, where there are any, one in normalised units."""
    for answer, group in _groups(answers):
        # The spelling of the attributes' names was seen in two ways.
        about = {name.lower(): value for name, value in group.get("Attributes", {}).items()}
        name = about.get("reservationarn") or need(group, "Value")
        used = need(group, "Utilization")
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
