"""Files that break off inside a record, or give none: more is missing than a row."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.focus.bill import as_csv, row

import trueup

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
