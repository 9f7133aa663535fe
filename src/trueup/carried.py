"""What the workspace adds to a run's result: states of breaks, and what closed periods became.

All of it is a function of the journal before the run and of what landed, so that a run performed
again gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.controls.closing import CLOSED, Closing, closed_before, closings, opens_after, short
from trueup.controls.knowledge import states_of_run
from trueup.controls.true_up import note, restated, true_ups, when_closed
from trueup.engine.engine import open_engine
from trueup.engine.integers import as_decimal
from trueup.evidence import Given
from trueup.model.combined import combined
from trueup.model.leg_schema import BREAK_STATES, RESTATEMENTS, TRUE_UPS
from trueup.model.schema import BREAKS
from trueup.model.table import Table
from trueup.notes import annotated
from trueup.period import Period
from trueup.reconcile.breaks import all_breaks
from trueup.reconcile.restatement import natural_key, restated_break
from trueup.recovery import given_by
from trueup.report.result import Result
from trueup.sources import Group
from trueup.workspace.journal import Entry
from trueup.workspace.run import Run
from trueup.workspace.workspace import Workspace

if TYPE_CHECKING:
    from trueup.model.dataset import Dataset

CHARGES = "charges"
FETCHED = "fetched/"  # begins the source of what a provider was asked for, period by period
_SHARED = ("provider", "commitment_id", "account_id", "resource_id", "period_start", "currency")


@dataclass(frozen=True)
class Book:
    """A workspace as far as one run knows it: the entries before the run ended."""

    workspace: Workspace
    entries: Sequence[Entry]
    run_id: str

    def groups(self, run: Run) -> list[Group]:
        """The charges that a past run read."""
        given = given_by(self.workspace, run)
        return [group for group in given.groups if group.kind == CHARGES]

    def run(self, run_id: str) -> Run:
        return self.workspace.run(run_id)

    def last_run(self, closing: Closing) -> Run:
        """The last run of a closed period, at the latest this run's knowledge."""
        period = closing.period
        runs = [Run(entry) for entry in self.entries if entry.kind == "run"]
        return [run for run in runs if (run.start, run.end) == (period.start, period.end)][-1]


def completed(book: Book, given: Given, result: Result) -> Result:
    """The result with ``break_states``, ``restatements``, ``true_ups`` and the notes of a close."""
    tables = dict(result.outcome.tables)
    notes: list[dict[str, str | None]] = []
    now = [group for group in given.groups if group.kind == CHARGES]
    if given.period is not None:
        known = closings(book.entries)
        closing = known.get(given.period)
        if closing is not None and closing.status == CLOSED:
            target = opens_after(known, given.period)
            notes.append(note(closing, short(target) if target else "the next open period"))
            _restate(tables, _restated(book, closing, now, given.engine), closing, given.engine)
        rows = [
            row
            for one in sorted(closed_before(book.entries, given.period), key=_start)
            for row in _posting(book, known, one, now, given.engine)
        ]
        tables["true_ups"] = Table.from_rows(TRUE_UPS, rows)
    states = states_of_run(
        book.workspace,
        book.entries,
        book.run_id,
        given.period,
        given.as_of,
        bool(given.failures),
        tables["breaks"],
        given.rules,
    )
    tables["break_states"] = Table.from_rows(BREAK_STATES, states)
    return Result(annotated(replace(result.outcome, tables=tables), notes))


def _start(closing: Closing) -> Any:
    return closing.period.start


def _posting(
    book: Book,
    known: Mapping[Any, Closing],
    closing: Closing,
    now: Sequence[Group],
    engine: str,
) -> list[dict[str, Any]]:
    """The true-ups of one closed period that the run's period posts."""
    later = _with_fetched(now, book.groups(book.last_run(closing)))
    found = _restated(book, closing, later, engine)
    posted = [
        row
        for other in known.values()
        if other.status == CLOSED and other.period.start >= closing.period.end and other.run_id
        for row in book.workspace.table(other.run_id, "true_ups")
    ]
    return true_ups(found, posted, closing)


def _with_fetched(now: Sequence[Group], last: Sequence[Group]) -> list[Group]:
    """This run's charges, and what the closed period's last run was told by providers.

    A file of the configuration that is no longer there is gone. What was fetched is not: a run
    asks for its own period alone.
    """
    found = {group.title: group for group in now}
    for group in last:
        kept = [file for file in group.files if file.source.startswith(FETCHED)]
        if kept:
            known = found.get(group.title, replace(group, files=()))
            there = {file.sha256 for file in known.files}
            more = [file for file in kept if file.sha256 not in there]
            found[group.title] = replace(known, files=(*known.files, *more))
    return list(found.values())


def _restated(
    book: Book, closing: Closing, now: Sequence[Group], engine: str
) -> list[dict[str, Any]]:
    before = book.groups(book.run(str(closing.run_id)))
    if _hashes(before) == _hashes(now):
        return []
    return restated(read_together(before), read_together(now), closing, engine)


def _hashes(groups: Sequence[Group]) -> list[str]:
    return sorted(file.sha256 for group in groups for file in group.files)


def read_together(groups: Sequence[Group]) -> Dataset:
    """The charges of several groups as one dataset."""
    return combined([group.read() for group in groups])


def _restate(
    tables: dict[str, Table], rows: Sequence[Mapping[str, Any]], closing: Closing, engine_name: str
) -> None:
    """Add the restated items of a closed period and a break for each."""
    listed = [restated_break(row, when_closed(closing)) for row in rows]
    with open_engine(engine_name) as engine:
        named = all_breaks(listed, [], None, engine).breaks.select(*BREAKS.names)
        found = as_decimal(engine.collect(named), BREAKS)
    ids = {_item(row, row["subject"]): row["id"] for row in found.to_pylist()}
    items = [{**row, "break_id": ids[_item(row, natural_key(row))]} for row in rows]
    tables["restatements"] = Table.from_rows(RESTATEMENTS, items)
    whole = pa.concat_tables([tables["breaks"].to_arrow(), found])
    tables["breaks"] = Table(BREAKS, arrow=whole)


def _item(row: Mapping[str, Any], subject: str) -> tuple[Any, ...]:
    return (subject, *(row[name] for name in _SHARED))


def restated_between(workspace: Workspace, one: Run, other: Run) -> list[dict[str, Any]] | None:
    """How the charges of two runs of one period differ, item by item; None for two periods."""
    period = Period(one.start, one.end)
    if period != Period(other.start, other.end):
        return None
    book = Book(workspace, (), other.run_id)
    closing = Closing(period)
    before, after = book.groups(one), book.groups(other)
    if _hashes(before) == _hashes(after):
        return []
    return restated(read_together(before), read_together(after), closing, "duckdb")
