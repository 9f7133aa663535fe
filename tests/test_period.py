"""Periods and instants: every form, UTC, half-open, exact on the calendar."""

# ruff: noqa: DTZ001 - times without a zone are what is tested here

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UsageError
from trueup.period import (
    KINDS,
    Period,
    add_months,
    interval_boundary,
    interval_end,
    interval_kind,
    interval_start,
    intervals_in,
    iso,
    kind_of,
    later,
    parse_instant,
    parse_period,
    split_share,
)

pytestmark = pytest.mark.smoke  # exact on every Python, with the lowest dependencies

INSTANTS = st.datetimes(
    min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)
)
REPEATED = st.sampled_from([kind for kind in KINDS if kind != "full period"])


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-Q4", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-q1", "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"),
        ("2026-10", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-10-03", "2026-10-03T00:00:00Z", "2026-10-04T00:00:00Z"),
        ("2026-10-03T14", "2026-10-03T14:00:00Z", "2026-10-03T15:00:00Z"),
        ("2026-10-01/2026-10-16", "2026-10-01T00:00:00Z", "2026-10-16T00:00:00Z"),
        (
            "2026-10-01T02:00+02:00/2026-10-01T00:30:15.5Z",
            "2026-10-01T00:00:00Z",
            "2026-10-01T00:30:15.500000Z",
        ),
        (date(2026, 10, 3), "2026-10-03T00:00:00Z", "2026-10-04T00:00:00Z"),
        (("2026-10-01", date(2026, 10, 2)), "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"),
        ([datetime(2026, 1, 1), "2026-02-01"], "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
    ],
)
def test_a_period_is_read_in_every_form(value: Any, start: str, end: str) -> None:
    """Each form gives a half-open span in UTC."""
    period = parse_period(value)
    assert str(period) == f"{start}/{end}"
    assert parse_period(period) is period
    assert parse_period(str(period)) == period


@pytest.mark.parametrize(
    "value",
    [
        "",
        "October",
        "2026-13",
        "2026-00",
        "2026-Q5",
        "2026-02-30",
        "2026-10-03T24",
        "9999",
        "2026-10-02/2026-10-01",
        "2026-10-01/2026-10-01",
        "2026-10/2026-11",
        ("2026-10-01",),
        202610,
        datetime(2026, 10, 3),
        None,
    ],
)
def test_what_is_no_period_is_refused(value: Any) -> None:
    """A period that is unreadable, impossible, empty or backwards is an error."""
    with pytest.raises(UsageError):
        parse_period(value)


PERIOD_FORMS = (
    "a period is written as a year 2026, a quarter 2026-Q4, a month 2026-10, a day 2026-10-03, "
    "an hour 2026-10-03T14, START/END such as 2026-10-01/2026-10-16 (END is not in it), "
    "or a pair (START, END)"
)
INSTANT_FORMS = (
    "an instant is written as 2026-10-03, 2026-10-03T14, 2026-10-03T14:00 or 2026-10-03T14:00:00, "
    "with Z or an offset such as +02:00 where it is not UTC"
)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
EAST = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("call", "arguments", "says"),
    [
        (
            Period,
            (FIRST, FIRST),
            (
                "period 2026-01-01T00:00:00Z/2026-01-01T00:00:00Z: it must end after it starts "
                "(the end itself is not in it)"
            ),
        ),
        (parse_period, ("2026/10",), f"'2026' is not an instant: {INSTANT_FORMS}"),
        (parse_period, ("10-2026",), f"'10-2026' is not a period: {PERIOD_FORMS}"),
        (parse_period, (("2026-10-01",),), f"('2026-10-01',) is not a period: {PERIOD_FORMS}"),
        (parse_period, (202610,), f"202610 is not a period: {PERIOD_FORMS}"),
        (parse_instant, (7,), f"7 is not an instant: {INSTANT_FORMS}"),
        (
            parse_instant,
            ("2026-10-03T14:00:00.0000001",),
            "instant '2026-10-03T14:00:00.0000001': finer than a microsecond, which would be cut",
        ),
        (
            parse_instant,
            ("0001-01-01T00:00+01:00",),
            "instant 0001-01-01T00:00+01:00: outside the years 1 to 9999 in UTC",
        ),
        (
            parse_instant,
            (datetime(1, 1, 1, tzinfo=EAST),),
            "instant 0001-01-01 00:00:00+01:00: outside the years 1 to 9999 in UTC",
        ),
        (
            split_share,
            (FIRST, FIRST - timedelta(days=1), parse_period("2026")),
            "2026-01-01T00:00:00Z/2025-12-31T00:00:00Z: ends before it starts",
        ),
        (
            interval_kind,
            ("fortnightly",),
            (
                "fulfilment interval 'fortnightly': it is one of hourly, daily, weekly, monthly, "
                "quarterly, semi-annual, annual, full period"
            ),
        ),
        (
            interval_boundary,
            ("Annual", FIRST, 9000),
            "annual interval 9000 from 2026-01-01T00:00:00Z is out of range",
        ),
        (
            interval_boundary,
            ("Full Period", FIRST, 1),
            "a full period is one interval: it has no second one",
        ),
        (
            interval_start,
            ("Full Period", "2025-12-31", FIRST),
            "2025-12-31T00:00:00Z is before the period that starts at 2026-01-01T00:00:00Z",
        ),
    ],
)
def test_an_error_names_the_value_and_what_would_be_right(
    call: Any, arguments: tuple[Any, ...], says: str
) -> None:
    """Whoever mistypes a time is told what stood there, and the forms that there are."""
    with pytest.raises(UsageError) as caught:
        call(*arguments)
    assert str(caught.value) == says


