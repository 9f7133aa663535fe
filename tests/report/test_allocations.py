"""The largest allocations of each currency, and what the others come to, by hand."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from trueup.model.schema import ALLOCATIONS
from trueup.model.table import Table
from trueup.report.allocations import largest
from trueup.report.sessions import OTHERS

D = Decimal


def row(session: str | None, cost: str, currency: str = "USD", **more: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(ALLOCATIONS.names)
    paid = D(cost) / 2
    given = {"session": session, "cost": D(cost), "committed_cost": paid, "currency": currency}
    return nothing | given | more


def test_the_largest_of_each_currency_stand_alone() -> None:
    """USD: of 5, 3, 4, 1 the 5 and the 4 stay in their order, 3 + 1 = 4; a refund is small."""
    rows = [
        row("a", "5", team="t"),
        row("b", "3", team="t"),
        row("c", "-9", "EUR"),
        row("d", "4", team="u"),
        row("e", "1", team="t"),
        row(None, "2", "EUR"),
        row("f", "1", "EUR"),
    ]
    found = largest(Table.from_rows(ALLOCATIONS, rows), 2)
    assert found.rows() == [
        rows[0],
        rows[3],
        rows[5],
        rows[6],
        row(OTHERS, "4", team="t"),
        row(OTHERS, "-9", "EUR"),
    ]


def test_few_rows_stay_as_they_are() -> None:
    table = Table.from_rows(ALLOCATIONS, [row("a", "5"), row("b", "3")])
    assert largest(table, 2) is table


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(-9, 9), st.sampled_from(("EUR", "USD")))
    ),
    st.integers(1, 4),
)
def test_nothing_is_lost(given_rows: list[tuple[str, int, str]], most: int) -> None:
    """Whatever the batches, by team and currency the sums are those of all rows."""
    rows = [
        row(f"s{n}", str(cost), code, team=team) for n, (team, cost, code) in enumerate(given_rows)
    ]
    whole = Table.from_rows(ALLOCATIONS, rows).to_arrow()
    batches = pa.Table.from_batches(whole.to_batches(max_chunksize=3), whole.schema)
    found = largest(Table(ALLOCATIONS, arrow=batches), most).rows()
    assert sums(found) == sums(rows)
    alone: dict[str, int] = defaultdict(int)
    for one in found:
        alone[one["currency"]] += one["session"] != OTHERS
    assert len(rows) <= most or max(alone.values()) <= most


def sums(rows: list[dict[str, Any]]) -> dict[tuple[Any, Any], Decimal]:
    totals: dict[tuple[Any, Any], Decimal] = defaultdict(Decimal)
    for one in rows:
        totals[one["team"], one["currency"]] += one["cost"]
    return totals
