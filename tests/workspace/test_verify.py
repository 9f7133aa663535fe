"""Every changed, missing, moved or inserted byte of a workspace is found and named."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from shutil import copytree

import pytest

from tests.some import ALL
from tests.workspace import month
from trueup.adapter.feed import Answer
from trueup.errors import IntegrityError
from trueup.fetch.landing import Landing
from trueup.workspace.canonical import NOTHING, canonical
from trueup.workspace.journal import HEAD, JOURNAL, REPLACING, lines_of
from trueup.workspace.keys import new_key
from trueup.workspace.store import COMING, RAW, digest_of
from trueup.workspace.tables import TABLES
from trueup.workspace.verify import (
    Verification,
    check_entry,
    check_journal,
    verify,
    wrong_content,
)
from trueup.workspace.workspace import LANDING, Workspace

AT = datetime(2026, 11, 11, tzinfo=UTC)
STEP = 5


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace after two nights, the bill restated between them, an answer and a decision."""
    folder = tmp_path_factory.mktemp("month")
    config = month.written(folder)
    whole = Workspace(folder / ".trueup")
    landing = Landing(whole.store, whole.landing)
    landing.answer("nimbus", "balances", Answer("ListLots", {}, 1, b'{"lots": []}'), AT)
    month.ran(config, "2026-11-09")
    (folder / "bill.csv").write_text(month.bill(("4.00", "2.50", "3.75")), encoding="utf-8")
    month.ran(config, "2026-11-10")
    key = new_key(folder / "a.key")
    Workspace(folder / ".trueup").journal.append("decision", AT, {"key": key.public}, key)
    return folder / ".trueup"