def test_an_impossible_date_is_told_with_what_python_says_of_it() -> None:
    """Each Python has its own words for it; the value and the forms stand around them."""
    with pytest.raises(UsageError, match=r"^'9999' is not a period \(.+\): a period is written as"):
        parse_period("9999")
    with pytest.raises(UsageError, match=r"^'2026-02-30' is not an instant \(.+\): an instant is"):
        parse_instant("2026-02-30")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-10-03", "2026-10-03T00:00:00Z"),
        ("2026-10-03T14", "2026-10-03T14:00:00Z"),
        ("2026-10-03 14:05", "2026-10-03T14:05:00Z"),
        ("2026-10-03T14:05:06Z", "2026-10-03T14:05:06Z"),
        ("2026-10-03T14:05:06.000000000Z", "2026-10-03T14:05:06Z"),
        ("2026-10-03T14:05:06.25", "2026-10-03T14:05:06.250000Z"),
        ("2026-10-03T14:05:06.123456", "2026-10-03T14:05:06.123456Z"),
        ("2026-10-03T00:30:00+02:00", "2026-10-02T22:30:00Z"),
        ("2026-10-03T00:30:00-0330", "2026-10-03T04:00:00Z"),
        ("2026-10-03T00:30:00+02", "2026-10-02T22:30:00Z"),
        ("2026-10-03 14:05:06 UTC", "2026-10-03T14:05:06Z"),
        ("2026-10-03t14:05:06z", "2026-10-03T14:05:06Z"),
        (date(2026, 10, 3), "2026-10-03T00:00:00Z"),
        (datetime(2026, 10, 3, 14), "2026-10-03T14:00:00Z"),
        (datetime(2026, 10, 3, tzinfo=timezone(timedelta(hours=2))), "2026-10-02T22:00:00Z"),
    ],
)
def test_an_instant_is_utc_unless_it_says_otherwise(value: Any, expected: str) -> None:
    """No zone means UTC, never the machine's; an offset is converted."""
    instant = parse_instant(value)
    assert iso(instant) == expected
    assert instant.tzinfo is UTC


class Nowhere(tzinfo):
    """A zone that does not say how far it is from UTC, which Python allows."""

    def utcoffset(self, _at: datetime | None) -> None:
        return None

    def dst(self, _at: datetime | None) -> None:
        return None

    def tzname(self, _at: datetime | None) -> None:
        return None


