"""The section of budgets: what was spent of what may be spent, as far as the run knew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.budgets.crossing import crossings
from trueup.model.display import legible
from trueup.money import plain
from trueup.report.html import view
from trueup.report.html.section import Section, listing
from trueup.report.html.view import Cell, Column, Grid

if TYPE_CHECKING:
    from trueup.budgets.budget import BudgetTerms
    from trueup.budgets.measure import Measured
    from trueup.report.result import Result

LEAD = (
    "Over all periods that were run by then. With accrued: what is billed and what is metered "
    "without a charge yet. `trueup budget` has the forecast, and what later runs know."
)


def budgets(result: Result) -> Section | None:
    """A table of budgets; none where the run had none."""
    if not result.budgets:
        return None
    form = Grid(
        "Budgets",
        (
            Column("Budget"),
            Column("Window"),
            Column("Billed", "number"),
            Column("With accrued", "number"),
            Column("Of", "number"),
            Column("Used", "number"),
            Column("Reached", "prose"),
        ),
        stacked=True,
    )
    return Section("budgets", "Budgets", [LEAD], listing(form, result.budgets, _cells, "spend"))


def _cells(pair: tuple[BudgetTerms, Measured]) -> list[Cell]:
    terms, measured = pair
    scope = ", ".join(f"{name} {value}" for name, value in terms.scope.items()) or "everything"
    share = None if measured.accrued is None else measured.accrued / terms.amount
    reached = [
        f"{plain(one.threshold.at)} % {'billed' if one.threshold.on == 'actual' else 'accrued'}: "
        f"{one.threshold.act}"
        for one in crossings(terms, measured)
        if one.crossed
    ]
    return [
        view.text(terms.name, scope),
        view.text(terms.window_name(measured.window)),
        view.money(measured.actual, None),
        view.money(measured.accrued, None),
        view.money(terms.amount, legible(terms.currency, 12)),
        view.share(share),
        view.text("; ".join(reached), "; ".join(measured.notes)),
    ]
