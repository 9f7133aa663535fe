"""Looks at every byte of a workspace; names what was changed, is missing, or came in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trueup.workspace.canonical import NOTHING
from trueup.workspace.journal import (
    HEAD,
    JOURNAL,
    REPLACING,
    Entry,
    is_behind,
    lines_of,
    read_entry,
)
from trueup.workspace.keys import verified
from trueup.workspace.lock import LOCK, at_work
from trueup.workspace.run import cut_off
from trueup.workspace.schema import refuse_other
from trueup.workspace.store import COMING, RAW, digest_of
from trueup.workspace.tables import LAST_CHECKPOINT, TABLES
from trueup.workspace.workspace import LANDING, SNAPSHOT, Workspace

RESTORE = "restore it from a backup"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was left."""

    where: str
    what: str
    remedy: str = RESTORE


@dataclass
class Verification:
    """What was looked at, what differs, and the head to write down elsewhere."""

    entries: int = 0
    files: int = 0
    size_bytes: int = 0
    head: str = NOTHING
    differences: list[Difference] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)  # by a run that was killed; harmless
    at_work: str | None = None  # who writes to the workspace at this moment
    unchecked: list[str] = field(default_factory=list)  # what only a whole journal can tell


def verify(folder: Path, head: str | None = None) -> Verification:
    """Check a whole workspace; ``head`` is a hash that was written down at some time before.

    A changed, missing, reordered or inserted byte is a difference. What a killed run left behind
    is listed apart: the next run takes it away. Raises UsageError for a workspace of another
    schema.
    """
    found = Verification()
    entries = check_journal(folder, found)
    refuse_other(folder, entries)
    found.head = entries[-1].hash if entries else NOTHING
    if head is not None and head not in {NOTHING, *(entry.hash for entry in entries)}:
        what = f"no entry has the hash {head} that was written down"
        found.differences.append(Difference(JOURNAL, what))
    check_journal(folder / LANDING, found)
    journal_only = bool(found.differences)
    found.at_work = at_work(folder)
    _contents(folder, found)
    if journal_only:  # what follows needs what the journal says
        found.unchecked = list(_unchecked(folder))
        return found
    workspace = Workspace(folder)
    interrupted = found.at_work is not None or cut_off(entries) is not None
    _missing(workspace, found)
    _tables(workspace, interrupted, found)
    _strangers(folder, found)
    _landing(workspace, found)
    return found


def check_entry(line: bytes, number: int, previous: str | None) -> tuple[Entry | None, str | None]:
    """One line of a journal in its place: the entry it is, and what is wrong with it.

    ``previous`` is the hash of the entry before it; None where that one cannot be read.
    """
    try:
        entry = read_entry(line.removesuffix(b"\n"))
    except (ValueError, TypeError, KeyError) as error:
        return None, f"was changed: {error}"
    if entry.line != line:
        return entry, "is not written as entries are"
    if entry.number != number:
        return entry, f"stands where entry {number} should: one is missing, new or moved"
    if previous is not None and entry.previous != previous:
        return entry, "does not follow the one before it: that one was exchanged"
    signed = entry.body.get("key")
    signature = entry.signature
    if (signature is None) != (signed is None):
        return entry, "lacks its signature" if signature is None else "has a signature too many"
    if signature is not None and (
        signature.keys() != {"key", "value"}
        or signature["key"] != signed
        or not verified(signature["key"], signature["value"], entry.hash.encode())
    ):
        return entry, "has a signature that is not of its key"
    return entry, None


def check_journal(folder: Path, found: Verification) -> list[Entry]:
    """The whole entries of a journal; what is wrong with any, or with its head, is in ``found``."""
    entries: list[Entry] = []
    expected: tuple[int, str | None] = (1, NOTHING)
    lines = list(lines_of(folder / JOURNAL))
    for place, line in enumerate(lines, start=1):
        where = f"{folder.name}/{JOURNAL}: entry {place}"
        found.size_bytes += len(line)
        entry, wrong = check_entry(line, *expected)
        if not line.endswith(b"\n") or (
            entry is None and place == len(lines) and is_behind(folder, place)
        ):
            found.differences.append(
                Difference(where, "is cut off", "the next run keeps it aside and goes on before it")
            )
            continue
        if wrong:
            found.differences.append(Difference(where, wrong))
        if entry is not None:
            entries.append(entry)
        expected = (entry.number + 1, entry.hash) if entry else (expected[0] + 1, None)
    found.entries += len(entries)
    _head(folder, entries, found)
    return entries


