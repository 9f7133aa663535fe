"""Periods and instants: UTC, half-open, exact on the calendar."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from trueup.errors import UsageError

Instant = datetime | date | str

FORMS = (
    "a period is written as a year 2026, a quarter 2026-Q4, a month 2026-10, a day 2026-10-03, "
    "an hour 2026-10-03T14, START/END such as 2026-10-01/2026-10-16 (END is not in it), "
    "or a pair (START, END)"
)
INSTANT_FORMS = (
    "an instant is written as 2026-10-03, 2026-10-03T14, 2026-10-03T14:00 or 2026-10-03T14:00:00, "
    "with Z or an offset such as +02:00 where it is not UTC"
)

_TICK = timedelta(microseconds=1)
_FIXED = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
_MONTHS = {"monthly": 1, "quarterly": 3, "semi-annual": 6, "annual": 12}
_FULL = "full period"
KINDS = (*_FIXED, *_MONTHS, _FULL)

# 24:00 is left out: newer Pythons read it in fromisoformat, older ones do not.
_INSTANT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<hour>[01]\d|2[0-3])"
    r"(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d+))?)?)?"
    r"\s?(?P<zone>Z|UTC|[+-]\d\d(?::?\d\d)?)?)?",
    re.IGNORECASE,
)
_REDUCED = re.compile(
    r"(?P<year>\d{4})(?:-(?:Q(?P<quarter>[1-4])|(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d)Z?)?)?))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Period:
    """The instants from ``start`` up to, not including, ``end``; both in UTC.

    Raises UsageError where start is not before end.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", parse_instant(self.start))
        object.__setattr__(self, "end", parse_instant(self.end))
        if self.start >= self.end:
            raise UsageError(
                f"period {self}: it must end after it starts (the end itself is not in it)"
            )

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= parse_instant(instant) < self.end

    def __str__(self) -> str:
        return f"{iso(self.start)}/{iso(self.end)}"


def kind_of(period: Period) -> str:
    """``hourly``, ``daily``, ``monthly``, ``quarterly``, ``annual`` ...; ``other`` by own dates."""
    length = period.end - period.start
    for kind in ("hourly", "daily"):
        if length == _FIXED[kind]:
            return kind
    start, end = period.start, period.end
    if all(
        at == at.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for at in (start, end)
    ):
        months = (end.year - start.year) * 12 + end.month - start.month
        return next((kind for kind, many in _MONTHS.items() if many == months), "other")
    return "other"


def iso(instant: datetime) -> str:
    """The instant as ``2026-10-03T14:00:00Z``, with a fraction of a second where it has one."""
    text = parse_instant(instant).replace(tzinfo=None).isoformat()
    return f"{text}Z"


