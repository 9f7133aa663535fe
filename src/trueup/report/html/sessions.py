"""The section of sessions: which cost most, and what of it was committed."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from trueup.model.display import legible
from trueup.report import figures, numbers
from trueup.report.html import view
from trueup.report.html.section import Block, Section, listing, note
from trueup.report.html.view import Cell, Column, Grid
from trueup.report.sessions import costliest, on_demand

if TYPE_CHECKING:
    from trueup.report.result import Result

SHOWN, MOST = 6, 30  # of each currency
CURRENCIES_MAX = 4
LEAD = (
    "Billed is what the bill gave a session, accrued what is metered and not billed yet, rated "
    "what no bill here holds, by the rates of the rules. Committed is what commitments paid for "
    "of what is billed and rated, on demand the rest."
)
COLUMNS = (
    Column("Session", "id"),
    Column("Cost", "number"),
    Column("Billed", "number"),
    Column("Accrued", "number"),
    Column("Rated", "number"),
    Column("Committed", "number"),
    Column("On demand", "number"),
)


def sessions(result: Result) -> Section | None:
    """The costliest sessions of each currency; none where no usage has a cost."""
    blocks: list[Block] = []
    found = groupby(costliest(result.session_costs, MOST), key=lambda row: str(row["currency"]))
    for place, (currency, rows) in enumerate(found):
        if place < CURRENCIES_MAX:
            blocks += _of_currency(currency, list(rows))
    return Section("sessions", "Sessions", [LEAD], blocks) if blocks else None


def _of_currency(currency: str, rows: list[figures.Row]) -> list[Block]:
    """The sessions that have a name, and what names none."""
    form = Grid(f"Cost most in {legible(currency, 12)}", COLUMNS)
    named = [row for row in rows if row["session"]]
    blocks = listing(form, named, _row, "session_costs", SHOWN) if named else []
    for row in rows:
        if not row["session"]:
            blocks.append(note(f"{numbers.amount(row['cost'], currency)} of use names no session."))
    return blocks


def _row(row: figures.Row) -> list[Cell]:
    return [
        view.text(row["session"]),
        view.money(row["cost"], row["currency"]),
        *(
            view.money(row[name], None) if row[name] else Cell("—", muted=True)
            for name in ("billed", "accrued", "rated")
        ),
        view.money(row["committed_cost"], None),
        view.money(on_demand(row), None),
    ]
