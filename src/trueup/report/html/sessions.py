"""The section of sessions: which cost most, and what of it was committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.report import figures
from trueup.report.html import view
from trueup.report.html.section import ROWS_MAX, Section, listing
from trueup.report.html.view import Cell, Column, Grid
from trueup.report.sessions import costliest

if TYPE_CHECKING:
    from trueup.report.result import Result

LEAD = (
    "Billed is what the bill gave a session, accrued what is metered and not billed yet, rated what "
    "no bill here holds, by the rates of the rules."
)


def sessions(result: Result) -> Section | None:
    """The costliest sessions of each currency; none where no usage has a cost."""
    rows = costliest(result.session_costs, ROWS_MAX)
    if not rows:
        return None
    form = Grid(
        "Sessions that cost most",
        (
            Column("Session", "id"),
            Column("Billed", "number"),
            Column("Of it committed", "number"),
            Column("Accrued", "number"),
            Column("Rated", "number"),
            Column("Cost", "number"),
        ),
        stacked=True,
    )
    return Section("sessions", "Sessions", [LEAD], listing(form, rows, _row, "session_costs"))


def _row(row: figures.Row) -> list[Cell]:
    return [
        view.text(row["session"] or "(no session)"),
        view.money(row["billed"], None),
        view.money(row["committed_cost"], None),
        *(
            view.money(row[name], None) if row[name] else Cell("—", muted=True)
            for name in ("accrued", "rated")
        ),
        view.money(row["cost"], row["currency"]),
    ]
