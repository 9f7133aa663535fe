"""One run at a time in a workspace: the kernel holds the lock, so a dead holder holds none."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import IO

from trueup.errors import UsageError
from trueup.workspace.store import made, synced

LOCK = "lock"
TRIES = 4


@contextmanager
def locked(folder: Path, doing: str) -> Iterator[None]:
    """Hold the workspace's lock; UsageError that names the holder where another has it.

    What a process that is gone left in the file holds nothing: the next one writes over it, once
    all that the other left in the system's memory is on the disk.
    """
    made(folder)
    synced(folder.parent)  # it may have been made by a process that was killed before it did this
    with (folder / LOCK).open("a+", encoding="utf-8") as file:
        if not _taken(file):
            raise UsageError(
                f"{folder}: {_holder(file)} is at work here; wait for it to end, or end it: only "
                "one run at a time writes to a workspace"
            )
        file.seek(0)
        if file.read():
            os.sync()
        file.truncate(0)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(f"{doing} (process {os.getpid()} on {socket.gethostname()}, since {since})")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _taken(file: IO[str]) -> bool:
    """Whether the lock is ours now; who only looks, as ``at_work`` does, has it for a moment."""
    for _ in range(TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(0.05)
        else:
            return True
    return False


def at_work(folder: Path) -> str | None:
    """Who holds the workspace's lock at this moment; changes nothing."""
    if not (folder / LOCK).exists():
        return None
    with (folder / LOCK).open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _holder(file)
    return None


def _holder(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or "another process"
