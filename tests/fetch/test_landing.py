"""What a landing knows already: each content once, also after a kill."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from trueup.adapter.feed import Answer
from trueup.fetch.landing import Landing
from trueup.workspace.journal import JOURNAL

AT = datetime(2026, 11, 2, tzinfo=UTC)


def answered(landing: Landing, body: bytes) -> int:
    """How many entries there are after an answer landed."""
    landing.answer("nimbus", "plans", Answer("ListPlans", {}, 1, body), AT)
    return len(landing.journal.entries())


def test_the_same_answer_again_adds_nothing(tmp_path: Path) -> None:
    """Another one does, and so does the first when it comes back."""
    landing = Landing.at(tmp_path)
    assert [answered(landing, body) for body in (b"1", b"1", b"2", b"1")] == [1, 1, 2, 3]
    assert answered(Landing.at(tmp_path), b"1") == 3


def test_half_a_line_that_was_kept_aside_is_no_answer(tmp_path: Path) -> None:
    """A kill tore the second line; what landed before and after it is known all the same."""
    assert answered(Landing.at(tmp_path), b"1") == 1
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"at":"2026')
    assert answered(Landing.at(tmp_path), b"2") == 3  # with what was torn
    again = Landing.at(tmp_path)
    assert [entry.kind for entry in again.journal.entries()] == ["landed", "torn", "landed"]
    assert answered(again, b"2") == 3
