"""States of breaks over nightly runs: what a run finds, what a person decides, what a clock ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.controls.decision import Decision, read_decision
from trueup.controls.lifecycle import BreakState, Sighting, age_bucket, states
from trueup.controls.principal import Principal
from trueup.errors import UsageError
from trueup.model.rules import Tolerance

DAY = timedelta(days=1)
START = datetime(2026, 11, 1, 6, tzinfo=UTC)
PREPARER = Principal("preparer", "key-of-preparer")
TOLERANCE = Tolerance(relative=Decimal("0.01"))


def row(amount: str | None) -> dict[str, Any]:
    return {
        "amount": None if amount is None else Decimal(amount),
        "currency": "USD",
        "leg": "usage",
        "provider": "example",
    }


def night(
    number: int, breaks: dict[str, str | None], *, period: str = "2026-10", complete: bool = True
) -> Sighting:
    """The run of night ``number``, which is also its place in the journal."""
    rows = {name: row(amount) for name, amount in breaks.items()}
    return Sighting(number, f"r{number}", START + number * DAY, period, complete, rows)


def decide(number: int, action: str, amount: str | None = "2.30", **given: Any) -> Decision:
    at = START + number * DAY
    value = None if amount is None else Decimal(amount)
    given = {"note": "known", **given} if action in ("explain", "write_off") else given
    return Decision(number, at, "b", action, PREPARER, value, "USD", **given)


def state_of(*events: Sighting | Decision, day: int = 9, name: str = "b") -> BreakState:
    runs = [event for event in events if isinstance(event, Sighting)]
    decisions = [event for event in events if isinstance(event, Decision)]
    return states(runs, decisions, START + day * DAY, lambda _row: TOLERANCE)[name]


def test_a_break_keeps_its_age_over_runs() -> None:
    """Seen on day 1 and again on day 3: open, first seen on day 1, on day 9 it is 8 days old."""
    found = state_of(night(1, {"b": "2.30"}), night(3, {"b": "2.31"}))
    assert (found.state, found.age_days, found.age_bucket) == ("open", 8, "8-30")
    assert (found.first_seen, found.last_seen) == (START + DAY, START + 3 * DAY)


def test_a_run_that_no_longer_finds_it_clears_it() -> None:
    """Absent in a later complete run of its period: cleared by that run, its age stands still."""
    found = state_of(night(1, {"b": "2.30"}), night(4, {}))
    assert (found.state, found.cleared_by, found.age_days) == ("cleared", "r4", 3)


@pytest.mark.parametrize(
    "later",
    [night(4, {}, complete=False), night(4, {}, period="2026-11")],
    ids=["partial", "of another period"],
)
def test_a_run_that_cannot_tell_clears_nothing(later: Sighting) -> None:
    """A partial run and the run of another period leave the break open."""
    assert state_of(night(1, {"b": "2.30"}), later).state == "open"


def test_a_break_of_two_periods_is_cleared_when_both_no_longer_find_it() -> None:
    """Found by the runs of October and of the quarter: the quarter's run alone does not clear it."""
    seen = [night(1, {"b": "2.30"}), night(2, {"b": "2.30"}, period="2026-Q4")]
    assert state_of(*seen, night(3, {}, period="2026-Q4")).state == "open"
    both = state_of(*seen, night(3, {}, period="2026-Q4"), night(4, {}))
    assert (both.state, both.cleared_by) == ("cleared", "r4")


def test_what_comes_back_is_open_again_whatever_was_decided() -> None:
    """Explained, cleared, found again: open, with both runs named; the owner stays."""
    found = state_of(
        night(1, {"b": "2.30"}),
        decide(2, "explain"),
        decide(3, "assign", owner="approver"),
        night(4, {}),
        night(5, {"b": "2.30"}),
    )
    assert (found.state, found.owner) == ("open", "approver")
    assert found.reason == "run r5 found it again after run r4 had not"
    assert found.first_seen == START + DAY


@pytest.mark.parametrize(
    ("action", "state"), [("explain", "explained"), ("write_off", "written_off")]
)
def test_a_decision_holds_within_the_tolerance(action: str, state: str) -> None:
    """1 % of 2.30 is 0.023: at 2.323 the decision holds, at 2.324 it is open again with both sums."""
    holds = state_of(night(1, {"b": "2.30"}), decide(2, action), night(3, {"b": "2.323"}))
    assert (holds.state, holds.reason) == (state, None)
    stale = state_of(night(1, {"b": "2.30"}), decide(2, action), night(3, {"b": "2.324"}))
    assert stale.state == "open"
    assert stale.reason == f"{state} by preparer at 2.30, now 2.324: decide again"