def test_the_machines_zone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """In any local zone a time without one reads the same."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert iso(parse_instant("2026-10-03T14:00")) == "2026-10-03T14:00:00Z"
        assert iso(parse_instant(datetime(2026, 10, 3, 14))) == "2026-10-03T14:00:00Z"
        nowhere = datetime(2026, 10, 3, 14, tzinfo=Nowhere())
        assert iso(parse_instant(nowhere)) == "2026-10-03T14:00:00Z"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "2026-10",
        "2026-02-30",
        "2026-10-03T30:00",
        "2026-10-03T24:00",
        "2026-10-03T14:00:00.0000001",
        "0001-01-01T00:00+01:00",
        "2026-10-03T14:00+25:00",
        "5/1/25",
        7,
        None,
    ],
)
def test_what_is_no_instant_is_refused(value: Any) -> None:
    """Impossible dates, unknown forms and times finer than a microsecond are errors."""
    with pytest.raises(UsageError):
        parse_instant(value)


def test_a_while_later_ends_with_the_last_instant_there_is() -> None:
    """Past the year 9999 there is none; in UTC, as all of them."""
    noon = datetime(2026, 10, 3, 12, tzinfo=UTC)
    assert later(noon, timedelta(hours=2)) == datetime(2026, 10, 3, 14, tzinfo=UTC)
    last = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert later(noon, timedelta(days=365 * 9000)) == last


def test_nanoseconds_of_a_data_frame_are_not_cut() -> None:
    """A pandas timestamp with a nanosecond part is refused; without one it is read."""
    pandas = pytest.importorskip("pandas")
    assert iso(parse_instant(pandas.Timestamp("2026-10-03 14:00"))) == "2026-10-03T14:00:00Z"
    assert type(parse_instant(pandas.Timestamp("2026-10-03"))) is datetime
    with pytest.raises(UsageError, match="microsecond"):
        parse_instant(pandas.Timestamp("2026-10-03 14:00:00.000000001"))


def test_the_ends_of_a_period_are_instants_in_utc() -> None:
    """However they are given: 02:00 two hours east of Greenwich is midnight there."""
    period = Period(cast("Any", "2026-10-01T02:00+02:00"), datetime(2026, 10, 2))
    assert period.start == datetime(2026, 10, 1, tzinfo=UTC)
    assert period.end == datetime(2026, 10, 2, tzinfo=UTC)


def test_the_end_is_not_in_the_period() -> None:
    """A period holds its start, not its end."""
    october = parse_period("2026-10")
    assert october.start in october
    assert october.end not in october
    assert cast("Any", datetime(2026, 10, 31, 23, 59)) in october


def test_months_are_calendar_months() -> None:
    """From 31 January: 28 February in 2026, 29 in 2024, 31 March; back over a year's end."""
    assert add_months(datetime(2026, 1, 31, 9), 1) == datetime(2026, 2, 28, 9)
    assert add_months(datetime(2024, 1, 31), 1) == datetime(2024, 2, 29)
    assert add_months(datetime(2026, 1, 31), 2) == datetime(2026, 3, 31)
    assert add_months(datetime(2026, 1, 31), -2) == datetime(2025, 11, 30)


@pytest.mark.parametrize(
    ("kind", "start", "end", "count"),
    [
        ("Hourly", "2026-10-01", "2026-11-01", 31 * 24),
        ("Hourly", "2026-10-03T14:30", "2026-10-03T17:15", 2),
        ("Daily", "2026-10-01", "2026-11-01", 31),
        ("Weekly", "2026-10-01", "2026-11-01", 4),
        ("Monthly", "2026-01-31", "2027-01-31", 12),
        ("Monthly", "2026-01-31", "2026-02-28", 1),
        ("Monthly", "2026-10-15", "2026-11-14", 0),
        ("Quarterly", "2024-02-29", "2025-02-28", 4),
        ("Semi-Annual", "2026-01-01", "2029-01-01", 6),
        ("Annual", "2024-02-29", "2027-02-28", 3),
        ("Full Period", "2026-01-01", "2029-01-01", 1),
        ("Full Period", "2026-01-01", "2026-01-01", 0),
        ("Monthly", "2026-11-01", "2026-10-01", 0),
    ],
)
def test_whole_intervals_are_counted_on_the_calendar(
    kind: str, start: str, end: str, count: int
) -> None:
    """The number of whole intervals from the start of the term."""
    assert intervals_in(kind, start, end) == count


def test_intervals_may_be_anchored_elsewhere() -> None:
    """Months from the 15th: October holds none whole; 1 October to 20 December holds two."""
    assert intervals_in("Monthly", "2026-10-01", "2026-11-01", anchor="2026-01-15") == 0
    assert intervals_in("Monthly", "2026-10-01", "2026-12-20", anchor="2026-01-15") == 2
    assert intervals_in("Hourly", "2026-10-01T00:30", "2026-10-01T03:00", anchor="2026-10-01") == 2


