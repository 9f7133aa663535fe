"""What the nightly job leaves in its workspace: of a run that ended, and of one that did not."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import trueup
from tests.focus.bill import write
from tests.reconcile.prepaid import LATE, at, cost
from tests.reconcile.test_balance_leg import LOT
from tests.workspace import month
from trueup import evidence
from trueup.adapter.feed import BALANCES, TABLES
from trueup.api import parsed_period
from trueup.controls.origin import origins
from trueup.errors import UsageError
from trueup.fetch.asserted import Assertion
from trueup.job.run import run
from trueup.job.settings import workspace_of
from trueup.model.rules import Rules
from trueup.workspace.lock import locked
from trueup.workspace.store import Store
from trueup.workspace.verify import verify
from trueup.workspace.workspace import Workspace


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
    """With its reason; the next run has its name, and all verifies in between."""
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
    assert month.ran(config).run_id == "run-0001"


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
    with pytest.raises(UsageError, match=r"no space left on the disk: .+ make room and run again"):
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


def test_what_a_provider_says_is_shown_with_its_break(tmp_path: Path) -> None:
    """70 are left by the ledger, 60 by the provider: row 2 of its balances stands behind the 10."""
    (tmp_path / "lot.toml").write_text(LOT, encoding="utf-8")
    table = tmp_path / "balances.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, TABLES[BALANCES], restval="")
        writer.writeheader()
        says = {"provider": "Nimbus", "unit": "USD", "at": "2026-11-01T00:00:00Z"}
        writer.writerow({**says, "lot_id": "another", "remaining": "5"})
        writer.writerow({**says, "lot_id": "lot", "remaining": "60"})
    store = Store(tmp_path / "store")
    given = evidence.Given(
        groups=(),
        assertions=evidence.landed_assertions(
            [Assertion("acme", "balances", BALANCES, table)], store
        ),
        rules=Rules(),
        period=parsed_period("2026-10"),
        as_of=LATE,
        engine="duckdb",
        notes=(),
    )
    bill = write(tmp_path / "bill.csv", cost("30.00", at(3, 14), {"lot": "30.00"}))
    datasets = {
        "charges": trueup.read_charges(bill),
        "commitments": trueup.read_commitments(tmp_path / "lot.toml"),
        "usage": None,
        "invoices": None,
    }
    result = evidence.performed(given, datasets)
    [found] = [row for row in result.breaks.rows() if row["leg"] == "balance"]
    assert found["amount"] == 10
    kept = SimpleNamespace(table=lambda _run, name: getattr(result, name).rows(), store=store)
    rows = origins(cast("Workspace", kept), "run-0001", found["id"])
    [said] = [row for row in rows if row.side == "provider"]
    assert (said.source, said.row) == ("acme-balances.csv", 2)
    assert said.values is not None
    assert (said.values["lot_id"], said.values["remaining"]) == ("lot", "60")
    assert said.sha256 == sha256(table.read_bytes()).hexdigest()


def test_a_run_without_charges_is_none() -> None:
    """Groups were read, and none of them is of charges."""
    given = cast("evidence.Given", SimpleNamespace())
    with pytest.raises(ValueError, match="a run needs charges"):
        evidence.performed(given, {"charges": None, "usage": None})
