"""A journal that only grows: every entry holds the hash of the one before it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from errno import ENOSPC
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from trueup.errors import IntegrityError
from trueup.workspace.canonical import NOTHING, canonical, sha256_of
from trueup.workspace.store import Store, made, synced

JOURNAL, HEAD = "journal.jsonl", "head"
REPLACING = ".coming"  # ends the name of a file that is about to replace another
TORN = "torn"  # the kind of the entry that tells of half a line, left by a kill


class Signer(Protocol):
    """Whoever signs an entry: a person's key."""

    @property
    def public(self) -> str: ...

    def sign(self, message: bytes) -> str: ...


class Body(Mapping[str, Any]):
    """What an entry says, kept as its line and read when it is asked for.

    Once read it takes five times the memory, and years of nights are read at once.
    """

    def __init__(self, line: bytes) -> None:
        self._line = line

    def __getitem__(self, key: str) -> Any:
        return _body(self._line)[key]

    def __iter__(self) -> Iterator[str]:
        return iter(_body(self._line))

    def __len__(self) -> int:
        return len(_body(self._line))


@lru_cache(maxsize=16)
def _body(line: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)["body"]
    return found


@dataclass(frozen=True, slots=True)
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
            "body": dict(self.body),
            "previous": self.previous,
        }

    @property
    def line(self) -> bytes:
        """The entry as it stands in the file, with its end of line."""
        signature = {} if self.signature is None else {"signature": self.signature}
        return canonical({**self.signed_part, "hash": self.hash, **signature}) + b"\n"

    @property
    def proved_by(self) -> str:
        """The hash that it should have."""
        return sha256_of(self.signed_part)


def read_entry(line: bytes) -> Entry:
    """One line, without its end, as an entry; ValueError where its bytes have another hash.

    The hash is taken of the line's own bytes, less what stands in it of hash and signature: as
    sure as writing the entry anew, and twenty times as fast.
    """
    found = json.loads(line)
    entry = Entry(**{**found, "at": datetime.fromisoformat(found["at"]), "body": Body(line)})
    tail = {"kind": entry.kind, "number": entry.number, "previous": entry.previous}
    signature = {} if entry.signature is None else {"signature": entry.signature}
    end = b"," + canonical({**tail, "hash": entry.hash, **signature})[1:]
    signed = line.removesuffix(end) + b"," + canonical(tail)[1:]
    if not line.endswith(end) or hashlib.sha256(signed).hexdigest() != entry.hash:
        raise ValueError("its hash is another")
    return entry


class Journal:
    """The entries of a folder. One process at a time appends; the threads of it may.

    An entry is on the disk when ``append`` returns. A last line that was cut by a kill, or lacks
    bytes since power was lost, is no entry: the next ``append`` keeps it aside and goes on.
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
            self.refuse_where_cut()
            self._set_torn_aside()
            return self._write(kind, at, json.loads(canonical(body)), signer)

    def settle(self) -> None:
        """Have the head follow the last entry, where a kill came between them."""
        last = self.last()
        if last is not None and is_behind(self.folder, last.number):
            _coming_head(self.folder, last).replace(self.folder / HEAD)
            synced(self.folder)

    def _write(
        self, kind: str, at: datetime, body: Mapping[str, Any], signer: Signer | None
    ) -> Entry:
        last = self._entries[-1] if self._entries else None
        number, previous = (last.number + 1, last.hash) if last else (1, NOTHING)
        entry = Entry(number, kind, at.astimezone(UTC), body, previous, "")
        digest = entry.proved_by
        signature = None
        if signer is not None:
            signature = {"key": signer.public, "value": signer.sign(digest.encode())}
        entry = replace(entry, hash=digest, signature=signature)
        made(self.folder)
        coming = _coming_head(self.folder, entry)
        if last is None:
            synced(self.folder)  # no journal without a head that is coming
        with self.path.open("ab", buffering=0) as file:
            if file.write(entry.line) < len(entry.line):
                raise OSError(ENOSPC, os.strerror(ENOSPC), str(self.path))
            os.fsync(file.fileno())
        if last is None:
            synced(self.folder)  # no head without a journal
        coming.replace(self.folder / HEAD)
        synced(self.folder)
        self._catch_up()
        return entry

    def _catch_up(self) -> None:
        """Read what was appended since; each entry must follow the one before."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            for line in file:
                if not line.endswith(b"\n"):  # cut by a kill
                    return
                last = self._entries[-1] if self._entries else None
                try:
                    entry = read_entry(line.removesuffix(b"\n"))
                except (ValueError, TypeError, KeyError) as error:
                    is_last = self._read_to + len(line) == os.fstat(file.fileno()).st_size
                    if is_last and is_behind(self.folder, len(self._entries) + 1):
                        return
                    raise self._broken(f"was changed ({error})") from error
                number, previous = (last.number + 1, last.hash) if last else (1, NOTHING)
                if (entry.number, entry.previous) != (number, previous):
                    what = f"does not follow the one before (it is number {entry.number})"
                    raise self._broken(what)
                self._entries.append(replace(entry, previous=previous))  # one text for both
                self._read_to += len(line)

    def _broken(self, what: str) -> IntegrityError:
        return IntegrityError(
            f"{self.path}: entry {len(self._entries) + 1} {what}; `trueup verify` names everything "
            "that differs: restore the workspace from a backup"
        )

    def refuse_where_cut(self) -> None:
        """IntegrityError where the journal once was longer, as its head says."""
        self._catch_up()
        number = head_of(self.folder)
        if not number.isdigit() or int(number) > len(self._entries):
            raise IntegrityError(
                f"{self.path}: ends with entry {len(self._entries)}, {self.folder / HEAD} says "
                f"{number.decode(errors='replace')}; restore the workspace from a backup"
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


def _coming_head(folder: Path, entry: Entry) -> Path:
    """A file that is to replace a journal's head, on the disk."""
    coming = folder / (HEAD + REPLACING)
    with coming.open("wb") as file:
        file.write(f"{entry.number} {entry.hash}\n".encode())
        file.flush()
        os.fsync(file.fileno())
    return coming


def head_of(folder: Path) -> bytes:
    """The number that a journal's head gives, as it stands there; 0 where there is no head."""
    head = folder / HEAD
    return head.read_bytes().split(b" ")[0] if head.exists() else b"0"


def is_behind(folder: Path, number: int) -> bool:
    """Whether a journal's head does not know the entry of that number yet.

    A last line that it does not know may be none: when power is lost, a line may have its end and
    lack some of its middle.
    """
    head = head_of(folder)
    return head.isdigit() and int(head) < number


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a journal with their ends, the last perhaps without one."""
    if path.exists():
        *lines, rest = path.read_bytes().split(b"\n")
        yield from (line + b"\n" for line in lines)
        if rest:
            yield rest
