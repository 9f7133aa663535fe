"""Raw bytes kept by content: each once, under the SHA-256 of what they are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator
from errno import EINVAL
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from trueup.errors import IntegrityError

RAW = "raw"
COMING = "coming-"  # begins the name of a file that is still being written


class Store:
    """The folder ``raw`` of a workspace. A name never changes its content; nothing is removed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / RAW

    def path(self, sha256: str) -> Path:
        """Where content of that hash lies, or would lie."""
        return self.folder / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        return self.path(sha256).exists()

    def put(self, content: bytes) -> str:
        """Keep bytes; returns their SHA-256."""
        return self.fill(lambda target: target.write(content), hashlib.sha256(content).hexdigest())

    def put_file(self, source: Path, sha256: str | None = None) -> str:
        """Keep a file's bytes; returns their SHA-256, which a caller may know."""
        from shutil import copyfileobj

        expected = sha256 or digest_of(source)

        def copy(target: IO[bytes]) -> None:
            with source.open("rb") as file:
                copyfileobj(file, target, 1 << 20)

        return self.fill(copy, expected)

    def get(self, sha256: str) -> bytes:
        """The bytes of that hash; IntegrityError where they are gone or others."""
        try:
            content = self.path(sha256).read_bytes()
        except OSError as error:
            raise IntegrityError(
                f"{self.path(sha256)}: cannot be read ({error.strerror}); restore the workspace "
                "from a backup: `trueup verify` names everything that is missing"
            ) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise IntegrityError(
                f"{self.path(sha256)}: its content was changed; restore it from a backup"
            )
        return content

    def fill(self, write: Callable[[IO[bytes]], object], expected: str | None) -> str:
        """Keep what ``write`` writes, whole or not at all; nothing is written where it is known.

        Raises IntegrityError where it is not what was ``expected``.
        """
        if expected is not None and self.has(expected):
            return expected
        made(self.folder)
        with NamedTemporaryFile(dir=self.folder, prefix=COMING, delete=False) as target:
            try:
                write(target.file)
                target.flush()
                os.fsync(target.fileno())
                digest = digest_of(Path(target.name))
                if expected not in {None, digest}:
                    raise IntegrityError(f"{target.name}: not what was to be written")
                place = self.path(digest)
                place.parent.mkdir(exist_ok=True)
                Path(target.name).replace(place)
                synced(place.parent)
                synced(self.folder)
            finally:
                Path(target.name).unlink(missing_ok=True)
        return digest

    def take_away_coming(self) -> None:
        """Remove what a killed process was still writing; only while nobody else writes."""
        for path in self.folder.glob(COMING + "*"):
            path.unlink()

    def files(self) -> Iterator[Path]:
        """Every file below the folder, in order."""
        yield from sorted(path for path in self.folder.rglob("*") if not path.is_dir())


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def made(folder: Path) -> None:
    """Make a folder and those above it, as far as they are not there, on the disk."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        synced(one.parent)


def synced(path: Path) -> None:
    """Put a file's bytes, or a folder's names, on the disk; some file systems have it for files."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != EINVAL:
            raise
    finally:
        os.close(handle)


def all_synced(files: Collection[Path], top: Path) -> None:
    """Put files on the disk, and every name from ``top`` down to them."""
    below = (folder for path in files for folder in path.parents if folder.is_relative_to(top))
    for path in (*files, *dict.fromkeys(below)):
        synced(path)
