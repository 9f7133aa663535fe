"""The page of a plan: the best level of each offer, its curve, what is in force."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from trueup.model.display import legible
from trueup.report import numbers
from trueup.report.html.offers import LEVELS, SERVED, curves, held, in_force, offered
from trueup.report.html.page import Badge, Band, Page, Tile
from trueup.report.html.section import Section
from trueup.report.plan import interval, level

if TYPE_CHECKING:
    from trueup.report.figures import Row
    from trueup.report.plan import Plan

FOOTER = (
    (
        "Costs are of the hours of the history at the prices of one day, with the rest on demand "
        "or at the spot price; they are exact and rounded for reading. All times are UTC."
    ),
    (
        "Intervals are estimates: the middle 80 % of the levels that would have been best had as "
        "many weeks been drawn from these, again and again."
    ),
)


def plan_page(plan: Plan, style: str) -> Page:
    """Put the page together."""
    return Page(
        period="How much to commit",
        badges=[
            Badge(numbers.count(plan.hours, "hour")),
            Badge(f"{plan.start:%Y-%m-%d %H:%M} to {plan.end:%Y-%m-%d %H:%M} UTC"),
            Badge(f"Prices of {plan.prices_of}"),
        ],
        lead=[],
        money=[
            Band(f"{legible(currency, 12)}: {legible(best['offer'], 60)}", _tiles(best))
            for currency, best in _best(plan)
        ],
        sections=list(_sections(plan)),
        footer=FOOTER,
        style=style,
    )


def _best(plan: Plan) -> Iterator[tuple[str, Row]]:
    """The offer that saves most, per currency: they stand in this order."""
    for currency, rows in groupby(plan.offers, key=lambda row: row["currency"]):
        yield str(currency), next(rows)


def _tiles(row: Row) -> list[Tile]:
    spread = [row["reason"]] if row["reason"] else ["middle 80 % of other weeks: an estimate"]
    used = [f"{numbers.percent(row['utilization'])} of it used"] if row["level"] else []
    regret = [] if row["regret"] is None else [f"regret up to {numbers.money(row['regret'])}"]
    without = f"instead of {numbers.money(row['cost_without'])}"
    return [
        Tile("Best level", level(row), [held(row["unit"]), *used], numbers.grouped(row["level"])),
        Tile("Cost", numbers.money(row["cost"]), [without], numbers.exact(row["cost"])),
        Tile("Saving", numbers.money(row["saving"]), [], numbers.exact(row["saving"])),
        Tile("Interval", interval(row), [*spread, *regret], muted=row["low"] is None),
        Tile("Upfront", numbers.money(row["upfront"]), [], muted=row["upfront"] is None),
    ]


def _sections(plan: Plan) -> Iterator[Section]:
    yield Section("offers", "Offers", ["The largest saving first."], offered(plan))
    yield Section("curves", "Curves", [LEVELS], curves(plan))
    if len(plan.in_force):
        yield Section("in-force", "In force", [SERVED], in_force(plan))
