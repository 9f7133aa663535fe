"""The sidecar of a recording: what was changed is named, and which case is whose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trueup.errors import SourceError
from trueup.fetch.cassette.provenance import (
    PLAIN_MAX_CHARACTERS,
    Provenance,
    cases,
    hashes,
    read_provenance,
    recorded_text,
    recordings,
    write_recording,
)
from trueup.files import ENDLESS


def case_of(provider: str, folder: Path) -> Path:
    """A case with one recording without exchanges."""
    write_recording(folder / "plans.yaml", "interactions: []\n")
    Provenance(provider, folder.name, "live", "2026-10", {}, {"click": "8"}).write(folder)
    return folder


def test_a_recording_that_was_changed_is_named(tmp_path: Path) -> None:
    """Changed, taken away, or added after the sidecar was written."""
    folder = case_of("nimbus", tmp_path / "one")
    assert read_provenance(folder).provider == "nimbus"
    write_recording(folder / "plans.yaml", "interactions: [] # more\n")
    write_recording(folder / "costs.yaml", "interactions: []\n")
    said = r"not as recorded: costs.yaml, plans.yaml was changed, added or removed"
    with pytest.raises(SourceError, match=said):
        read_provenance(folder)
    for file in recordings(folder):
        file.unlink()
    with pytest.raises(SourceError, match=r"not as recorded: plans.yaml"):
        read_provenance(folder)


def test_a_large_recording_is_packed_and_reads_the_same(tmp_path: Path) -> None:
    """One character over the bound: a .gz of the same bytes each time."""
    text = "#" * (PLAIN_MAX_CHARACTERS + 1)
    for name in ("a", "b"):
        write_recording(tmp_path / name / "plans.yaml", text)
    (one,), (other,) = recordings(tmp_path / "a"), recordings(tmp_path / "b")
    assert one.name == "plans.yaml.gz"
    assert one.read_bytes() == other.read_bytes()
    assert recorded_text(one) == text
    write_recording(tmp_path / "c" / "plans.yaml", text[1:])
    assert [file.name for file in recordings(tmp_path / "c")] == ["plans.yaml"]


def test_what_never_ends_has_no_hash(tmp_path: Path) -> None:
    """A pipe in the place of a recording would be waited for."""
    os.mkfifo(tmp_path / "plans.yaml")
    with pytest.raises(SourceError, match=ENDLESS):
        hashes(tmp_path)
    with pytest.raises(SourceError, match=ENDLESS):
        recorded_text(tmp_path / "plans.yaml")


def test_each_provider_has_one_case(tmp_path: Path) -> None:
    """Found below a folder or a pattern; none is an error, and two of one provider are."""
    with pytest.raises(SourceError, match=r"no recording here: no provenance.json in it"):
        cases(tmp_path)
    one = case_of("nimbus", tmp_path / "nimbus" / "october")
    other = case_of("stratus", tmp_path / "stratus" / "october")
    assert cases(tmp_path) == {"nimbus": one, "stratus": other}
    assert cases(tmp_path / "n*" / "october") == {"nimbus": one}
    case_of("nimbus", tmp_path / "nimbus" / "november")
    with pytest.raises(SourceError, match=r"two recordings of nimbus: .*name a folder with one"):
        cases(tmp_path)
