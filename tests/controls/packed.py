"""A close pack by hand: one hour of October, prepared and approved by two keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trueup.controls.pack_verifier import (
    JOURNAL,
    MANIFEST,
    NO_EVIDENCE,
    NOTHING,
    SEGREGATED,
    canonical,
    sha256,
)
from trueup.workspace.keys import Key

OCTOBER = {"start": "2026-10-01T00:00:00+00:00", "end": "2026-11-01T00:00:00+00:00"}
BREAK = {"id": "b1", "amount": "-1.00"}
UNDECIDED = {"note": None, "deferred_until": None, "decided_by": None, "decided_at": None}
READ = {"source": "oct.csv", "rows_in": 3, "accepted": 2, "rejected": 1}
RESULT: dict[str, Any] = {
    "identity": [
        {
            "currency": "USD",
            "billed": "10.00",
            "allocated": "8.50",
            "unused": "1.50",
            "unattributed": None,
        }
    ],
    "billed_identity": [
        {
            "currency": "USD",
            "billed": "10.00",
            "compared": "8.50",
            "unused": "1.50",
            "not_compared": "0",
        }
    ],
    "breaks": [BREAK],
}
KEYS = {
    name: Key(Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)))
    for number, name in enumerate(("Preparer", "Approver"))
}


def line_of(value: object) -> bytes:
    """A value as a line of the journal, or as a member."""
    return canonical(value) + b"\n"


def sealed(value: Mapping[str, Any]) -> bytes:
    """A manifest with its own hash."""
    return line_of({**value, "sha256": sha256(canonical(value))})


def journal(*bodies: tuple[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Entries one after the other, hour by hour; a body with a key is signed by its person."""
    entries: list[dict[str, Any]] = []
    for number, (kind, body) in enumerate(bodies, start=1):
        entry = {
            "number": number,
            "kind": kind,
            "at": f"2026-11-20T{number:02}:00:00+00:00",
            "body": body,
            "previous": entries[-1]["hash"] if entries else NOTHING,
        }
        entry["hash"] = sha256(canonical(entry))
        if "key" in body:
            value = KEYS[body["by"]].sign(str(entry["hash"]).encode())
            entry["signature"] = {"key": body["key"], "value": value}
        entries.append(entry)
    return entries


@dataclass
class Pack:
    """A pack that holds; what is said of a part here is said instead of what is true of it."""

    run: dict[str, Any] = field(default_factory=dict)
    close: dict[str, Any] = field(default_factory=dict)
    approve: dict[str, Any] = field(default_factory=dict)
    approve_kind: str | None = "approve"  # None: nobody has approved it
    result: dict[str, Any] = field(default_factory=dict)
    totals: dict[str, Any] = field(default_factory=dict)
    break_row: dict[str, Any] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)

    def members(self) -> dict[str, bytes]:
        """The members with hashes and signatures that fit what they say."""
        inputs, totals = [{"name": "oct.csv"}], [READ | self.totals]
        members = {
            "report.html": b"<p>October</p>",
            "report.xlsx": b"PK",
            "result.json": line_of(RESULT | self.result),
            "settings.json": line_of({}),
            "sources.json": line_of(inputs),
            "control_totals.json": line_of(totals),
            "breaks.json": line_of([{**BREAK, "state": "open", **UNDECIDED, **self.break_row}]),
        }
        outputs = ("report.html", "report.xlsx", "result.json")
        run = {
            "run": "run-0001",
            "period": OCTOBER,
            "hashes": {"result": "aa"},
            "outputs": {name: sha256(members[name]) for name in outputs},
            "settings": sha256(members["settings.json"]),
            "inputs": inputs,
            "control_totals": totals,
        }
        entries = self._entries(run | self.run)
        acts = [
            {"kind": one["kind"], "at": _at(one), "hash": one["hash"], **one["body"]}
            for one in entries[1:]
            if one["kind"] != "note"
        ]
        signers = {
            one["body"]["key"]: one["body"]["by"] for one in entries[1:] if one["kind"] != "note"
        }
        members |= {
            JOURNAL: b"".join(map(line_of, entries)),
            "approvals.json": line_of(acts),
            "keys.json": line_of(signers),
        }
        return members | {MANIFEST: sealed(self._manifest(entries, members))}

    def _entries(self, run: Mapping[str, Any]) -> list[dict[str, Any]]:
        close = {
            "run": "run-0001",
            "period": OCTOBER,
            "hashes": {"result": "aa"},
            "accepted": {"break:b1": "the plan grew"},
            "by": "Preparer",
            "key": KEYS["Preparer"].public,
            **self.close,
        }
        prepared = journal(("run", run), ("close", close))[-1]
        approve = {
            "close": prepared["hash"],
            "period": OCTOBER,
            "hashes": close["hashes"],
            "by": "Approver",
            "key": KEYS["Approver"].public,
            **self.approve,
        }
        approval = [] if self.approve_kind is None else [(self.approve_kind, approve)]
        return journal(("run", run), ("close", close), *approval)

    def _manifest(
        self, entries: list[dict[str, Any]], members: Mapping[str, bytes]
    ) -> dict[str, Any]:
        _, prepared, *rest = entries
        bound = prepared["body"]
        told = {
            "files": {name: sha256(content) for name, content in members.items()},
            "run": "run-0001",
            "close": prepared["hash"],
            "approval": None,
            "period": "2026-10",
            **OCTOBER,
            "status": "prepared",
            "hashes": bound["hashes"],
            "accepted": bound["accepted"],
            "prepared": f"2026-11-20T02:00:00Z by {bound['by']}",
            "approved": None,
            "segregated": False,
            "segregation": NO_EVIDENCE,
            "head": prepared["hash"],
        }
        for approved in rest:
            told |= {
                "approval": approved["hash"],
                "status": "closed",
                "approved": f"2026-11-20T03:00:00Z by {approved['body']['by']}",
                "segregated": True,
                "segregation": SEGREGATED,
                "head": approved["hash"],
            }
        return told | self.manifest


def _at(entry: Mapping[str, Any]) -> str:
    return str(entry["at"]).replace("+00:00", "Z")
