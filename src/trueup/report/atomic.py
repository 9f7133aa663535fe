"""Writes a file so that it is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trueup.errors import UsageError

_PERMISSIONS = 0o666
COMING = ".trueup-"  # in the name of a file that is still being written


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success rename it over ``path``.

    Missing folders are made. Raises UsageError where the folder cannot be written to.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}{COMING}", dir=target.parent)
    except OSError as error:
        raise UsageError(f"{target}: cannot be written ({error.strerror})") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(_PERMISSIONS & ~_umask())
        temporary.replace(target)
    except IsADirectoryError as error:
        raise UsageError(f"{target}: is a folder, not a file") from error
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return Path(path)


def clear_coming(folder: Path) -> None:
    """Remove what a killed process was still writing there; only while nobody else writes."""
    for path in folder.glob(f".*{COMING}*"):
        path.unlink()
