"""Range-query answers taken apart: one line per series, so that a long answer needs little memory.

An answer is one JSON document however long it is, and parsing it whole takes many times its size.
Series begin with their ``metric``, an object. Inside a JSON string its quotes would be escaped, and
a label of that name is no object, so the mark below is always the beginning of a series.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from trueup.errors import SourceError
from trueup.focus.stream import opened
from trueup.telemetry.sample import BOM

CHUNK_BYTES = 1 << 20
MARK = re.compile(rb'\{\s*"metric"\s*:\s*\{')
MARK_BYTES_MAX = 64  # a mark with more blanks in it than this is not looked for
PIECE_BYTES_MAX = 64 << 20  # of a series, and of all that is none: parsed it takes ten times that
TOO_LONG = f"more than {PIECE_BYTES_MAX >> 20} MiB in one series or beside them all"


@dataclass
class Answers:
    """What the documents say besides their series."""

    frame: list[bytes] = field(default_factory=list)  # the documents with their series cut out
    documents: list[dict[str, Any]] = field(default_factory=list)

    @property
    def step(self) -> str | None:
        """The step that a document states, in seconds as it is written."""
        for document in self.documents:
            data = document.get("data")
            inner = data.get("step") if isinstance(data, dict) else None
            for found in (document.get("step"), inner):
                if found is not None:
                    return str(found)
        return None


def split(path: Path, source: str, target: Path) -> Answers:
    """Write each series of a file's answers as one JSON line of ``target``.

    Raises SourceError for a file that is cut or holds anything but successful answers.
    """
    answers = Answers()
    beside = 0
    try:
        with opened(path, source) as file, target.open("wb") as lines:
            for piece in _pieces(file):
                series, rest = _series(piece)
                if series:
                    lines.write(b" ".join(series.split(b"\n")) + b"\n")
                answers.frame.append(rest)
                beside += len(rest)
                _bound(beside)
            answers.documents = list(_documents(b"".join(answers.frame)))
            _write_whole(answers, lines)
            written = lines.tell()
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(source, f"not a complete JSON document: {error}") from error
    if written and not answers.documents:
        raise SourceError(source, "series outside an answer: give that of a range query")
    _check(answers, source)
    return answers


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """What comes before the first series, then each series with what follows it."""
    held = bytearray(file.read(CHUNK_BYTES).removeprefix(BOM))
    searched = 0
    while True:
        found = MARK.search(held, searched)
        if found and found.start() == 0:
            found = MARK.search(held, 1)
        if found:
            yield bytes(held[: found.start()])
            del held[: found.start()]
            searched = 1
            continue
        searched = max(1, len(held) - MARK_BYTES_MAX)
        part = file.read(CHUNK_BYTES)
        if not part:
            yield bytes(held)
            return
        held += part
        _bound(len(held))


def _bound(size: int) -> None:
    if size > PIECE_BYTES_MAX:
        raise ValueError(f"{TOO_LONG}: ask for shorter windows")


def _series(piece: bytes) -> tuple[bytes, bytes]:
    """A piece's series, if it begins with one, and what is not part of it."""
    if not MARK.match(piece):
        return b"", piece
    body = piece.rstrip()
    if body.endswith(b","):
        return body[:-1].rstrip(), b""
    text = piece.decode("utf-8")
    _, end = json.JSONDecoder().raw_decode(text)
    return text[:end].encode(), text[end:].encode()


def _documents(frame: bytes) -> Iterator[dict[str, Any]]:
    text = frame.decode("utf-8").strip()
    decoder = json.JSONDecoder()
    while text:
        document, end = decoder.raw_decode(text)
        if not isinstance(document, dict):
            raise ValueError("an answer is an object")
        yield document
        text = text[end:].strip()


def _write_whole(answers: Answers, lines: BinaryIO) -> None:
    """Write the series of documents whose keys stand in another order, which were not cut out."""
    for document in answers.documents:
        data = document.get("data")
        found = (data.get("result") or []) if isinstance(data, dict) else []
        lines.writelines(json.dumps(series).encode() + b"\n" for series in found)


def _check(answers: Answers, source: str) -> None:
    for document in answers.documents:
        data = document.get("data")
        whole = isinstance(data, dict) and isinstance(data.get("result"), list)
        if document.get("status") != "success" or not whole:
            raise SourceError(
                source,
                f"an answer with status {document.get('status')!r} or without series: "
                "give that of a range query",
            )
