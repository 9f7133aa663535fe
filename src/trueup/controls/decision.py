"""What a person decides on a break, as it stands in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from trueup.controls.principal import Principal
from trueup.errors import UsageError
from trueup.money import plain
from trueup.period import iso, parse_instant

KIND = "decision"
EXPLAIN, WRITE_OFF, DEFER, ASSIGN = "explain", "write_off", "defer", "assign"
EXPLAINED, WRITTEN_OFF, DEFERRED = "explained", "written_off", "deferred"
_STATES = {EXPLAIN: EXPLAINED, WRITE_OFF: WRITTEN_OFF, DEFER: DEFERRED, ASSIGN: "assigned"}


@dataclass(frozen=True)
class Decision:
    """One decision; ``amount`` is what was at stake then, and ``number`` its place in the journal.

    Raises UsageError where what the action needs is missing: a note, a date, an owner.
    """

    number: int
    at: datetime
    break_id: str
    action: str
    by: Principal
    amount: Decimal | None
    currency: str | None
    note: str | None = None
    until: datetime | None = None
    owner: str | None = None

    def __post_init__(self) -> None:
        for action, lacking, value in (
            (EXPLAIN, "a note", (self.note or "").strip()),
            (WRITE_OFF, "a note", (self.note or "").strip()),
            (DEFER, "the date until which", self.until),
            (ASSIGN, "an owner", (self.owner or "").strip()),
        ):
            if self.action == action and not value:
                what = action.replace("_", "-")
                raise UsageError(f"break {self.break_id}: {what} needs {lacking}: give it as well")

    @property
    def state(self) -> str:
        """What the break is by this decision."""
        return _STATES[self.action]

    def body(self) -> dict[str, Any]:
        """The decision as the journal keeps it."""
        return {
            "break": self.break_id,
            "action": self.action,
            **self.by.body(),
            "amount": None if self.amount is None else plain(self.amount),
            "currency": self.currency,
            "note": self.note,
            "until": None if self.until is None else iso(self.until),
            "owner": self.owner,
        }


def read_decision(number: int, at: datetime, body: Mapping[str, Any]) -> Decision:
    """A decision from its journal entry."""
    return Decision(
        number,
        at,
        body["break"],
        body["action"],
        Principal.read(body),
        None if body["amount"] is None else Decimal(body["amount"]),
        body["currency"],
        body["note"],
        None if body["until"] is None else parse_instant(body["until"]),
        body["owner"],
    )
