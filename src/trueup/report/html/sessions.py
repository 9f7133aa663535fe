"""The section of sessions: which cost most, and what of it was committed."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from trueup.model.display import legible
from trueup.report import figures
from trueup.report.html import view
from trueup.report.html.section import Block, Section, listing
from trueup.report.html.view import Cell, Column, Grid
from trueup.report.sessions import costliest

if TYPE_CHECKING:
    from trueup.report.result import Result

SHOWN, MOST = 6, 30  # of each currency
CURRENCIES_MAX = 4
LEAD = (
    "Billed is what the bill gave a session, accrued what is metered and not billed yet, rated "
    "what no bill here holds, by the rates of the rules."
)
COLUMNS = (
    Column("Session", "id"),
    Column("Billed", "number"),
    Column("Accrued", "number"),
    Column("Rated", "number"),
    Column("Cost", "number"),
    Column("Committed", "number"),
)


def sessions(result: Result) -> Section | None:
    """The costliest sessions of each currency; none where no usage has a cost."""
    blocks: list[Block] = []
    found = groupby(costliest(result.session_costs, MOST), key=lambda row: str(row["currency"]))
    for place, (currency, rows) in enumerate(found):
        if place < CURRENCIES_MAX:
            form = Grid(f"Cost most in {legible(currency, 12)}", COLUMNS, stacked=True)
            blocks += listing(form, list(rows), _row, "session_costs", SHOWN)
    return Section("sessions", "Sessions", [LEAD], blocks) if blocks else None


def _row(row: figures.Row) -> list[Cell]:
    return [
        view.text(row["session"] or "(no session)"),
        *(
            view.money(row[name], None) if row[name] else Cell("—", muted=True)
            for name in ("billed", "accrued", "rated")
        ),
        view.money(row["cost"], row["currency"]),
        view.money(row["committed_cost"], None),
    ]
