"""The same bill twice is never silent."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

import trueup
from tests.test_worked_hour import CHARGE_COLUMNS, CHARGES


def bill(path: Path, rows: list[dict[str, str]], columns: list[str]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows([{name: row.get(name, "") for name in columns} for row in rows])
    return path


def test_a_copied_file_does_not_double_the_bill(tmp_path: Path) -> None:
    """10.00 in two files with the same bytes is billed once; three rows in, three rejected."""
    files = [bill(tmp_path / name, CHARGES, CHARGE_COLUMNS) for name in ("a.csv", "b.csv")]
    result = trueup.reconcile(files, as_of="2026-12-01")
    assert result.identity.rows()[0]["billed"] == Decimal("10.00")
    totals = [(row["rows_in"], row["rejected"]) for row in result.control_totals.rows()]
    assert totals == [(3, 0), (3, 3)]
    assert "same_bill_twice" not in {note["code"] for note in result.notes.rows()}


@pytest.mark.parametrize(("cost", "said"), [("6.20", True), ("6.21", False)])
def test_a_bill_in_two_forms_is_said(tmp_path: Path, cost: str, said: bool) -> None:
    """The same rows with columns in another order have other bytes; a cent more is another bill."""
    first = bill(tmp_path / "a.csv", CHARGES, CHARGE_COLUMNS)
    rows = [CHARGES[0] | {"EffectiveCost": cost}, *CHARGES[1:]]
    second = bill(tmp_path / "b.csv", rows, CHARGE_COLUMNS[::-1])
    notes = trueup.reconcile([first, second], as_of="2026-12-01").notes.rows()
    found = [note for note in notes if note["code"] == "same_bill_twice"]
    assert [(note["subject"], str(second) in note["text"]) for note in found] == (
        [(str(first), True)] if said else []
    )
