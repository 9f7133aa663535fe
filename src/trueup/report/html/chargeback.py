"""The section of statements: what each unit of the company bears."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trueup.attribute.hierarchy import APART
from trueup.report import figures, numbers
from trueup.report.html import view
from trueup.report.html.section import Section, listing
from trueup.report.html.view import Cell, Column, Grid

if TYPE_CHECKING:
    from trueup.model.rules import Chargeback as Policy
    from trueup.report.chargeback import Chargeback
    from trueup.report.result import Result

LEVELS = {
    "company": "the whole",
    "business_unit": "business unit",
    "cost_centre": "cost centre",
    "team": "team",
}
POLICIES = {
    "apart": "nobody is charged for it",
    "owner": "its owner is charged for it",
    "proportional": "the teams that used its provider share it by what they used",
    "even": "the teams that used its provider share it evenly",
    "by_tokens": "the teams that used its provider share it by their tokens, at their price",
    "by_gpu_time": "the teams that used its provider share it by their GPU time",
    "by_requests": "the teams that used its provider share it by their requests",
}
FORM = Grid(
    "Statements",
    (
        Column("Unit", "id"),
        Column("Used", "number"),
        Column("Unused commitment", "number"),
        Column("Not attributed", "number"),
        Column("Amount", "number"),
    ),
    empty="There are no charges in this period.",
    stacked=True,
)


def chargeback(result: Result) -> Section | None:
    """Statements level by level; none where the run's rules have no chargeback."""
    policy = result.outcome.chargeback
    if policy is None:
        return None
    rows = units(result.chargeback())
    blocks = listing(FORM, rows, cells, "chargeback/statements")
    return Section("chargeback", "Chargeback", policies(policy), blocks)


def units(charged: Chargeback) -> list[figures.Row]:
    """The statements that a page shows, level by level."""
    return [row for row in charged.statements if _is_shown(row)]


def policies(policy: Policy) -> list[str]:
    """Who pays for what no user can be named for, in words."""
    said = [f"Unused commitment: {POLICIES[policy.unused]}."]
    said += [
        f"{reason.replace('_', ' ').capitalize()}: {POLICIES[how]}."
        for reason, how in policy.unattributed.items()
    ]
    return [" ".join([*said, "Amounts are rounded once."])]


def _is_shown(row: figures.Row) -> bool:
    """Whole, units that have a name, and what nobody is charged for: the rest says nothing new."""
    level = row["level"]
    return level in ("company", "team") or row[level] not in APART


def cells(row: figures.Row) -> list[Cell]:
    """A statement as a row of FORM."""
    level = row["level"]
    above = [row[name] for name in reversed(LEVELS) if name not in (level, "company")]
    over = [name for name in above if name is not None and name not in APART]
    nobody = row["team"] in APART
    said = "no team is charged" if nobody else LEVELS[level]
    said += f"{',' if nobody else ' of'} {', '.join(over)}" if over else ""
    amount = view.money(row["amount"], row["currency"])
    if row["rounding"]:
        amount = replace(amount, sub=f"exactly {numbers.exact(row['exact'])}")
    return [
        view.text(row["currency"] if level == "company" else row[level], said),
        *(view.money(row[name], None) for name in ("usage", "unused", "unattributed")),
        amount,
    ]
