"""Which schema a workspace has, and how an older one becomes today's.

Each run says in its first entry which schema and which trueup it is of. A workspace whose runs do
not say has schema 1. What is fixed for good is the form of a journal's lines: by it a workspace of
any version can say what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trueup.errors import UsageError
from trueup.workspace.journal import Entry, Journal
from trueup.workspace.run import BEGUN, ENDED

SCHEMA = 1
MIGRATED = "migrated"  # the kind of the entry that says that a step was done

# Schema -> what brings a workspace of it to the next. A step only adds, or makes anew what is
# derived; it may find what a killed run left, and is done again where it was killed itself.
STEPS: dict[int, Callable[[Path], None]] = {}


class OfSchema(Journal):
    """The journal of a workspace of today's schema; UsageError where it is of another."""

    def _catch_up(self) -> None:
        super()._catch_up()
        refuse_other(self.folder, self._entries)


def made_by(schema: int | None = None) -> dict[str, Any]:
    """What an entry says of the workspace's schema (None: today's), and of who made it so."""
    return {"schema": SCHEMA if schema is None else schema, "version": version("trueup")}


def schema_of(entries: Sequence[Entry]) -> Any:
    """The schema by the last entry that says it; 1 where none does."""
    return _last(entries, "schema", (BEGUN, MIGRATED), 1)


def refuse_other(folder: Path, entries: Sequence[Entry]) -> None:
    """Raise UsageError where the entries are of a workspace of another schema than today's."""
    schema = schema_of(entries)
    if not entries or schema == SCHEMA:
        return
    by = _last(entries, "version", (BEGUN, MIGRATED, ENDED), "unknown")
    remedy = f"use trueup {by} or later, or name another workspace under [run]"
    if schema in range(SCHEMA):
        remedy = f"read it with trueup {by}, and name a new workspace under [run]"
        if all(step in STEPS for step in range(schema, SCHEMA)):
            remedy = f"back it up: the next `trueup run` migrates it; until then use trueup {by}"
    raise UsageError(
        f"{folder}: a workspace of schema {schema}, by trueup {by}; this is trueup "
        f"{version('trueup')}, of schema {SCHEMA}: {remedy}"
    )


def migrate(folder: Path, at: datetime) -> None:
    """Bring an older workspace to today's schema, as far as there are steps; under its lock."""
    journal = Journal(folder)
    while STEPS and (entries := journal.entries()) and (step := STEPS.get(schema_of(entries))):
        step(folder)
        journal.append(MIGRATED, at, made_by(schema_of(entries) + 1))


def _last(entries: Sequence[Entry], key: str, kinds: tuple[str, ...], otherwise: Any) -> Any:
    said = (entry.body for entry in reversed(entries) if entry.kind in kinds)
    return next((body[key] for body in said if key in body), otherwise)
