"""A period as it stands before a close: its last run, and what is in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from trueup.controls.closing import Closing, closings, held_to, short
from trueup.controls.knowledge import known_states, labels
from trueup.controls.lifecycle import BreakState
from trueup.controls.obstacles import Obstacle, obstacles
from trueup.errors import UsageError
from trueup.model.rules import Rules
from trueup.period import Period
from trueup.workspace.canonical import sha256_of
from trueup.workspace.journal import Entry
from trueup.workspace.run import BEGUN, ENDED, FAILED, Run
from trueup.workspace.workspace import Workspace

TABLES = ("breaks", "commitments", "identity", "billed_identity")


@dataclass(frozen=True)
class Review:
    """How far the close of a period is, the run it would bind, and the obstacles."""

    closing: Closing
    run: Run
    obstacles: Sequence[Obstacle]
    decided: str  # hash of the last decision on each of its breaks


def closing_of(workspace: Workspace, period: Period) -> Closing:
    """How far the close of a period is."""
    return closings(workspace.journal.entries()).get(period, Closing(period))


def review(workspace: Workspace, period: Period, rules: Rules, clock: datetime) -> Review:
    """What a close of the period would bind now, and what stands in its way.

    Raises UsageError where no run of exactly this period ended.
    """
    run = workspace.last_run(period.start, period.end)
    if run is None:
        name = short(period)
        raise UsageError(
            f"{name}: it has no run in {workspace.folder}; `trueup run --period {name}` makes one"
        )
    entries = workspace.journal.entries()
    tables = {name: workspace.table(run.run_id, name).rows() for name in TABLES}
    known = known_states(workspace, rules, clock, entries)
    found = obstacles(run, tables, known, _failed_since(entries, run))
    decided = _decided(tables["breaks"], known)
    return Review(held_to(closing_of(workspace, period), decided), run, found, decided)


def _decided(breaks: Iterable[Mapping[str, Any]], known: Mapping[str, BreakState]) -> str:
    """The hash of what was decided on the breaks of a run: by id, the entry of the journal."""
    states = {row["id"]: known.get(row["id"]) for row in breaks}
    last = {name: state.decision for name, state in states.items() if state is not None}
    return sha256_of({name: one.number for name, one in sorted(last.items()) if one is not None})


def _failed_since(entries: Sequence[Entry], run: Run) -> dict[str, str]:
    """Later runs that were asked for the same period and ended without a result.

    Those of one name, tried again, are told apart by a number.
    """
    wanted = labels(entries)[run.run_id]
    tries: Counter[str] = Counter()
    found = {}
    for begun, entry in pairwise(one for one in entries if one.kind in (BEGUN, ENDED, FAILED)):
        if entry.kind == FAILED and entry.number > run.number:
            name = entry.body["run"]
            tries[name] += 1
            if labels([begun])[name] == wanted:
                found[f"{name}-{tries[name]}" if tries[name] > 1 else name] = entry.body["error"]
    return found
