"""What the nightly job leaves in its workspace: of a run that ended, and of one that did not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.workspace import month
from trueup import evidence
from trueup.errors import UsageError
from trueup.job import run, workspace_of
from trueup.workspace.lock import locked
from trueup.workspace.verify import verify


def test_the_entry_of_a_run_leads_to_all_that_it_read_and_wrote(tmp_path: Path) -> None:
    """Inputs and configuration byte for byte, outputs as they were written, figures by name."""
    config = month.written(tmp_path)
    outcome = month.ran(config, "2026-11-09")
    workspace = workspace_of(config)
    (past,) = workspace.runs()
    assert (outcome.run_id, past.run_id, past.exit_code) == ("run-0001", "run-0001", 0)
    read = {one["kind"]: workspace.store.get(one["sha256"]) for one in past.inputs}
    assert read == {
        kind: (tmp_path / name).read_bytes()
        for kind, name in (
            ("charges", "bill.csv"),
            ("commitments", "contracts.toml"),
            ("usage", "usage.csv"),
        )
    }
    assert workspace.store.get(past.body["config"]) == config.file.read_bytes()
    assert outcome.folder
    for name, digest in past.outputs.items():
        assert workspace.store.get(digest) == (outcome.folder / name).read_bytes()
    assert [row["billed"] for row in past.body["identity"]] == ["9.750000000000000000"]
    assert past.at == past.as_of == datetime(2026, 11, 9, tzinfo=UTC)
    assert not past.partial


def test_what_an_approval_binds_changes_with_what_it_is_of(tmp_path: Path) -> None:
    """Another contract is another hash of contracts; the same files at another clock are not."""
    config = month.written(tmp_path)
    month.ran(config, "2026-11-09")
    month.ran(config, "2026-11-09")
    text = month.CONTRACTS.replace('"100"', '"120"')
    (tmp_path / "contracts.toml").write_text(text, encoding="utf-8")
    month.ran(config, "2026-11-09")
    one, same, other = (past.hashes for past in workspace_of(config).runs())
    assert one == same
    changed = {name for name in one if one[name] != other[name]}
    assert changed == {"contracts", "result"}


def test_a_run_that_breaks_off_is_in_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its reason; the next run has the next name, and all verifies in between."""
    config = month.written(tmp_path)
    whole = evidence.performed

    def broken(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(evidence, "performed", broken)
    with pytest.raises(MemoryError):
        month.ran(config)
    monkeypatch.setattr(evidence, "performed", whole)
    workspace = workspace_of(config)
    last = workspace.journal.entries()[-1]
    assert (last.kind, last.body) == (
        "run_failed",
        {"run": "run-0001", "error": "MemoryError: no room"},
    )
    assert verify(workspace.folder).differences == []
    assert month.ran(config).run_id == "run-0002"


def test_tables_of_a_run_that_breaks_off_are_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk when the tables are written: they are gone, the journal says so."""
    from trueup.workspace import tables

    config = month.written(tmp_path)
    whole = tables.append

    def full(*args: object) -> None:
        whole(*args)  # type: ignore[arg-type]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tables, "append", full)
    with pytest.raises(OSError, match="No space"):
        month.ran(config)
    kinds = [entry.kind for entry in workspace_of(config).journal.entries()]
    assert kinds == ["run_begun", "taken_away", "run_failed"]
    assert verify(tmp_path / ".trueup").differences == []


def test_without_charges_that_can_be_read_the_failure_is_kept(tmp_path: Path) -> None:
    """What was read is there to look at; no run ended."""
    config = month.written(tmp_path)
    (tmp_path / "bill.csv").write_text("colour\nred\n", encoding="utf-8")
    assert run(config).exit_code == 2
    workspace = workspace_of(config)
    assert workspace.runs() == []
    assert "no charges could be read" in workspace.journal.entries()[-1].body["error"]
    assert verify(workspace.folder).differences == []


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """The second is told, and leaves no entry."""
    config = month.written(tmp_path)
    workspace = workspace_of(config)
    with locked(workspace.folder, "trueup run"), pytest.raises(UsageError, match="is at work here"):
        run(config)
    assert workspace.journal.entries() == []


def test_what_does_not_change_a_figure_does_not_change_the_result(tmp_path: Path) -> None:
    """The journal has amounts as text: no number with a point stands in any line."""
    config = month.written(tmp_path)
    month.ran(config)
    for line in (tmp_path / ".trueup" / "journal.jsonl").read_text("utf-8").splitlines():
        json.loads(line, parse_float=pytest.fail)
