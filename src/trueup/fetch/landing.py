"""Where raw answers and export files are kept: by content, each once, with what was asked."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock
from typing import IO

from trueup.adapter.feed import Answer, File
from trueup.errors import IntegrityError, SourceError

INDEX = "index.jsonl"


@dataclass(frozen=True)
class Entry:
    """One line of the index: what was asked, what came, when it became known."""

    provider: str
    feed: str
    asked: str  # operation and parameters, or the file's name
    version: str  # a file's; of answers their page
    sha256: str
    size_bytes: int
    known_at: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.provider, self.feed, self.asked, self.version


class Landing:
    """A folder of contents named by their SHA-256, and an index that only grows.

    Landing the same content for the same question again adds nothing. Threads may share it; two
    processes may not.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._latest: dict[tuple[str, str, str, str], Entry] = {}
        for entry in _read(folder / INDEX):
            self._latest[entry.key] = entry

    def path(self, sha256: str) -> Path:
        return self.folder / "raw" / sha256[:2] / sha256

    def answer(self, provider: str, feed: str, answer: Answer, known_at: datetime) -> Entry:
        """Keep an answer."""
        asked = json.dumps([answer.operation, dict(answer.asked)], sort_keys=True)
        digest = hashlib.sha256(answer.body).hexdigest()
        self._stored(lambda target: target.write(answer.body), digest)
        return self._entered(
            Entry(
                provider,
                feed,
                asked,
                f"page {answer.page}",
                digest,
                len(answer.body),
                known_at.isoformat(),
            )
        )

    def file(
        self,
        provider: str,
        export: str,
        file: File,
        fetch: Callable[[IO[bytes]], None],
        at: datetime,
    ) -> Entry:
        """Keep a file of an export; what is here in that version is not fetched again."""
        known = self._latest.get((provider, export, file.name, file.version))
        if known is not None and self.path(known.sha256).exists():
            return known
        digest = self._stored(fetch, None)
        size = self.path(digest).stat().st_size
        if file.size_bytes is not None and size != file.size_bytes:
            raise SourceError(
                file.name, f"{size:,} bytes came of the {file.size_bytes:,} that were announced"
            )
        return self._entered(
            Entry(provider, export, file.name, file.version, digest, size, at.isoformat())
        )

    def _stored(self, fill: Callable[[IO[bytes]], object], expected: str | None) -> str:
        """Write to a temporary file, then move it under its hash: never half a file."""
        if expected is not None and self.path(expected).exists():
            return expected
        self.folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self.folder, prefix="coming-", delete=False) as target:
            try:
                fill(target.file)
                target.flush()
                os.fsync(target.fileno())
                with Path(target.name).open("rb") as written:
                    digest = hashlib.file_digest(written, "sha256").hexdigest()
                if expected not in {None, digest}:
                    raise IntegrityError(f"{target.name}: not what was written")
                place = self.path(digest)
                place.parent.mkdir(parents=True, exist_ok=True)
                Path(target.name).replace(place)
            finally:
                Path(target.name).unlink(missing_ok=True)
        return digest

    def _entered(self, entry: Entry) -> Entry:
        with self._lock:
            known = self._latest.get(entry.key)
            if known is not None and known.sha256 == entry.sha256:
                return known
            with (self.folder / INDEX).open("a", encoding="utf-8") as index:
                index.write(json.dumps(asdict(entry), sort_keys=True) + "\n")
            self._latest[entry.key] = entry
        return entry


def _read(index: Path) -> Iterator[Entry]:
    if not index.exists():
        return
    for number, line in enumerate(index.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            fields: Mapping[str, str] = json.loads(line)
            yield Entry(**fields)  # type: ignore[arg-type]  # the names and types are our own
        except (json.JSONDecodeError, TypeError) as error:
            raise IntegrityError(
                f"{index}: line {number} is damaged ({error}); restore the folder from a backup, "
                "or delete it and fetch everything again"
            ) from error
