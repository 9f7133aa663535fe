"""The journal: what an entry is bound to, what a signature proves, what a damaged one says."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.workspace import month
from trueup.errors import ConfigurationError, IntegrityError, UsageError
from trueup.workspace.canonical import NOTHING
from trueup.workspace.journal import HEAD, JOURNAL, Journal
from trueup.workspace.keys import load_key, new_key, raw_public, verified
from trueup.workspace.verify import check_entry, verify

AT = datetime(2026, 11, 9, tzinfo=UTC)


def test_an_entry_is_bound_to_the_one_before(tmp_path: Path) -> None:
    """The chain computed here by hand: SHA-256 of the sorted, compact JSON of the signed part."""
    journal = Journal(tmp_path)
    journal.append("decision", AT, {"b": "1.50", "a": "é"})
    journal.append("decision", AT, {})
    one, two = (json.loads(line) for line in (tmp_path / JOURNAL).read_text("utf-8").splitlines())
    signed = (
        '{"at":"2026-11-09T00:00:00+00:00","body":{"a":"é","b":"1.50"},"kind":"decision",'
        '"number":1,"previous":"' + "0" * 64 + '"}'
    )
    assert one["hash"] == hashlib.sha256(signed.encode()).hexdigest()
    assert two["previous"] == one["hash"]


def test_another_process_s_entries_are_seen(tmp_path: Path) -> None:
    """Two journals on one folder read what the other appended."""
    first, second = Journal(tmp_path), Journal(tmp_path)
    first.append("decision", AT, {"n": 1})
    second.append("decision", AT, {"n": 2})
    assert [entry.body["n"] for entry in first.entries()] == [1, 2]


def test_what_was_known_at_an_instant(tmp_path: Path) -> None:
    """Entries known later are not there yet; the instant itself counts."""
    journal = Journal(tmp_path)
    for day in range(3):
        journal.append("decision", AT + timedelta(days=day), {"day": day})
    known = journal.entries(AT + timedelta(days=1))
    assert [entry.body["day"] for entry in known] == [0, 1]


def test_a_journal_that_was_read_takes_little_more_than_its_lines(tmp_path: Path) -> None:
    """Years of nights are read at once; parsed, these bodies would take three times as much."""
    journal = Journal(tmp_path)
    hashes = {f"tables/{n:03}.parquet": f"{n:064x}" for n in range(120)}
    for number in range(60):
        journal.append("run", AT, {"run": number, "files": hashes})
    tracemalloc.start()
    try:
        found = Journal(tmp_path).entries()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.5 * (tmp_path / JOURNAL).stat().st_size
    assert [entry.body["run"] for entry in found] == list(range(60))
    assert found[7].body == {"run": 7, "files": hashes}
    assert len(found[7].body) == 2


def test_a_damaged_journal_is_not_read(tmp_path: Path) -> None:
    """The message names the entry and what to do."""
    journal = Journal(tmp_path)
    journal.append("decision", AT, {"n": 1})
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes().replace(b'"n":1', b'"n":2'))
    with pytest.raises(IntegrityError, match=r"entry 1 was changed.*trueup verify"):
        Journal(tmp_path).entries()


def test_a_signature_is_of_its_key_and_its_entry(tmp_path: Path) -> None:
    """Another key, another entry's signature and a missing one are each told."""
    key, other = new_key(tmp_path / "one.key"), new_key(tmp_path / "two.key")
    journal = Journal(tmp_path / "w")
    first = journal.append("close", AT, {"key": key.public}, key)
    assert first.signature
    assert verified(key.public, first.signature["value"], first.hash.encode())
    assert not verified(other.public, first.signature["value"], first.hash.encode())
    assert check_entry(first.line, 1, NOTHING)[1] is None
    unsigned = first.line.replace(first.signature["value"].encode(), b"AAAA")
    assert "not of its key" in str(check_entry(unsigned, 1, NOTHING)[1])
    bare = Journal(tmp_path / "v").append("close", AT, {"key": key.public})
    assert check_entry(bare.line, 1, NOTHING)[1] == "lacks its signature"
    wrong = Journal(tmp_path / "u").append("close", AT, {"key": key.public}, other)
    assert "not of its key" in str(check_entry(wrong.line, 1, NOTHING)[1])


