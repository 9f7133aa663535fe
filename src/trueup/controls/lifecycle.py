"""What has become of every break: a fold over the runs and decisions of a workspace.

A break is cleared by a run that no longer finds it, never by hand. What a person decides holds for
the amount that was decided on: when a later run finds another one, the break is open again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from trueup.controls.decision import ASSIGN, DEFERRED, Decision
from trueup.model.rules import Tolerance
from trueup.money import EXACT, plain
from trueup.period import iso

OPEN, CLEARED = "open", "cleared"
_DAY = timedelta(days=1)
_BUCKETS = ((1, "0-1"), (7, "2-7"), (30, "8-30"), (60, "31-60"))
_OLDEST = "60+"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Sighting:
    """The breaks that one run of a period found, by id; ``number`` orders it in the journal.

    A run that is not ``complete`` (a source failed) shows what is there, never what is gone.
    """

    number: int
    run: str
    at: datetime
    period: str
    complete: bool
    breaks: Mapping[str, Row]


@dataclass(frozen=True)
class BreakState:
    """What is known of one break at a clock; ``row`` is how it was last found."""

    id: str
    state: str  # open | explained | written_off | deferred | cleared
    reason: str | None  # why it is open again, or which run cleared it
    first_seen: datetime
    last_seen: datetime
    age_days: int  # up to the clock, or until it was cleared
    age_bucket: str
    owner: str | None
    decision: Decision | None  # the last one, whether or not it still holds
    cleared_by: str | None
    periods: tuple[str, ...]  # of the runs that found it
    last_run: str  # that found it
    row: Row

    def as_row(self) -> dict[str, Any]:
        """The row of ``break_states``."""
        decided = self.decision
        return {
            "id": self.id,
            "state": self.state,
            "reason": self.reason,
            "first_seen": self.first_seen,
            "last_seen": self.last_seen,
            "age_days": self.age_days,
            "age_bucket": self.age_bucket,
            "owner": self.owner,
            "note": decided and decided.note,
            "deferred_until": decided and decided.until,
            "decided_by": decided and decided.by.text,
            "decided_at": decided and decided.at,
            "cleared_by": self.cleared_by,
        }


@dataclass
class _Track:
    """One break while the journal is read."""

    first_seen: datetime
    last_seen: datetime
    last_run: str
    row: Row
    present: set[str] = field(default_factory=set)  # periods whose last complete run has it
    periods: set[str] = field(default_factory=set)
    owner: str | None = None
    decision: Decision | None = None
    void: str | None = None  # why the decision no longer holds
    cleared_by: str | None = None
    cleared_at: datetime | None = None


def states(
    sightings: Iterable[Sighting],
    decisions: Iterable[Decision],
    clock: datetime,
    tolerance: Callable[[Row], Tolerance],
) -> dict[str, BreakState]:
    """The state of every break ever seen, by id; the order in which events are given is no matter.

    ``tolerance`` gives the tolerance of a break: how far its amount may move under a decision.
    """
    tracks: dict[str, _Track] = {}
    events: list[Sighting | Decision] = [*sightings, *decisions]
    for event in sorted(events, key=lambda each: each.number):
        if isinstance(event, Sighting):
            _see(tracks, event)
        elif event.break_id in tracks:
            _decide(tracks[event.break_id], event)
    return {name: _state(name, track, clock, tolerance) for name, track in sorted(tracks.items())}


def _see(tracks: dict[str, _Track], run: Sighting) -> None:
    for name, row in run.breaks.items():
        track = tracks.setdefault(name, _Track(run.at, run.at, run.run, row))
        if track.cleared_by is not None:
            track.void = f"run {run.run} found it again after run {track.cleared_by} had not"
            track.cleared_by = track.cleared_at = None
        track.row, track.last_seen, track.last_run = row, run.at, run.run
        track.present.add(run.period)
        track.periods.add(run.period)
    if not run.complete:
        return
    for name, track in tracks.items():
        if run.period in track.present and name not in run.breaks:
            track.present.discard(run.period)
            if not track.present:
                track.cleared_by, track.cleared_at = run.run, run.at


def _decide(track: _Track, decision: Decision) -> None:
    if track.cleared_by is not None:
        return
    if decision.action == ASSIGN:
        track.owner = decision.owner
    else:
        track.decision, track.void = decision, None


def _state(
    name: str, track: _Track, clock: datetime, tolerance: Callable[[Row], Tolerance]
) -> BreakState:
    state, reason = _judged(track, clock, tolerance)
    until = clock if track.cleared_at is None else min(clock, track.cleared_at)
    age_days = max(0, (until - track.first_seen) // _DAY)
    return BreakState(
        name,
        state,
        reason,
        track.first_seen,
        track.last_seen,
        age_days,
        age_bucket(age_days),
        track.owner,
        track.decision,
        track.cleared_by,
        tuple(sorted(track.periods)),
        track.last_run,
        track.row,
    )


def _judged(
    track: _Track, clock: datetime, tolerance: Callable[[Row], Tolerance]
) -> tuple[str, str | None]:
    if track.cleared_by is not None:
        return CLEARED, f"run {track.cleared_by} no longer found it"
    if track.decision is None or track.void is not None:
        return OPEN, track.void
    decision, now = track.decision, track.row["amount"]
    if not _within(decision.amount, now, tolerance(track.row)):
        return OPEN, (
            f"{decision.state} by {decision.by.text} at {_amount(decision.amount)}, "
            f"now {_amount(now)}: decide again"
        )
    if decision.state == DEFERRED and decision.until is not None and clock >= decision.until:
        return OPEN, f"deferred until {iso(decision.until)}, which has passed"
    return decision.state, None


def _within(decided: Decimal | None, now: Decimal | None, tolerance: Tolerance) -> bool:
    """Whether an amount is still the one decided on: within the lesser limit, boundary included."""
    if decided is None or now is None:
        return decided is now
    moved = abs(EXACT.subtract(now, decided))
    limit = abs(EXACT.multiply(decided, tolerance.relative))
    return moved <= (limit if tolerance.absolute is None else min(limit, tolerance.absolute))


def _amount(value: Decimal | None) -> str:
    return "an amount not known" if value is None else plain(value, 2)


def age_bucket(age_days: int) -> str:
    """0-1, 2-7, 8-30, 31-60 or 60+ days."""
    return next((name for most, name in _BUCKETS if age_days <= most), _OLDEST)
