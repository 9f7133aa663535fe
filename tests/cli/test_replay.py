"""`trueup replay` and `trueup run --known-at`: from the command line."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trueup import recovery
from trueup.cli.app import app
from trueup.recovery import Differing

from .conftest import row, write_bill

CONFIGURATION = '[run]\nperiod = "2026-10"\n[[charges]]\npaths = ["used.csv", "unused.csv"]\n'


def trueup(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


@pytest.fixture
def nights(folder: Path) -> Path:
    """Two nights; 8.50 used is 8.25 on the second."""
    (folder / "trueup.toml").write_text(CONFIGURATION, encoding="utf-8")
    assert trueup("run", "-q", "--as-of", "2026-11-20").exit_code == 0
    write_bill(folder / "used.csv", row("Used", "8.25"))
    assert trueup("run", "-q", "--as-of", "2026-11-21").exit_code == 0
    return folder


def test_a_past_run_is_the_same_byte_for_byte(nights: Path) -> None:
    """Without its files; a run that is not there is wrong use."""
    (nights / "used.csv").unlink()
    found = trueup("replay", "run-0001")
    assert found.exit_code == 0, found.stdout
    assert found.stdout.startswith("run-0001: ")
    assert found.stdout.endswith(" outputs, all the same, byte for byte.\n")
    missing = trueup("replay", "run-0009")
    assert missing.exit_code == 2
    assert "there is no run 'run-0009'; the last are run-0001, run-0002" in missing.stderr


def test_known_at_prints_and_writes_what_was_known_then(nights: Path) -> None:
    """8.50 before the second night, 8.25 after it; before the first, nothing, and exit 2."""
    then = trueup("run", "--known-at", "2026-11-20T12:00:00Z")
    assert then.exit_code == 0, then.stderr
    assert "8.50" in then.stdout
    written = nights / "out" / "2026-10" / "known-at-2026-11-20T120000Z" / "result.json"
    assert '"8.5' in written.read_text("utf-8")
    now = trueup("run", "--known-at", "2026-11-21")
    assert "8.25" in now.stdout
    assert "8.50" not in now.stdout
    before = trueup("run", "--known-at", "2026-11-19")
    assert before.exit_code == 2
    assert before.stdout == ""
    assert "nothing was known at 2026-11-19T00:00:00Z; the first run was known" in before.stderr


def test_what_was_changed_since_differs(nights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1, the file and what stood there; a workspace that was spoilt is not believed."""
    from trueup.report import json as report

    monkeypatch.setattr(report, "SCHEMA_VERSION", "0.0")
    found = trueup("replay", "run-0001")
    assert found.exit_code == 1
    assert "result.json: differs from byte " in found.stdout
    assert " then, " in found.stdout
    assert "was made by" not in found.stdout  # it was this version
    for path in (nights / ".trueup" / "raw").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes() + b"\n")
    spoilt = trueup("replay", "run-0001")
    assert spoilt.exit_code == 1
    assert "its content was changed; restore it" in spoilt.stdout


def test_outputs_of_one_side_and_of_another_version_are_said(
    nights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that a later trueup writes: which one made the run is said."""
    differing = Differing("parquet/more.parquet", None)
    monkeypatch.setattr(recovery, "replay", lambda *_: [differing])
    monkeypatch.setattr(metadata, "version", lambda _: "99.1")
    found = trueup("replay", "run-0001")
    assert found.exit_code == 1
    one, other = found.stdout.splitlines()
    assert one == "parquet/more.parquet: is there on one side only"
    assert other.endswith(", this is 99.1: replay it with that one.")


def test_a_workspace_that_never_ran_knew_nothing(folder: Path) -> None:
    """Exit 2, and the command that fills it."""
    (folder / "trueup.toml").write_text(CONFIGURATION, encoding="utf-8")
    found = trueup("run", "--known-at", "2026-11-20")
    assert found.exit_code == 2
    assert "nothing was known at 2026-11-20T00:00:00Z; it has never run: `trueup run` fills" in (
        found.stderr
    )
