"""A folder of one run that a driver and its workers both see: local, mounted, or a URL."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from trueup.errors import SourceError


class Scratch:
    """Below ``url`` (a path or any fsspec URL), else a temporary folder of this machine.

    ``shared`` says whether workers elsewhere may see it; only then are local files copied into it.
    Raises SourceError where the URL's kind is not known here or the place does not answer.
    """

    def __init__(self, url: str | None) -> None:
        from fsspec.core import url_to_fs

        self.shared = url is not None
        self._temporary = None if url else TemporaryDirectory(prefix="trueup-spark-")
        self._files: Any
        try:
            self._files, _ = url_to_fs(url or "file:///")
        except (ImportError, ValueError) as error:
            raise SourceError(str(url), f"no folder to work in: {error}") from error
        below = str(url).rstrip("/") if url else ""
        self.folder = self._temporary.name if self._temporary else f"{below}/trueup-{uuid4().hex}"

    def path(self, name: str) -> str:
        """Where something of that name goes, as a path or URL; nothing is made."""
        return f"{self.folder}/{name}"

    def brought(self, file: Path, name: str) -> str:
        """Where workers find a file of this machine: where it is, or a copy of that name."""
        if not self.shared:
            return str(file)
        target = self.path(name)
        try:
            self._files.makedirs(self.folder, exist_ok=True)
            self._files.put_file(str(file), target)
        except OSError as error:
            raise SourceError(target, f"cannot be written ({error})") from error
        return target

    def written(self, rows: pa.Table, name: str) -> str:
        """A Parquet file of that name with these rows."""
        target = self.path(name)
        try:
            self._files.makedirs(self.folder, exist_ok=True)
            with self._files.open(target, "wb") as file:
                pq.write_table(rows, file)
        except OSError as error:
            raise SourceError(target, f"cannot be written ({error})") from error
        return target

    def close(self) -> None:
        """Remove the folder and what is in it."""
        if self._temporary is not None:
            self._temporary.cleanup()
        elif self._files.exists(self.folder):
            self._files.rm(self.folder, recursive=True)
