"""What a plan shows: offers with their best levels, curves, and what is in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trueup.errors import UsageError
from trueup.model.display import legible
from trueup.report import numbers
from trueup.report.html import charts, view
from trueup.report.html.section import ROWS_MAX, Block, Section, grid, listing, note
from trueup.report.html.view import Cell, Column, Figure, Grid
from trueup.report.names import names_of
from trueup.report.plan import interval, level

if TYPE_CHECKING:
    from trueup.report.figures import Row
    from trueup.report.plan import Plan
    from trueup.report.result import Result

CURVES_MAX = 8
HOURS = "Hours"
LEVELS = "What every level would have cost: too little pays on demand, too much is not used."
SERVED = "Served first; the plan is about what is beyond."
ESTIMATE = "Costs are exact, intervals are estimates."


def commit(result: Result) -> Section | None:
    """How much to commit; none where nothing is offered or no usage was read."""
    if not result.outcome.rules.offer or result.usage is None:
        return None
    title = "How much to commit"
    try:
        plan = result.plan()
    except UsageError as error:
        return Section("plan", title, [], [grid(Grid("No plan", (), empty=str(error)))])
    drawn = [_figure(row, plan, small=True) for row in plan.offers.rows()[:CURVES_MAX]]
    blocks = [
        *listing(_OFFERS, plan.offers, _offer, "offers"),
        *(note(text) for text in plan.remarks(left_out=False)),
        Block("multiples", figures=drawn),
        *in_force(plan, names_of(result)),
        *_left_out(plan),
    ]
    hours = f"{numbers.count(plan.hours, 'hour')} from {numbers.moment(plan.start)} to "
    lead = f"Of {hours}{numbers.moment(plan.end)} UTC, at the prices of {plan.prices_of}."
    return Section("plan", title, [f"{lead} {ESTIMATE} {LEVELS}"], blocks)


def offered(plan: Plan) -> list[Block]:
    """A table of offers, and what one has to know to read it."""
    remarks = [note(text) for text in plan.remarks()]
    return [*listing(_OFFERS, plan.offers, _offer, "offers"), *remarks]


def curves(plan: Plan) -> list[Block]:
    """A picture for each of the first offers."""
    rows = plan.offers.rows()
    blocks = [Block("figure", figures=[_figure(row, plan)]) for row in rows[:CURVES_MAX]]
    if len(rows) > CURVES_MAX:
        blocks.append(note(f"and {numbers.count(len(rows) - CURVES_MAX, 'curve')} more."))
    return blocks


def in_force(plan: Plan, names: Mapping[str, str] | None = None) -> list[Block]:
    """A table of commitments in force, by their names where these are known; none without any."""
    rows = [
        {**row, "name": (names or {}).get(row["commitment_id"]) or row["commitment_id"]}
        for row in plan.in_force
    ]
    return listing(_IN_FORCE, rows, _in_force, "in_force") if rows else []


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
        Cell(level(row), held(row["unit"]), numbers.grouped(row["level"])),
        Cell(interval(row), regret, muted=row["low"] is None),
        view.money(row["cost"], row["currency"]),
        view.money(row["saving"], row["currency"]),
        view.share(row["utilization"]) if row["level"] else Cell("-", muted=True),
    ]


def held(unit: str) -> str:
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


def _figure(row: Row, plan: Plan, *, small: bool = False) -> Figure:
    points = [(p["level"], p["cost"]) for p in plan.curve if p["offer"] == row["offer"]]
    best = (row["level"], row["cost"])
    span = None if row["low"] is None else (row["low"], row["high"])
    unit, currency = legible(row["unit"], 40), legible(row["currency"], 12)
    legend = [(charts.BEST, f"best: {level(row)} {held(row['unit'])}")]
    if span is not None:
        legend.append((charts.UNUSED[1], f"best of other weeks: {interval(row)}"))
    return Figure(
        legible(row["offer"], 60),
        f"Cost in {currency} by {unit} committed in each hour: "
        f"{numbers.money(row['cost_without'])} with none, {numbers.money(row['cost'])} at the "
        f"best, {numbers.money(points[-1][1])} with all that was ever needed.",
        charts.cost_curve(points, best, span, narrow=small),
        None if small else charts.cost_curve(points, best, span, narrow=True),
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
        view.text(row["name"]),
        view.quantity(row["committed"], row["unit"]),
        view.quantity(row["served"], row["unit"]),
        view.when(row["ends"]) if row["ends"] else Cell(numbers.NOT_KNOWN, muted=True),
        view.text(row["reason"]),
    ]


def _left_out(plan: Plan) -> list[Block]:
    """What is not planned for, folded away."""
    if not len(plan.left_out):
        return []
    form = Grid(
        "Not planned for", (Column("What"), Column("Rows", "number"), Column("Why", "prose"))
    )
    rows = plan.left_out.rows()
    blocks = listing(form, rows[:ROWS_MAX], _unplanned, "left_out", shown=0)
    if len(rows) > ROWS_MAX:
        blocks.append(note(f"And {len(rows) - ROWS_MAX:,} more: `trueup plan --json` has all."))
    return blocks


def _unplanned(row: Row) -> list[Cell]:
    return [view.text(row["subject"]), view.rows_counted(row["rows"]), view.text(row["reason"])]
