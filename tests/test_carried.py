"""What a run knows of a closed period's charges: files as they are now, fetched ones as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trueup.carried import Book, _restate, _with_fetched, hashes_of
from trueup.focus.landing import Landed
from trueup.model.table import Table
from trueup.sources import Group
from trueup.workspace.workspace import Workspace


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


def test_the_same_answer_counts_once() -> None:
    """A file that both runs fetched is read once."""
    now = group("example charges", fetched__example__all="a1")
    last = group("example charges", fetched__example__all="a1")
    assert hashes_of(_with_fetched([now], [last])) == ["a1"]


def test_of_no_group_of_charges_there_are_none(tmp_path: Path) -> None:
    """A run that read no charges has nothing to restate."""
    assert Book(Workspace(tmp_path), [], "run").charges([]) is None


def test_without_a_restated_item_nothing_is_added(tmp_path: Path) -> None:
    """No break, no row behind one: the tables stay as they are."""
    tables: dict[str, Table] = {}
    nothing: Any = None
    _restate(tables, [], nothing, nothing, "duckdb")
    assert tables == {}
