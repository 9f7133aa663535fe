"""The values of contracts typed by hand: exact amounts, instants in UTC, words in any case."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field

INTERVALS = {
    "hourly": "Hourly",
    "daily": "Daily",
    "weekly": "Weekly",
    "monthly": "Monthly",
    "quarterly": "Quarterly",
    "semi-annual": "Semi-Annual",
    "annual": "Annual",
    "full period": "Full Period",
}

INTEGER_DIGITS_MAX = 20
DECIMALS_MAX = 18
INSTANTS = ("start", "end", "opening_at", "at", "due")  # keys whose value is one


def _amount(value: object) -> object:
    """An exact decimal that DECIMAL(38, 18) holds, from a TOML number or text."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError("must be a number, such as 1000 or 0.35")
    text = str(value).strip()
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text):
        raise ValueError("must be a plain number without separators, such as 1000 or 0.35")
    sign, figures, last = Decimal(text).as_tuple()
    significant = "".join(map(str, figures)).lstrip("0").rstrip("0")
    exponent = int(last) + len(figures) - len("".join(map(str, figures)).rstrip("0"))
    if not significant:
        return Decimal(0)
    if -exponent > DECIMALS_MAX or len(significant) + exponent > INTEGER_DIGITS_MAX:
        raise ValueError(
            f"must have at most {INTEGER_DIGITS_MAX} digits before the point "
            f"and {DECIMALS_MAX} decimals"
        )
    return Decimal((sign, tuple(map(int, significant)), exponent))


def _instant(value: object) -> object:
    """An instant in UTC; a date is its midnight, a time without a zone is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("must be a time such as 2026-10-01T00:00:00Z") from None
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else _in_utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise ValueError("must be a date or a time such as 2026-10-01T00:00:00Z")


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie in the years 1 to 9999 in UTC") from None


def read_interval(value: object) -> object:
    """A fulfilment interval in FOCUS's words."""
    key = re.sub(r"[ _-]+", " ", str(value).strip().lower()).replace("semi annual", "semi-annual")
    if key not in INTERVALS:
        raise ValueError(f"must be one of {', '.join(INTERVALS)}")
    return INTERVALS[key]


def read_category(value: object) -> object:
    """Spend or Usage, however it is capitalised."""
    return value.strip().capitalize() if isinstance(value, str) else value


def read_lower(value: object) -> object:
    """A word in lower case."""
    return value.strip().lower() if isinstance(value, str) else value


Amount = Annotated[Decimal, BeforeValidator(_amount)]
Positive = Annotated[Amount, Field(gt=0)]
NotNegative = Annotated[Amount, Field(ge=0)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Text = Annotated[str, Field(min_length=1)]


def in_zone(table: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """A table whose instants are read in ``zone`` where they have no zone of their own.

    A date is its midnight there; so are those of the tables within.
    """
    return {name: _in_zone(name, value, zone) for name, value in table.items()}


def _in_zone(name: str, value: object, zone: ZoneInfo) -> object:
    if isinstance(value, Mapping):
        return in_zone(value, zone)
    if isinstance(value, list):
        return [_in_zone(name, inner, zone) for inner in value]
    if name not in INSTANTS:
        return value
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return value  # said to be wrong where it is read
    if isinstance(value, datetime):
        return value.replace(tzinfo=zone) if value.tzinfo is None else value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=zone)
    return value


def zone_of(name: Any) -> ZoneInfo:
    """A time zone by its name; ValueError says what a name looks like."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise ValueError("must be a time zone such as America/Los_Angeles") from None
