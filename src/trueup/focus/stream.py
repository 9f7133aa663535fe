"""The bytes of a text file: unpacked by content, whatever its name, and valid UTF-8 throughout."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from trueup.errors import SourceError

COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
REFUSED = {
    b"PK\x03\x04": "a zip archive or an Excel workbook: unpack it, or save it as CSV",
    b"\xff\xfe": "text in UTF-16: save it as UTF-8",
    b"\xfe\xff": "text in UTF-16: save it as UTF-8",
    b"ORC": "an ORC file: write it as Parquet",
    b"Obj\x01": "an Avro file: write it as Parquet",
}

# What a name promises of the first bytes. Content decides; a refusal says where it differs.
PROMISED = {".parquet": (b"PAR1", "Parquet"), ".gz": (b"\x1f\x8b", "gzip")}
PROMISED |= {".zst": (b"\x28\xb5\x2f\xfd", "zstd")}
SHOWN_BYTES = 12

# A code point Unicode keeps free for a program's own use marks bytes that are not UTF-8.
NOT_UTF8 = "\ufdd0"

CHUNK_BYTES = 1 << 20


def opened(path: Path, source: str) -> BinaryIO:
    """Open a file for reading, unpacked when it is gzip, zstd or bzip2 by its first bytes.

    A cut archive raises OSError while it is read. An empty file, and one that is plainly another
    format, raise SourceError.
    """
    import pyarrow as pa

    with path.open("rb") as file:
        first = file.read(4)
    if not first:
        raise SourceError(source, "the file is empty")
    for magic, what in REFUSED.items():
        if first.startswith(magic):
            raise SourceError(source, what)
    for magic, compression in COMPRESSIONS.items():
        if first.startswith(magic):
            return pa.CompressedInputStream(pa.OSFile(str(path)), compression)  # type: ignore[no-any-return]  # a file object in all but its class
    return path.open("rb")


def misnamed(path: Path, source: str) -> str:
    """What to say first where a file is not what its name says; nothing where it is.

    ``source`` is the name that the user gave: the local copy of a URL has none.
    """
    magic, what = PROMISED.get(Path(source).suffix.lower(), (b"", ""))
    with path.open("rb") as file:
        first = file.read(SHOWN_BYTES)
    if first.startswith(magic):
        return ""
    return f"not a {what} file, as its name says: its first bytes are {first!r}; "


def _mark(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return NOT_UTF8, error.end
    raise error


codecs.register_error("trueup-mark", _mark)


class Utf8Stream(io.RawIOBase):
    """Bytes as they are while they are UTF-8; what is not is replaced by the marker NOT_UTF8.

    ``marked`` says whether that happened so far. ``tail`` is appended after the last byte.
    """

    def __init__(self, file: BinaryIO, start: bytes = b"", tail: bytes = b"") -> None:
        self._file = file
        self._pending = start  # the beginning, later an unfinished character at the end of a chunk
        self._ready = b""
        self._tail = tail
        self._ended = False
        self.marked = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        while not self._ready and not self._ended:
            self._ready = self._next()
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _next(self) -> bytes:
        read: Callable[[int], bytes] = self._file.read
        chunk = read(CHUNK_BYTES)
        if not chunk:
            self._ended = True
            return self._valid(self._pending) + self._tail
        chunk = self._pending + chunk
        cut = _unfinished(chunk)
        self._pending = chunk[len(chunk) - cut :]
        return self._valid(chunk[: len(chunk) - cut])

    def _valid(self, chunk: bytes) -> bytes:
        try:
            chunk.decode("utf-8")
        except UnicodeDecodeError:
            self.marked = True
            return chunk.decode("utf-8", errors="trueup-mark").encode("utf-8")
        return chunk


def _unfinished(chunk: bytes) -> int:
    """How many bytes at the end begin a UTF-8 character that the chunk does not finish."""
    for back in range(1, min(4, len(chunk)) + 1):
        byte = chunk[-back]
        if byte < 0x80:
            return 0
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < needed else 0
    return 0
