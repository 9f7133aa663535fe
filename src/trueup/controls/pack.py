"""The close pack: one zip with all that a reviewer or auditor needs, and a program to check it.

::

    manifest.json        period, run, who and when, and the SHA-256 of every other member
    journal.jsonl        every entry up to the close
    sources.json, settings.json, control_totals.json, breaks.json, approvals.json, keys.json
    report.html, report.xlsx, result.json    as the run wrote them
    verify.py            checks the rest; needs Python alone
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from trueup.controls import pack_verifier
from trueup.controls.closing import (
    APPROVE,
    CLOSE,
    OPEN,
    REOPEN,
    VOID,
    Closing,
    period_of,
    short,
)
from trueup.controls.decision import KIND
from trueup.controls.knowledge import known_states
from trueup.controls.pack_verifier import NO_EVIDENCE, SEGREGATED
from trueup.errors import UsageError
from trueup.model.rules import Rules
from trueup.money import plain
from trueup.period import iso
from trueup.report.json import SCHEMA_VERSION
from trueup.workspace.canonical import canonical, sha256_of
from trueup.workspace.journal import Entry
from trueup.workspace.run import Run
from trueup.workspace.workspace import Workspace

_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can tell
_MODE = 0o100644 << 16
_UNIX = 3
REPORTS = ("report.html", "report.xlsx", "result.json")


def pack(workspace: Workspace, closing: Closing, rules: Rules) -> bytes:
    """The pack of a prepared or closed period, the same bytes whenever it is made.

    Raises UsageError for a period of which nothing is prepared, IntegrityError where the workspace
    is damaged.
    """
    name = short(closing.period)
    if closing.prepared is None or closing.status in (OPEN, VOID):
        raise UsageError(f"{name}: {closing.said}; a pack is of a prepared or closed period")
    last = closing.approved or closing.prepared
    entries = [entry for entry in workspace.journal.entries() if entry.number <= last.number]
    run = workspace.run(str(closing.run_id))
    members = _members(workspace, closing, entries, run, rules, last.at)
    manifest = {
        "period": name,
        "start": closing.period.start,
        "end": closing.period.end,
        "status": closing.status,
        "run": run.run_id,
        "trueup": run.body["version"],
        "schema_version": SCHEMA_VERSION,
        "hashes": dict(closing.hashes),
        "accepted": dict(closing.accepted),
        "prepared": closing.prepared.said,
        "approved": closing.approved and closing.approved.said,
        "segregated": closing.segregated,
        "segregation": SEGREGATED if closing.segregated else NO_EVIDENCE,
        "close": closing.prepared.hash,
        "approval": closing.approved and closing.approved.hash,
        "head": entries[-1].hash,
        "files": {name: pack_verifier.sha256(content) for name, content in members.items()},
    }
    whole = canonical({**manifest, "sha256": sha256_of(manifest)}) + b"\n"
    return _zipped({pack_verifier.MANIFEST: whole, **members})


def _members(
    workspace: Workspace,
    closing: Closing,
    entries: Sequence[Entry],
    run: Run,
    rules: Rules,
    clock: datetime,
) -> dict[str, bytes]:
    acts = [
        {"kind": entry.kind, "at": iso(entry.at), "hash": entry.hash, **entry.body}
        for entry in entries
        if entry.kind in (CLOSE, APPROVE, REOPEN) and period_of(entry) == closing.period
    ]
    signers = {
        entry.body["key"]: entry.body["by"]
        for entry in entries
        if entry.kind in (CLOSE, APPROVE, REOPEN, KIND) and "key" in entry.body
    }
    return {
        "approvals.json": _json(acts),
        "breaks.json": _json(_breaks(workspace, run, rules, entries, clock)),
        "control_totals.json": _json(run.body["control_totals"]),
        "journal.jsonl": b"".join(entry.line for entry in entries),
        "keys.json": _json(signers),
        **{name: workspace.store.get(run.outputs[name]) for name in REPORTS},
        "settings.json": workspace.store.get(run.body["settings"]),
        "sources.json": _json(run.inputs),
        "verify.py": Path(pack_verifier.__file__).read_bytes(),
    }


def _breaks(
    workspace: Workspace, run: Run, rules: Rules, entries: Sequence[Entry], clock: datetime
) -> list[dict[str, Any]]:
    """Every break of the run as its result has it, with its state at the close."""
    known = known_states(workspace, rules, clock, entries)
    return [
        {
            name: _text(value, 2 if name == "amount" else 0)
            for name, value in {**row, **known[row["id"]].as_row()}.items()
        }
        for row in workspace.table(run.run_id, "breaks").rows()
    ]


def _text(value: object, places: int) -> object:
    """A value as result.json writes it: figures as plain text, instants in UTC."""
    if isinstance(value, Decimal):
        return plain(value, places)
    return iso(value) if isinstance(value, datetime) else value


def _json(value: object) -> bytes:
    return canonical(value) + b"\n"


def _zipped(members: Mapping[str, bytes]) -> bytes:
    """Members in order, of one date, not compressed: no library's version shows in the bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(members.items()):
            member = zipfile.ZipInfo(name, _DATE)
            member.external_attr, member.create_system = _MODE, _UNIX
            archive.writestr(member, content)
    return target.getvalue()
