"""Where results go, and why they cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.workspace import month

from trueup.errors import UsageError
from trueup.job.folder import folder_name, why_not_writable
from trueup.period import parse_period


@pytest.mark.parametrize(
    ("period", "name"),
    [
        (None, "all"),
        ("2026", "2026"),
        ("2026-10", "2026-10"),
        ("2026-10-03", "2026-10-03"),
        ("2026-10-03T14", "2026-10-03T14"),
        ("2026-10-01/2026-10-11", "2026-10-01_2026-10-11"),
        ("2026-10-03T14:30/2026-10-04", "2026-10-03T143000_2026-10-04T000000"),
    ],
)
def test_a_period_has_a_folder(period: str | None, name: str) -> None:
    """As short as it is told, or both ends."""
    assert folder_name(None if period is None else parse_period(period)) == name


def test_a_folder_need_not_exist_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest that exists decides: one that may not be written to, or a file in its place."""
    deep = tmp_path / "a" / "b"
    assert why_not_writable(deep) is None
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert why_not_writable(deep) == f"no permission to write to {tmp_path}"
    (tmp_path / "a").write_text("", encoding="utf-8")
    assert why_not_writable(deep) == f"{tmp_path / 'a'} is a file, not a folder"


def test_a_drive_that_is_not_there_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a path on it nothing exists, up to the drive."""
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert why_not_writable(Path("out")) == "no such place on this machine"


def test_a_workspace_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read or written, and not in the middle of the night's work."""
    config = month.written(tmp_path)
    month.ran(config)
    known = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    allowed = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path).name != "tables" and allowed(path, mode)
    )
    with pytest.raises(UsageError, match=r"tables: no permission to write; .*`chown -R`"):
        month.ran(config, "2026-11-11T00:00:00Z")
    assert known == {path: path.stat().st_mtime_ns for path in known}
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UsageError, match="results go there"):
        month.ran(config)
