"""What a person decides on a break, as it stands in the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from trueup.controls.principal import APPROVE, Actor, Person, Principal
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


def check_write_off(
    decision: Decision, limit: Decimal | None, actor: Actor, persons: Sequence[Person]
) -> None:
    """Raise UsageError for a write-off above the limit by anybody but an approver.

    An amount that is not known is above any limit. Without a limit every write-off is above it.
    """
    given_up = decision.amount
    if limit is not None and given_up is not None and abs(given_up) <= limit:
        return
    amount = "an amount not known" if given_up is None else plain(given_up, 2)
    why = f"above write_off_limit = {limit}" if limit is not None else "without a write_off_limit"
    doing = f"break {decision.break_id}: writing off {amount}, {why},"
    if not persons:
        own = "" if limit is not None else ", or state write_off_limit under [controls]"
        raise UsageError(
            f"{doing} needs the key of a person who may approve; no [[person]] is in trueup.toml: "
            f"make a key with `trueup key new`{own}"
        )
    actor.must(APPROVE, doing, persons)
