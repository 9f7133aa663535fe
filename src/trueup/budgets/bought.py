"""What commitments cost, as whole purchases, from the source that burn has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trueup.burn.rates import edge, seconds
from trueup.burn.series import (
    ACCRUED,
    BILLED,
    COST,
    QUANTITY,
    Burned,
    Subject,
    commitments_burned,
)
from trueup.workspace.newest import Ran, Spanning

if TYPE_CHECKING:
    import pyarrow as pa

WHO = ("team", "cost_centre", "agent", "tool", "provider", "model", "meter", "commitment_id")
COLUMNS = ("start", "end", "state", *WHO, "currency", "cost")
SOURCES = ("utilization", "movements", "burn_down", "credits", "commitments", "spend")


def bought(runs: Sequence[Ran], read: Callable[[Sequence[Ran], str], pa.Table]) -> pa.Table:
    """Rows under COLUMNS: what intervals cost, used or not; what lots and agreements drew.

    An interval that is not billed has what is accrued on it, at most what the last one commits.
    What is drawn down counts in its own unit. ``read`` gives a table over runs. Raises
    IntegrityError where an hour of a commitment would be both billed and accrued.
    """
    import pyarrow as pa

    from trueup.model.spend_schema import SPEND

    schema = pa.schema([SPEND.field(name) for name in COLUMNS])
    found = [schema.empty_table()]
    for run in runs:
        rows = read([run], "utilization")
        found += [_intervals(rows, run, cost, schema) for cost in ("used", "unused")]
        rows = read([run], "commitments")
        found.append(pa.Table.from_pylist(list(_at_rest(rows, run)), schema=schema))
    tables = {name: read(runs, name) for name in SOURCES}
    found.append(pa.Table.from_pylist(list(_burned(tables)), schema=schema))
    return pa.concat_tables(found)


def _intervals(rows: pa.Table, run: Spanning, cost: str, schema: pa.Schema) -> pa.Table:
    """One cost of each fulfilment interval, as spend within the run's period."""
    import pyarrow as pa
    import pyarrow.compute as pc

    start, end = rows["interval_start"], rows["interval_end"]
    first, last = (pa.scalar(at, start.type) for at in (run.start, run.end))
    known = {
        "start": pc.if_else(pc.less(start, first), first, start),
        "end": pc.if_else(pc.greater(end, last), last, end),
        "state": pa.repeat(BILLED, len(rows)),
        "provider": rows["provider"],
        "commitment_id": rows["commitment_id"],
        "currency": rows["currency"],
        "cost": rows[f"{cost}_cost"],
    }
    columns = [known.get(field.name, pa.nulls(len(rows), field.type)) for field in schema]
    return pa.table(columns, schema=schema)


def _at_rest(rows: pa.Table, run: Spanning) -> Iterable[dict[str, Any]]:
    """What is known to have drawn nothing: at nought, and not unknown."""
    for row in rows.to_pylist():
        if row["drawn"] == 0:
            yield {
                **{name: row[name] for name in ("provider", "commitment_id")},
                "start": run.start,
                "end": run.start,
                "state": BILLED,
                "currency": row["unit"],
                "cost": row["drawn"],
            }


def _burned(tables: Mapping[str, pa.Table]) -> Iterable[dict[str, Any]]:
    """What is drawn down, and what is accrued, once for each time and commitment."""
    burned = commitments_burned(tables)
    intervals = set(tables["utilization"].column("commitment_id").to_pylist())
    drawn = {one.subject.commitment_id for one in burned if one.state == BILLED}
    drawn |= set(tables["credits"].column("commitment_id").to_pylist())
    sums: dict[tuple[Subject, datetime, datetime, str], list[Burned]] = defaultdict(list)
    for one in burned:
        subject, by_interval = one.subject, one.subject.commitment_id in intervals
        measure = QUANTITY if subject.commitment_id in drawn - intervals else COST
        if subject.measure == measure and not (by_interval and one.state == BILLED):
            sums[subject, one.start, one.end, one.state].append(one)
    limits = _limits(tables["utilization"])
    for (subject, start, end, state), ones in sums.items():
        amounts = [one.amount for one in ones if one.amount is not None]
        amount = sum(amounts, Fraction(0)) if amounts else None
        currency, limit = limits.get(subject.commitment_id, ("", Fraction(0)))
        if state == ACCRUED and amount is not None and currency == subject.unit:
            amount = min(amount, limit * seconds(end - start))
        row = {
            "start": start,
            "end": end,
            "state": state,
            "provider": subject.provider or None,
            "commitment_id": subject.commitment_id,
            "currency": subject.unit,
            "cost": None if amount is None else edge(amount),
        }
        yield row
        if amount is not None and any(one.unknown for one in ones):
            yield row | {"cost": None}


def _limits(utilization: pa.Table) -> dict[str, tuple[str, Fraction]]:
    """What a second of the last interval commits, in its currency, where that is known."""
    last: dict[str, Mapping[str, Any]] = {}
    for row in utilization.to_pylist():
        before = last.get(row["commitment_id"], row)
        last[row["commitment_id"]] = max(before, row, key=lambda one: one["interval_start"])
    return {
        name: (row["currency"], Fraction(row["committed_cost"]) / seconds(length))
        for name, row in last.items()
        if row["committed_cost"] is not None
        and (length := row["interval_end"] - row["interval_start"])
    }
