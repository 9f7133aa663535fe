from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trueup.adapter.native import NativeExport
from trueup.errors import IntegrityError, SourceError
from trueup.focus import native
from trueup.focus.charges import read_charges

SQL = """
SELECT record, amortised AS EffectiveCost,
  (exact_decimal(billed) + coalesce(exact_decimal(discount), 0))::VARCHAR AS BilledCost,
  money AS BillingCurrency, 'Usage' AS ChargeCategory, "from" AS ChargePeriodStart,
  "to" AS ChargePeriodEnd, shelf AS x_Shelf
FROM export
"""


def export(sql: str = SQL) -> NativeExport:
    return NativeExport(
        "example-export", frozenset({"billed", "money"}), sql, frozenset({"discount", "shelf"})
    )


@pytest.fixture
def bill(tmp_path: Path) -> Path:
    path = tmp_path / "e.csv"
    path.write_text(
        "money,billed,amortised,from,to,shelf\n"
        "USD,1.10,0.5,2026-10-01,2026-10-02,9\n"
        "USD,oops,0.25,2026-10-01,2026-10-02,\n",
        encoding="utf-8",
    )
    return path


def test_a_native_export_is_read_as_focus_by_its_query(
    bill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its format is its name, an absent optional column is null, x_ columns are kept."""
    monkeypatch.setattr(native, "native_exports", lambda: [export()])
    dataset = read_charges(bill)
    (found,) = dataset.table.rows()
    assert dataset.sources.rows()[0]["format"] == "example-export"
    assert (found["BilledCost"], found["EffectiveCost"]) == (Decimal("1.1"), Decimal("0.5"))
    assert (found["x_Shelf"], found["x_SourceRow"]) == ("9", 1)


def test_a_record_the_query_makes_nothing_of_is_rejected_by_its_number(
    bill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second record's amount is none: one reject with the file's own row number."""
    monkeypatch.setattr(native, "native_exports", lambda: [export()])
    (reject,) = read_charges(bill).rejects.rows()
    assert (reject["row_number"], reject["column"]) == (2, "BilledCost")


def test_a_query_that_does_not_tell_the_record_first_is_an_error(
    bill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its number nobody knows which record of the file a row is of."""
    unnumbered = export(SQL.replace("SELECT record, ", "SELECT "))
    monkeypatch.setattr(native, "native_exports", lambda: [unnumbered])
    with pytest.raises(IntegrityError, match="example-export: its query must select record first"):
        read_charges(bill)


def test_a_query_that_loses_a_record_is_an_error(
    bill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two records in, one row out: nothing is given."""
    lossy = export(SQL + " WHERE record = 1")
    monkeypatch.setattr(native, "native_exports", lambda: [lossy])
    with pytest.raises(SourceError, match="2 records became 1 rows"):
        read_charges(bill)


def test_no_names_case_matters(bill: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns that identify it and optional ones, in capitals, are the same columns."""
    monkeypatch.setattr(native, "native_exports", lambda: [export()])
    expected = read_charges(bill).table.rows()
    header, _, rest = bill.read_text(encoding="utf-8").partition("\n")
    bill.write_text(f"{header.upper()}\n{rest}", encoding="utf-8")
    assert read_charges(bill).table.rows() == expected


def test_a_number_that_is_compared_with_text_is_read_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query runs over numbers as decimals, of which 'none' is not one: 1.5 is not 'none'."""
    amount = "CASE WHEN billed = 'none' THEN NULL ELSE exact_decimal(amortised) END"
    query = SQL.replace("amortised AS", f"{amount} AS")
    monkeypatch.setattr(native, "native_exports", lambda: [export(query)])
    path = tmp_path / "e.parquet"
    bill = {"money": ["USD"], "billed": [1.5], "amortised": [0.25]}
    pq.write_table(pa.table(bill | {"from": ["2026-10-01"], "to": ["2026-10-02"]}), path)
    (found,) = read_charges(path).table.rows()
    assert (found["BilledCost"], found["EffectiveCost"]) == (Decimal("1.5"), Decimal("0.25"))
