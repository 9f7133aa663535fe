"""Spend made by hand: rows of the table `spend`, alone or as a workspace whose runs gave them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trueup.budgets.bought import COLUMNS
from trueup.budgets.outlay import Outlay
from trueup.model.schema import RESULT_TABLES
from trueup.model.spend_schema import SPEND
from trueup.period import Period, parse_instant
from trueup.workspace.workspace import Workspace

Row = dict[str, Any]


def at(text: str) -> datetime:
    return parse_instant(text)


def spend(start: str, cost: str | None, *, hours: int = 1, **more: str) -> Row:
    """A row of `hours` from an instant, billed in USD unless it says otherwise."""
    begins = at(start)
    return {
        "start": begins,
        "end": begins + timedelta(hours=hours),
        "state": "billed",
        "currency": "USD",
        "cost": None if cost is None else Decimal(cost),
        **more,
    }


def table(rows: Sequence[Row], schema: pa.Schema = SPEND) -> pa.Table:
    columns = {name: [row.get(name) for row in rows] for name in schema.names}
    return pa.table(columns, schema=schema)


def outlay(*rows: Row, known: Sequence[tuple[str, str]], commitments: Sequence[Row] = ()) -> Outlay:
    """Rows as a whole history, of which these spans of time are known."""
    return Outlay(
        table(rows).select(list(COLUMNS)),
        table(commitments).select(list(COLUMNS)),
        [Period(at(start), at(end)) for start, end in known],
    )


def ran(
    workspace: Workspace,
    period: tuple[str, str],
    as_of: str,
    rows: Sequence[Row],
    utilization: Sequence[Row] = (),
    movements: Sequence[Row] = (),
    failures: Sequence[Row] = (),
    **more: Sequence[Row],
) -> None:
    """A run of a period that ended, and gave these rows; ``more`` of tables by their names."""
    run_id = workspace.begin(at(as_of), {"period": None})
    outputs = {}
    given_tables = {"spend": rows, "utilization": utilization, "movements": movements, **more}
    for name, given in given_tables.items():
        file = io.BytesIO()
        pq.write_table(table(given, RESULT_TABLES[name]), file)
        outputs[f"parquet/{name}.parquet"] = workspace.store.put(file.getvalue())
    body = {
        "period": dict(zip(("start", "end"), map(at, period), strict=True)),
        "as_of": at(as_of),
        "outputs": outputs,
        "failures": failures,
    }
    workspace.end(run_id, at(as_of), body, {})


def empty(folder: Path) -> Workspace:
    return Workspace(folder / ".trueup")


NOW = datetime(2026, 11, 10, tzinfo=UTC)
