"""The beginning of a telemetry file: enough to recognise its format, whatever its name."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from trueup.errors import SourceError
from trueup.focus.stream import opened

SAMPLE_BYTES = 1 << 20
OBJECTS_MAX = 200  # the first records may lack some of the keys
BOM = b"\xef\xbb\xbf"
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}

Kind = Literal["empty", "json", "parquet", "delimited", "unknown"]
Layout = Literal["lines", "array", "document"]

UNREADABLE = (ValueError, RecursionError)  # no JSON, or nested too deep for this parser
_KEY = re.compile(r'"([^"\\]{1,100})"\s*:')


@dataclass(frozen=True)
class Sample:
    """What the first bytes say.

    ``keys`` are those of the first JSON objects that can be read, else every key in sight;
    ``names`` are the columns of a table. ``layout`` tells how JSON documents are laid out.
    """

    kind: Kind
    compression: str = "none"
    keys: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    layout: Layout = "lines"
    has_mark: bool = False  # a byte order mark, which the JSON parser takes for a mistake

    @property
    def fields(self) -> frozenset[str]:
        """Keys or column names, whichever the file has."""
        return self.keys | frozenset(self.names)


def sample(path: Path, source: str) -> Sample:
    """Look at a file; SourceError when its first bytes cannot be unpacked."""
    status = path.stat()
    return _sample(path, source, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _sample(path: Path, source: str, _size: int, _changed: int) -> Sample:
    with path.open("rb") as file:
        first = file.read(4)
    if first == b"PAR1":
        return Sample("parquet", names=_parquet_names(path, source))
    if not first:
        return Sample("empty")
    compression = next((name for magic, name in MAGIC.items() if first.startswith(magic)), "none")
    beginning = _beginning(path, source)
    text = beginning.removeprefix(BOM).decode("utf-8", errors="replace")
    if not text.strip():
        return Sample("empty", compression)
    if "\x00" in text:
        return Sample("unknown", compression)
    if text.lstrip()[0] in "{[":
        layout, keys = _json(text)
        return Sample(
            "json", compression, keys=keys, layout=layout, has_mark=beginning.startswith(BOM)
        )
    return Sample("delimited", compression, names=_header(text))


def _beginning(path: Path, source: str) -> bytes:
    parts: list[bytes] = []
    try:
        with opened(path, source) as file:
            while sum(map(len, parts)) < SAMPLE_BYTES and (part := file.read(SAMPLE_BYTES)):
                parts.append(part)
    except (OSError, EOFError) as error:
        raise SourceError(source, f"cannot be unpacked, damaged or cut ({error})") from error
    return b"".join(parts)[:SAMPLE_BYTES]


def _parquet_names(path: Path, source: str) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceError(source, f"not a complete Parquet file: {error}") from error


def _header(text: str) -> tuple[str, ...]:
    line = next(line for line in text.splitlines() if line.strip())
    try:
        found = [next(csv.reader([line], delimiter=delimiter)) for delimiter in ",;\t|"]
    except csv.Error:  # a field longer than any name of a column
        return ()
    return tuple(name.strip() for name in max(found, key=len))


def _json(text: str) -> tuple[Layout, frozenset[str]]:
    keys = frozenset(_KEY.findall(text))
    if text.lstrip()[0] == "[":
        first = _first_in_array(text)
        return "array", frozenset(first) if first else keys
    found = list(islice(_objects(text), OBJECTS_MAX))
    if found:
        return "lines", frozenset[str]().union(*found)
    lines = [line for line in text.splitlines() if line.strip()]
    whole = len(lines) > 1 and lines[0].rstrip()[-1] in "{[,"
    return ("document" if whole else "lines"), _top_keys(text) if whole else keys


def _objects(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except UNREADABLE:
            continue
        if isinstance(item, dict):
            yield item


def _first_in_array(text: str) -> dict[str, Any] | None:
    start = text.find("{")
    if start < 0:
        return None
    try:
        item, _ = json.JSONDecoder().raw_decode(text, start)
    except UNREADABLE:
        return None
    return item if isinstance(item, dict) else None


def _top_keys(text: str) -> frozenset[str]:
    try:
        item, _ = json.JSONDecoder().raw_decode(text.lstrip())
    except UNREADABLE:
        return frozenset(_KEY.findall(text))
    return frozenset(item) if isinstance(item, dict) else frozenset()
