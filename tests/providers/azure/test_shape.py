"""Numbers, instants and ids of raw answers: exact, or a broken answer."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.providers.azure.conftest import Stage, world_of
from tests.twin import azure
from tests.twin.exchange import Request, Response

from trueup.adapter.feed import Answer, BrokenAnswer
from trueup.fetch.asking import Asker
from trueup.fetch.settings import connector_of
from trueup.period import Period
from trueup.providers.azure import reserved_hours, shape

LONG = "0.1234567890123456789"


def asking(start: str, end: str, at: str = "2027-06-01T00:00:00Z") -> Asker:
    period = Period(datetime.fromisoformat(start), datetime.fromisoformat(end))
    return Asker("azure", connector_of("azure"), None, {}, period, datetime.fromisoformat(at))


def test_digits_survive_that_the_sdk_loses(stage: Stage) -> None:
    """The SDK's model says Decimal, but its number came through a float; ours did not."""
    from azure.mgmt.consumption.models import LotSummary

    right = azure.answerer(world_of(7))
    bodies: list[bytes] = []

    def precise(request: Request) -> Response:
        response = right(request)
        body = response.body.replace(b"900000.00", LONG.encode())
        bodies.append(body)
        return Response(body, response.status, response.headers)

    assert f",{LONG}," in stage.one("agreements", precise)
    read = LotSummary._deserialize(json.loads(bodies[0])["value"][0], [])
    assert read.properties.original_amount.value == Decimal("0.12345678901234568")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"1000", "1000"),
        (b"1000.50", "1000.50"),
        (b"1.5E+3", "1500"),
        (b"-0.10", "-0.10"),
        (LONG.encode(), LONG),
        (b"null", None),
    ],
)
def test_amounts_keep_their_digits(written: bytes, text: str | None) -> None:
    """As they are written, only without an exponent."""
    item = Answer("", {}, 1, b'{"a": {"b": ' + written + b"}}").json()
    assert shape.amount(item, "a", "b") == text


@pytest.mark.parametrize("wrong", [b"true", b'"5"', b"[5]", b"NaN", b"Infinity"])
def test_what_is_no_number_is_a_broken_answer(wrong: bytes) -> None:
    """Neither true nor text, nor what JSON has no word for."""
    item = Answer("", {}, 1, b'{"a": ' + wrong + b"}").json()
    with pytest.raises(BrokenAnswer, match="not a number"):
        shape.amount(item, "a")


@pytest.mark.parametrize(
    ("read", "item"),
    [
        (shape.text, {}),
        (shape.text, {"a": None}),
        (shape.text, {"a": {"b": None}}),
        (shape.text, {"a": "b"}),
        (shape.text, {"a": {"b": 5}}),
        (shape.needed_amount, {"a": {}}),
        (shape.needed_instant, {"a": {"b": None}}),
    ],
)
def test_what_must_be_there_and_is_not_is_a_broken_answer(read: Any, item: dict[str, Any]) -> None:
    """At any step of the path."""
    with pytest.raises(BrokenAnswer):
        read(item, "a", "b")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2026-09-01T09:20:23.8134834Z", "2026-09-01T09:20:23.813483Z"),
        ("2026-09-01T00:00:00.0000000Z", "2026-09-01T00:00:00Z"),
        ("2026-09-01T00:00:00.50Z", "2026-09-01T00:00:00.5Z"),
        ("2026-09-01T00:00:00Z", "2026-09-01T00:00:00Z"),
    ],
)
def test_instants_are_cut_to_microseconds(written: str, kept: str) -> None:
    """The services write seven decimals, of which a timestamp holds six."""
    assert shape.instant({"a": written}, "a") == kept


@pytest.mark.parametrize(
    "written",
    [
        "/providers/Microsoft.Capacity/reservationOrders/3b9e/reservations/x",
        "/providers/microsoft.capacity/reservationorders/3b9e/reservations/x",
        "providers/MICROSOFT.CAPACITY/reservationOrders/3b9e/Reservations/x",
    ],
)
def test_ids_are_read_in_any_case(written: str) -> None:
    """The names in them stay as they are."""
    kinds = ("reservationOrders", "reservations")
    assert shape.resource(written, "Microsoft.Capacity", *kinds) == ("3b9e", "x")


def test_another_id_is_a_broken_answer() -> None:
    """Nothing is guessed from its end."""
    with pytest.raises(BrokenAnswer, match="is no id of"):
        shape.resource("/subscriptions/1", "Microsoft.Capacity", "reservationOrders")


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", ["2026-10"]),
        ("2026-10-31T23:00:00Z", "2026-11-01T01:00:00Z", ["2026-10", "2026-11"]),
        ("2026-12-15T00:00:00Z", "2027-02-01T00:00:00Z", ["2026-12", "2027-01"]),
        ("2026-10-05T04:00:00Z", "2026-10-05T05:00:00Z", ["2026-10"]),
    ],
)
def test_billing_months_that_a_period_touches(start: str, end: str, found: list[str]) -> None:
    """The end is not in it."""
    assert [f"{first:%Y-%m}" for first, _ in shape.months(asking(start, end))] == found


def test_hours_of_a_days_part_are_not_asked_for() -> None:
    """Days are given whole: the last one that ends within the period."""
    part = asking("2026-10-01T00:00:00Z", "2026-10-04T13:00:00Z")
    assert shape.days(part) == (date(2026, 10, 1), date(2026, 10, 3))


def test_what_is_to_come_is_not_asked_for() -> None:
    """Neither the rest of a month nor the months after it."""
    running = asking("2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z", "2026-11-03T06:00:00Z")
    assert shape.days(running) == (date(2026, 10, 1), date(2026, 11, 2))
    assert [first.month for first, _ in shape.months(running)] == [10, 11]


def test_windows_cover_a_month_once() -> None:
    """31 days in windows of 7: 7 + 7 + 7 + 7 + 3."""
    found = list(reserved_hours.windows(date(2026, 10, 1), date(2026, 10, 31)))
    assert [(last - first).days + 1 for first, last in found] == [7, 7, 7, 7, 3]
    assert [first.day for first, _ in found] == [1, 8, 15, 22, 29]
    assert list(reserved_hours.windows(date(2026, 10, 2), date(2026, 10, 1))) == []


def test_sums_and_products_are_exact() -> None:
    """Beyond the 28 digits of the usual context."""
    long = "12345678901234567890123456789.0123456789"
    assert shape.minus(long, "0.0000000001") == "12345678901234567890123456789.0123456788"
    assert shape.times(long, "0.01") == "123456789012345678901234567.890123456789"
    assert str(shape.plus([long, "1"])) == "12345678901234567890123456790.0123456789"
