"""Every changed, missing, moved or inserted byte of a workspace is found and named."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import pytest

from tests.workspace import month
from trueup.workspace.canonical import NOTHING
from trueup.workspace.journal import HEAD, JOURNAL
from trueup.workspace.store import RAW, digest_of
from trueup.workspace.tables import TABLES
from trueup.workspace.verify import Verification, check_journal, verify, wrong_content
from trueup.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace after two nights, the bill restated between them."""
    folder = tmp_path_factory.mktemp("month")
    config = month.written(folder)
    month.ran(config, "2026-11-09")
    (folder / "bill.csv").write_text(month.bill(("4.00", "2.50", "3.75")), encoding="utf-8")
    month.ran(config, "2026-11-10")
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
    assert (seen.entries, len(journal)) == (4, 4)  # two runs, each begun and ended
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
        elif where != "lock":
            yield path, lambda: bool(_journal_differs(folder))


def _journal_differs(folder: Path) -> list[object]:
    seen = Verification()
    check_journal(folder, seen)
    return [*seen.differences, *seen.left_over]


def test_every_changed_byte_is_found(workspace: Path) -> None:
    """Each byte of each file is changed once, and seen by the part that looks at the file."""
    tried = 0
    for path, differs in checks(workspace):
        content = path.read_bytes()
        with path.open("rb+", buffering=0) as file:
            for at, byte in enumerate(content):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << at % 8]), at)
                assert differs(), f"{path}: byte {at}"
                os.pwrite(file.fileno(), bytes([byte]), at)
                tried += 1
        assert not differs(), path
    everything = sum(path.stat().st_size for path in files(workspace))
    assert tried == everything
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


@pytest.mark.parametrize("gone", range(4))
def test_an_entry_that_was_taken_out_is_noticed(workspace: Path, gone: int) -> None:
    """Also the last one: the head stands for it."""
    kept = lines(workspace)
    del kept[gone]
    (workspace / JOURNAL).write_bytes(b"".join(kept))
    assert found(workspace)


def test_an_entry_that_was_repeated_is_noticed(workspace: Path) -> None:
    """The last line once more."""
    (workspace / JOURNAL).write_bytes(b"".join([*lines(workspace), lines(workspace)[-1]]))
    assert "stands where entry 5 should" in found(workspace)[0]


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
    assert (torn.kind, torn.body["size_bytes"], entry.number) == ("torn", 11, 6)
    assert journal.store.get(torn.body["sha256"]) == b'{"at":"2026'
    assert found(workspace) == []
