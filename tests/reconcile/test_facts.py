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
from trueup.reconcile.facts import Facts, facts_of, scanned, with_columns
from trueup.reconcile.metered import numbered_parties

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


def test_a_table_in_memory_is_computed_with_as_files_are() -> None:
    """A data set that was made in Python has no files to scan."""
    schema = pa.schema([("x_ChargeId", pa.int64()), ("SkuId", pa.string())])
    rows: list[dict[str, Any]] = [{"x_ChargeId": 1, "SkuId": "a"}, {"x_ChargeId": 2, "SkuId": None}]
    nothing = Table(pa.schema([]), arrow=pa.table({}))
    made = Dataset("charges", Table.from_rows(schema, rows), nothing, nothing)
    with open_engine("duckdb") as engine:
        assert engine.collect(scanned(made, engine)).to_pylist() == rows


def test_a_profile_is_parted_by_a_column_that_is_asked_for() -> None:
    """Charges 1 and 2 have the same SKU and different tags: 3 profiles, which say both."""
    with open_engine("duckdb") as engine:
        rows = engine.load(
            pa.table(
                {"x_ChargeId": [1, 2, 3, 4], "Tags": ["x", "y", None, None], "SkuId": list("aabb")}
            )
        )
        split = Facts(
            engine.load(pa.table({"x_ChargeId": [1, 2, 3, 4], "profile": [0, 0, 1, 1]})),
            engine.load(pa.table({"profile": [0, 1], "SkuId": ["a", "b"]})),
        )
        assert with_columns(split, rows, ["SkuId"], engine) is split
        finer = with_columns(split, rows, ["SkuId", "Tags"], engine)
        said = {row["profile"]: row for row in engine.collect(finer.profiles).to_pylist()}
        facts = engine.collect(finer.rows).to_pylist()
    assert len(said) == 3
    assert sorted(
        (row["x_ChargeId"], said[row["profile"]]["SkuId"], said[row["profile"]]["Tags"])
        for row in facts
    ) == [(1, "a", "x"), (2, "a", "y"), (3, "b", None), (4, "b", None)]


def test_usage_that_was_split_without_its_parties_has_no_numbers_for_them() -> None:
    """Who used something is told apart when usage is split, or not at all."""
    with open_engine("duckdb") as engine:
        rows = engine.load(pa.table({"profile": [0]}))
        with pytest.raises(TypeError, match="usage is split with its parties"):
            numbered_parties(Facts(rows, rows), engine)
