"""What happened to one break, in order: found, moved, decided on, cleared, found again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trueup.controls.decision import Decision
from trueup.controls.lifecycle import Sighting
from trueup.money import plain
from trueup.period import iso

Moment = tuple[int, "Event"]


@dataclass(frozen=True)
class Event:
    """One line of a break's history: when, by whom (a run or a person), what."""

    at: datetime
    by: str
    what: str


def history(
    break_id: str, sightings: Iterable[Sighting], decisions: Iterable[Decision]
) -> list[Event]:
    """Every event of a break in the journal's order; a run that changed nothing is left out."""
    found = [
        (one.number, Event(one.at, one.by.text, _decided(one)))
        for one in decisions
        if one.break_id == break_id
    ]
    found += _seen(break_id, sorted(sightings, key=lambda run: run.number))
    return [event for _, event in sorted(found, key=lambda each: each[0])]


def _seen(break_id: str, runs: Iterable[Sighting]) -> list[Moment]:
    found: list[Moment] = []
    amounts: dict[str, Decimal | None] = {}  # period -> as the last run of it that found it
    for run in runs:
        row = run.breaks.get(break_id)
        if row is None:
            if run.period in amounts and run.complete:
                del amounts[run.period]
                what = f"no longer found in {run.period}"
                found.append((run.number, Event(run.at, run.run, what)))
            continue
        if run.period not in amounts:
            what = f"found in {run.period}: {_amount(row['amount'])}"
        elif amounts[run.period] != row["amount"]:
            what = f"now {_amount(row['amount'])}, before {_amount(amounts[run.period])}"
        else:
            continue
        amounts[run.period] = row["amount"]
        found.append((run.number, Event(run.at, run.run, what)))
    return found


def _decided(one: Decision) -> str:
    parts = [one.state]
    if one.owner:
        parts.append(f"to {one.owner}")
    if one.until:
        parts.append(f"until {iso(one.until)}")
    if one.amount is not None:
        parts.append(f"at {plain(one.amount, 2)} {one.currency or ''}".rstrip())
    return " ".join(parts) + (f": {one.note}" if one.note else "")


def _amount(value: Decimal | None) -> str:
    return "an amount not known" if value is None else plain(value, 2)
