"""The section of what drove cost: this week against the last, and unused commitment traced."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from trueup.errors import UsageError
from trueup.model.display import legible
from trueup.money import EXACT
from trueup.report import numbers
from trueup.report.drivers import found, found_rated, left_out, traces, windows
from trueup.report.html import view
from trueup.report.html.section import Block, Section, grid, listing, note
from trueup.report.html.view import Cell, Column, Grid
from trueup.report.names import names_of

if TYPE_CHECKING:
    from trueup.attribute.drivers import Driver
    from trueup.attribute.unused_trace import Traced
    from trueup.report.result import Result

SHOWN, MOST = 6, 30  # of each currency
TRACES_SHOWN, TRACES_MAX = 4, 20
QUIET_SHOWN = 3
CURRENCIES_MAX = 4
SECONDS = 3600
EFFECTS = (
    "A change is what more or less was used at the price of before (quantity), what it costs each "
    "(price), models and meters that only one of the weeks has, and what has no quantity."
)
RATED = (
    "What no bill holds, such as search or payment services, is usage at the rates of the rules. "
    "The amounts by team are without it, and so are budgets."
)
INDICATION = (
    "What is unused is exact. What stood idle or was quiet in those hours is an indication of why: "
    "nobody meters what did not run."
)


def drivers(result: Result) -> Section | None:
    """By team, the costliest first, then what is rated beside the bill, by tool."""
    if not len(result.spend) and not len(result.rated):
        return None
    try:
        now, before = windows(result, "week")
    except UsageError as error:
        form = Grid("What changed", (), empty=f"{str(error)[:1].upper()}{str(error)[1:]}")
        return Section("drivers", "Drivers", [], [grid(form)])
    blocks = _by_currency(result.once(found, "team", now, before), "Team", "", "spend")
    blocks += [
        note(f"{numbers.amount(cost, currency)} billed over longer times than a week is left out.")
        for currency, cost in left_out(result, now, before).items()
    ]
    if rated := found_rated(result, "tool", now, before):
        blocks += [note(RATED), *_by_currency(rated, "Tool", " beside the bill", "rated")]
    lead = f"The week from {numbers.moment(now.start)} to {numbers.moment(now.end)} UTC beside the "
    return Section(
        "drivers", "Drivers", [f"{lead}one before. {EFFECTS}"],
        [*blocks, *_traced(result, traces(result, now, before))],
    )  # fmt: skip


def _by_currency(found: Sequence[Driver], by: str, beside: str, table: str) -> list[Block]:
    every = groupby(found, key=lambda one: one.currency)
    of_each = [_of_currency(currency, list(rows), by, beside, table) for currency, rows in every]
    return [block for blocks in of_each[:CURRENCIES_MAX] for block in blocks]


def _of_currency(
    currency: str, rows: Sequence[Driver], by: str, beside: str, table: str
) -> list[Block]:
    labels = ("Before", "Now", "Change", "Quantity", "Price", "New or gone", "No quantity")
    form = Grid(
        f"What changed{beside} in {legible(currency, 12)}, by {by.lower()}",
        (Column(by), *(Column(label, "number") for label in labels)),
    )
    return listing(form, rows, partial(_cells, by.lower()), table, SHOWN, MOST)


def _cells(by: str, one: Driver) -> list[Cell]:
    effects = one.effects
    only_one = EXACT.add(effects["new"], effects["gone"])
    now = view.money(one.now, None)
    accrued = f"{numbers.money(one.accrued)} accrued" if one.accrued else None
    return [
        view.text(_name(by, one), one.state),
        view.money(one.before, None),
        Cell(now.text, accrued, now.exact),
        *(
            _change(amount)
            for amount in (
                one.change,
                effects["quantity"],
                effects["price"],
                only_one,
                effects["other"],
            )
        ),
    ]


def _name(by: str, one: Driver) -> str:
    """A team or tool, or why nobody is named: ``nobody: idle``."""
    if one.name is not None:
        return one.name
    return f"nobody: {one.reason.replace('_', ' ')}" if one.reason else f"no {by} named"


def _change(amount: Decimal) -> Cell:
    if not amount:
        return Cell("—", muted=True)
    text = numbers.money(amount)
    return Cell(
        f"+{text}" if amount > 0 and text[0].isdigit() else text, exact=numbers.exact(amount)
    )


def _traced(result: Result, found: Sequence[Traced]) -> list[Block]:
    if not found:
        return []
    names = names_of(result)
    form = Grid(
        "Unused commitment of the week, traced",
        (
            Column("Commitment", "id"),
            Column("Unused", "number"),
            Column("Held and not busy meanwhile", "prose"),
            Column("Cost less than in these hours a week before", "prose"),
        ),
        stacked=True,
        widths=(22, 18, 26, 34),
    )

    def cells(one: Traced) -> list[Cell]:
        quantity = one.unused_quantity
        of_unit = None if quantity is None else view.quantity(quantity, one.unit).text
        cost = view.money(one.unused_cost, one.currency)
        said = of_unit if one.unit != one.currency else None
        return [
            view.text(names.get(one.commitment_id) or one.commitment_id, one.provider),
            Cell(cost.text, said, cost.exact, cost.muted),
            view.text(*_idle(one)),
            view.text(_quiet(one)),
        ]

    return [*listing(form, found, cells, "utilization", TRACES_SHOWN, TRACES_MAX), note(INDICATION)]


def _idle(one: Traced) -> tuple[str | None, str | None]:
    if not one.hours:
        return "its intervals are too long to tell in which hours", None
    said = [f"{_in_hours(amount, unit)} of {meter}" for (meter, unit), amount in one.idle.items()]
    cost = f"{numbers.amount(one.idle_cost, one.currency)} of the bill" if one.idle_cost else None
    return "; ".join(said) or None, cost


def _in_hours(amount: Decimal, unit: str) -> str:
    thing = unit.removesuffix("Seconds")
    if thing == unit:
        return f"{numbers.quantity(amount)} {legible(unit, 40)}"
    return f"{numbers.quantity(amount / SECONDS)} {legible(thing, 40)}Hours"


def _quiet(one: Traced) -> str | None:
    said = [
        f"{team.team} {numbers.money(team.less)} ({team.sessions:,} sessions, before "
        f"{team.sessions_before:,})"
        for team in one.quiet[:QUIET_SHOWN]
    ]
    return "; ".join(said) or None
