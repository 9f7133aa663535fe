"""A workspace says which schema it has: another's is refused, or migrated, and nothing is guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import trueup as library
from tests.cli.month import Month, trueup
from trueup.errors import UsageError
from trueup.workspace import schema
from trueup.workspace.journal import JOURNAL, Journal
from trueup.workspace.verify import verify
from trueup.workspace.workspace import Workspace

AT = datetime(2026, 11, 20, tzinfo=UTC)
OPENING = [
    "run", "run --known-at 2026-11-20", "verify", "replay run-0001", "diff run-0001 run-0001",
    "breaks list", "close 2026-10", "close 2026-10 --status", "burn", "forecast", "budget",
    "sessions", "drivers", "anomalies", "efficiency", "export focus --run run-0001 --out x",
]  # fmt: skip


def workspace(folder: Path, **said: object) -> Path:
    """A workspace of one run that began, and said this of itself."""
    Journal(folder).append("run_begun", AT, {"run": "run-0001", "period": None, **said})
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(UsageError) as error:
        Workspace(folder).runs()
    return str(error.value)


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trueup 0.2.0 of schema 2."""
    monkeypatch.setattr(schema, "SCHEMA", 2)
    monkeypatch.setattr(schema, "version", lambda _: "0.2.0")


def test_a_run_says_schema_and_version(tmp_path: Path) -> None:
    """In its first entry, before anything else of it."""
    Workspace(tmp_path / "w").begin(AT, {"period": None})
    (entry,) = Journal(tmp_path / "w").entries()
    assert (entry.body["schema"], entry.body["version"]) == (1, library.__version__)


def test_a_workspace_that_does_not_say_has_schema_1(tmp_path: Path) -> None:
    """Its runs are listed, the next one begins behind them, and verify looks at it."""
    folder = workspace(tmp_path / "w")
    assert Workspace(folder).begin(AT, {"period": None}) == "run-0001"
    assert verify(folder).differences == []


@pytest.mark.parametrize("command", OPENING)
def test_a_newer_one_is_refused_by_every_command(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2; which trueup wrote it, and what to do; nothing in it is touched."""
    monkeypatch.chdir(tmp_path)
    Month(tmp_path)
    folder = workspace(tmp_path / ".trueup", schema=2, version="0.2.0")
    (folder / "raw").mkdir()
    (folder / "raw" / "coming-1").touch()  # of a run that was killed
    before = (folder / JOURNAL).read_bytes()
    found = trueup(*command.split())
    assert found.exit_code == 2, found.output
    assert ".trueup: a workspace of schema 2, by trueup 0.2.0; this is trueup" in found.stderr
    assert "of schema 1: use trueup 0.2.0 or later" in found.stderr
    assert (folder / JOURNAL).read_bytes() == before
    assert (folder / "raw" / "coming-1").exists()


def test_a_newer_one_is_refused_in_python(tmp_path: Path) -> None:
    """A number or a word that is not known: both are refused."""
    for said in (2, "1.5"):
        folder = workspace(tmp_path / str(said), schema=said, version="0.2.0")
        with pytest.raises(UsageError, match=r"use trueup 0\.2\.0 or later"):
            library.forecast(folder)


def test_a_newer_one_that_was_changed_is_refused_too(tmp_path: Path) -> None:
    """Its files may lie otherwise: verify calls none of them changed, whatever else it finds."""
    folder = workspace(tmp_path / "w", schema=2, version="0.2.0")
    (folder / JOURNAL).write_bytes((folder / JOURNAL).read_bytes() + b"changed\n")
    with pytest.raises(UsageError, match="of schema 2"):
        verify(folder)


def test_an_older_one_is_migrated_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: None
) -> None:
    """Readers are told to run; the run does the step and says so; a step cut short is done again."""
    done: list[str] = []

    def step(folder: Path) -> None:
        done.append(folder.name)
        if len(done) == 1:
            raise OSError("no space left")
        (folder / "budgets.json").touch()

    monkeypatch.setattr(schema, "STEPS", {1: step})
    folder = workspace(tmp_path / "w", schema=1, version="0.1.0")
    assert "a workspace of schema 1, by trueup 0.1.0; this is trueup 0.2.0" in refused(folder)
    assert "back it up: the next `trueup run` migrates it" in refused(folder)
    with pytest.raises(OSError, match="no space"):
        Workspace(folder).begin(AT, {"period": None})
    assert "the next `trueup run` migrates it" in refused(folder)
    assert Workspace(folder).begin(AT, {"period": None}) == "run-0001"
    said = [(entry.kind, entry.body.get("schema")) for entry in Journal(folder).entries()]
    assert said == [("run_begun", 1), ("migrated", 2), ("run_failed", None), ("run_begun", 2)]
    assert done == ["w", "w"]
    assert Workspace(folder).runs() == []
    assert verify(folder).differences == []


def test_an_older_one_without_a_step_is_refused(tmp_path: Path, second: None) -> None:
    """Also by a run: no step leads from 1 to 2; which trueup reads it is said."""
    folder = workspace(tmp_path / "w")
    Journal(folder).append("run_begun", AT, {"run": "run-0002", "schema": 1, "version": "0.1.3"})
    assert "read it with trueup 0.1.3, and name a new workspace" in refused(folder)
    with pytest.raises(UsageError, match=r"read it with trueup 0\.1\.3"):
        Workspace(folder).begin(AT, {"period": None})
    with pytest.raises(UsageError, match=r"read it with trueup 0\.1\.3"):
        verify(folder)


def test_steps_lead_over_several_schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 1 to 3 by two steps, each said; a new workspace needs none."""
    done: list[int] = []
    monkeypatch.setattr(schema, "SCHEMA", 3)
    steps = {1: lambda _: done.append(1), 2: lambda _: done.append(2)}
    monkeypatch.setattr(schema, "STEPS", steps)
    Workspace(tmp_path / "new").begin(AT, {"period": None})
    assert done == []
    Workspace(workspace(tmp_path / "old")).begin(AT, {"period": None})
    assert done == [1, 2]
    assert Journal(tmp_path / "old").last().body["schema"] == 3  # type: ignore[union-attr]
