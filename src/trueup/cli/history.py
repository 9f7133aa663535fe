"""What commands read of a workspace's newest runs: a result table, or its sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa

    from trueup.workspace.workspace import Workspace


Row = TypeVar("Row")


def table_of(workspace: Workspace, name: str) -> pa.Table:
    """A result table over the newest run of each period."""
    from trueup.workspace.newest import newest_runs, rows_of

    return rows_of(workspace, newest_runs(workspace.runs()), name)


def summed(table: pa.Table, by: Sequence[str], figures: Sequence[str]) -> list[dict[str, Any]]:
    """The sums of some figures, by columns; null over rows that are all null."""
    from trueup.model.sums import sums_by

    return list(sums_by(table, by, figures).to_pylist())


def names_of_commitments(workspace: Workspace) -> dict[str, str]:
    """Commitment -> what the report calls it."""
    from trueup.report.names import commitments_named

    return commitments_named(table_of(workspace, "commitments").to_pylist())


def top_of_each(rows: Iterable[Row], group: Callable[[Row], str], top: int) -> list[Row]:
    """The first rows of each group, in their order; 0: all."""
    taken: Counter[str] = Counter()
    found = []
    for row in rows:
        taken[group(row)] += 1
        if not top or taken[group(row)] <= top:
            found.append(row)
    return found
