"""Runway: how far a commitment reaches at its burn, and what is lost or lacking at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

DAY_SECONDS = 86_400
ON_COURSE = Fraction(5, 100)  # so much of it may be left, or lacking, boundary included
TOO_SLOW, TOO_FAST, ON_TRACK = "too_slow", "too_fast", "on_course"
LAST = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Runway:
    """What becomes of a commitment; quantities in its own unit, None where not known.

    ``breakage`` is paid for and never used: of what is drawn down, what is left at expiry at this
    burn; of what is used or lost by the interval, what was unused. ``overage`` is wanted beyond it.
    ``share`` is either of the whole.
    """

    verdict: str | None = None
    reason: str | None = None
    exhausted_at: datetime | None = None
    needed_per_day: Fraction | None = None
    breakage: Fraction | None = None
    overage: Fraction | None = None


def drawn_down(
    remaining: Fraction | None, per_day: Fraction | None, at: datetime, expires_at: datetime | None
) -> Runway:
    """A lot or a term: what remains at ``at``, by what it burns a day from then on."""
    if remaining is None:
        return Runway(reason="what remains is not known")
    if expires_at is not None and expires_at <= at:
        return Runway(reason="it has expired")
    if remaining <= 0:
        return Runway(TOO_FAST, "nothing remains", exhausted_at=at)
    if per_day is None:
        return Runway(reason="less than 24 hours of its burn are known")
    exhausted = _after(at, remaining / per_day) if per_day > 0 else None
    reason = None if exhausted else "at this burn it is never used up"
    if expires_at is None:
        return Runway(reason=reason or "it has no expiry", exhausted_at=exhausted)
    days = Fraction((expires_at - at) // timedelta(seconds=1), DAY_SECONDS)
    left = remaining - per_day * days
    return Runway(
        _verdict(max(left, Fraction(0)), max(-left, Fraction(0)), remaining),
        reason,
        exhausted,
        remaining / days if days else None,
        max(left, Fraction(0)),
        max(-left, Fraction(0)),
    )


def by_interval(committed: Fraction | None, unused: Fraction | None, overage: Fraction) -> Runway:
    """Used or lost by the interval: what of ``committed`` was unused, and what was beyond it.

    The overage of one interval never offsets the unused of another: both are told.
    """
    if committed is None or unused is None:
        return Runway(reason="what was used of it is not known", overage=overage or None)
    return Runway(_verdict(unused, overage, committed), breakage=unused, overage=overage)


def _verdict(breakage: Fraction, overage: Fraction, whole: Fraction) -> str:
    if max(breakage, overage) <= ON_COURSE * whole:
        return ON_TRACK
    return TOO_SLOW if breakage >= overage else TOO_FAST


def _after(at: datetime, days: Fraction) -> datetime | None:
    """Days after an instant, to the whole second below; None beyond the calendar."""
    seconds = int(days * DAY_SECONDS)
    limit = (LAST - at) // timedelta(seconds=1)
    return at + timedelta(seconds=seconds) if seconds <= limit else None
