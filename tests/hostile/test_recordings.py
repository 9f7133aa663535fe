"""Recordings come from other people: YAML that is a program, a bomb, or of another shape."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.hostile.readers import CASSETTE, PROVENANCE, READERS, outcome
from trueup.errors import SourceError
from trueup.fetch.cassette import plain
from trueup.fetch.cassette.provenance import TEXT_BYTES_MAX, read_provenance, recorded_text
from trueup.fetch.cassette.replay import exchanges

LAUGHS = "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]\n" for n in range(1, 10))


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.mkdir ['{place}']",
        "!!python/object/new:os.mkdir ['{place}']",
        "!!python/object/apply:builtins.iter {{args: [[1]]}}",
        "!!python/name:os.mkdir",
        "!!python/module:os",
        "!custom {{}}",
    ],
)
def test_a_tag_is_never_carried_out(tag: str, tmp_path: Path) -> None:
    """No folder is made, whatever vcrpy's own loader would do: the recording is refused."""
    made = tmp_path / "made"
    file = tmp_path / "a.yaml"
    file.write_text(CASSETTE.replace("null", tag.format(place=made)), encoding="utf-8")
    with pytest.raises(SourceError, match="not a recording of exchanges"):
        exchanges(file)
    assert not made.exists()


@pytest.mark.parametrize(
    "text",
    [
        f"b0: &b0 [x]\n{LAUGHS}",
        "interactions: &a [*a]\n",
        "- a list\n",
        "interactions: 3\n",
        "interactions: [{request: 3, response: 4}]\n",
        "interactions: [{}]\n",
        CASSETTE.replace("https://api.example.com", "https://[::"),
        CASSETTE.replace("code: 200", "code: many"),
        CASSETTE.replace("{content-type: [application/json]}", "[1, 2]"),
        CASSETTE.replace("null", "9" * 5_000),
        "[" * 5_000,
        "a: 2026-99-99\n",
    ],
)
def test_another_shape_is_refused(text: str, tmp_path: Path) -> None:
    """Aliases that stand for gigabytes, loops, lists, words for numbers, addresses that are none."""
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    assert "not a recording of exchanges" in outcome(READERS["cassette"], file)


def test_too_many_parts_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bytes of YAML take half a kilobyte: they are counted before they are kept."""
    monkeypatch.setattr(plain, "PARTS_MAX", 1_000)
    file = tmp_path / "a.yaml"
    file.write_text(f"[{'1,' * 1_000}]", encoding="utf-8")
    with pytest.raises(SourceError, match="more than 1,000 parts: record a shorter period"):
        exchanges(file)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    """65 MiB in 64 kB: only as much is unpacked as is allowed."""
    file = tmp_path / "a.yaml.gz"
    file.write_bytes(gzip.compress(b"#" * (TEXT_BYTES_MAX + (1 << 20)), mtime=0))
    with pytest.raises(SourceError, match="more than 64 MiB of text: record a shorter period"):
        recorded_text(file)


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": [1]},
        {"sha256": {"../../b.yaml": "0" * 64}},
        {"period": 5},
        {"settings": "x"},
        {"more": 1},
        {"provider": None},
    ],
)
def test_provenance_of_another_shape(change: dict[str, object], tmp_path: Path) -> None:
    """Lists for tables, numbers for text, keys nobody knows, hashes of files elsewhere."""
    (tmp_path / "provenance.json").write_text(json.dumps(PROVENANCE | change))
    with pytest.raises(SourceError, match=r"not the provenance of a recording|not as recorded"):
        read_provenance(tmp_path)
