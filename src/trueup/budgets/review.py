"""Looks at every budget: measures it, writes the gate's snapshot, tells what was crossed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trueup.budgets import snapshot as snapshots
from trueup.budgets.budget import Alerts, BudgetTerms, Gate
from trueup.budgets.crossing import (
    ALERTED,
    FELL_BELOW,
    Crossing,
    crossings,
    fell_below,
    key_of,
    said,
    told,
)
from trueup.budgets.measure import Measured, measure
from trueup.budgets.notify import Destination, deliver, destinations
from trueup.budgets.outlay import Outlay, outlay
from trueup.budgets.projection import Projection, weekday_mean
from trueup.budgets.snapshot import ALLOW, Budget, Snapshot, strictest
from trueup.errors import MissingDependency
from trueup.money import plain
from trueup.period import iso
from trueup.workspace.workspace import SNAPSHOT, Workspace

NOTIFY = "notify"
Deliver = Callable[[Destination, str, str], str | None]


@dataclass(frozen=True)
class Review:
    """Every threshold of every budget as it is now, and the snapshot made of that.

    Those of the window before are among them: its last bills come when it is over.
    """

    crossings: Sequence[Crossing]
    snapshot: Snapshot


@dataclass(frozen=True)
class Told:
    """What one round of alerts did: a line for each delivery, and for each that failed."""

    delivered: Sequence[str] = ()
    failed: Sequence[str] = ()


def review(
    workspace: Workspace,
    budgets: Sequence[BudgetTerms],
    gate: Gate,
    clock: datetime,
    project: Projection = weekday_mean,
) -> Review | None:
    """Measure every budget and write the snapshot; None where the workspace has never run."""
    spent = outlay(workspace)
    if spent is None:
        return None
    found = [(terms, measure(terms, spent, project)) for terms in budgets]
    made = Snapshot(
        as_of=spent.seen_until,
        made_at=clock,
        max_age=gate.max_age,
        stale=gate.stale,
        budgets=[state(terms, measured) for terms, measured in found],
    )
    snapshots.write(workspace.folder / SNAPSHOT, made)
    over = [one for terms in budgets for one in _of_window_before(terms, spent, project)]
    return Review([*over, *(one for pair in found for one in crossings(*pair))], made)


def _of_window_before(terms: BudgetTerms, spent: Outlay, project: Projection) -> Iterator[Crossing]:
    if terms.rolling is None:
        window = terms.window(terms.window(spent.known_until).start)
        found = crossings(terms, measure(terms, spent, project, window))
        yield from (one for one in found if one.threshold.on != "forecast")


def state(terms: BudgetTerms, measured: Measured) -> Budget:
    """A budget as the gate knows it, with what its thresholds say."""
    acting = [
        one for one in crossings(terms, measured) if one.crossed and one.threshold.act != NOTIFY
    ]
    verdict = strictest(ALLOW, *(one.threshold.act for one in acting))
    reasons = [one.text for one in acting if one.threshold.act == verdict]
    window = measured.window
    return Budget(
        name=terms.name,
        scope=terms.scope,
        currency=terms.currency,
        amount=terms.amount,
        window=terms.window_name(window),
        start=window.start,
        end=None if terms.rolling is not None else window.end,
        actual=measured.actual,
        accrued=measured.accrued,
        forecast=measured.forecast,
        verdict=verdict,
        reason=reasons[0] if reasons else said(terms, measured, "accrued"),
        notes=measured.notes,
        short=measured.short,
    )


def alert(
    workspace: Workspace,
    found: Review,
    alerts: Alerts,
    clock: datetime,
    environment: Mapping[str, str] = os.environ,
    send: Deliver = deliver,
) -> Told:
    """Tell what is crossed, each once to each destination, and keep in the journal what was told.

    What could not be delivered is not kept, so that the next round tries again. The caller holds
    the workspace's lock.
    """
    journal = workspace.journal
    before = told(journal.entries())
    for one in fell_below(found.crossings, before):
        journal.append(FELL_BELOW, clock, one.body)
    delivered, failed = [], []
    unset: dict[str, list[str]] = {}
    for one, to in _untold(found, destinations(alerts.urls, environment), before):
        if not to.url:
            unset.setdefault(f"{to.name} is not set; {to.remedy}", []).append(
                f"{one.terms.name}: {one.text}"
            )
            continue
        title = f"trueup budget {one.terms.name}: {one.threshold.act}"
        try:
            why = send(to, title, _message(one, found.snapshot))
        except MissingDependency as error:
            why = str(error)
        if why is None:
            journal.append(ALERTED, clock, {**one.body, "to": to.name})
            delivered.append(f"{one.terms.name}: {one.text}: told {to.name}")
        else:
            failed.append(
                f"{one.terms.name}: {one.text}: not told to {to.name}: {why}; {to.remedy}"
            )
    failed += [f"{why}; not told there: {'; '.join(texts)}" for why, texts in unset.items()]
    return Told(delivered, failed)


def _untold(
    found: Review, everywhere: Sequence[Destination], before: Mapping[tuple[str, ...], set[str]]
) -> Iterator[tuple[Crossing, Destination]]:
    for one in found.crossings:
        if one.crossed:
            known = before.get(key_of(one.body), set())
            yield from ((one, to) for to in everywhere if to.name not in known)


def _message(one: Crossing, made: Snapshot) -> str:
    terms, measured = one.terms, one.measured
    scope = ", ".join(f"{name} {value}" for name, value in terms.scope.items()) or "everything"
    figures = [
        f"{on} {plain(value, 2)}"
        for on in ("actual", "accrued", "forecast")
        if (value := measured.value(on)) is not None
    ]
    return "\n".join(
        [
            f"{one.text} ({plain(one.limit, 2)} {terms.currency}).",
            f"Of {scope}, {terms.window_name(measured.window)}: {', '.join(figures)}.",
            f"Known up to {iso(made.as_of)}. At this threshold: {one.threshold.act}.",
            *(f"Note: {note}." for note in measured.notes),
        ]
    )
