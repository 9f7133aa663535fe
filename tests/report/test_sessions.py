"""The costliest sessions, also where a session's rows stand in several batches."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from tests.report.sample import make_outcome
from trueup.model.spend_schema import SESSION_COSTS
from trueup.model.table import Table
from trueup.report.result import Result
from trueup.report.sessions import OTHERS, costliest, table

D = Decimal
COSTS = [  # session, basis, currency, cost: in the order of sessions, null last
    ("s1", "billed", "USD", "2.00"),
    ("s1", "rated", "USD", "1.00"),
    ("s2", "billed", "USD", "4.00"),
    ("s3", "billed", "EUR", "1.00"),
    ("s3", "accrued", "USD", "0.50"),
    ("s4", "capacity", None, None),
    (None, "billed", "USD", "2.50"),
    (None, "billed", "USD", "1.00"),
]


def rows() -> list[dict[str, Any]]:
    names = ("session", "basis", "currency", "cost")
    return [
        {
            **dict.fromkeys(SESSION_COSTS.names),
            **dict(zip(names, each, strict=True)),
            "cost": None if each[3] is None else D(each[3]),
        }
        for each in COSTS
    ]


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_the_costliest_of_each_currency_whatever_the_batches(batch: int) -> None:
    """USD: s2 4.00, nobody's 2.50 + 1.00, then s1 2.00 + 1.00; of those two are asked for."""
    table = pa.Table.from_pylist(rows(), SESSION_COSTS)
    parts = pa.concat_tables(table.slice(at, batch) for at in range(0, len(table), batch))
    found = costliest(Table(SESSION_COSTS, arrow=parts), 2)
    assert [(row["session"], row["currency"], row["cost"]) for row in found] == [
        ("s3", "EUR", D("1.00")),
        ("s2", "USD", D("4.00")),
        (None, "USD", D("3.50")),
    ]


def test_the_report_shows_sessions_where_usage_has_a_cost(tmp_path: Path) -> None:
    """A section with a table for each currency, and none where there is nothing to show."""
    page = Result(make_outcome(session_costs=rows())).to_html(tmp_path / "a.html").read_text()
    assert 'id="sessions"' in page
    assert "Cost most in EUR" in page
    assert "Cost most in USD" in page
    assert 'id="sessions"' not in Result(make_outcome()).to_html(tmp_path / "b.html").read_text()


def test_all_others_are_a_row_of_each_currency() -> None:
    """One session of each is shown: of USD 3.00 + 3.50 + 0.50 are left, of EUR nothing."""
    found = table(Table.from_rows(SESSION_COSTS, rows()), 1).rows()
    assert [(row["session"], row["currency"], row["cost"]) for row in found] == [
        ("s3", "EUR", D("1.00")),
        ("s2", "USD", D("4.00")),
        (OTHERS, "USD", D("7.00")),
    ]


def test_a_batch_without_rows_changes_nothing() -> None:
    """Tables come in pieces, and a piece may be empty."""
    some = pa.RecordBatch.from_pylist(rows(), SESSION_COSTS)
    parts = [some.slice(0, 0), some]
    given = SimpleNamespace(
        schema=SESSION_COSTS,
        select=lambda names: SimpleNamespace(
            reader=lambda: iter([part.select(names) for part in parts])
        ),
    )
    assert costliest(cast("Table", given), 1)[0]["session"] == "s3"
