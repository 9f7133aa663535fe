"""What Azure itself says was used of each reservation: hours a day, checked against its instances.

An answer of the details may not be larger than 12 MB, or it is refused with 400: they are asked
for in windows of a few days.
https://learn.microsoft.com/en-us/rest/api/consumption/reservations-summaries/list-by-reservation-order
https://learn.microsoft.com/en-us/rest/api/consumption/reservations-details/list-by-reservation-order
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from trueup.adapter.feed import UTILIZATION, Answer, Asking, Changed, Feed, Page, Row
from trueup.providers.azure import shape
from trueup.providers.azure.client import connected
from trueup.providers.azure.reservations import (
    OPERATIONS,
    ORDERS,
    order_names,
    orders,
    reservation_id,
)
from trueup.providers.azure.shape import Item

SUMMARIES = "ReservationsSummaries_ListByReservationOrder"
DETAILS = "ReservationsDetails_ListByReservationOrder"
WINDOW_DAYS = 7
ROUNDED_HOURS = Decimal("0.01")  # how far an instance's hours may be rounded

Day = tuple[str, date]  # a reservation's id and a day


def windows(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Runs of at most ``WINDOW_DAYS`` days, both ends included."""
    while first <= last:
        end = min(last, first + (WINDOW_DAYS - 1) * shape.DAY)
        yield first, end
        first = end + shape.DAY


def _fetch(asking: Asking) -> Iterator[Answer]:
    listed = list(orders(asking))
    yield from listed
    first, last = shape.days(asking)
    for order in order_names(listed):
        yield from _pages(asking, SUMMARIES, order, first, last)
        for start, end in windows(first, last):
            yield from _pages(asking, DETAILS, order, start, end)


def _pages(asking: Asking, operation: str, order: str, first: date, last: date) -> Iterator[Answer]:
    of_summaries = operation == SUMMARIES
    group = "reservations_summaries" if of_summaries else "reservations_details"
    name = "usageDate" if of_summaries else "UsageDate"
    more = {"grain": "daily"} if of_summaries else {}

    def page(token: str | None) -> Page:
        return connected(asking).page(
            "consumption", group, "list_by_reservation_order", token,
            reservation_order_id=order,
            filter=f"properties/{name} ge {first} AND properties/{name} le {last}",
            **more,
        )  # fmt: skip

    yield from asking.pages(
        operation, page, order=order, start=first.isoformat(), end=last.isoformat()
    )


def _day(item: Item) -> Day:
    """The reservation and day that an item tells of."""
    identifier = reservation_id(
        shape.text(item, "properties", "reservationOrderId"),
        shape.text(item, "properties", "reservationId"),
    )
    return identifier, shape.day_of(shape.text(item, "properties", "usageDate"))


def _check(answers: Sequence[Answer]) -> None:
    """The hours of a reservation's instances add up to those of its day."""
    found: dict[Day, list[str]] = defaultdict(list)
    for item in shape.items(answers, DETAILS):
        found[_day(item)].append(shape.needed_amount(item, "properties", "usedHours"))
    told: set[Day] = set()
    for item in shape.items(answers, SUMMARIES):
        day = _day(item)
        if day in told:
            raise Changed(f"{day[0]} on {day[1]}: two summaries")
        told.add(day)
        used = shape.plus([shape.needed_amount(item, "properties", "usedHours")])
        hours = shape.plus(found[day])
        if abs(hours - used) > ROUNDED_HOURS * (len(found[day]) + 1):
            raise Changed(f"{day[0]} on {day[1]}: {used} hours, its instances make {hours}")
    if found.keys() - told:
        raise Changed(f"{len(found.keys() - told)} days have details and no summary")


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    for item in shape.items(answers, SUMMARIES):
        identifier, day = _day(item)
        reserved = shape.needed_amount(item, "properties", "reservedHours")
        used = shape.needed_amount(item, "properties", "usedHours")
        yield {
            "provider": "azure",
            "commitment_id": identifier,
            "interval_start": shape.midnight(day),
            "interval_end": shape.midnight(day + shape.DAY),
            "committed": reserved,
            "used": used,
            "unused": shape.minus(reserved, used),
            "unit": "Hours",
            "operation": SUMMARIES,
        }


hours = Feed(
    name="reservation-hours",
    gives=UTILIZATION,
    operations={
        ORDERS: OPERATIONS[ORDERS],
        SUMMARIES: "Microsoft.Consumption/reservationSummaries/read",
        DETAILS: "Microsoft.Consumption/reservationDetails/read",
    },
    fetch=_fetch,
    normalise=_normalise,
    check=_check,
)
