"""The page of a plan: the best level of each offer, its curve, what is in force."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from trueup.model.display import legible
from trueup.report import numbers
from trueup.report.html import charts, view
from trueup.report.html.page import Badge, Band, Page, Tile
from trueup.report.html.section import Block, Section, listing, note
from trueup.report.html.view import Cell, Column, Figure, Grid
from trueup.report.plan import interval, level

if TYPE_CHECKING:
    from trueup.report.figures import Row
    from trueup.report.plan import Plan

CURVES_MAX = 8
HOURS = "Hours"
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
        Tile("Best level", level(row), [_held(row["unit"]), *used], numbers.grouped(row["level"])),
        Tile("Cost", numbers.money(row["cost"]), [without], numbers.exact(row["cost"])),
        Tile("Saving", numbers.money(row["saving"]), [], numbers.exact(row["saving"])),
        Tile("Interval", interval(row), [*spread, *regret], muted=row["low"] is None),
        Tile("Upfront", numbers.money(row["upfront"]), [], muted=row["upfront"] is None),
    ]


def _sections(plan: Plan) -> Iterator[Section]:
    remarks = [note(text) for text in plan.remarks()]
    offers = listing(_OFFERS, plan.offers, _offer, "offers")
    yield Section("offers", "Offers", ["The largest saving first."], [*offers, *remarks])
    rows = plan.offers.rows()
    curves = [Block("figure", figures=[_figure(row, plan)]) for row in rows[:CURVES_MAX]]
    if len(rows) > CURVES_MAX:
        curves.append(note(f"and {numbers.count(len(rows) - CURVES_MAX, 'curve')} more."))
    lead = "What every level would have cost: too little pays on demand, too much is not used."
    yield Section("curves", "Curves", [lead], curves)
    if len(plan.in_force):
        lead = "Served first; the plan is about what is beyond."
        blocks = listing(_IN_FORCE, plan.in_force, _in_force, "in_force")
        yield Section("in-force", "In force", [lead], blocks)


_OFFERS = Grid(
    "Offers and their best levels",
    (
        Column("Offer", "id"),
        Column("Price", "number"),
        Column("Best level", "number"),
        Column("Interval", "number"),
        Column("Cost", "number"),
        Column("Saving", "number"),
        Column("Used", "number"),
    ),
    stacked=True,
)


def _offer(row: Row) -> list[Cell]:
    paid = {"all": "all upfront", "partial": "partly upfront", "none": "nothing upfront"}
    term = f"{row['term_start']:%Y-%m-%d} to {row['term_end']:%Y-%m-%d}, {paid[row['payment']]}"
    regret = None if row["regret"] is None else f"regret up to {numbers.money(row['regret'])}"
    return [
        view.text(row["offer"], term),
        _price(row),
        Cell(level(row), _held(row["unit"]), numbers.grouped(row["level"])),
        Cell(interval(row), regret, muted=row["low"] is None),
        view.money(row["cost"], row["currency"]),
        view.money(row["saving"], row["currency"]),
        view.share(row["utilization"]) if row["level"] else Cell("-", muted=True),
    ]


def _held(unit: str) -> str:
    """What so many units in each hour are: ``GPU at once``, ``USD an hour``."""
    if unit == HOURS:
        return "at once"
    if unit.endswith(f"-{HOURS}"):
        return f"{legible(unit.removesuffix(f'-{HOURS}'), 40)} at once"
    return f"{legible(unit, 40)} an hour"


def _for_one(unit: str) -> str:
    """The price of one: ``an hour``, ``a GPU-Hour``, ``for 1000000 Tokens``."""
    if unit == HOURS:
        return "an hour"
    return f"a {legible(unit[:-1], 40)}" if unit.endswith(HOURS) else f"for {legible(unit, 40)}"


def _price(row: Row) -> Cell:
    """What a unit costs for an hour; one in money costs itself."""
    if row["unit"] == row["currency"]:
        return Cell("-", muted=True)
    said = f"{legible(row['currency'], 12)} {_for_one(row['unit'])}"
    return Cell(numbers.quantity(row["price"]), said, numbers.exact(row["price"]))


def _figure(row: Row, plan: Plan) -> Figure:
    points = [(p["level"], p["cost"]) for p in plan.curve if p["offer"] == row["offer"]]
    best = (row["level"], row["cost"])
    span = None if row["low"] is None else (row["low"], row["high"])
    unit, currency = legible(row["unit"], 40), legible(row["currency"], 12)
    legend = [(charts.BEST, f"best: {level(row)} {_held(row['unit'])}")]
    if span is not None:
        legend.append((charts.UNUSED[1], f"best of other weeks: {interval(row)}"))
    return Figure(
        legible(row["offer"], 60),
        f"Cost in {currency} by {unit} committed in each hour: "
        f"{numbers.money(row['cost_without'])} with none, {numbers.money(row['cost'])} at the "
        f"best, {numbers.money(points[-1][1])} with all that was ever needed.",
        charts.cost_curve(points, best, span, narrow=False),
        charts.cost_curve(points, best, span, narrow=True),
        legend,
    )


_IN_FORCE = Grid(
    "Commitments in force",
    (
        Column("Commitment", "id"),
        Column("In each hour", "number"),
        Column("Served", "number"),
        Column("Ends", "when"),
        Column("Not subtracted", "prose"),
    ),
    stacked=True,
)


def _in_force(row: Row) -> list[Cell]:
    return [
        view.text(row["commitment_id"]),
        view.quantity(row["committed"], row["unit"]),
        view.quantity(row["served"], row["unit"]),
        view.when(row["ends"]) if row["ends"] else Cell(numbers.NOT_KNOWN, muted=True),
        view.text(row["reason"]),
    ]
