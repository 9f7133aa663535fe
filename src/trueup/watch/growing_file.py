"""A telemetry file that grows: what was appended since it was last looked at, in whole lines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

from trueup.errors import SourceError, UsageError
from trueup.telemetry.sample import sample
from trueup.telemetry.usage import read_usage

if TYPE_CHECKING:
    from trueup.model.dataset import Dataset

CHUNK_BYTES = 64 << 20  # so much is read at once; a longer line waits for its end all the same


@dataclass(frozen=True)
class How:
    """How ``trueup.read_usage`` reads a file where it does not tell itself."""

    format: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)


@dataclass
class GrowingFile:
    """JSON lines or a delimited table that somebody appends to; it need not exist yet.

    Half a last line waits for its end. A file that became shorter, or was replaced by another of
    its name, is read from its beginning, and ``said`` says so; what was read before still counts.
    """

    path: Path
    how: How = How()
    said: list[str] = field(default_factory=list)
    _file: BinaryIO | None = None
    _head: bytes | None = None  # the line of names of a table; b"" where there is none
    _format: str | None = None
    _is_missed: bool = False

    def appended(self) -> Iterator[Dataset]:
        """What came since the last call, read by the reader of its format, in pieces.

        Raises SourceError for what is no telemetry, UsageError for what cannot grow by lines.
        """
        if self._file is not None and self._is_replaced(self._file):
            yield from self._read(self._file)
            self._file.close()
            self._file, self._head = None, None
            self.said.append(f"{self.path}: another file has its name, read from its beginning")
        if self._file is None:
            if not self.path.exists():
                if not self._is_missed:
                    self.said.append(f"{self.path}: not there yet, waiting")
                self._is_missed = True
                return
            self._is_missed = False
            self._file = self.path.open("rb")
        if os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._file.seek(0)
            self._head = None
            self.said.append(f"{self.path}: it became shorter, read from its beginning")
        yield from self._read(self._file)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _is_replaced(self, file: BinaryIO) -> bool:
        """Whether another file has the name; one that was moved away is still read."""
        try:
            named = self.path.stat()
        except FileNotFoundError:
            return False
        return not os.path.samestat(os.fstat(file.fileno()), named)

    def _read(self, file: BinaryIO) -> Iterator[Dataset]:
        while (lines := self._whole_lines(file)) is not None:
            if lines.strip():
                yield self._dataset(lines)

    def _whole_lines(self, file: BinaryIO) -> bytes | None:
        """The next lines that have an end; None where there is no more."""
        begin = file.tell()
        text = b""
        while piece := file.read(CHUNK_BYTES):
            text += piece
            if b"\n" in piece:
                break
        end = text.rfind(b"\n") + 1
        file.seek(begin + end)
        if not end:
            return None
        lines = text[:end]
        if self._head is None:
            self._head = self._names(lines)
            lines = lines[len(self._head) :]
        return lines

    def _names(self, lines: bytes) -> bytes:
        """The first line of a table, nothing of JSON lines."""
        with TemporaryDirectory(prefix="trueup-watch-") as folder:
            looked = sample(self._written(folder, lines), str(self.path))
        if looked.kind == "delimited" and looked.compression == "none":
            return lines[: lines.index(b"\n") + 1]
        if looked.kind == "json" and looked.compression == "none" and looked.layout == "lines":
            return b""
        raise UsageError(
            f"{self.path}: only JSON lines and delimited tables grow by lines; a compressed file, "
            "Parquet or one JSON document is read by `trueup run`"
        )

    def _dataset(self, lines: bytes) -> Dataset:
        """The reader opens a file of its own; its place in ours is not known to it."""
        with TemporaryDirectory(prefix="trueup-watch-") as folder:
            path = self._written(folder, (self._head or b"") + lines)
            try:
                found = read_usage(
                    path,
                    format=self._format or self.how.format,
                    columns=self.how.columns,
                    constants=self.how.constants,
                )
            except SourceError as error:
                raise SourceError(str(self.path), error.reason) from error
        self._format = str(found.sources.rows()[0]["format"])
        return found

    def _written(self, folder: str, lines: bytes) -> Path:
        path = Path(folder) / self.path.name
        path.write_bytes(lines)
        return path
