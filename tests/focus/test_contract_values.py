"""Instants of a contract that states the zone of its times, and the tables within it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from trueup.focus.contract import Contract, _tables
from trueup.focus.contract_values import in_zone

BERLIN = ZoneInfo("Europe/Berlin")
MIDNIGHT = datetime(2026, 9, 30, 22, tzinfo=UTC)  # of 1 October there, in summer time


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (date(2026, 10, 1), MIDNIGHT),
        ("2026-10-01", MIDNIGHT),
        (" 2026-10-01T00:00:00 ", MIDNIGHT),
        (datetime(2026, 10, 1), MIDNIGHT),  # noqa: DTZ001
        ("2026-12-01", datetime(2026, 11, 30, 23, tzinfo=UTC)),  # in winter time
        ("2026-10-01T00:00:00Z", datetime(2026, 10, 1, tzinfo=UTC)),
        (
            datetime(2026, 10, 1, tzinfo=timezone(timedelta(hours=-5))),
            datetime(2026, 10, 1, 5, tzinfo=UTC),
        ),
    ],
)
def test_an_instant_without_a_zone_is_of_the_contracts(value: object, expected: datetime) -> None:
    """A date is its midnight there; what has a zone keeps it."""
    found = in_zone({"start": value}, BERLIN)["start"]
    assert found.astimezone(UTC) == expected


@pytest.mark.parametrize("value", ["soon", 7, None])
def test_what_is_no_instant_stays_for_the_one_who_reads_it(value: object) -> None:
    """It is said to be wrong there, as it was written."""
    assert in_zone({"start": value}, BERLIN) == {"start": value}


def test_the_tables_within_are_of_the_same_zone() -> None:
    """Lots and adjustments; a name that looks like a day is no instant."""
    table = {
        "id": "2026-10-01",
        "lots": [{"id": "a", "start": date(2026, 10, 1)}],
        "eligible": {"include": {"at": "^x"}},
        "adjustments": [{"at": "2026-10-01", "quantity": 1}],
    }
    found: dict[str, Any] = in_zone(table, BERLIN)
    assert found["id"] == "2026-10-01"
    assert found["lots"][0]["start"].astimezone(UTC) == MIDNIGHT
    assert found["adjustments"] == [{"at": MIDNIGHT, "quantity": 1}]
    assert found["eligible"] == {"include": {"at": "^x"}}


def test_the_tables_of_a_key_are_those_that_its_type_names() -> None:
    """Of a list of tables that may be left out the table; of a table of texts none."""
    assert list(_tables(tuple[Contract, ...] | None)) == [Contract]
    assert list(_tables(dict[str, str])) == []
