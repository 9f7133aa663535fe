"""What happened to a break, in order, by runs and persons."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from tests.controls.test_lifecycle import PREPARER, START, decide, night
from trueup.controls.decision import Decision
from trueup.controls.history import Event, history
from trueup.controls.lifecycle import Sighting


def told(*events: Sighting | Decision) -> list[tuple[str, str]]:
    """By whom and what, of the break b."""
    runs = [event for event in events if isinstance(event, Sighting)]
    decisions = [event for event in events if isinstance(event, Decision)]
    found: list[Event] = history("b", runs[::-1], decisions)
    return [(event.by, event.what) for event in found]


def test_a_run_tells_only_what_is_new() -> None:
    """Found, the same (left out), moved, gone, and found again at another amount."""
    assert told(
        night(1, {"b": "2.30"}),
        night(2, {"b": "2.30"}),
        night(3, {"b": "2.40"}),
        night(4, {"b": "2.40"}),
        night(5, {}),
        night(6, {}),
        night(7, {"b": "1.00"}),
    ) == [
        ("r1", "found in 2026-10: 2.30"),
        ("r3", "now 2.40, before 2.30"),
        ("r5", "no longer found in 2026-10"),
        ("r7", "found in 2026-10: 1.00"),
    ]


def test_a_run_that_lacks_a_source_does_not_tell_that_it_is_gone() -> None:
    """What it did not read might still say so."""
    assert told(night(1, {"b": "2.30"}), night(2, {}, complete=False)) == [
        ("r1", "found in 2026-10: 2.30")
    ]


def test_each_period_has_its_own_story() -> None:
    """Of two periods each finds it for itself; a run of a third says nothing."""
    assert told(
        night(1, {"b": "2.30"}),
        night(2, {"b": "9.00"}, period="2026-11"),
        night(3, {}, period="2026-12"),
        night(4, {}),
    ) == [
        ("r1", "found in 2026-10: 2.30"),
        ("r2", "found in 2026-11: 9.00"),
        ("r4", "no longer found in 2026-10"),
    ]


def test_an_amount_that_is_not_known_is_said() -> None:
    """Not as nothing: it becomes known the night after."""
    assert told(night(1, {"b": None}), night(2, {"b": "1.50"})) == [
        ("r1", "found in 2026-10: an amount not known"),
        ("r2", "now 1.50, before an amount not known"),
    ]


def test_a_decision_says_all_that_was_decided() -> None:
    """To whom, until when, at which amount, and why; in the journal's order."""
    until = datetime(2026, 12, 8, tzinfo=UTC)
    other = Decision(9, START, "c", "explain", PREPARER, Decimal(1), "USD", "another break")
    assert told(
        night(1, {"b": "2.30"}),
        decide(2, "assign", owner="platform-team"),
        decide(3, "defer", until=until),
        decide(4, "explain", None),
        other,
    ) == [
        ("r1", "found in 2026-10: 2.30"),
        ("preparer", "assigned to platform-team at 2.30 USD"),
        ("preparer", "deferred until 2026-12-08T00:00:00Z at 2.30 USD"),
        ("preparer", "explained: known"),
    ]
