"""Closing a period: prepared by one person, approved by another, each entry bound to hashes.

A close binds the hashes of result, rules (with tolerances), contracts and rate tables of the
period's last run, and of the decisions on its breaks. A newer run in which one of them is another,
or another decision, voids what was not approved yet.
After approval the period is locked: what arrives later posts as a true-up into the open period.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from trueup.controls.pack_verifier import NO_EVIDENCE
from trueup.controls.principal import Principal
from trueup.errors import UsageError
from trueup.period import Period, iso, kind_of, parse_instant, parse_period
from trueup.workspace.journal import Entry
from trueup.workspace.run import ENDED, Run

CLOSE, APPROVE, REOPEN = "close", "approve", "reopen"
OPEN, PREPARED, VOID, CLOSED = "open", "prepared", "void", "closed"


@dataclass(frozen=True)
class Act:
    """One entry of a close: who did what, when."""

    number: int
    at: datetime
    by: Principal
    hash: str
    body: Mapping[str, Any]

    @property
    def said(self) -> str:
        return f"{iso(self.at)} by {self.by.text}"


@dataclass(frozen=True)
class Closing:
    """How far a period's close is. ``prepared`` and ``approved`` are of the last attempt."""

    period: Period
    status: str = OPEN  # open | prepared | void | closed
    prepared: Act | None = None
    approved: Act | None = None
    reopened: Act | None = None  # the last time
    void: str | None = None  # why what was prepared no longer holds

    @property
    def run_id(self) -> str | None:
        """The run that is bound."""
        return None if self.prepared is None else str(self.prepared.body["run"])

    @property
    def hashes(self) -> Mapping[str, str]:
        return {} if self.prepared is None else self.prepared.body["hashes"]

    @property
    def accepted(self) -> Mapping[str, str]:
        """Obstacles accepted by name, with their reasons."""
        return {} if self.prepared is None else self.prepared.body["accepted"]

    @property
    def segregated(self) -> bool:
        """Whether two persons signed by two keys."""
        if self.prepared is None or self.approved is None:
            return False
        one, other = self.prepared.by, self.approved.by
        return bool(one.key and other.key) and not one.same_as(other)

    @property
    def said(self) -> str:
        """One line for a person."""
        if self.status == CLOSED and self.prepared and self.approved:
            text = f"closed on {self.approved.said}, prepared on {self.prepared.said}"
            return text if self.segregated else f"{text}; {NO_EVIDENCE}"
        if self.status == PREPARED and self.prepared:
            return f"prepared on {self.prepared.said}, bound to {self.run_id}; not approved yet"
        if self.status == VOID:
            return f"void: {self.void}; prepare it again"
        if self.reopened is not None:
            reason = self.reopened.body["reason"]
            return f"open, reopened on {self.reopened.said}: {reason}"
        return "open"


def closings(entries: Iterable[Entry]) -> dict[Period, Closing]:
    """Every period that a run or a close of the journal is of, and how far its close is."""
    found: dict[Period, Closing] = {}
    for entry in entries:
        if entry.kind not in (ENDED, CLOSE, APPROVE, REOPEN):
            continue
        period = period_of(entry)
        now = found.get(period, Closing(period))
        found[period] = _after(now, entry)
    return found


def period_of(entry: Entry) -> Period:
    """The period that an entry of a run or a close is of."""
    given = entry.body["period"]
    return Period(parse_instant(given["start"]), parse_instant(given["end"]))


def _after(now: Closing, entry: Entry) -> Closing:
    if entry.kind == ENDED:
        changed = _changed(now, Run(entry)) if now.status == PREPARED else []
        return replace(now, status=VOID, void=_voided(entry, changed)) if changed else now
    act = Act(entry.number, entry.at, Principal.read(entry.body), entry.hash, entry.body)
    if entry.kind == CLOSE:
        return replace(now, status=PREPARED, prepared=act, approved=None, void=None)
    if entry.kind == APPROVE:
        return replace(now, status=CLOSED, approved=act)
    return replace(now, status=OPEN, prepared=None, approved=None, reopened=act)