def _head(folder: Path, entries: list[Entry], found: Verification) -> None:
    """The head stands for the last entry, so that none can be cut off behind it."""
    if not (folder / JOURNAL).exists() and not (folder / HEAD).exists():
        return
    where = f"{folder.name}/{HEAD}"
    hashes = [f"{entry.number} {entry.hash}\n".encode() for entry in entries]
    text = (folder / HEAD).read_bytes() if (folder / HEAD).exists() else b""
    coming = not entries or (len(entries) == 1 and (folder / (HEAD + REPLACING)).exists())
    if text in hashes[:-1] or (not text and coming):
        found.left_over.append(f"{where}: behind, by a kill")
    elif text not in hashes:
        found.differences.append(Difference(where, "is not the hash of any entry of the journal"))


def _unchecked(folder: Path) -> Iterator[str]:
    """What is not looked at while a journal is not whole: it says what should be there."""
    yield f"whether files of {RAW} are missing"
    tables = sum(1 for path in (folder / TABLES).rglob("*") if not path.is_dir())
    yield f"{tables:,} files of {TABLES}, whether any was changed, is missing or came in"
    yield "whether other files came in"
    yield f"whether {LANDING} is what each run knew of it"


def _contents(folder: Path, found: Verification) -> None:
    """Every file below raw is what its name says."""
    for path in sorted((folder / RAW).rglob("*")):
        if path.is_dir():
            continue
        where = path.relative_to(folder).as_posix()
        found.files += 1
        found.size_bytes += path.stat().st_size
        if path.name.startswith(COMING) and path.parent == folder / RAW:
            found.left_over.append(where)
        elif wrong := wrong_content(path):
            found.differences.append(Difference(where, wrong))


def wrong_content(path: Path) -> str | None:
    """What is wrong with a file of the store; None where it is what its name says."""
    if path.is_symlink():
        return "is a link, not a file"
    if path.parent.name != path.name[:2]:
        return "does not belong here"
    if digest_of(path) != path.name:
        return "was changed: its bytes have another hash than its name"
    return None


def _missing(workspace: Workspace, found: Verification) -> None:
    gone = {
        digest: what for digest, what in workspace.referenced() if not workspace.store.has(digest)
    }
    for digest, what in gone.items():
        found.differences.append(Difference(f"{RAW}/{digest[:2]}/{digest}", f"is missing: {what}"))


def _tables(workspace: Workspace, interrupted: bool, found: Verification) -> None:
    known = workspace.table_files()
    there = {
        path.relative_to(workspace.folder).as_posix(): path
        for path in sorted((workspace.folder / TABLES).rglob("*"))
        if not path.is_dir()
    }
    for where in known.keys() - there.keys():
        found.differences.append(Difference(where, "is missing"))
    for where, path in there.items():
        found.files += 1
        found.size_bytes += path.stat().st_size
        if known.get(where) == digest_of(path):
            continue
        if interrupted and (where not in known or path.name == LAST_CHECKPOINT):
            found.left_over.append(where)
        elif where in known:
            found.differences.append(Difference(where, "was changed"))
        else:
            found.differences.append(Difference(where, "is not trueup's", "take it away"))


def _strangers(folder: Path, found: Verification) -> None:
    """Files that belong nowhere; what a torn line was kept as belongs to the journal."""
    allowed = {JOURNAL, HEAD}
    for path in sorted(folder.rglob("*")):
        where = path.relative_to(folder)
        if path.is_dir() or where.parts[0] in (RAW, TABLES):
            continue
        in_journal = where.parent.name in ("", LANDING)
        if in_journal and where.name in allowed:
            continue
        if where.as_posix() == SNAPSHOT:
            continue
        if where.as_posix() == LOCK:
            if path.stat().st_size and found.at_work is None:
                found.left_over.append(LOCK)
        elif in_journal and where.suffix == REPLACING:
            found.left_over.append(where.as_posix())
        else:
            found.differences.append(
                Difference(where.as_posix(), "is not trueup's", "take it away")
            )


def _landing(workspace: Workspace, found: Verification) -> None:
    """What each run knew of the landing is still its beginning."""
    entries = workspace.landing.entries()
    for run in workspace.runs():
        count, head = run.body["landing"]["entries"], run.body["landing"]["head"]
        there = entries[count - 1].hash if 0 < count <= len(entries) else NOTHING
        if there != head:
            found.differences.append(
                Difference(f"{LANDING}/{JOURNAL}", f"is not what {run.run_id} knew of it")
            )
