"""A journal that only grows: every entry holds the hash of the one before it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from trueup.errors import IntegrityError
from trueup.workspace.canonical import NOTHING, canonical, sha256_of
from trueup.workspace.store import Store

JOURNAL, HEAD = "journal.jsonl", "head"
TORN = "torn"  # the kind of the entry that tells of half a line, left by a kill


class Signer(Protocol):
    """Whoever signs an entry: a person's key."""

    @property
    def public(self) -> str: ...

    def sign(self, message: bytes) -> str: ...


@dataclass(frozen=True)
class Entry:
    """One line: what happened, when it became known, and the hash that binds it to all before.

    ``hash`` is the SHA-256 of the canonical JSON of number, kind, at, body and previous;
    ``signature`` is {key, value}: Ed25519 over that hash's text.
    """

    number: int
    kind: str
    at: datetime
    body: Mapping[str, Any]
    previous: str
    hash: str
    signature: Mapping[str, str] | None = None

    @property
    def signed_part(self) -> dict[str, Any]:
        """What the hash is of."""
        return {
            "number": self.number,
            "kind": self.kind,
            "at": self.at.astimezone(UTC).isoformat(),
            "body": self.body,
            "previous": self.previous,
        }

    @property
    def line(self) -> bytes:
        """The entry as it stands in the file, with its end of line."""
        signature = {} if self.signature is None else {"signature": self.signature}
        return canonical({**self.signed_part, "hash": self.hash, **signature}) + b"\n"


def read_entry(line: bytes) -> Entry:
    """One line as an entry; ValueError where it is not written as ``Entry.line`` writes it."""
    found = json.loads(line)
    entry = Entry(**{**found, "at": datetime.fromisoformat(found["at"])})
    if entry.line != line + b"\n":
        raise ValueError("not written as entries are")
    return entry


class Journal:
    """The entries of a folder. One process at a time appends; the threads of it may.

    An entry is on the disk when ``append`` returns. A last line that was cut by a kill is no entry:
    the next ``append`` keeps its bytes aside and goes on behind the last whole one.
    """

    def __init__(self, folder: Path, store: Store | None = None) -> None:
        self.folder = folder
        self.path = folder / JOURNAL
        self.store = store or Store(folder)  # what is torn is kept there
        self._append = Lock()
        self._read_to = 0
        self._entries: list[Entry] = []

    def entries(self, known_at: datetime | None = None) -> list[Entry]:
        """All entries, or those known at an instant; IntegrityError where the chain is broken."""
        self._catch_up()
        if known_at is None:
            return list(self._entries)
        return [entry for entry in self._entries if entry.at <= known_at]

    def last(self) -> Entry | None:
        self._catch_up()
        return self._entries[-1] if self._entries else None

    @property
    def head(self) -> str:
        """The hash of the last entry: write it down elsewhere, and nothing can be cut off."""
        last = self.last()
        return last.hash if last else NOTHING

    def append(
        self, kind: str, at: datetime, body: Mapping[str, Any], signer: Signer | None = None
    ) -> Entry:
        """Add an entry and put it on the disk."""
        with self._append:
            self._catch_up()
            self._set_torn_aside()
            return self._write(kind, at, json.loads(canonical(body)), signer)

    def _write(
        self, kind: str, at: datetime, body: Mapping[str, Any], signer: Signer | None
    ) -> Entry:
        last = self._entries[-1] if self._entries else None
        number, previous = (last.number + 1, last.hash) if last else (1, NOTHING)
        entry = Entry(number, kind, at.astimezone(UTC), body, previous, "")
        digest = sha256_of(entry.signed_part)
        signature = None
        if signer is not None:
            signature = {"key": signer.public, "value": signer.sign(digest.encode())}
        entry = replace(entry, hash=digest, signature=signature)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(entry.line)
            file.flush()
            os.fsync(file.fileno())
        _replaced(self.folder / HEAD, f"{entry.number} {entry.hash}\n".encode())
        self._catch_up()
        return entry

    def _catch_up(self) -> None:
        """Read what was appended since; each entry must follow the one before."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            rest = file.read()
        for line in rest.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break  # cut by a kill
            last = self._entries[-1] if self._entries else None
            try:
                entry = read_entry(line[:-1])
            except (ValueError, TypeError, KeyError) as error:
                raise self._broken(f"is damaged ({error})") from error
            expected = (last.number + 1, last.hash) if last else (1, NOTHING)
            if (entry.number, entry.previous) != expected:
                raise self._broken(f"does not follow the one before (it is number {entry.number})")
            if sha256_of(entry.signed_part) != entry.hash:
                raise self._broken("was changed: its hash is another")
            self._entries.append(entry)
            self._read_to += len(line)

    def _broken(self, what: str) -> IntegrityError:
        return IntegrityError(
            f"{self.path}: entry {len(self._entries) + 1} {what}; `trueup verify` names everything "
            "that differs: restore the workspace from a backup"
        )

    def _set_torn_aside(self) -> None:
        """Keep what a kill left of a line in the store, take it off the journal, and say so."""
        if not self.path.exists() or self.path.stat().st_size == self._read_to:
            return
        torn = self.path.read_bytes()[self._read_to :]
        digest = self.store.put(torn)
        with self.path.open("rb+") as file:
            file.truncate(self._read_to)
            os.fsync(file.fileno())
        self._write(TORN, datetime.now(UTC), {"sha256": digest, "size_bytes": len(torn)}, None)


def _replaced(path: Path, content: bytes) -> None:
    """The content under a name, whole or not at all, on the disk."""
    coming = path.with_name(path.name + ".coming")
    with coming.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    coming.replace(path)


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a journal with their ends, the last perhaps without one."""
    if path.exists():
        yield from path.read_bytes().splitlines(keepends=True)
