"""Looks at every byte of a workspace; names what was changed, is missing, or came in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trueup.workspace.canonical import NOTHING, sha256_of
from trueup.workspace.journal import HEAD, JOURNAL, Entry, lines_of, read_entry
from trueup.workspace.keys import verified
from trueup.workspace.lock import LOCK
from trueup.workspace.run import BEGUN, ENDED, FAILED
from trueup.workspace.store import COMING, RAW, digest_of
from trueup.workspace.tables import TABLES
from trueup.workspace.workspace import LANDING, Workspace

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


def verify(folder: Path, head: str | None = None) -> Verification:
    """Check a whole workspace; ``head`` is a hash that was written down at some time before.

    A changed, missing, reordered or inserted byte is a difference. What a killed run left behind
    is listed apart: the next run takes it away.
    """
    found = Verification()
    entries = check_journal(folder, found)
    found.head = entries[-1].hash if entries else NOTHING
    if head is not None and head not in {NOTHING, *(entry.hash for entry in entries)}:
        what = f"no entry has the hash {head} that was written down"
        found.differences.append(Difference(JOURNAL, what))
    check_journal(folder / LANDING, found)
    if found.differences:  # what follows needs what the journal says
        _contents(folder, found)
        return found
    workspace = Workspace(folder)
    interrupted = _interrupted(entries)
    _contents(folder, found)
    _missing(workspace, found)
    _tables(workspace, interrupted, found)
    _strangers(folder, interrupted, found)
    _landing(workspace, found)
    return found


def check_entry(line: bytes, before: Entry | None) -> tuple[Entry | None, str | None]:
    """One line of a journal behind an entry: the entry it is, and what is wrong with it."""
    try:
        entry = read_entry(line.removesuffix(b"\n"))
    except (ValueError, TypeError, KeyError) as error:
        return None, f"is damaged: {error}"
    expected = (before.number + 1, before.hash) if before else (1, NOTHING)
    if entry.hash != sha256_of(entry.signed_part):
        return entry, "was changed: its hash is another"
    if entry.number != expected[0]:
        return entry, f"stands where entry {expected[0]} should: one is missing, new or moved"
    if entry.previous != expected[1]:
        return entry, "does not follow the one before it: that one was changed or exchanged"
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
    before: Entry | None = None
    for number, line in enumerate(lines_of(folder / JOURNAL), start=1):
        where = f"{folder.name}/{JOURNAL}: entry {number}"
        found.size_bytes += len(line)
        if not line.endswith(b"\n"):
            found.differences.append(
                Difference(where, "is cut off", "the next run keeps it aside and goes on before it")
            )
            continue
        entry, wrong = check_entry(line, before)
        if wrong:
            found.differences.append(Difference(where, wrong))
        if entry is not None:
            entries.append(entry)
            before = entry
    found.entries += len(entries)
    _head(folder, entries, found)
    return entries


def _head(folder: Path, entries: list[Entry], found: Verification) -> None:
    """The head stands for the last entry, so that none can be cut off behind it."""
    if not (folder / JOURNAL).exists():
        return
    where = f"{folder.name}/{HEAD}"
    hashes = [f"{entry.number} {entry.hash}\n".encode() for entry in entries]
    text = (folder / HEAD).read_bytes() if (folder / HEAD).exists() else b""
    if text in hashes[:-1]:
        found.left_over.append(f"{where}: behind, by a kill")
    elif text not in hashes:
        found.differences.append(Difference(where, "is not the hash of any entry of the journal"))


def _interrupted(entries: list[Entry]) -> bool:
    """Whether the last run that began has not ended."""
    runs = [entry for entry in entries if entry.kind in (BEGUN, ENDED, FAILED)]
    return bool(runs) and runs[-1].kind == BEGUN


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
        if where in known:
            if digest_of(path) != known[where]:
                found.differences.append(Difference(where, "was changed"))
        elif interrupted:
            found.left_over.append(where)
        else:
            found.differences.append(Difference(where, "is not trueup's", "take it away"))


def _strangers(folder: Path, interrupted: bool, found: Verification) -> None:
    """Files that belong nowhere; what a torn line was kept as belongs to the journal."""
    allowed = {JOURNAL, HEAD}
    for path in sorted(folder.rglob("*")):
        where = path.relative_to(folder)
        if path.is_dir() or where.parts[0] in (RAW, TABLES):
            continue
        in_journal = where.parent.name in ("", LANDING)
        if in_journal and where.name in allowed:
            continue
        if where.as_posix() == LOCK:
            if path.stat().st_size and not interrupted:
                found.differences.append(Difference(LOCK, "holds text and no run is at work"))
        elif in_journal and interrupted and where.suffix == ".coming":
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
