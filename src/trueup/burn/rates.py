"""Burn rates: exact sums over the last day, week and four weeks that are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from trueup.burn.series import ACCRUED, BILLED, DAY, Burned, Subject
from trueup.money import EXACT

WINDOWS = {  # rate -> the last time that is known, and how many of its unit that is
    "per_hour": (DAY, 24),
    "per_day": (7 * DAY, 7),
    "per_week": (28 * DAY, 4),
}


@dataclass(frozen=True)
class Pace:
    """One series, from ``since`` on known up to ``until``.

    With ``by_interval`` the bill says each interval that it knows, and the others are not known;
    without, nothing was burned where there is no row, and a row that is not known leaves no rate.
    """

    subject: Subject
    rows: Sequence[Burned]
    since: datetime
    until: datetime
    by_interval: bool

    def rate(self, name: str) -> Fraction | None:
        """Of WINDOWS, the mean over the time in it that is known; None where less is known."""
        window, count = WINDOWS[name]
        start = self.until - window
        if self.since > start:
            return None
        inside = [
            (share, one)
            for one in self.rows
            if (share := shared(one.start, one.end, start, self.until))
        ]
        known = [(share, one) for share, one in inside if not one.unknown]
        burned = sum((share * one.amount for share, one in known if one.amount), Fraction(0))
        if not self.by_interval:
            return burned / count if len(known) == len(inside) else None
        long = sum((share * seconds(one.end - one.start) for share, one in known), Fraction(0))
        return burned * seconds(window) / count / long if long else None

    def total(self, state: str) -> Fraction:
        """Everything of a state, whenever it was."""
        return sum((one.amount for one in self.rows if one.state == state and one.amount), _NONE)

    @property
    def unknown(self) -> int:
        return sum(one.unknown for one in self.rows)

    @property
    def columns(self) -> dict[str, object]:
        """Everything but the subject, as BURN names it."""
        return {
            "since": self.since,
            "until": self.until,
            BILLED: self.total(BILLED),
            ACCRUED: self.total(ACCRUED),
            "unknown": self.unknown,
            **{name: self.rate(name) for name in WINDOWS},
        }


_NONE, _WHOLE = Fraction(0), Fraction(1)


def shared(start: datetime, end: datetime, since: datetime, until: datetime) -> Fraction:
    """What part of [start, end) lies in [since, until): what is stated by the day burns evenly."""
    if since <= start < end <= until:
        return _WHOLE
    inside = min(end, until) - max(start, since)
    return _NONE if inside <= timedelta(0) else seconds(inside) / seconds(end - start)


def edge(value: Fraction) -> Decimal:
    """At most 18 decimals, half-even."""
    return Decimal(round(value * 10**18)).scaleb(-18, EXACT)


def seconds(span: timedelta) -> Fraction:
    """How long it is, exactly."""
    return Fraction(span // timedelta(microseconds=1), 10**6)
