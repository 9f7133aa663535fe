"""What is computed with are the rows as they were read: anything lost or changed stops the run."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.workspace import month
from trueup import read_charges
from trueup.engine.engine import open_engine
from trueup.errors import IntegrityError
from trueup.model.dataset import Dataset
from trueup.model.split import split_rows
from trueup.model.splits import SPLITS
from trueup.model.table import Table
from trueup.reconcile.control import check_facts
from trueup.reconcile.facts import facts_of

WHOLE = pa.decimal128(38, 0)
SCHEMA = pa.schema([("currency", pa.string()), ("effective", WHOLE), ("billed", WHOLE)])
# 1.25 + 2.50 = 3.75 EUR effective, 1.00 + 2.00 = 3.00 EUR billed; one row of 9.99 USD.
ROWS = [("EUR", 125, 100), ("EUR", 250, 200), ("USD", 999, 999)]
READ = [("EUR", 2, "3.75", "3.00"), ("USD", 1, "9.99", "9.99")]


def checked(rows: list[tuple[str, int, int]], read: list[tuple[str, int, str, str]]) -> None:
    totals: list[dict[str, Any]] = [
        {
            "kind": "charges",
            "currency": currency,
            "accepted": accepted,
            "effective_cost": Decimal(effective),
            "billed_cost": Decimal(billed),
        }
        for currency, accepted, effective, billed in read
    ]
    table = pa.Table.from_pylist(
        [
            {"currency": currency, "effective": Decimal(effective), "billed": Decimal(billed)}
            for currency, effective, billed in rows
        ],
        schema=SCHEMA,
    )
    with open_engine("duckdb") as engine:
        check_facts(totals, engine.load(table), 2, engine)


def test_what_adds_up_passes() -> None:
    """Two currencies, each with its own sums."""
    checked(ROWS, READ)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("EUR", 125, 100), ("EUR", 251, 200), ROWS[2]], "EUR: effective cost 3.75"),
        ([("EUR", 125, 100), ("EUR", 250, 201), ROWS[2]], "EUR: billed cost 3.00"),
        ([("EUR", 375, 300), ROWS[2]], "EUR: rows 2"),  # the sums are right, a row is not there
        (ROWS[:2], "USD: rows 1"),  # a currency is gone with all its rows
        ([*ROWS, ("GBP", 0, 0)], "GBP: rows 0"),  # one that nobody read
    ],
)
def test_what_does_not_add_up_stops_the_run(rows: list[tuple[str, int, int]], said: str) -> None:
    """One unit, one row or one currency too many or too few."""
    with pytest.raises(IntegrityError, match=said):
        checked(rows, READ)


def test_a_fact_for_every_row(tmp_path: Path) -> None:
    """A split that lost a row is not computed with."""
    (tmp_path / "bill.csv").write_text(month.bill(month.COSTS, ()), encoding="utf-8")
    whole = read_charges(tmp_path / "bill.csv")
    fewer = Table(whole.table.schema, arrow=whole.table.to_arrow().slice(1))
    lost = Table(
        whole.table.schema,
        arrow=whole.table.to_arrow(),
        split=split_rows(fewer, SPLITS["charges"], tmp_path / "fewer"),
    )
    rows = len(month.COSTS)
    with open_engine("duckdb") as engine:
        facts_of(whole, tmp_path, engine)
        with pytest.raises(IntegrityError, match=f"{rows} rows read, but {rows - 1} to compute"):
            facts_of(Dataset("charges", lost, whole.sources, whole.rejects), tmp_path, engine)
