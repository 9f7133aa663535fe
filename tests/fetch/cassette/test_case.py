"""One provider recorded: into a new folder, with a key that lies elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fetch.nimbus import AT, NAME, stands

from trueup.errors import UsageError
from trueup.fetch.cassette import case
from trueup.fetch.cassette.case import KEY_BYTES, key_of, record_case
from trueup.period import parse_period


def test_a_folder_that_holds_something_is_not_recorded_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old exchanges would be taken for new ones."""
    stands(monkeypatch)
    (tmp_path / "old.yaml").write_text("interactions: []\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is not empty; record into a new folder"):
        record_case(NAME, {}, parse_period("2026-10"), tmp_path, bytes(32), AT)
    assert [file.name for file in tmp_path.iterdir()] == ["old.yaml"]


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """32 bytes in hexadecimal, readable by nobody else, and the same at the next recording."""
    file = tmp_path / "config" / "pseudonyms.key"
    key = key_of(file, tmp_path / "recording")
    assert len(key) == KEY_BYTES
    assert file.read_text(encoding="utf-8") == key.hex()
    assert file.stat().st_mode & 0o777 == 0o600
    assert key_of(file, tmp_path / "recording") == key


def test_a_key_does_not_lie_in_the_recording(tmp_path: Path) -> None:
    """Whoever is given the recording would have it: nothing is made."""
    file = tmp_path / "recording" / "key"
    with pytest.raises(UsageError, match="the key must not lie in the recording it protects"):
        key_of(file, tmp_path / "recording")
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "00", "0" * 63, "g" * 64])
def test_what_is_no_key_is_refused(text: str, tmp_path: Path) -> None:
    """Too short, or no hexadecimal digits."""
    file = tmp_path / "key"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="not a key of 32 bytes in hexadecimal"):
        key_of(file, tmp_path / "recording")


def test_only_packages_of_the_extra_are_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a provider of trueup's own, what its extra names and is installed; no one else's."""
    from dataclasses import replace
    from types import SimpleNamespace

    from trueup.adapter.registry import providers

    stands(monkeypatch)
    monkeypatch.setitem(providers(), NAME, replace(providers()[NAME], extra="nimbus"))
    needs = [
        "click>=8",
        "duckdb>=1; extra == 'nimbus'",
        'pyarrow>=1; extra == "other"',
        'gone; extra == "nimbus"',
    ]
    point = SimpleNamespace(dist=SimpleNamespace(requires=needs))
    monkeypatch.setattr(case, "entry_points", lambda **_: (point,))
    assert list(case.sdk_versions(NAME)) == ["duckdb"]
    monkeypatch.setattr(case, "entry_points", lambda **_: (SimpleNamespace(dist=None),))
    assert case.sdk_versions(NAME) == {}
