"""The section of statements: what each unit of the company bears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from trueup.attribute.hierarchy import APART
from trueup.model.display import legible
from trueup.report import figures, numbers
from trueup.report.html import view
from trueup.report.html.section import ROWS_MAX, ROWS_SHOWN, Block, Section, grid, listing
from trueup.report.html.view import Cell, Column, Grid

if TYPE_CHECKING:
    from trueup.model.rules import Chargeback as Policy
    from trueup.report.chargeback import Chargeback
    from trueup.report.result import Result

LEVELS = {
    "company": "company",
    "business_unit": "business unit",
    "cost_centre": "cost centre",
    "team": "team",
}
ORDER = tuple(LEVELS)
POLICIES = {
    "apart": "nobody is charged for it",
    "owner": "its owner is charged for it",
    "proportional": "the teams that used its provider share it by what they used",
    "even": "the teams that used its provider share it evenly",
    "by_tokens": "the teams that used its provider share it by their tokens, at their price",
    "by_gpu_time": "the teams that used its provider share it by their GPU time",
    "by_requests": "the teams that used its provider share it by their requests",
}


def chargeback(result: Result) -> Section | None:
    """Statements level by level; none where the run's rules have no chargeback."""
    policy = result.outcome.chargeback
    if policy is None:
        return None
    blocks = statements(units(result.chargeback()))
    return Section("chargeback", "Chargeback", policies(policy), blocks)


def statements(rows: Sequence[figures.Row], shown: int = ROWS_SHOWN) -> list[Block]:
    """A table of units for each currency; ``shown`` of it are in sight, all where that is more."""
    empty = "There are no charges in this period."
    if not rows:
        return [grid(Grid("Statements", (), empty=empty))]
    blocks: list[Block] = []
    for currency, some in groupby(rows, key=lambda row: str(row["currency"])):
        mine = list(some)
        code = legible(currency, 12)
        form = Grid(f"Statements in {code}", _columns(code))
        most = max(ROWS_MAX, shown)
        blocks += listing(form, mine, cells, "chargeback/statements", shown, most)
    return blocks


def _columns(code: str) -> tuple[Column, ...]:
    return (
        Column("Unit", "id"),
        Column(f"Amount, {code}", "number"),
        Column("Used", "number"),
        Column("Unused commitment", "number"),
        Column("Unattributed", "number"),
    )


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
    """A statement as a row; hovering over its amount shows what it was rounded from."""
    level = row["level"]
    place = ORDER.index(level)
    above = [row[name] for name in reversed(ORDER[1:place])]
    over = [name for name in above if name not in APART]
    nobody = row["team"] in APART
    said = "no team is charged" if nobody else LEVELS[level]
    said += f"{',' if nobody else ' of'} {', '.join(over)}" if over else ""
    depth = place - len(above) + len(over)  # what stands under no unit is not set in below it
    name = "the whole" if level == "company" else row[level]
    return [
        replace(view.text(name, None if level == "company" else said), depth=depth),
        Cell(numbers.money(row["amount"]), exact=numbers.exact(row["exact"])),
        *(view.money(row[name], None) for name in ("usage", "unused", "unattributed")),
    ]
