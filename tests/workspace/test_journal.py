"""The journal: what an entry is bound to, what a signature proves, what a damaged one says."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trueup.errors import IntegrityError, UsageError
from trueup.workspace.journal import JOURNAL, Journal
from trueup.workspace.keys import load_key, new_key, verified
from trueup.workspace.verify import check_entry

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
    assert check_entry(first.line, None)[1] is None
    unsigned = first.line.replace(first.signature["value"].encode(), b"AAAA")
    assert "not of its key" in str(check_entry(unsigned, None)[1])
    bare = Journal(tmp_path / "v").append("close", AT, {"key": key.public})
    assert check_entry(bare.line, None)[1] == "lacks its signature"
    wrong = Journal(tmp_path / "u").append("close", AT, {"key": key.public}, other)
    assert "not of its key" in str(check_entry(wrong.line, None)[1])


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
