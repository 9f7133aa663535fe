"""The sessions of a result that cost most, found in bounded memory."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from trueup.attribute.session_tree import top_sessions
from trueup.model.spend_schema import SESSIONS
from trueup.model.sums import sums_by
from trueup.model.table import Table
from trueup.money import EXACT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OTHERS = "(all others)"
FIGURES = ("billed", "accrued", "rated", "cost", "committed_cost")
COLUMNS = ("session", "basis", "currency", "cost", "committed_cost")


def on_demand(row: Mapping[str, Any]) -> Decimal:
    """What no commitment paid for of a session's billed and rated cost."""
    known = EXACT.add(row["billed"], row["rated"])
    return EXACT.subtract(known, row["committed_cost"])


def table(session_costs: Table, most: int) -> Table:
    """The costliest sessions of each currency, under ``SESSIONS``; all others are one row."""
    rows = costliest(session_costs, most)
    rows += _others(session_costs, rows)
    return Table.from_rows(SESSIONS, [row | {"on_demand_cost": on_demand(row)} for row in rows])


def _others(session_costs: Table, shown: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """What is not shown of each currency, so that the rows add up to all sessions."""
    whole = []
    for batch in session_costs.select(COLUMNS).reader():
        sums = sums_by(pa.Table.from_batches([batch]), ["basis", "currency"], COLUMNS[3:])
        whole += [{**row, "session": OTHERS} for row in sums.to_pylist()]
    for row in top_sessions(whole):
        for one in shown:
            if one["currency"] == row["currency"]:
                row |= {name: EXACT.subtract(row[name], one[name]) for name in FIGURES}
        if any(row[name] for name in FIGURES):
            yield row


def costliest(session_costs: Table, most: int) -> list[dict[str, Any]]:
    """At most so many sessions of each currency, the costliest first; see ``top_sessions``.

    The table is in its reading order, in which the rows of a session stand together.
    """
    best: list[dict[str, Any]] = []
    carried = session_costs.schema.empty_table().select(COLUMNS)
    for batch in session_costs.select(COLUMNS).reader():
        rows = pa.concat_tables([carried, pa.Table.from_batches([batch])])
        if not len(rows):
            continue
        names = rows.column("session")
        of_last = pc.fill_null(pc.equal(names, names[-1]), not names[-1].is_valid)
        carried = rows.filter(of_last)  # more of it may follow
        best = _merged(best, rows.filter(pc.invert(of_last)), most)
    return _merged(best, carried, most)


def _merged(best: list[dict[str, Any]], rows: pa.Table, most: int) -> list[dict[str, Any]]:
    found = [*best, *top_sessions(_largest(rows, most).to_pylist())]
    found.sort(key=lambda row: (row["currency"], -row["cost"], row["session"] or ""))
    taken: Counter[str] = Counter()
    kept = []
    for row in found:
        taken[row["currency"]] += 1
        if taken[row["currency"]] <= most:
            kept.append(row)
    return kept


def _largest(rows: pa.Table, most: int) -> pa.Table:
    """The rows of the sessions that cost most in their currency."""
    sums = sums_by(rows, ["session", "currency"], ["cost"])
    order = [("currency", "ascending"), ("cost", "descending"), ("session", "ascending")]
    names = []
    for currency in pc.unique(sums.column("currency")).drop_null():
        mine = sums.filter(pc.equal(sums.column("currency"), currency)).sort_by(order)
        names += mine.column("session").slice(0, most).to_pylist()
    wanted = pa.array(names, pa.string())
    return rows.filter(pc.is_in(rows.column("session"), wanted))
