"""How far a close is, folded from the journal: prepared, void, closed, reopened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from trueup.controls.closing import (
    APPROVE,
    CLOSE,
    REOPEN,
    Closing,
    approve_body,
    closed_before,
    closings,
    prepare_body,
    reopen_body,
    short,
)
from trueup.controls.pack_verifier import NO_EVIDENCE
from trueup.controls.principal import Principal
from trueup.errors import UsageError
from trueup.period import Period, parse_period
from trueup.workspace.journal import Entry, Journal
from trueup.workspace.run import Run

OCTOBER, NOVEMBER, DECEMBER = (parse_period(name) for name in ("2026-10", "2026-11", "2026-12"))
PREPARER, APPROVER = Principal("preparer", "key-p"), Principal("approver", "key-q")
START = datetime(2026, 11, 8, 6, tzinfo=UTC)


class Book:
    """A journal in a folder, written as runs and closes write it."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder)

    def append(self, kind: str, body: dict[str, Any]) -> Entry:
        at = START + timedelta(hours=len(self.journal.entries()))
        return self.journal.append(kind, at, body)

    def run(self, period: Period = OCTOBER, /, **hashes: str) -> Run:
        number = len(self.journal.entries()) + 1
        body = {
            "run": f"run-{number:04d}",
            "period": {"start": period.start, "end": period.end},
            "hashes": dict.fromkeys(("result", "rules", "contracts", "rates"), "same") | hashes,
        }
        return Run(self.append("run", body))

    def prepare(self, run: Run, by: Principal = PREPARER) -> None:
        self.append(CLOSE, prepare_body(run, by, {"break:abc": "agreed"}))

    def approve(self, period: Period = OCTOBER, by: Principal = APPROVER) -> None:
        self.append(APPROVE, approve_body(self.closing(period), by))

    def posts(self, period: Period) -> list[str]:
        """The closed periods whose true-ups post into this one."""
        found = closed_before(self.journal.entries(), period)
        return sorted(short(closing.period) for closing in found)

    def close(self, period: Period) -> None:
        self.prepare(self.run(period))
        self.approve(period)

    def closing(self, period: Period = OCTOBER) -> Closing:
        return closings(self.journal.entries())[period]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def test_two_persons_close_a_month(book: Book) -> None:
    """Prepared by one, approved by another: closed, bound to the run, segregated by two keys."""
    run = book.run()
    book.prepare(run)
    assert book.closing().status == "prepared"
    book.approve()
    closing = book.closing()
    assert (closing.status, closing.run_id, closing.segregated) == ("closed", run.run_id, True)
    assert closing.accepted == {"break:abc": "agreed"}
    assert "by approver" in closing.said
    assert NO_EVIDENCE not in closing.said


def test_without_keys_it_is_no_evidence(book: Book) -> None:
    """Two names without keys close the month, and everything says what that is worth."""
    book.prepare(book.run(), Principal("preparer"))
    book.approve(by=Principal("approver"))
    closing = book.closing()
    assert (closing.status, closing.segregated) == ("closed", False)
    assert "approver (unauthenticated)" in closing.said
    assert NO_EVIDENCE in closing.said


@pytest.mark.parametrize(
    "by",
    [
        PREPARER,
        Principal("Preparer "),
        Principal("\uff30reparer", "key-b"),
        Principal("approver", "key-p"),
    ],
    ids=["same", "space", "wide letter", "key"],
)
def test_nobody_approves_what_they_prepared(book: Book, by: Principal) -> None:
    """The same name however spelt, or the same key under another name, cannot approve."""
    book.prepare(book.run())
    with pytest.raises(UsageError, match="prepared it and cannot approve it as well"):
        book.approve(by=by)


@pytest.mark.parametrize("changed", ["result", "rules", "contracts", "rates"])
def test_a_newer_run_that_differs_voids_what_was_prepared(book: Book, changed: str) -> None:
    """Whatever of the four hashes is another: void, approval refused, to be prepared again."""
    book.prepare(book.run())
    later = book.run(**{changed: "another"})
    assert book.closing().status == "void"
    with pytest.raises(UsageError, match=rf"{later.run_id} has another {changed} than .* again"):
        book.approve()
    book.prepare(later)
    book.approve()
    assert book.closing().run_id == later.run_id


def test_a_newer_run_that_says_the_same_voids_nothing(book: Book) -> None:
    """A run with the same hashes, and one of another month, leave the preparation as it is."""
    book.prepare(book.run())
    book.run()
    book.run(NOVEMBER, result="another")
    assert book.closing().status == "prepared"


def test_a_closed_month_is_locked(book: Book) -> None:
    """A run after the approval does not change which run the closed figures are of."""
    run = book.run()
    book.prepare(run)
    book.approve()
    book.run(result="another")
    assert (book.closing().status, book.closing().run_id) == ("closed", run.run_id)


def test_reopening_needs_a_reason_and_a_closed_month(book: Book) -> None:
    """Not closed: refused; no reason: refused; else open again, with who and why."""
    book.run()
    with pytest.raises(UsageError, match="is not closed"):
        reopen_body(book.closing(), APPROVER, "because")
    book.close(OCTOBER)
    with pytest.raises(UsageError, match="needs a reason"):
        reopen_body(book.closing(), APPROVER, " ")
    book.append(REOPEN, reopen_body(book.closing(), APPROVER, "wrong rates"))
    assert book.closing().status == "open"
    assert book.closing().said.endswith("by approver: wrong rates")
    with pytest.raises(UsageError, match="nothing is prepared"):
        book.approve()


def test_a_second_approval_is_refused(book: Book) -> None:
    """What is closed is not approved again."""
    book.close(OCTOBER)
    with pytest.raises(UsageError, match="2026-10: is closed on"):
        book.approve()


def test_true_ups_post_into_the_first_open_period(book: Book) -> None:
    """October closed: November posts, December does not; November closed too: December does."""
    book.close(OCTOBER)
    book.run(NOVEMBER)

    assert book.posts(NOVEMBER) == ["2026-10"]
    assert book.posts(DECEMBER) == []
    book.close(NOVEMBER)
    assert book.posts(NOVEMBER) == []
    assert book.posts(DECEMBER) == ["2026-10", "2026-11"]


def test_true_ups_of_a_month_post_into_months_alone(book: Book) -> None:
    """Neither a day that was looked at nor a closed day takes part in October's."""
    day, inside = parse_period("2026-11-01"), parse_period("2026-10-03")
    book.close(OCTOBER)
    book.close(inside)
    book.run(day)

    assert book.posts(NOVEMBER) == ["2026-10"]
    assert book.posts(day) == [str(inside)]


def test_a_month_is_named_shortly() -> None:
    """A month as 2026-10, anything else by both ends."""
    assert short(OCTOBER) == "2026-10"
    assert short(parse_period("2026-10-03")) == "2026-10-03T00:00:00Z/2026-10-04T00:00:00Z"