@pytest.fixture
def workspace(kept: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    copytree(kept, tmp_path / "w")
    return tmp_path / "w"


def found(folder: Path, head: str | None = None) -> list[str]:
    return [f"{one.where}: {one.what}" for one in verify(folder, head).differences]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_workspace_as_it_was_left_verifies(kept: Path) -> None:
    """Nothing differs, and all of it was looked at."""
    seen = verify(kept)
    assert (seen.differences, seen.left_over) == ([], [])
    journal = (kept / JOURNAL).read_bytes().splitlines()
    # two runs, each begun and ended, and a decision; one answer that landed
    assert (seen.entries, len(journal)) == (5 + 1, 5)
    counted = [path for path in files(kept) if path.relative_to(kept).parts[0] in (RAW, TABLES)]
    assert seen.files == len(counted)
    assert seen.head.encode() in journal[-1]


def checks(folder: Path) -> Iterator[tuple[Path, Callable[[], bool]]]:
    """Each file, and the part of ``verify`` that looks at it: true where something differs."""
    known = Workspace(folder).table_files()
    for path in files(folder):
        where = path.relative_to(folder).as_posix()
        if where.startswith(RAW):
            yield path, lambda path=path: wrong_content(path) is not None  # type: ignore[misc]
        elif where in known:
            yield path, lambda path=path, where=where: digest_of(path) != known[where]  # type: ignore[misc]
        elif path.name == JOURNAL:
            good = set(lines_of(path))
            yield path, lambda path=path, good=good: _lines_differ(path, good)  # type: ignore[misc]
        elif where != "lock":
            yield path, lambda path=path: _head_differs(path.parent)  # type: ignore[misc]


def _lines_differ(path: Path, good: set[bytes]) -> bool:
    """Whether a line is wrong in itself; those as they were are not looked at again and again."""
    changed = [line for line in lines_of(path) if line not in good]
    return any(check_entry(line, line_number(line), None)[1] for line in changed)


def line_number(line: bytes) -> int:
    """The number that a line says it has, if it can be read."""
    found = re.search(rb'"number":(\d{1,9}),', line)
    return int(found[1]) if found else 0


def _head_differs(folder: Path) -> bool:
    seen = Verification()
    check_journal(folder, seen)
    return bool(seen.differences or seen.left_over)


def test_every_changed_byte_is_found(workspace: Path) -> None:
    """A byte of each file is changed, and seen by the part that looks at the file.

    Every fifth byte of each, back from its last; with ``tox -e thorough`` every one.
    """
    step = 1 if ALL else STEP
    tried = 0
    for path, differs in checks(workspace):
        content = path.read_bytes()
        with path.open("rb+", buffering=0) as file:
            for at in range(len(content) - 1, -1, -step):
                byte = content[at]
                os.pwrite(file.fileno(), bytes([byte ^ 1 << at % 8]), at)
                assert differs(), f"{path}: byte {at}"
                os.pwrite(file.fileno(), bytes([byte]), at)
                tried += 1
        assert not differs(), path
    assert tried == sum(-(-path.stat().st_size // step) for path in files(workspace))
    assert found(workspace) == []


def test_a_changed_byte_of_every_file_is_named(workspace: Path) -> None:
    """The whole check names the file: first, middle and last byte of each."""
    for path in files(workspace):
        content = path.read_bytes()
        for at in sorted({0, len(content) // 2, len(content) - 1}) if content else ():
            spoilt = bytearray(content)
            spoilt[at] ^= 1
            path.write_bytes(spoilt)
            assert any(path.name in line for line in found(workspace)), (path, at)
        path.write_bytes(content)


def test_every_missing_file_is_named(workspace: Path) -> None:
    """Also one that no other file mentions."""
    for path in files(workspace):
        if path.name == "lock":
            continue
        content = path.read_bytes()
        path.unlink()
        assert found(workspace), path
        path.write_bytes(content)
    assert found(workspace) == []


@pytest.mark.parametrize("where", ["raw/aa/x", "raw/y", "tables/t/z", "stray", "landing/stray"])
def test_a_file_that_came_in_is_named(workspace: Path, where: str) -> None:
    """Wherever it lies."""
    (workspace / where).parent.mkdir(parents=True, exist_ok=True)
    (workspace / where).write_bytes(b"?")
    assert [line for line in found(workspace) if line.startswith(f"{where}: ")]


def lines(workspace: Path) -> list[bytes]:
    return (workspace / JOURNAL).read_bytes().splitlines(keepends=True)


def test_entries_that_were_exchanged_are_named(workspace: Path) -> None:
    """The second where the first should be."""
    one, two, *rest = lines(workspace)
    (workspace / JOURNAL).write_bytes(b"".join([two, one, *rest]))
    assert "stands where entry 1 should" in found(workspace)[0]


@pytest.mark.parametrize("gone", range(5))
def test_an_entry_that_was_taken_out_is_noticed(workspace: Path, gone: int) -> None:
    """Also the last one: the head stands for it."""
    kept = lines(workspace)
    del kept[gone]
    (workspace / JOURNAL).write_bytes(b"".join(kept))
    assert found(workspace)


def test_an_entry_that_was_repeated_is_noticed(workspace: Path) -> None:
    """The last line once more."""
    (workspace / JOURNAL).write_bytes(b"".join([*lines(workspace), lines(workspace)[-1]]))
    assert "stands where entry 6 should" in found(workspace)[0]


def test_what_is_cut_off_with_its_head_is_found_by_one_written_down(workspace: Path) -> None:
    """Who cuts the end and writes a new head is caught by the head that an auditor noted."""
    noted = verify(workspace).head
    kept = lines(workspace)[:2]
    (workspace / JOURNAL).write_bytes(b"".join(kept))
    last = Workspace(workspace).journal.head
    (workspace / HEAD).write_text(f"2 {last}\n")
    assert f"no entry has the hash {noted} that was written down" in found(workspace, noted)[0]
    assert last != NOTHING


def test_half_a_line_is_kept_aside_and_said(workspace: Path) -> None:
    """A kill in the middle of a line: the next entry goes on before it, and tells of it."""
    whole = (workspace / JOURNAL).read_bytes()
    (workspace / JOURNAL).write_bytes(whole + b'{"at":"2026')
    assert "is cut off" in found(workspace)[0]
    journal = Workspace(workspace).journal
    entry = journal.append("decision", journal.entries()[-1].at, {"note": "x"})
    torn = journal.entries()[-2]
    assert (torn.kind, torn.body["size_bytes"], entry.number) == ("torn", 11, 7)
    assert journal.store.get(torn.body["sha256"]) == b'{"at":"2026'
    assert found(workspace) == []


def test_a_line_that_lacks_its_middle_and_that_no_head_knows_is_kept_aside(
    workspace: Path,
) -> None:
    """Power went while it was written: its end is there. A head that knows it makes it a change."""
    whole, head = lines(workspace), (workspace / HEAD).read_bytes()
    journal = Workspace(workspace).journal
    journal.append("decision", AT, {"note": "x" * 9000})
    known = (workspace / HEAD).read_bytes()
    line = lines(workspace)[-1]
    cut = b"".join(whole) + line[:4096] + bytes(4096) + line[8192:]
    for text, told in ((known, "entry 6: was changed"), (head, "entry 6: is cut off")):
        (workspace / JOURNAL).write_bytes(cut)
        (workspace / HEAD).write_bytes(text)
        assert told in found(workspace)[0]
    Workspace(workspace).journal.append("decision", AT, {"note": "y"})
    assert found(workspace) == []


def test_a_changed_entry_is_named_and_its_neighbours_are_not(workspace: Path) -> None:
    """One byte of the third of five: the others are as they were."""
    whole = lines(workspace)
    whole[2] = whole[2].replace(b'"kind":"run_begun"', b'"kind":"run_beguN"')
    (workspace / JOURNAL).write_bytes(b"".join(whole))
    assert found(workspace) == ["w/journal.jsonl: entry 3: was changed: its hash is another"]


def test_a_byte_that_ends_a_line_elsewhere_is_no_half_line(workspace: Path) -> None:
    """A carriage return in an entry is a change: nothing behind it is taken for torn."""
    whole = lines(workspace)
    whole[1] = b"\r" + whole[1][1:]
    (workspace / JOURNAL).write_bytes(b"".join(whole))
    (one,) = found(workspace)
    assert one.startswith("w/journal.jsonl: entry 2: was changed: ")
    with pytest.raises(IntegrityError, match="entry 2 was changed"):
        Workspace(workspace).journal.append("decision", AT, {})
    assert (workspace / JOURNAL).read_bytes() == b"".join(whole)


def test_nothing_is_written_behind_a_journal_that_was_cut(workspace: Path) -> None:
    """The head says that there were five entries; a run does not go on with three."""
    (workspace / JOURNAL).write_bytes(b"".join(lines(workspace)[:3]))
    with pytest.raises(IntegrityError, match=r"ends with entry 3, .*head says 5"):
        Workspace(workspace).journal.append("decision", AT, {})


def test_a_workspace_that_is_gone_lacks_the_head_that_was_written_down(tmp_path: Path) -> None:
    """Who takes all of it away is caught by the same head; without one, nothing ever ran."""
    assert found(tmp_path / "none") == []
    assert "no entry has the hash" in found(tmp_path / "none", "ab" * 32)[0]


def test_a_journal_that_is_gone_is_noticed_by_its_head(tmp_path: Path) -> None:
    """Even where there is nothing else."""
    Workspace(tmp_path / "w").journal.append("decision", AT, {})
    (tmp_path / "w" / JOURNAL).unlink()
    assert found(tmp_path / "w") == ["w/head: is not the hash of any entry of the journal"]


def test_an_entry_that_is_spelt_otherwise_is_named() -> None:
    """A space in its body, and a hash of its own bytes: another program wrote it."""
    tail = {"kind": "decision", "number": 1, "previous": NOTHING}
    spaced = b'{"at":"2026-11-11T00:00:00+00:00","body":{"note": "x"}'
    for body, wrong in (
        (spaced, "is not written as entries are"),
        (spaced.replace(b": ", b":"), None),
    ):
        digest = sha256(body + b"," + canonical(tail)[1:]).hexdigest()
        line = body + b"," + canonical({**tail, "hash": digest})[1:] + b"\n"
        assert check_entry(line, 1, NOTHING)[1] == wrong


def test_an_entry_behind_another_journal_s_is_named(workspace: Path, tmp_path: Path) -> None:
    """A first entry, whole in itself, in the place of the first: the second does not follow it."""
    Workspace(tmp_path / "other").journal.append("decision", AT, {"note": "x"})
    (first,) = lines(tmp_path / "other")
    (workspace / JOURNAL).write_bytes(b"".join([first, *lines(workspace)[1:]]))
    assert found(workspace)[0] == (
        "w/journal.jsonl: entry 2: does not follow the one before it: that one was exchanged"
    )


def test_what_a_kill_left_behind_is_no_difference(workspace: Path) -> None:
    """A file that was coming in, and a head that was: the next run takes them away."""
    (workspace / RAW / f"{COMING}1").write_bytes(b"half")
    (workspace / f"{HEAD}{REPLACING}").write_bytes(b"5 aa")
    seen = verify(workspace)
    assert seen.differences == []
    assert seen.left_over == [f"{RAW}/{COMING}1", f"{HEAD}{REPLACING}"]


def test_a_link_in_the_place_of_content_is_named(workspace: Path) -> None:
    """What it leads to can change without a trace, even where the bytes are right now."""
    path = next(path for path in files(workspace / RAW))
    path.rename(workspace.parent / "moved")
    path.symlink_to(workspace.parent / "moved")
    where = path.relative_to(workspace).as_posix()
    assert found(workspace) == [f"{where}: is a link, not a file"]


def test_tables_of_a_run_that_was_cut_off_are_no_difference(workspace: Path) -> None:
    """It said that it began, and wrote a file that no entry knows; a changed one is a difference."""
    whole = Workspace(workspace)
    begun = next(entry for entry in whole.journal.entries() if entry.kind == "run_begun")
    whole.journal.append("run_begun", AT, {**begun.body, "run": "run-0003"})
    stray = workspace / TABLES / "identity" / "part.parquet"
    stray.write_bytes(b"half")
    seen = verify(workspace)
    assert (seen.differences, seen.left_over) == ([], [f"{TABLES}/identity/part.parquet"])
    known = next(iter(whole.table_files()))
    (workspace / known).write_bytes(b"?")
    assert found(workspace) == [f"{known}: was changed"]


def test_a_landing_that_is_not_what_a_run_knew_is_named(workspace: Path, tmp_path: Path) -> None:
    """Exchanged as a whole, every entry of it is genuine; the runs know another one."""
    other = Workspace(tmp_path / "other")
    answer = Answer("ListLots", {}, 1, b'{"lots": [1]}')
    landed = Landing(other.store, other.landing).answer("nimbus", "balances", answer, AT)
    Workspace(workspace).store.put(other.store.get(landed.sha256))
    for name in (JOURNAL, HEAD):
        (workspace / LANDING / name).write_bytes((other.landing.folder / name).read_bytes())
    said = found(workspace)
    assert [one for one in said if one.startswith("landing/")] == [
        f"landing/journal.jsonl: is not what run-000{number} knew of it" for number in (1, 2)
    ]
