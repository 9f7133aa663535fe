"""What a workspace knows of breaks: its runs as sightings, its journal's decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from trueup.controls.closing import short
from trueup.controls.decision import KIND, Decision, read_decision
from trueup.controls.lifecycle import BreakState, Row, Sighting, states
from trueup.errors import UsageError
from trueup.model.rules import Rules, Tolerance
from trueup.model.table import Table
from trueup.period import Period, parse_instant
from trueup.workspace.journal import Entry
from trueup.workspace.run import BEGUN, ENDED, Run
from trueup.workspace.workspace import Workspace

ALL = "all"  # the period of runs that were given none


def label(period: Period | None) -> str:
    """The name under which runs of a period are compared with one another."""
    return ALL if period is None else short(period)


def labels(entries: Iterable[Entry]) -> dict[str, str]:
    """The label of every run, by its id: of the period that it was asked for."""
    found = {}
    for entry in entries:
        if entry.kind == BEGUN:
            given = entry.body["period"]
            period = given and Period(*(parse_instant(at) for at in given))
            found[entry.body["run"]] = label(period or None)
    return found


def sightings(
    workspace: Workspace, entries: Sequence[Entry], wanted: str | None = None
) -> list[Sighting]:
    """The breaks of every run among the entries, or of those under one label."""
    names = labels(entries)
    runs = [Run(entry) for entry in entries if entry.kind == ENDED]
    return [
        sighting(run.run_id, run.number, run.as_of, names[run.run_id], run.partial, breaks)
        for run in runs
        if wanted in (None, names[run.run_id])
        for breaks in [workspace.table(run.run_id, "breaks")]
    ]


def sighting(
    run_id: str, number: int, at: datetime, period: str, partial: bool, breaks: Table
) -> Sighting:
    """What one run found."""
    found = {row["id"]: row for row in breaks.rows()}
    return Sighting(number, run_id, at, period, not partial, found)


def decisions(entries: Iterable[Entry]) -> list[Decision]:
    """Every decision among the entries, in their order."""
    return [
        read_decision(entry.number, entry.at, entry.body) for entry in entries if entry.kind == KIND
    ]


def tolerances(rules: Rules) -> Callable[[Row], Tolerance]:
    """The tolerance of a break by its leg and provider."""
    return lambda row: rules.tolerance_of(row["leg"], row["provider"])


def known_states(
    workspace: Workspace,
    rules: Rules,
    clock: datetime,
    entries: Sequence[Entry],
    wanted: str | None = None,
) -> dict[str, BreakState]:
    """The state of every break at a clock, as far as these entries of the journal know.

    ``wanted`` is the label of the runs that count; without it all do.
    """
    seen = sightings(workspace, entries, wanted)
    return states(seen, decisions(entries), clock, tolerances(rules))


def states_of_run(
    workspace: Workspace,
    entries: Sequence[Entry],
    run_id: str,
    period: Period | None,
    as_of: datetime,
    partial: bool,
    breaks: Table,
    rules: Rules,
) -> list[Mapping[str, Any]]:
    """The rows of ``break_states`` of a run: what was known before it, and what it found.

    ``entries`` are those of the journal before the run ended; the run itself is not among them.
    """
    wanted = label(period)
    seen = sightings(workspace, entries, wanted)
    number = entries[-1].number + 1 if entries else 1
    seen.append(sighting(run_id, number, as_of, wanted, partial, breaks))
    found = states(seen, decisions(entries), as_of, tolerances(rules))
    return [state.as_row() for state in found.values()]


def break_named(known: Mapping[str, BreakState], prefix: str) -> BreakState:
    """The break whose id begins so; UsageError with what it might have been."""
    found = [name for name in known if name.startswith(prefix.lower())] if prefix else []
    if len(found) == 1:
        return known[found[0]]
    if found:
        shown = ", ".join(found[:5])
        raise UsageError(f"break {prefix!r} is {len(found)} breaks: {shown}; give more of its id")
    close = get_close_matches(prefix.lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else "`trueup breaks list` shows them all"
    raise UsageError(f"there is no break {prefix!r}; {hint}")