def held_to(closing: Closing, decided: str) -> Closing:
    """What is prepared, void where another decision was made on its breaks since."""
    bound = None if closing.prepared is None else closing.prepared.body.get("decisions")
    if closing.status != PREPARED or bound in (None, decided):
        return closing
    why = "since it was prepared another decision was made on its breaks"
    return replace(closing, status=VOID, void=why)


def _changed(closing: Closing, run: Run) -> list[str]:
    bound = closing.hashes
    return [name for name, digest in run.hashes.items() if bound.get(name) != digest]


def _voided(entry: Entry, changed: list[str]) -> str:
    return f"{entry.body['run']} has another {', '.join(changed)} than what was prepared"


def prepare_body(
    run: Run, by: Principal, accepted: Mapping[str, str], decided: str | None = None
) -> dict[str, Any]:
    """The journal's entry of a preparation; ``decided`` is the hash of what was decided."""
    return {
        "decisions": decided,
        "period": _written(Period(run.start, run.end)),
        "run": run.run_id,
        "hashes": run.hashes,
        "accepted": dict(sorted(accepted.items())),
        **by.body(),
    }


def approve_body(closing: Closing, by: Principal) -> dict[str, Any]:
    """The journal's entry of an approval; UsageError unless it can be given by this person."""
    name = short(closing.period)
    if closing.prepared is None or closing.status == OPEN:
        raise UsageError(f"{name}: nothing is prepared; `trueup close {name}` prepares it first")
    if closing.status == VOID:
        raise UsageError(f"{name}: {closing.said}: `trueup close {name}`")
    if closing.status == CLOSED:
        raise UsageError(f"{name}: is {closing.said}")
    if closing.prepared.by.same_as(by):
        raise UsageError(
            f"{name}: {by.text} prepared it and cannot approve it as well; another person "
            "approves, with a key of their own (--key FILE)"
        )
    return {
        "period": _written(closing.period),
        "run": closing.run_id,
        "close": closing.prepared.hash,
        "hashes": dict(closing.hashes),
        "segregated": bool(closing.prepared.by.key and by.key),
        **by.body(),
    }


def reopen_body(closing: Closing, by: Principal, reason: str) -> dict[str, Any]:
    """The journal's entry of a reopening; UsageError for a period that is not closed."""
    name = short(closing.period)
    if closing.status != CLOSED:
        raise UsageError(f"{name}: is not closed ({closing.said}); there is nothing to reopen")
    if not reason.strip():
        raise UsageError(f"{name}: reopening needs a reason: give it with --reason TEXT")
    return {"period": _written(closing.period), "reason": reason, **by.body()}


def _written(period: Period) -> dict[str, datetime]:
    return {"start": period.start, "end": period.end}


def short(period: Period) -> str:
    """2026-10 for a month, else START/END."""
    month = f"{period.start:%Y-%m}"
    return month if parse_period(month) == period else str(period)


def closed_before(entries: Iterable[Entry], period: Period) -> list[Closing]:
    """The closed periods whose true-ups post into this one: it is the first open one after them.

    ``period`` need not have a run yet. A period that is itself closed posts nothing.
    """
    known = closings(entries)
    known.setdefault(period, Closing(period))
    return [
        closing
        for closing in known.values()
        if closing.status == CLOSED and opens_after(known, closing.period) == period
    ]


def opens_after(known: Mapping[Period, Closing], closed: Period) -> Period | None:
    """The first period of its kind after a closed one that is not closed itself.

    A day that was looked at is no month in which anything is booked.
    """
    later = [
        period
        for period, closing in known.items()
        if period.start >= closed.end
        and closing.status != CLOSED
        and kind_of(period) == kind_of(closed)
    ]
    return min(later, key=lambda period: (period.start, period.end), default=None)
