"""FOCUS 1.4 files."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from tests.report.sample_commitments import FORMULA
from tests.report.sample_inputs import COMMITMENT_1_4, FOCUS_1_4
from trueup.report.focus import write_focus
from trueup.report.result import Result


def test_charges_have_focus_columns_then_x_columns(result: Result, tmp_path: Path) -> None:
    """The 65 columns of FOCUS 1.4 come first, then ours and the file's own, untouched."""
    result.to_focus(tmp_path)
    table = pq.read_table(tmp_path / "CostAndUsage.parquet")
    assert sorted(table.column_names[:65]) == FOCUS_1_4
    assert table.column_names[65] == "x_Provider"
    assert table.column_names[-1] == 'x_odd "name"; --'
    assert table['x_odd "name"; --'].to_pylist() == [FORMULA] * 5
    assert table.schema.metadata == {b"focus_dataset": b"Cost and Usage", b"focus_version": b"1.4"}


def test_contracts_have_30_columns(result: Result, tmp_path: Path) -> None:
    """Contract Commitment has its 30 columns, then x_ columns."""
    result.to_focus(tmp_path)
    names = pq.read_schema(tmp_path / "ContractCommitment.parquet").names
    assert sorted(names[:30]) == COMMITMENT_1_4
    assert names[30:] == ["x_Provider", "x_Layer"]


def test_without_contracts_there_is_one_file(empty_result: Result, tmp_path: Path) -> None:
    """Nothing is made up: no contract in, no contract file out."""
    files = empty_result.to_focus(tmp_path)
    assert [path.name for path in files] == ["CostAndUsage.parquet"]
    assert [path.name for path in tmp_path.iterdir()] == ["CostAndUsage.parquet"]


def test_what_focus_wants_and_nobody_said_is_listed(result: Result, tmp_path: Path) -> None:
    """InvoiceIssuerName is null in all five rows, stays null, and is in the notes."""
    written = write_focus(result, tmp_path)
    assert pq.read_table(tmp_path / "CostAndUsage.parquet")["InvoiceIssuerName"].null_count == 5
    assert any("InvoiceIssuerName is null in 5 rows" in note for note in written.notes)
    assert not any("BilledCost" in note and "CostAndUsage" in note for note in written.notes)
