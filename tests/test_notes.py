"""Notes of the job: charges that were there in the last run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.month import Month, trueup
from trueup.focus.landing import Landed
from trueup.notes import charge_rows, fewer_charges
from trueup.sources import Group


def rows_of(**rows: int) -> dict[tuple[str, str], int]:
    """Files of the entry ``bills``; one whose name begins with "x" is of another."""
    return {("xs" if name.startswith("x") else "bills", name): rows[name] for name in rows}


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        ({"a": 10}, {"a": 9}, None),  # a tenth
        ({"a": 1000}, {"a": 899}, "a 899 (were 1,000)"),
        ({"a": 10, "b": 10}, {"a": 11}, "b 0 (were 10)"),
        ({"a": 10, "b": 10}, {"a": 10, "c": 11}, None),  # delivered under another name
        ({"a": 10, "b": 10}, {"a": 10, "c": 7}, "b 0 (were 10)"),  # 17 of 20 are left
        ({"a": 10, "x": 2}, {"a": 20}, "x 0 (were 2)"),
        ({"a": 10}, {"a": 10, "b": 1}, None),
        ({}, {"a": 10}, None),
        # What is fetched has other names in each run; what has the same is compared.
        ({"fetched/aws/1": 10}, {"fetched/aws/2": 1}, None),
        ({"fetched/aws/1": 10}, {"fetched/aws/1": 1}, "fetched/aws/1 1 (were 10)"),
        (dict.fromkeys("edcba", 2), {}, "a 0 (were 2), b 0 (were 2), c 0 (were 2), 2 more"),
    ],
)
def test_files_with_a_tenth_fewer_rows_are_named(
    before: dict[str, int], now: dict[str, int], text: str | None
) -> None:
    """Less than nine tenths of the rows, per file; three are named."""
    found = fewer_charges("run-0001", "run-0002", rows_of(**before), rows_of(**now))
    assert [note["text"] for note in found] == (
        [] if text is None else [f"fewer rows than in run-0001: {text}"]
    )


def test_rows_are_counted_by_entry_and_file() -> None:
    """Both currencies of a file together; usage does not count."""
    totals = [
        {"source": "a", "kind": "charges", "accepted": 3},
        {"source": "a", "kind": "charges", "accepted": 4},
        {"source": "meters", "kind": "usage", "accepted": 1},
    ]
    bills = Group("charges", "bills", (Landed("a", Path("a"), "0", 1),))
    assert charge_rows([bills], totals) == {("bills", "a"): 7}
    assert charge_rows([], totals) == {("", "a"): 7}


def test_a_bill_of_a_header_alone_is_noted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rows, then none; the night after, it is as it was the night before."""
    monkeypatch.chdir(tmp_path)
    month = Month(tmp_path)
    month.run()
    bill = month.folder / "bills" / "oct.csv"
    header = bill.read_text(encoding="utf-8").splitlines()[0]
    bill.write_text(f"{header}\n", encoding="utf-8")
    found = trueup("run")
    assert "fewer rows than in run-0001: bills/oct.csv 0 (were 2)" in " ".join(found.stdout.split())
    assert "`trueup diff run-0001 run-0002`" in " ".join(found.stdout.split())
    assert trueup("diff", "run-0001", "run-0002").exit_code == 0
    assert "fewer rows" not in trueup("run").stdout
