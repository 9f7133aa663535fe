"""What is known over several periods: the tables of the newest run of each, one after another."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from trueup.model.schema import RESULT_TABLES
from trueup.workspace.run import Run
from trueup.workspace.workspace import Workspace


class Spanning(Protocol):
    """A run, whether it is kept already or not."""

    @property
    def start(self) -> datetime: ...

    @property
    def end(self) -> datetime: ...


Ran = TypeVar("Ran", bound=Spanning)


def newest_runs(runs: Iterable[Ran]) -> list[Ran]:
    """Of runs in their order, the newest ones whose periods do not overlap, by their start.

    A newer run stands for every older one that shares an hour with it, so that no hour is counted
    twice. A run of a part of another run's period, such as a day of a month, stands for nothing: it
    would take the rest of that period away.
    """
    every = list(runs)
    chosen: list[Ran] = []
    for run in reversed(every):
        apart = all(run.end <= other.start or other.end <= run.start for other in chosen)
        if apart and not any(_is_part(run, other) for other in every):
            chosen.append(run)
    return sorted(chosen, key=lambda run: run.start)


def _is_part(run: Ran, whole: Ran) -> bool:
    longer = whole.end - whole.start > run.end - run.start
    return longer and whole.start <= run.start and run.end <= whole.end


def rows_of(workspace: Workspace, runs: Sequence[Run], name: str) -> pa.Table:
    """A result table over several runs, under its schema; a column that a run lacks is null."""
    schema = RESULT_TABLES[name]
    found = [schema.empty_table()]
    for run in runs:
        digest = run.outputs.get(f"parquet/{name}.parquet")
        if digest is None:  # a table that trueup did not have yet
            continue
        with pq.ParquetFile(io.BytesIO(workspace.store.get(digest)), pre_buffer=False) as file:
            rows = file.read(use_threads=False)
        columns = [
            rows.column(field.name).cast(field.type)
            if field.name in rows.schema.names
            else pa.nulls(len(rows), field.type)
            for field in schema
        ]
        found.append(pa.table(columns, schema=schema))
    return pa.concat_tables(found)
