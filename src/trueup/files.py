"""What a path leads to, before it is opened."""

from __future__ import annotations

from pathlib import Path

ENDLESS = "is a pipe or a device, which may never end; write what it says to a file"


def is_endless(path: Path) -> bool:
    """Whether reading it may never end; OSError where nothing is there."""
    path.stat()
    return not (path.is_file() or path.is_dir())
