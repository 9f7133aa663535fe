"""A finance script as a user writes it: never run, only type-checked, by mypy --strict."""

# ruff: noqa: T201 (a script prints)

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

import trueup

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


def script() -> None:
    charges = trueup.read_charges("bills/*.parquet")
    commitments = trueup.read_commitments("contracts.csv")
    usage = trueup.read_usage("spans.jsonl")
    invoices = trueup.read_invoices("invoices.csv")
    result = trueup.reconcile(
        charges,
        commitments=commitments,
        usage=usage,
        invoices=invoices,
        period="2026-10",
        rules=None,
    )
    assert_type(charges, trueup.Dataset)
    assert_type(commitments, trueup.Dataset)
    assert_type(usage, trueup.Dataset)
    assert_type(invoices, trueup.Dataset)
    assert_type(result, trueup.Result)

    assert_type(result.commitments, trueup.Table)
    assert_type(result.utilization, trueup.Table)
    assert_type(result.breaks, trueup.Table)
    assert_type(result.allocations, trueup.Table)
    assert_type(result.control_totals, trueup.Table)
    assert_type(result.unused, trueup.Table)
    assert_type(result.credits, trueup.Table)
    assert_type(result.start, datetime)
    result.to_html("report.html")
    result.to_excel("report.xlsx")
    result.to_json("result.json")
    result.to_focus("out/")
    result.to_parquet(Path("parquet"))
    assert_type(result.summary(), str)


def other_forms(
    pandas_frame: pd.DataFrame, polars_frame: pl.DataFrame, arrow_table: pa.Table
) -> None:
    trueup.read_charges(["a.csv", Path("b.csv")])
    trueup.read_charges("a.csv", Path("b.csv"))
    trueup.read_usage(
        polars_frame, columns={"window_start": "TIMESTAMP"}, constants={"provider": "acme"}
    )
    trueup.read_usage("calls.csv", format="table")
    trueup.reconcile(pandas_frame)
    trueup.reconcile(polars_frame, usage=arrow_table)
    trueup.reconcile(
        "bill.csv",
        commitments=["a.toml", Path("b.csv")],
        period=(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)),
        rules={"idle": "spread"},
        as_of="2026-11-05T06:00:00Z",
        engine="duckdb",
    )
    trueup.reconcile(Path("bill.csv"), rules=trueup.Rules(material_amount=Decimal("0.05")))
    trueup.reconcile("bill.csv", rules=trueup.read_rules("rules.toml"))


def tables(result: trueup.Result) -> None:
    rows: list[dict[str, Any]] = result.breaks.rows()
    frame: pl.DataFrame = result.breaks.to_polars()
    for row in result.unused:
        print(row["commitment_id"], row["unused_cost"])
    print(len(rows), frame.height, trueup.__version__)


def gate() -> None:
    answer = trueup.Budget.check({"team": "search"}, snapshot=Path(".trueup/budgets.json"))
    assert_type(answer.verdict, str)
    assert_type(answer.left, Decimal | None)
    assert_type(answer.budget, trueup.Budget | None)


def errors() -> None:
    try:
        trueup.read_charges("bill.csv")
    except trueup.SourceError as error:
        assert_type(error.source, str)
    except (trueup.UsageError, trueup.CurrencyMismatch, trueup.UnitError):
        raise
    except trueup.TrueupError as error:
        print(error)


def mistakes(result: trueup.Result) -> None:
    # Each of these lines must be refused: an ignore that is not needed is an error itself.
    trueup.reconcile()  # type: ignore[call-arg]
    trueup.reconcile("bill.csv", "contracts.csv")  # type: ignore[call-arg]
    trueup.reconcile("bill.csv", perod="2026-10")  # type: ignore[call-arg]
    trueup.reconcile(3)  # type: ignore[arg-type]
    trueup.read_chargse("bill.csv")  # type: ignore[attr-defined]
    _ = result.braeks  # type: ignore[attr-defined]
