"""What the workspace adds to a run's result: states of breaks, and what closed periods became.

All of it is a function of the journal before the run and of what landed, so that a run performed
again gives the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.budgets.measure import Measured, measure
from trueup.budgets.outlay import Unkept, outlay_of
from trueup.controls.closing import CLOSED, Closing, closed_before, closings, opens_after, short
from trueup.controls.knowledge import states_of_run
from trueup.controls.true_up import note, restated, scanned, true_ups, when_closed
from trueup.engine.engine import open_engine
from trueup.engine.integers import as_decimal
from trueup.evidence import Given
from trueup.forecast.foreseen import Foreseen, foreseen
from trueup.forecast.histories import Known
from trueup.model.combined import combined
from trueup.model.leg_schema import BREAK_ROWS, BREAK_STATES, RESTATEMENTS, TRUE_UPS
from trueup.model.schema import BREAKS
from trueup.model.table import Table
from trueup.notes import Note, annotated, charge_rows, fewer_charges
from trueup.period import Period, kind_of
from trueup.reconcile.breaks import all_breaks
from trueup.reconcile.restatement import natural_key, restated_break, rows_behind
from trueup.recovery import given_by
from trueup.report.result import Result
from trueup.sources import Group, is_fetched
from trueup.workspace.journal import Entry
from trueup.workspace.newest import newest_runs
from trueup.workspace.run import ENDED, Run
from trueup.workspace.workspace import Workspace

if TYPE_CHECKING:
    from trueup.budgets.budget import BudgetTerms
    from trueup.model.dataset import Dataset
    from trueup.model.outcome import Outcome

CHARGES = "charges"
_SHARED = ("provider", "commitment_id", "account_id", "resource_id", "period_start", "currency")


@dataclass(frozen=True)
class Book:
    """A workspace as far as one run knows it: the entries before the run ended."""

    workspace: Workspace
    entries: Sequence[Entry]
    run_id: str
    read: dict[tuple[str, ...], Dataset] = field(default_factory=dict)  # by hashes, each once

    def groups(self, run: Run) -> list[Group]:
        """The charges that a past run read."""
        given = given_by(self.workspace, run)
        return [group for group in given.groups if group.kind == CHARGES]

    def last_run(self, closing: Closing) -> Run:
        """The last run of a closed period that this run knows."""
        return next(self._runs_of(closing.period))

    def last_whole(self, period: Period) -> Run | None:
        """The last run of a period that read every source, if this run knows one."""
        return next((run for run in self._runs_of(period) if not run.partial), None)

    def _runs_of(self, period: Period) -> Iterator[Run]:
        """The runs of a period that this run knows, the last first."""
        for run in (Run(entry) for entry in reversed(self.entries) if entry.kind == ENDED):
            if (run.start, run.end) == (period.start, period.end):
                yield run

    def charges(self, groups: Sequence[Group]) -> Dataset | None:
        """The charges of several groups as one dataset; None where there is no group."""
        if not groups:
            return None
        key = tuple(hashes_of(groups))
        if key not in self.read:
            self.read[key] = combined([group.read() for group in groups])
        return self.read[key]


def completed(book: Book, given: Given, result: Result) -> Result:
    """The result with ``break_states``, ``restatements``, ``true_ups`` and the notes of a close."""
    tables = dict(result.outcome.tables)
    notes: list[Note] = []
    now = [group for group in given.groups if group.kind == CHARGES]
    book.read[tuple(hashes_of(now))] = result.charges
    if given.period is not None:
        last = book.last_whole(given.period)
        if last is not None:
            before = charge_rows(book.groups(last), last.body["control_totals"])
            after = charge_rows(now, result.control_totals.rows())
            notes += fewer_charges(last.run_id, book.run_id, before, after)
        known = closings(book.entries)
        closing = known.get(given.period)
        if closing is not None and closing.status == CLOSED:
            target = opens_after(known, given.period)
            notes.append(note(closing, short(target) if target else "the next open period"))
            then = book.groups(book.workspace.run(str(closing.run_id)))
            found = _restated(book, given.period, then, now, given.engine)
            _restate(tables, found, closing, result.charges, given.engine)
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
    outcome = annotated(replace(result.outcome, tables=tables), notes)
    return Result(outcome, _budgets(book, given, outcome), _foreseen(book, given, outcome))


def _budgets(book: Book, given: Given, outcome: Outcome) -> list[tuple[BudgetTerms, Measured]]:
    """Where budgets stand with this run, without a forecast.

    That is left to `trueup budget`, as it depends on which forecaster is installed.
    """
    if not given.budgets:
        return []
    now = Unkept(
        book.run_id, outcome.start, outcome.end, given.as_of, bool(given.failures), outcome.tables
    )
    before = [Run(entry) for entry in book.entries if entry.kind == ENDED]
    spent = outlay_of(book.workspace, [*before, now])
    return [(one, measure(one, spent, None)) for one in given.budgets] if spent else []


def _foreseen(book: Book, given: Given, outcome: Outcome) -> Foreseen:
    """What is to come; of a run that is performed again, what it foresaw."""
    if given.foreseen is not None:
        return given.foreseen
    before = [Known.of_run(book.workspace, Run(one)) for one in book.entries if one.kind == ENDED]
    return foreseen(newest_runs([*before, Known.of_outcome(outcome)]))


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
    before = book.groups(book.workspace.run(str(closing.run_id)))
    found = _restated(book, closing.period, before, later, engine)
    posted = [
        row
        for other in sorted(known.values(), key=_start)
        if other.status == CLOSED
        and other.period.start >= closing.period.end
        and other.run_id
        and kind_of(other.period) == kind_of(closing.period)
        for row in book.workspace.table(other.run_id, "true_ups")
    ]
    return true_ups(found, posted, closing)


def _with_fetched(now: Sequence[Group], last: Sequence[Group]) -> list[Group]:
    """This run's charges, and what the closed period's last run was told by providers.

    A file of the configuration that is no longer there is gone. What was fetched is not: a run
    asks for its own period alone.
    """
    found = list(now)
    for group in last:
        titled = [n for n, one in enumerate(found) if one.title == group.title]
        there = {file.sha256 for n in titled for file in found[n].files}
        more = [one for one in group.files if is_fetched(one.source) and one.sha256 not in there]
        asked = [n for n in titled if any(is_fetched(file.source) for file in found[n].files)]
        if more and asked:
            known = found[asked[0]]
            found[asked[0]] = replace(known, files=(*known.files, *more))
        elif more:
            found.append(replace(group, files=tuple(more)))
    return found


def _restated(
    book: Book, period: Period, before: Sequence[Group], after: Sequence[Group], engine: str
) -> list[dict[str, Any]]:
    """The items that differ; groups of the same files on both sides need not be read."""
    same = {tuple(hashes_of([group])) for group in before} & {
        tuple(hashes_of([group])) for group in after
    }
    was, now = (
        [group for group in side if tuple(hashes_of([group])) not in same]
        for side in (before, after)
    )
    if not was and not now:
        return []
    return restated(book.charges(was), book.charges(now), period, engine)


def hashes_of(groups: Sequence[Group]) -> list[str]:
    """The SHA-256 of every file of the groups, in order."""
    return [file.sha256 for group in groups for file in group.files]


def _restate(
    tables: dict[str, Table],
    rows: Sequence[Mapping[str, Any]],
    closing: Closing,
    charges: Dataset,
    engine_name: str,
) -> None:
    """Add the restated items of a closed period, a break for each, and the charges behind it."""
    if not rows:
        return
    listed = [restated_break(row, when_closed(closing)) for row in rows]
    with open_engine(engine_name) as engine:
        named = all_breaks(listed, [], None, engine).breaks.select(*BREAKS.names)
        found = as_decimal(engine.collect(named), BREAKS)
        ids = {_item(row, row["subject"]): row["id"] for row in found.to_pylist()}
        items = [{**row, "break_id": ids[_item(row, natural_key(row))]} for row in rows]
        behind = rows_behind(scanned(charges, engine), items, engine)
    tables["restatements"] = Table.from_rows(RESTATEMENTS, items)
    for name, schema, more in (("breaks", BREAKS, found), ("break_rows", BREAK_ROWS, behind)):
        whole = pa.concat_tables([tables[name].to_arrow(), more])
        tables[name] = Table(schema, arrow=whole)


def _item(row: Mapping[str, Any], subject: str) -> tuple[Any, ...]:
    return (subject, *(row[name] for name in _SHARED))


def restated_between(workspace: Workspace, one: Run, other: Run) -> list[dict[str, Any]] | None:
    """How the charges of two runs of one period differ, item by item; None for two periods."""
    period = Period(one.start, one.end)
    if period != Period(other.start, other.end):
        return None
    book = Book(workspace, (), other.run_id)
    return _restated(book, period, book.groups(one), book.groups(other), "duckdb")