def parse_instant(value: Instant) -> datetime:
    """An instant in UTC; without a zone it is UTC already, never local time; a date is midnight.

    Raises UsageError for any other form, for an impossible date and for more than six decimals
    of a second, which a timestamp cannot hold.
    """
    if isinstance(value, datetime):
        if getattr(value, "nanosecond", 0):
            raise UsageError(f"instant {value}: finer than a microsecond, which would be cut")
        return _utc(datetime.combine(value.date(), value.timetz()), value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is not an instant: {INSTANT_FORMS}")
    found = _INSTANT.fullmatch(value.strip())
    if found is None:
        raise UsageError(f"{value!r} is not an instant: {INSTANT_FORMS}")
    part = (found["part"] or "").rstrip("0")
    if len(part) > 6:
        raise UsageError(f"instant {value!r}: finer than a microsecond, which would be cut")
    text = (
        f"{found['date']}T{found['hour'] or '00'}:{found['minute'] or '00'}:"
        f"{found['second'] or '00'}.{part.ljust(6, '0')}{_zone(found['zone'])}"
    )
    try:
        return _utc(datetime.fromisoformat(text), value)
    except ValueError as error:
        raise UsageError(f"{value!r} is not an instant ({error}): {INSTANT_FORMS}") from error


def _zone(text: str | None) -> str:
    if text is None or text.upper() in ("Z", "UTC"):
        return "+00:00"
    digits = text[1:].replace(":", "").ljust(4, "0")
    return f"{text[0]}{digits[:2]}:{digits[2:]}"


def _utc(moment: datetime, given: object) -> datetime:
    if moment.tzinfo is None or moment.utcoffset() is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise UsageError(f"instant {given}: outside the years 1 to 9999 in UTC") from error


def later(instant: datetime, by: timedelta) -> datetime:
    """The instant and a while; the last one there is where that would be past the year 9999."""
    try:
        return instant + by
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def parse_period(value: Period | Instant | tuple[Instant, Instant] | list[Instant]) -> Period:
    """A period from any of its forms; raises UsageError that lists them."""
    if isinstance(value, Period):
        return value
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise UsageError(f"{value!r} is not a period: {FORMS}")
        return Period(parse_instant(value[0]), parse_instant(value[1]))
    if isinstance(value, date) and not isinstance(value, datetime):
        return _of(value.isoformat())
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is not a period: {FORMS}")
    start, slash, end = value.strip().partition("/")
    if slash:
        return Period(parse_instant(start), parse_instant(end))
    return _of(value.strip())


def _of(text: str) -> Period:
    found = _REDUCED.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is not a period: {FORMS}")
    year, quarter, month = int(found["year"]), int(found["quarter"] or 0), int(found["month"] or 1)
    try:
        if found["day"]:
            start = datetime(year, month, int(found["day"]), int(found["hour"] or 0), tzinfo=UTC)
            step = timedelta(hours=1) if found["hour"] else timedelta(days=1)
            return Period(start, start + step)
        first = 3 * quarter - 2 if quarter else month
        start = datetime(year, first, 1, tzinfo=UTC)
        return Period(start, add_months(start, 3 if quarter else 1 if found["month"] else 12))
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is not a period ({error}): {FORMS}") from error


def add_months(instant: datetime, months: int) -> datetime:
    """The same day and time ``months`` later; the month's last day where it has no such day."""
    year, month = divmod(instant.year * 12 + instant.month - 1 + months, 12)
    last_day = monthrange(year, month + 1)[1]
    return instant.replace(year=year, month=month + 1, day=min(instant.day, last_day))


def split_share(start: datetime, end: datetime, window: Period) -> Fraction:
    """The share of the time in [start, end) that lies in the window, from 0 to 1, exact.

    An instant (start equal to end) is wholly in or out. Raises UsageError where end is before
    start.
    """
    start, end = parse_instant(start), parse_instant(end)
    if end < start:
        raise UsageError(f"{iso(start)}/{iso(end)}: ends before it starts")
    if start == end:
        return Fraction(start in window)
    inside = min(end, window.end) - max(start, window.start)
    return max(Fraction(0), Fraction(inside // _TICK, (end - start) // _TICK))


def interval_kind(text: str) -> str:
    """A fulfilment interval by its name in ``KINDS``, however it is capitalised and hyphenated.

    Raises UsageError that lists the names.
    """
    plain = re.sub(r"[^a-z]", "", text.lower())
    for kind in KINDS:
        if plain == re.sub(r"[^a-z]", "", kind):
            return kind
    raise UsageError(f"fulfilment interval {text!r}: it is one of {', '.join(KINDS)}")


def interval_boundary(kind: str, anchor: datetime, number: int) -> datetime:
    """Where interval ``number`` (0 is the one that starts at the anchor) begins.

    Months are calendar months from the anchor's day, or the month's last day where it is
    shorter: from 31 January monthly intervals begin on 28 February and 31 March.
    """
    kind = interval_kind(kind)
    anchor = parse_instant(anchor)
    try:
        if kind in _FIXED:
            return anchor + number * _FIXED[kind]
        if kind in _MONTHS:
            return add_months(anchor, number * _MONTHS[kind])
    except (OverflowError, ValueError) as error:
        raise UsageError(f"{kind} interval {number} from {iso(anchor)} is out of range") from error
    if number:
        raise UsageError("a full period is one interval: it has no second one")
    return anchor


def _number_at(kind: str, instant: datetime, anchor: datetime) -> int:
    """The number of the interval that holds the instant; ``kind`` is not the full period."""
    if kind in _FIXED:
        return (instant - anchor) // _FIXED[kind]
    months = (instant.year - anchor.year) * 12 + instant.month - anchor.month
    number = months // _MONTHS[kind]
    return number if interval_boundary(kind, anchor, number) <= instant else number - 1


def interval_start(kind: str, instant: Instant, anchor: Instant) -> datetime:
    """The start of the fulfilment interval that holds the instant, counted from the anchor.

    The anchor is the start of the term, or any other boundary of an interval. A full period
    starts at the anchor, so an instant before it raises UsageError.
    """
    kind, instant, anchor = interval_kind(kind), parse_instant(instant), parse_instant(anchor)
    if kind != _FULL:
        return interval_boundary(kind, anchor, _number_at(kind, instant, anchor))
    if instant < anchor:
        raise UsageError(f"{iso(instant)} is before the period that starts at {iso(anchor)}")
    return anchor


def interval_end(kind: str, instant: Instant, anchor: Instant, term_end: Instant) -> datetime:
    """The end (exclusive) of the interval that holds the instant, at the latest the term's end."""
    kind, instant, anchor = interval_kind(kind), parse_instant(instant), parse_instant(anchor)
    end = parse_instant(term_end)
    if kind == _FULL:
        return end
    following = interval_boundary(kind, anchor, _number_at(kind, instant, anchor) + 1)
    return min(following, end)


def intervals_in(kind: str, start: Instant, end: Instant, anchor: Instant | None = None) -> int:
    """How many whole fulfilment intervals lie in [start, end), counted from the anchor.

    Without an anchor intervals begin at ``start``. A full period is one interval, whatever its
    length. Zero where end is not after start.
    """
    kind, start, end = interval_kind(kind), parse_instant(start), parse_instant(end)
    if start >= end:
        return 0
    if kind == _FULL:
        return 1
    anchor = start if anchor is None else parse_instant(anchor)
    first = _number_at(kind, start, anchor)
    if interval_boundary(kind, anchor, first) < start:
        first += 1
    return max(0, _number_at(kind, end, anchor) - first)
