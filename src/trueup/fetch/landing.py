"""Where raw answers and export files are kept: by content, each once, with what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import IO

from trueup.adapter.feed import Answer, File
from trueup.errors import SourceError
from trueup.redacted import scrubbed
from trueup.workspace.journal import TORN, Journal
from trueup.workspace.store import Store

LANDED = "landed"


@dataclass(frozen=True)
class Landed:
    """One entry: what was asked, what came."""

    provider: str
    feed: str
    asked: str  # operation and parameters, or the file's name
    version: str  # a file's; of answers their page
    sha256: str
    size_bytes: int

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.provider, self.feed, self.asked, self.version


class Landing:
    """Contents named by their SHA-256, and a journal of them that only grows.

    Landing the same content for the same question again adds nothing. Threads may share it; two
    processes may not.
    """

    def __init__(self, store: Store, journal: Journal, *, recorded: bool = False) -> None:
        self.store = store
        self.journal = journal
        self.recorded = recorded  # played from its beginning: nothing is here already
        self._lock = Lock()
        self._latest: dict[tuple[str, str, str, str], Landed] = {}
        for entry in journal.entries():
            if entry.kind != TORN:
                landed = Landed(**entry.body)
                self._latest[landed.key] = landed

    @classmethod
    def at(cls, folder: Path) -> Landing:
        """A landing of its own, in a folder."""
        store = Store(folder)
        return cls(store, Journal(folder, store))

    def path(self, sha256: str) -> Path:
        return self.store.path(sha256)

    def answer(self, provider: str, feed: str, answer: Answer, known_at: datetime) -> Landed:
        """Keep an answer, without what is secret in it."""
        asked = json.dumps([answer.operation, dict(answer.asked)], sort_keys=True)
        body = _scrubbed(answer.body)
        digest = self.store.put(body)
        page = f"page {answer.page}"
        return self._entered(Landed(provider, feed, asked, page, digest, len(body)), known_at)

    def file(
        self,
        provider: str,
        export: str,
        file: File,
        fetch: Callable[[IO[bytes]], None],
        at: datetime,
    ) -> Landed:
        """Keep a file of an export; what is here in that version is not fetched again."""
        known = self._latest.get((provider, export, file.name, file.version))
        if known is not None and self.store.has(known.sha256) and not self.recorded:
            return known
        digest = self.store.fill(fetch, None)
        size = self.path(digest).stat().st_size
        if file.size_bytes is not None and size != file.size_bytes:
            raise SourceError(
                file.name, f"{size:,} bytes came of the {file.size_bytes:,} that were announced"
            )
        return self._entered(Landed(provider, export, file.name, file.version, digest, size), at)

    def _entered(self, landed: Landed, at: datetime) -> Landed:
        if self.recorded:
            landed = replace(landed, provider=f"recorded {landed.provider}")
        with self._lock:
            known = self._latest.get(landed.key)
            if known is not None and known.sha256 == landed.sha256:
                return known
            self.journal.append(LANDED, at, asdict(landed))
            self._latest[landed.key] = landed
        return landed


def _scrubbed(body: bytes) -> bytes:
    """What is text without its secrets; anything else as it came."""
    try:
        return scrubbed(body.decode()).encode()
    except UnicodeDecodeError:
        return body
