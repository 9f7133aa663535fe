"""One run as the journal tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trueup.workspace.journal import Entry

BEGUN, ENDED, FAILED = "run_begun", "run", "run_failed"
TAKEN_AWAY, REBUILT = "taken_away", "rebuilt"  # files of tables; a table
BOUND = ("result", "rules", "contracts", "rates")  # what an approval binds, beside the period


@dataclass(frozen=True)
class Run:
    """A run that ended: its period, its clock, and hashes of what it was made of and gave.

    ``body`` is the journal's: ``inputs`` (kind, group, source, sha256, size_bytes, options),
    ``outputs`` (path -> sha256), ``tables`` (name -> rows), ``control_totals``, ``identity``,
    ``final_at``, ``failures`` and the rest, in JSON's own types.
    """

    entry: Entry

    @property
    def body(self) -> Mapping[str, Any]:
        return self.entry.body

    @property
    def run_id(self) -> str:
        return str(self.body["run"])

    @property
    def number(self) -> int:
        """Of the journal's entry."""
        return self.entry.number

    @property
    def at(self) -> datetime:
        """The known time: the run's clock."""
        return self.entry.at

    @property
    def as_of(self) -> datetime:
        return datetime.fromisoformat(self.body["as_of"])

    @property
    def start(self) -> datetime:
        return datetime.fromisoformat(self.body["period"]["start"])

    @property
    def end(self) -> datetime:
        return datetime.fromisoformat(self.body["period"]["end"])

    @property
    def exit_code(self) -> int:
        return int(self.body["exit_code"])

    @property
    def partial(self) -> bool:
        return bool(self.body["failures"])

    @property
    def hashes(self) -> dict[str, str]:
        """Of result, rules (with tolerances), contracts and rate tables."""
        return {name: self.body["hashes"][name] for name in BOUND}

    @property
    def inputs(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self.body["inputs"]
        return found

    @property
    def outputs(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.body["outputs"]
        return found


def cut_off(entries: Iterable[Entry]) -> Entry | None:
    """The beginning of the last run, where it has neither ended nor failed."""
    of_runs = [entry for entry in entries if entry.kind in (BEGUN, ENDED, FAILED)]
    return of_runs[-1] if of_runs and of_runs[-1].kind == BEGUN else None
