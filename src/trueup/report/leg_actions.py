"""What causes, claims, agreements and closed periods ask a person to do."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from trueup.model.display import legible
from trueup.report import claims, statements
from trueup.report.action import LINES_MAX, Action, cut, tail
from trueup.report.figures import ZERO, Row, largest
from trueup.report.names import short
from trueup.report.numbers import amount, count, moment, money, quantity

if TYPE_CHECKING:
    from trueup.report.result import Result

TEXT_MAX = 300
CLAIM = "Send it to the provider with its lines, in parquet/claim_lines.parquet."
SHORTFALL = "Accrue the shortfall, and check what the agreement leaves out."
DUE = "Move eligible spend onto it before the day, or accrue the shortfall."
TRUE_UP = "Book the change in the open period; the closed one stays as it was signed."


@dataclass(frozen=True)
class _Ranked:
    row: Row

    @property
    def currency(self) -> str | None:
        code: str | None = self.row["currency"]
        return code

    @property
    def size(self) -> Decimal:
        return self.row["amount"] or ZERO


def of_causes(result: Result) -> list[Action]:
    """The causes with the most money; what each says counts its breaks."""
    rows = result.causes.rows()
    known = [_Ranked(row) for row in rows if row["currency"]]
    alone = {row["cause_id"] for row in rows} - {item.row["cause_id"] for item in known}
    chosen = [item.row for item in largest(known, LINES_MAX)]
    chosen += [row for row in rows if row["cause_id"] in alone][: LINES_MAX - len(chosen)]
    found = [
        Action(
            amount(row["amount"], row["currency"]),
            legible(row["cause"] or ""),
            legible(row["explanation"] or "", TEXT_MAX),
            legible(row["remedy"] or "", TEXT_MAX),
        )
        for row in chosen
    ]
    left = len(rows) - len(chosen)
    return [*found, tail(count(left, "more cause"))] if left > 0 else found


def of_claims(result: Result) -> list[Action]:
    """Money to claim back, then money that may be: with the evidence that is missing."""
    found = []
    for item in claims.claims(result):
        about = ", ".join(filter(None, [_where(item), _extent(item)]))
        step = CLAIM if item.is_claimable else f"Not yet to be claimed: {item.evidence}."
        what = legible(item.row["status"] or "")
        found.append(Action(amount(item.amount.known, item.currency), what, about, step))
    return cut(found, "claim")


def _where(item: claims.Claim) -> str:
    said = (item.row["provider"], item.name, item.row["rule"])
    return short(" ".join(part for part in said if part))


def _extent(item: claims.Claim) -> str:
    size = f"{count(item.lines, 'line')} in {count(item.intervals, 'interval')}"
    return size if item.first is None else f"{size} from {moment(item.first)}"


def of_agreements(result: Result) -> list[Action]:
    """Shortfalls that are due, then milestones that are due soon."""
    found = []
    for row in statements.agreements_due(result):
        lacking = row["shortfall"]
        due = lacking is not None and lacking > 0
        if not due and row["target"] is not None and row["counted"] is not None:
            lacking = row["target"] - row["counted"]
        said = f"{quantity(row['counted'])} of {quantity(row['target'])} counted"
        by = f" by {row['due_at']:%Y-%m-%d}" if row["due_at"] else ""
        what = "shortfall" if due else "due soon"
        about = f"{short(row['commitment_id'])} {short(row['milestone'])}".strip()
        text = amount(lacking, row["unit"])
        found.append(Action(text, what, f"{about}{by}, {said}", SHORTFALL if due else DUE))
    return cut(found, "milestone")


def of_true_ups(result: Result) -> list[Action]:
    """What changed of closed periods, to be booked in this one."""
    found = [
        Action(
            amount(item.effective.known, item.currency),
            "true-up",
            f"of {legible(item.closed, 40)}, closed: {count(item.rows, 'change')}, "
            f"billed {money(item.billed.known)}",
            TRUE_UP,
        )
        for item in statements.true_ups(result)
    ]
    return cut(found, "closed period")
