"""The store of raw bytes: by content, whole or not at all, proved when it is read."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from trueup.errors import IntegrityError
from trueup.workspace.journal import HEAD, REPLACING
from trueup.workspace.store import Store, synced
from trueup.workspace.workspace import Workspace

BILL = b"cost\n1.50\n"


def test_content_lies_under_its_hash_once(tmp_path: Path) -> None:
    """raw/ab/abcd...; the same bytes again, or from a file, add nothing."""
    store, digest = Store(tmp_path), hashlib.sha256(BILL).hexdigest()
    (tmp_path / "bill.csv").write_bytes(BILL)
    assert store.put(BILL) == store.put_file(tmp_path / "bill.csv") == digest
    assert list(store.files()) == [tmp_path / "raw" / digest[:2] / digest]
    assert store.get(digest) == BILL


def test_changed_and_missing_content_is_not_handed_out(tmp_path: Path) -> None:
    """The message names the file and the remedy."""
    store = Store(tmp_path)
    digest = store.put(BILL)
    store.path(digest).write_bytes(BILL.replace(b"5", b"6"))
    with pytest.raises(IntegrityError, match=rf"{digest}: its content was changed; restore"):
        store.get(digest)
    store.path(digest).unlink()
    with pytest.raises(IntegrityError, match=r"cannot be read .*trueup verify"):
        store.get(digest)


def test_what_breaks_off_or_is_not_what_was_announced_leaves_nothing(tmp_path: Path) -> None:
    """No file under the hash, and none beside it."""
    store = Store(tmp_path)

    def broken(target: IO[bytes]) -> None:
        target.write(BILL)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        store.fill(broken, None)
    with pytest.raises(IntegrityError, match="not what was to be written"):
        store.fill(lambda target: target.write(BILL), "00" * 32)
    assert list(store.files()) == []


def test_what_a_killed_run_was_writing_is_taken_away_by_the_next(tmp_path: Path) -> None:
    """What was whole stays."""
    workspace = Workspace(tmp_path)
    digest = workspace.store.put(BILL)
    (workspace.store.folder / "coming-x1").write_bytes(BILL[:4])
    coming = workspace.landing.folder / f"{HEAD}{REPLACING}"
    coming.parent.mkdir()
    coming.write_bytes(b"1 aa")
    workspace.begin(datetime(2026, 11, 9, tzinfo=UTC), {})
    assert not coming.exists()
    assert [path.name for path in workspace.store.files()] == [digest]


@pytest.mark.parametrize(("code", "goes_on"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_a_file_system_that_cannot_sync_names_is_borne(
    code: int, goes_on: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some have it for files alone; a disk that fails is an error."""

    def refused(_handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refused)
    with contextlib.nullcontext() if goes_on else pytest.raises(OSError, match=os.strerror(code)):
        synced(tmp_path)