@pytest.mark.parametrize(
    ("kind", "instant", "start", "end"),
    [
        ("hourly", "2026-10-03T14:59", "2026-10-03T14:00:00Z", "2026-10-03T15:00:00Z"),
        ("daily", "2026-10-03T14:59", "2026-10-03T00:00:00Z", "2026-10-04T00:00:00Z"),
        ("weekly", "2026-10-09", "2026-10-08T00:00:00Z", "2026-10-15T00:00:00Z"),
        ("monthly", "2026-10-31T23:00", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("monthly", "2026-09-30T23:00", "2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("quarterly", "2027-01-01", "2027-01-01T00:00:00Z", "2027-04-01T00:00:00Z"),
        ("annual", "2028-01-01", "2027-10-01T00:00:00Z", "2028-06-01T00:00:00Z"),
        ("full period", "2027-01-01", "2026-10-01T00:00:00Z", "2028-06-01T00:00:00Z"),
    ],
)
def test_an_instant_lies_in_one_interval(kind: str, instant: str, start: str, end: str) -> None:
    """Intervals counted from 1 October 2026 in a term that ends on 1 June 2028."""
    assert iso(interval_start(kind, instant, "2026-10-01")) == start
    assert iso(interval_end(kind, instant, "2026-10-01", "2028-06-01")) == end


def test_the_name_of_an_interval_is_read_as_it_is_written() -> None:
    """In any case and with any hyphens."""
    assert interval_kind("SEMI ANNUAL") == "semi-annual"
    assert interval_kind("FullPeriod") == "full period"


def test_a_full_period_has_one_interval() -> None:
    """It starts where it is anchored, and holds its own start."""
    assert interval_boundary("Full Period", FIRST, 0) == FIRST
    assert interval_start("Full Period", FIRST, FIRST) == FIRST


@given(REPEATED, INSTANTS, INSTANTS)
def test_intervals_tile_time(kind: str, anchor: datetime, instant: datetime) -> None:
    """Each instant lies in exactly one interval, which begins where the one before ends."""
    start = interval_start(kind, instant, anchor)
    end = interval_end(kind, instant, anchor, datetime(9000, 1, 1, tzinfo=UTC))
    assert start <= instant < end
    assert interval_start(kind, start, anchor) == start
    assert interval_start(kind, end, anchor) == end


@given(REPEATED, INSTANTS, st.integers(min_value=0, max_value=400))
def test_a_term_of_n_intervals_holds_n(kind: str, anchor: datetime, number: int) -> None:
    """Between the anchor and boundary n there are n whole intervals."""
    assert intervals_in(kind, anchor, interval_boundary(kind, anchor, number)) == number


@given(st.lists(INSTANTS, min_size=4, max_size=9, unique=True))
def test_the_shares_of_adjoining_windows_sum_to_the_whole(instants: list[datetime]) -> None:
    """A charge cut at any instants keeps all of its time, exactly."""
    start, *cuts, end = sorted(instants)
    edges = [datetime(1999, 1, 1, tzinfo=UTC), *cuts, datetime(2101, 1, 1, tzinfo=UTC)]
    windows = [Period(*pair) for pair in pairwise(edges)]
    shares = [split_share(start, end, window) for window in windows]
    assert sum(shares) == 1
    assert all(0 <= share <= 1 for share in shares)


def test_a_straddling_charge_is_split_by_time() -> None:
    """23:30 to 01:00 is 90 minutes, of which 60 lie in October: two thirds."""
    october = parse_period("2026-10")
    start, end = datetime(2026, 9, 30, 23, 30), datetime(2026, 10, 1, 1)
    assert split_share(start, end, october) == Fraction(2, 3)
    assert split_share(end, datetime(2026, 10, 2), october) == 1
    assert split_share(start, start + timedelta(minutes=30), october) == 0


def test_an_instant_is_wholly_in_or_out() -> None:
    """A charge without duration belongs to the period that holds its start."""
    october = parse_period("2026-10")
    assert split_share(october.start, october.start, october) == 1
    assert split_share(october.end, october.end, october) == 0


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2026", "annual"),
        ("2026-Q4", "quarterly"),
        ("2026-02", "monthly"),
        ("2026-10-03", "daily"),
        ("2026-10-03T14", "hourly"),
        ("2026-10-01/2026-10-29", "other"),
        ("2026-10-05/2026-11-05", "other"),
        ("2026-10-01/2026-12-01", "other"),
        ("2026-07-01/2027-01-01", "semi-annual"),
    ],
)
def test_the_kind_of_a_period(text: str, kind: str) -> None:
    """A whole year, half, quarter, month, day or hour of the calendar; else its own dates."""
    assert kind_of(parse_period(text)) == kind
