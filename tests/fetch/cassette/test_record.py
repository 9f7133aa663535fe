"""What is recorded while a provider is asked: without ids and secrets, or not at all."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("vcr")

from tests.fetch.nimbus import ANSWERS, CONNECTOR, FEED, recorded, stands

from trueup.errors import IntegrityError
from trueup.fetch.cassette.provenance import read_provenance, recorded_text
from trueup.fetch.cassette.pseudonyms import Pseudonyms
from trueup.fetch.cassette.record import _body

ACCOUNT = "123456789012"
PSEUDONYMS = Pseudonyms(bytes(32))


def parquet(text: str) -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table({"account": [text]}), written)
    return written.getvalue()


def test_ids_become_pseudonyms_and_other_headers_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account's number in an answer, and a header that may be a key."""
    stands(monkeypatch)
    plans = {"plans": [{"commitment": "11.00", "account": ACCOUNT}]}
    found = recorded(tmp_path / "one", {**ANSWERS, "/plans": (200, json.dumps(plans).encode())})
    assert found.failures == ()
    text = recorded_text(tmp_path / "one" / "plans.yaml")
    assert "11.00" in text
    assert ACCOUNT not in text
    assert "x-secret" not in text.lower()
    known = read_provenance(tmp_path / "one")
    assert set(known.sha256) == {"plans.yaml", "costs.yaml"}
    assert list(known.sdk) == ["click"]


def test_a_feed_that_asks_nothing_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was exchanged, so that there is nothing to keep; the export is recorded."""
    silent = replace(FEED, fetch=lambda _: [])
    stands(monkeypatch, replace(CONNECTOR, feeds=(silent,)))
    assert recorded(tmp_path / "one").failures == ()
    assert set(read_provenance(tmp_path / "one").sha256) == {"costs.yaml"}


def test_what_would_hold_an_id_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lets an id pass: the whole text is looked at again before it is written."""
    stands(monkeypatch)
    monkeypatch.setattr(Pseudonyms, "of_ids", lambda _self, text: text)
    plans = {"plans": [{"commitment": "11.00", "account": ACCOUNT}]}
    answers = {**ANSWERS, "/plans": (200, json.dumps(plans).encode())}
    with pytest.raises(IntegrityError, match=r"plans.yaml: nothing was written, as it would hold"):
        recorded(tmp_path / "one", answers)
    assert not (tmp_path / "one" / "plans.yaml").exists()


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(f"account\n{ACCOUNT}\n".encode()),
        parquet(ACCOUNT),
        b"\xff account " + ACCOUNT.encode(),
    ],
    ids=["gzip", "parquet", "latin-1"],
)
def test_a_packed_file_with_an_id_cannot_be_recorded(body: bytes) -> None:
    """Inside it nothing can be replaced: the export is left out by whoever records."""
    with pytest.raises(IntegrityError, match="record without the export") as refused:
        _body(body, PSEUDONYMS)
    assert ACCOUNT not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"region\nnorth\n"), parquet("none"), b"\xff north", b"", None],
    ids=["gzip", "parquet", "latin-1", "empty", "none"],
)
def test_a_packed_file_without_an_id_stays_as_it_came(body: bytes | None) -> None:
    """Byte by byte; so does what is empty."""
    assert _body(body, PSEUDONYMS) == body


def test_text_of_either_type_is_mapped_alike() -> None:
    """An account in text and in bytes becomes the same pseudonym."""
    mapped = _body(f"of {ACCOUNT}", PSEUDONYMS)
    assert mapped == PSEUDONYMS.of(f"of {ACCOUNT}")
    assert ACCOUNT not in mapped
    assert _body(f"of {ACCOUNT}".encode(), PSEUDONYMS) == mapped.encode()


def test_a_body_that_is_still_to_come_cannot_be_recorded() -> None:
    """A stream can be read once: its content would be gone."""

    def parts() -> Iterator[bytes]:
        yield b"x"

    with pytest.raises(IntegrityError, match="a body of type generator cannot be recorded"):
        _body(parts(), PSEUDONYMS)


def test_what_is_about_people_and_cut_is_not_recorded() -> None:
    """A name without its end cannot be replaced."""
    cut: Any = b'{"contact": "J'
    with pytest.raises(IntegrityError, match="what an answer says of people"):
        _body(cut, PSEUDONYMS, ("contact",))
