"""Files that break off inside a record, or give none: more is missing than a row."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from tests.focus.bill import as_csv, row

import trueup
from trueup.focus.whole import UNENDED
from trueup.model.dataset import Dataset

CUT_RECORD = "2026-10-01,USD,5"
QUOTE = '"a quote that nobody closes,1\n2,3\n'


def written(tmp_path: Path, end: str) -> Path:
    """A bill of two rows, and what else stands at its end."""
    path = tmp_path / "bill.csv"
    text = as_csv([row(), row(ChargeDescription="second")])
    path.write_text(text + end, encoding="utf-8")
    return path


@pytest.mark.parametrize("end", [CUT_RECORD, QUOTE])
def test_a_bill_that_ends_inside_a_record_is_not_whole(tmp_path: Path, end: str) -> None:
    """Its third record has no end: two rows are read, and the source says that more is missing."""
    found = trueup.read_charges(written(tmp_path, end))
    assert len(found.table) == 2
    (why,) = found.broken.values()
    assert why.startswith("it breaks off in record 3, what follows is missing")


@pytest.mark.parametrize("end", ["", "Total,12.00\n"])
def test_a_bill_that_ends_with_a_line_is_whole(tmp_path: Path, end: str) -> None:
    """A line of totals below the records is one reject, as it always was."""
    found = trueup.read_charges(written(tmp_path, end))
    assert (len(found.rejects), found.broken) == (1 if end else 0, {})


def test_a_file_of_which_no_record_is_read_is_not_whole(tmp_path: Path) -> None:
    """Every time of it is another word: the first reason is told."""
    path = tmp_path / "gpu.csv"
    path.write_text("at,gpu\nlunch,2\ndinner,2\n", encoding="utf-8")
    found = trueup.read_usage(path, format="table", columns={"window_start": "at", "gpu": "gpu"})
    (why,) = found.broken.values()
    assert why.startswith("none of its records could be read, the first: not a time")


@pytest.mark.parametrize(("good", "bad", "whole"), [(6, 5, True), (5, 5, False), (4, 5, True)])
def test_a_file_of_which_half_is_not_read_is_not_whole(
    tmp_path: Path, good: int, bad: int, whole: bool
) -> None:
    """Amounts with a comma in half of ten records: it is read wrongly. Of fewer it may be chance."""
    path = tmp_path / "bill.csv"
    rows = [row(ChargeDescription=f"row {number}") for number in range(good)]
    rows += [row(BilledCost="8,00", ChargeDescription=f"bad {number}") for number in range(bad)]
    path.write_text(as_csv(rows), encoding="utf-8")
    found = trueup.read_charges(path)
    assert (len(found.table), len(found.rejects)) == (good, bad)
    assert bool(found.broken) != whole
    if not whole:
        assert found.broken[str(path)].startswith(
            "5 of its 10 records could not be read, the first"
        )


def test_a_copy_of_a_file_is_whole(tmp_path: Path) -> None:
    """All records of the second are in the figures already: nothing is missing."""
    first = written(tmp_path, "")
    copy = tmp_path / "copy.csv"
    copy.write_bytes(first.read_bytes())
    found = trueup.read_charges([first, copy])
    assert (len(found.table), len(found.rejects), found.broken) == (2, 2, {})


def test_spans_that_end_inside_a_line_are_not_whole(tmp_path: Path) -> None:
    """JSON lines, the last of them half a line."""
    path = tmp_path / "calls.jsonl"
    path.write_text(
        '{"at": "2026-10-03T14:00:00Z", "gpu": 2}\n{"at": "2026-10-03T15:0', encoding="utf-8"
    )
    found = trueup.read_usage(path, format="table", columns={"window_start": "at", "gpu": "gpu"})
    (why,) = found.broken.values()
    assert why == "it breaks off in record 2, what follows is missing (not valid JSON)"


def noted(found: Dataset) -> list[str]:
    return [row["source"] for row in found.sources.rows() if UNENDED in (row["note"] or "")]


@pytest.mark.parametrize(
    ("end", "said"),
    [("\n", False), ("\r\n", False), ("\r", False), ("", True)],
)
def test_a_bill_without_a_last_line_end_is_noted(tmp_path: Path, end: str, said: bool) -> None:
    """A last figure of 125.50 that was cut to 12 is a row like any other: only the end is missing."""
    path = tmp_path / "bill.csv"
    path.write_bytes((as_csv([row(), row()]).rstrip("\r\n") + end).encode())
    found = trueup.read_charges(path)
    assert noted(found) == ([str(path)] if said else [])
    assert (len(found.table), found.broken) == (2, {})
    result = trueup.reconcile(found, as_of="2026-12-01")
    notes = [one for one in result.notes.rows() if UNENDED in one["text"]]
    assert [bool(one["remedy"]) for one in notes] == ([True] if said else [])
    assert "source_not_whole" not in {one["code"] for one in result.notes.rows()}


def test_what_cannot_be_cut_unseen_is_not_noted(tmp_path: Path) -> None:
    """A cut archive cannot be unpacked; a last record that is refused says more than a note."""
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(as_csv([row()]).rstrip("\r\n").encode()))
    assert noted(trueup.read_charges(packed)) == []
    refused = written(tmp_path, CUT_RECORD)
    assert noted(trueup.read_charges(refused)) == []


@pytest.mark.parametrize("said", [True, False])
def test_telemetry_without_a_last_line_end_is_noted(tmp_path: Path, said: bool) -> None:
    """720 seconds cut to 72 are a quantity too; JSON lines end with a whole object or none."""
    table, lines = tmp_path / "gpu.csv", tmp_path / "calls.jsonl"
    table.write_text("at,gpu\n2026-10-03T14:00:00Z,72" + ("" if said else "\n"))
    lines.write_text('{"at": "2026-10-03T14:00:00Z", "gpu": 2}')
    columns = {"window_start": "at", "gpu": "gpu"}
    for path, expected in ((table, [str(table)] if said else []), (lines, [])):
        found = trueup.read_usage(path, format="table", columns=columns)
        assert (len(found.table), noted(found), found.broken) == (1, expected, {})