def test_an_amount_that_becomes_known_makes_a_decision_stale() -> None:
    """Decided while the amount was not known: a known amount needs another decision."""
    found = state_of(night(1, {"b": None}), decide(2, "explain", None), night(3, {"b": "2.30"}))
    assert found.state == "open"
    same = state_of(night(1, {"b": None}), decide(2, "explain", None), night(3, {"b": None}))
    assert same.state == "explained"


def test_a_deferral_ends_with_its_date() -> None:
    """Deferred until day 7: deferred on day 6, open on day 7."""
    events = night(1, {"b": "2.30"}), decide(2, "defer", until=START + 7 * DAY)
    assert state_of(*events, day=6).state == "deferred"
    ended = state_of(*events, day=7)
    assert ended.state == "open"
    assert ended.reason == "deferred until 2026-11-08T06:00:00Z, which has passed"


def test_the_last_decision_counts() -> None:
    """Deferred first, explained then: explained; the decision before stands in the journal only."""
    found = state_of(
        night(1, {"b": "2.30"}),
        decide(2, "defer", until=START + 30 * DAY),
        decide(3, "explain", note="a late meter"),
    )
    assert (found.state, found.as_row()["note"]) == ("explained", "a late meter")
    assert found.as_row()["decided_by"] == "preparer"


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        *((0, "0-1"), (1, "0-1"), (2, "2-7"), (7, "2-7"), (8, "8-30"), (30, "8-30")),
        *((31, "31-60"), (60, "31-60"), (61, "60+")),
    ],
)
def test_age_buckets(days: int, bucket: str) -> None:
    """The buckets are 0-1, 2-7, 8-30, 31-60 and 60+ days."""
    assert age_bucket(days) == bucket


@pytest.mark.parametrize("action", ["explain", "write_off", "defer", "assign"])
def test_a_decision_says_what_it_needs(action: str) -> None:
    """Without its note, date or owner a decision is refused."""
    with pytest.raises(UsageError, match=r"break b: .* needs .*: give it as well"):
        Decision(1, START, "b", action, PREPARER, None, "USD", note="  ")


def test_a_decision_is_read_as_it_was_written() -> None:
    """What the journal keeps gives the same decision again."""
    decision = decide(2, "defer", until=START + DAY, note="the credit note comes in December")
    assert read_decision(2, decision.at, decision.body()) == decision


NAMES = st.sampled_from("abcd")
FOUND = st.dictionaries(NAMES, st.sampled_from(["1.00", "2.30", "9.00", None]), max_size=4)
RUNS = st.tuples(st.just("run"), FOUND, st.booleans(), st.sampled_from(["2026-10", "2026-11"]))
DECISIONS = st.tuples(
    st.just("decision"), NAMES, st.sampled_from(["explain", "write_off", "defer", "assign"])
)


@given(st.lists(st.one_of(RUNS, DECISIONS), max_size=12), st.randoms(use_true_random=False))
def test_no_break_is_lost_and_order_of_reading_is_no_matter(
    events: list[tuple[Any, ...]], shuffled: Any
) -> None:
    """Every break that a run found has one state; shuffling the events changes nothing.

    A break in the last complete run of a period is never cleared; one that every period's last
    complete run lacks, with no later partial run that found it, is.
    """
    runs: list[Sighting] = []
    decisions: list[Decision] = []
    present: dict[str, set[str]] = {}
    for number, event in enumerate(events):
        at = START + number * DAY
        if event[0] == "run":
            _, found, complete, period = event
            runs.append(night(number, found, period=period, complete=complete))
            for name in found:
                present.setdefault(name, set()).add(period)
            if complete:
                for name in set(present) - set(found):
                    present[name].discard(period)
        else:
            _, name, action = event
            decisions.append(
                Decision(
                    number,
                    at,
                    name,
                    action,
                    PREPARER,
                    Decimal("2.30"),
                    "USD",
                    "n",
                    at + DAY,
                    "approver",
                )
            )
    clock = START + 20 * DAY
    known = states(runs, decisions, clock, lambda _row: TOLERANCE)
    assert set(known) == {name for run in runs for name in run.breaks}
    assert {n for n, state in known.items() if state.state == "cleared"} == {
        name for name, periods in present.items() if not periods
    }
    shuffled.shuffle(runs)
    shuffled.shuffle(decisions)
    assert states(runs, decisions, clock, lambda _row: TOLERANCE) == known


def test_what_is_decided_on_a_cleared_break_is_no_matter() -> None:
    """It came after the run that no longer found it; found again, the break has no decision."""
    cleared = (night(1, {"b": "2.30"}), night(4, {}), decide(5, "explain"))
    assert state_of(*cleared).decision is None
    again = state_of(*cleared, night(6, {"b": "2.30"}))
    assert (again.state, again.decision) == ("open", None)
