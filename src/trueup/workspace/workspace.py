"""A workspace: what runs read and gave, and what was decided, so that it can be proved later.

::

    raw/        every file that was read, answered or written, by its SHA-256; never changed
    journal.jsonl, head
                runs and decisions, each bound to all before it; the only place of state
    landing/    a journal of what providers answered, for asking only what is new
    tables/     result tables over all runs, in Delta Lake; derived from raw
    lock        held by the run at work
    budgets.json
                what the gate of budgets answers from; derived from tables, replaced by each run
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import UsageError
from trueup.model.schema import RESULT_TABLES
from trueup.model.table import Table
from trueup.workspace import tables
from trueup.workspace.journal import REPLACING, TORN, Entry, Journal
from trueup.workspace.run import BEGUN, ENDED, FAILED, REBUILT, TAKEN_AWAY, Run, cut_off
from trueup.workspace.schema import OfSchema, made_by, migrate
from trueup.workspace.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

LANDING = "landing"
SNAPSHOT = "budgets.json"  # derived and replaced: no evidence
KILLED = "did not end: it was killed, or power was lost, or the disk was full"


class Workspace:
    """A folder that only grows; it need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder)
        self.journal = OfSchema(folder, self.store)
        self.landing = Journal(folder / LANDING, self.store)

    def runs(self, known_at: datetime | None = None) -> list[Run]:
        """Every run that ended, or those known at an instant, in their order."""
        return [Run(entry) for entry in self.journal.entries(known_at) if entry.kind == ENDED]

    def run(self, run_id: str) -> Run:
        """The run of that name; UsageError that lists the last ones."""
        found = self.runs()
        for run in found:
            if run.run_id == run_id:
                return run
        known = "it has never run: `trueup run` makes the first"
        if found:
            known = f"the last are {', '.join(run.run_id for run in found[-3:])}"
        raise UsageError(f"{self.folder}: there is no run {run_id!r}; {known}")

    def last_run(
        self, start: datetime, end: datetime, known_at: datetime | None = None
    ) -> Run | None:
        """The last run of a period, or the last known at an instant."""
        of_period = [run for run in self.runs(known_at) if (run.start, run.end) == (start, end)]
        return of_period[-1] if of_period else None

    def table(self, run_id: str, name: str) -> Table:
        """A result table as a run gave it."""
        import pyarrow.parquet as pq

        schema = RESULT_TABLES[name]
        digest = self.run(run_id).outputs.get(f"parquet/{name}.parquet")
        if digest is None:  # a table that trueup did not have yet
            return Table.from_rows(schema, [])
        # Without the threads of Arrow's pools: a process that ends while one of them is just
        # beginning aborts, after all was said and done.
        with pq.ParquetFile(io.BytesIO(self.store.get(digest)), pre_buffer=False) as file:
            found = file.read(use_threads=False)
        kept = {column.name: column for column in found.schema}
        rows = found.select([column for column in schema.names if column in kept]).to_pylist()
        return Table.from_rows(schema, rows)

    def begin(self, at: datetime, body: Mapping[str, Any]) -> str:
        """Say that a run begins, and tidy up behind one that was killed; the new run's name.

        What did not end takes no name: the run that comes after is what it would have been.
        """
        migrate(self.folder, at)
        for journal in (self.journal, self.landing):
            journal.refuse_where_cut()  # before what it does not name is tidied up
        cut = cut_off(self.journal.entries())
        self._tidy(at)
        self._rebuild(at, whole=cut is not None)
        if cut is not None:
            self.journal.append(FAILED, at, {"run": cut.body["run"], "error": KILLED})
        runs = self.runs()
        run_id = f"run-{int(runs[-1].run_id.removeprefix('run-')) + 1 if runs else 1:04d}"
        self.journal.append(BEGUN, at, {"run": run_id, **made_by(), **body})
        return run_id

    def end(
        self, run_id: str, at: datetime, body: Mapping[str, Any], of_run: Mapping[str, Table]
    ) -> Run:
        """Keep a run's tables and say that it ended."""
        files = tables.append(self.folder, run_id, of_run)
        whole = {
            "run": run_id,
            **body,
            "tables": {name: len(table) for name, table in of_run.items()},
            "files": files,
            "landing": {"entries": len(self.landing.entries()), "head": self.landing.head},
        }
        return Run(self.journal.append(ENDED, at, whole))

    def fail(self, run_id: str, at: datetime, error: str) -> Entry:
        """Say that a run ended without a result, and why."""
        self._tidy(at)
        return self.journal.append(FAILED, at, {"run": run_id, "error": error})

    def _tidy(self, at: datetime) -> None:
        """Take away what a run that did not end was writing, and say which tables."""
        self.store.take_away_coming()
        for journal in (self.journal, self.landing):
            journal.settle()
            for path in journal.folder.glob("*" + REPLACING):
                path.unlink()
        left = tables.take_away(self.folder, self.table_files())
        if left:
            self.journal.append(TAKEN_AWAY, at, {"files": left})

    def _rebuild(self, at: datetime, *, whole: bool) -> None:
        """Make the Delta tables anew whose files are not what the journal says, and say so.

        Looked at are the files of the last run, or all of them.
        """
        known, runs = self.table_files(), self.runs()
        last = runs[-1].body["files"] if runs else {}
        suspect = known if whole else [where for where in last if where in known]
        for name in tables.damaged(self.folder, known, suspect):
            files = tables.rebuild(self.folder, name, self._kept(name))
            self.journal.append(REBUILT, at, {"table": name, "files": files})

    def _kept(self, name: str) -> Iterator[tuple[str, pa.RecordBatchReader]]:
        """A result table of every run that has rows in it, as it was kept."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        for run in self.runs():
            if run.body["tables"].get(name):
                content = io.BytesIO(self.store.get(run.outputs[f"parquet/{name}.parquet"]))
                with pq.ParquetFile(content) as file:
                    yield (
                        run.run_id,
                        pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches()),
                    )

    def table_files(self) -> dict[str, str]:
        """The files of the Delta tables, as the journal knows them: path -> SHA-256."""
        known: dict[str, str] = {}
        for entry in self.journal.entries():
            if entry.kind == ENDED:
                known |= entry.body["files"]
            elif entry.kind == TAKEN_AWAY:
                for path in entry.body["files"]:
                    known.pop(path, None)
            elif entry.kind == REBUILT:
                name = entry.body["table"]
                others = {path: known[path] for path in known if tables.table_of(path) != name}
                known = others | entry.body["files"]
        return known

    def referenced(self) -> Iterator[tuple[str, str]]:
        """Every content that an entry names: its SHA-256, and by which entry as what."""
        for entry in self.landing.entries():
            yield entry.body["sha256"], f"landing entry {entry.number}"
        for entry in self.journal.entries():
            if entry.kind == TORN:
                yield entry.body["sha256"], f"entry {entry.number}, half a line"
        for run in self.runs():
            for one in run.inputs:
                yield one["sha256"], f"{run.run_id}, {one['kind']} {one['source']}"
            for path, digest in run.outputs.items():
                yield digest, f"{run.run_id}, {path}"
            for name in ("config", "settings", "foreseen"):
                if name in run.body:
                    yield run.body[name], f"{run.run_id}, {name}"
