"""One run at a time in a workspace: the kernel holds the lock, so a dead holder holds none."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trueup.errors import UsageError

LOCK = "lock"


@contextmanager
def locked(folder: Path, doing: str) -> Iterator[None]:
    """Hold the workspace's lock; UsageError that names the holder where another has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise UsageError(
                f"{folder}: {file.read().strip() or 'another process'} is at work here; wait for "
                "it to end, or end it: only one run at a time writes to a workspace"
            ) from error
        file.truncate(0)
        file.write(f"{doing} (process {os.getpid()} on {socket.gethostname()})")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