def test_a_key_s_file_is_its_owner_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mode 0600, never overwritten, and with a passphrase only read by who knows it."""
    path = tmp_path / "a.key"
    monkeypatch.setenv("TRUEUP_KEY_PASSPHRASE", "a phrase")
    key = new_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path).public == key.public
    with pytest.raises(UsageError, match="never overwritten"):
        new_key(path)
    monkeypatch.delenv("TRUEUP_KEY_PASSPHRASE")
    with pytest.raises(UsageError, match="TRUEUP_KEY_PASSPHRASE does not fit"):
        load_key(path)


def test_a_head_that_a_kill_left_behind_follows(tmp_path: Path) -> None:
    """The second entry is there, and the head still names the first: it is set right once."""
    journal = Journal(tmp_path)
    journal.append("decision", AT, {"n": 1})
    behind = (tmp_path / HEAD).read_bytes()
    journal.append("decision", AT, {"n": 2})
    right = (tmp_path / HEAD).read_bytes()
    journal.settle()
    assert (tmp_path / HEAD).read_bytes() == right
    (tmp_path / HEAD).write_bytes(behind)
    Journal(tmp_path).settle()
    assert (tmp_path / HEAD).read_bytes() == right
    Journal(tmp_path / "new").settle()
    assert not (tmp_path / "new" / HEAD).exists()


def test_an_entry_that_does_not_fit_on_the_disk_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that takes half a line says nothing of it; the journal goes on once there is room."""
    journal = Journal(tmp_path)
    journal.append("decision", AT, {"n": 1})
    opened = Path.open

    class Full:
        """A file that takes ten bytes of what is written to it."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, content: bytes) -> int:
            return int(self.file.write(content[:10]))

    def full(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        file = opened(path, mode, *rest, **more)
        return Full(file) if mode == "ab" else file

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            journal.append("decision", AT, {"n": 2})
    journal.append("decision", AT, {"n": 3})
    assert [entry.body.get("n") for entry in Journal(tmp_path).entries()] == [1, None, 3]


def test_an_entry_of_another_journal_does_not_follow(tmp_path: Path) -> None:
    """Whole in itself, but not the next: the message says which number it has."""
    for name in ("one", "two"):
        Journal(tmp_path / name).append("decision", AT, {"of": name})
    first = (tmp_path / "one" / JOURNAL).read_bytes()
    with (tmp_path / "two" / JOURNAL).open("ab") as file:
        file.write(first)
    with pytest.raises(IntegrityError, match=r"entry 2 does not follow .*it is number 1"):
        Journal(tmp_path / "two").entries()


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    """A key of elliptic curves is a key, and signs nothing here."""
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "a.key").write_bytes(other)
    with pytest.raises(UsageError, match="is a key of another kind; make one with"):
        load_key(tmp_path / "a.key")


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:AAAA", "ed25519:*", f"{'A' * 43}="])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    """Too short, no base64, or without the name of its kind; nothing verifies by it."""
    with pytest.raises(ConfigurationError, match="is no public key: it is written ed25519:"):
        raw_public(text)
    assert not verified(text, "", b"")


def test_tables_stay_where_the_journal_is_gone(tmp_path: Path) -> None:
    """The run refuses before it tidies up what no journal names; with it all is as it was."""
    config = month.written(tmp_path)
    month.ran(config)
    workspace = tmp_path / ".trueup"
    journal, aside = workspace / JOURNAL, tmp_path / "aside"
    journal.rename(aside)
    before = sorted(workspace.rglob("*"))
    with pytest.raises(IntegrityError, match="restore the workspace from a backup"):
        month.ran(config, "2026-11-11T00:00:00Z")
    assert [path for path in before if not path.exists()] == []
    aside.rename(journal)
    assert verify(workspace).differences == []
