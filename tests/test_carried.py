"""What a run knows of a closed period's charges: files as they are now, fetched ones as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trueup.carried import Book, _restate, _with_fetched, hashes_of
from trueup.focus.landing import Landed
from trueup.model.schema import BREAKS
from trueup.model.table import Table
from trueup.sources import Group


def group(title: str, **files: str) -> Group:
    landed = tuple(
        Landed(name.replace("__", "/"), Path(digest), digest, 1) for name, digest in files.items()
    )
    return Group("charges", title, landed)


def test_a_file_that_was_taken_away_is_gone() -> None:
    """A bill of the configuration that the run no longer finds counts for nothing."""
    now, last = group("bills", nov="n1"), group("bills", oct="o1", nov="n1")
    assert hashes_of(_with_fetched([now], [last])) == ["n1"]


def test_what_was_fetched_for_the_closed_period_stays() -> None:
    """A run asks for its own period: October's answer of the provider stays beside November's."""
    now = group("example charges", fetched__example__nov="n1")
    last = group("example charges", fetched__example__oct="o2")
    assert hashes_of(_with_fetched([now], [last])) == ["n1", "o2"]
    assert hashes_of(_with_fetched([], [last])) == ["o2"]


def test_entries_of_one_name_are_all_kept() -> None:
    """Two [[charges]] may have one name; what was fetched is no part of either."""
    now = [group("bills", x="x1"), group("bills", y="y1")]
    last = group("bills", fetched__example__oct="o2")
    assert hashes_of(_with_fetched(now, now)) == ["x1", "y1"]
    found = _with_fetched(now, [*now, last])
    assert [hashes_of([one]) for one in found] == [["x1"], ["y1"], ["o2"]]
    with_asked = [*now, group("bills", fetched__example__nov="n1")]
    found = _with_fetched(with_asked, [last])
    assert [hashes_of([one]) for one in found] == [["x1"], ["y1"], ["n1", "o2"]]


def test_the_same_answer_counts_once() -> None:
    """A file that both runs fetched is read once."""
    now = group("example charges", fetched__example__all="a1")
    last = group("example charges", fetched__example__all="a1")
    assert hashes_of(_with_fetched([now], [last])) == ["a1"]


def test_without_files_there_are_no_charges() -> None:
    """A closed period whose files are all gone has nothing to compare with."""
    nothing: Any = None
    assert Book(nothing, [], "run-0001").charges([]) is None


def test_nothing_restated_leaves_the_tables_as_they_are() -> None:
    """No break, no row behind one, and no empty table in the place of one."""
    nothing: Any = None
    tables = {"breaks": Table.from_rows(BREAKS, [])}
    before = dict(tables)
    _restate(tables, [], nothing, nothing, "duckdb")
    assert tables == before
