"""The sections about use: utilization, burn-down of commitments and lots, allocation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from trueup.model.display import legible
from trueup.report import figures, numbers
from trueup.report.holdings import as_money, is_benefit
from trueup.report.html import charts, series, view
from trueup.report.html.section import Block, Section, grid, listing, more, note
from trueup.report.html.view import Cell, Column, Figure, Grid
from trueup.report.names import names_of

if TYPE_CHECKING:
    from trueup.report.result import Result

COMMITMENTS_SHOWN = 12
NAMES_MAX = 15  # of teams or agents, per currency
CURRENCIES_MAX = 4
_NAME_MAX = 60


def utilization(result: Result) -> Section:
    """The heat map and the commitments, layer by layer."""
    blocks: list[Block] = []
    names = names_of(result)
    cells = series.heat(result)
    if cells:
        named = [replace(cell, commitment=names.get(cell.commitment, cell.commitment))
                 for cell in cells]  # fmt: skip
        blocks += _heat_map(result, named, list(names.values()))
    else:
        reason = "The bill holds no Used or Unused row of a commitment in this period."
        blocks.append(grid(Grid("Utilization by interval", (), [], reason)))
    rows = result.commitments.rows()

    def described(row: figures.Row) -> Cell:
        cell = view.text(names.get(row["commitment_id"]), _described(row))
        return Cell(cell.text, cell.sub, view.text(row["commitment_id"]).text, cell.muted)

    blocks += _benefit([row for row in rows if is_benefit(row)], described)
    for layer, title in (("funding", "Funding"), ("agreement", "Agreements")):
        mine = [row for row in rows if row["layer"] == layer]
        if mine:
            blocks += _term(mine, title, described)
    if any(not is_benefit(row) for row in rows):
        blocks.append(
            note(
                "Funding pays for charges and agreements count them: both see money that stands "
                "above already, so they are never added to it."
            )
        )
    lead = ["How much of what was committed was used, in each commitment's own unit."]
    return Section("utilization", "Utilization", lead, blocks)


def _heat_map(result: Result, cells: list[series.Heat], order: list[str]) -> list[Block]:
    present = {cell.commitment for cell in cells}
    names = [name for name in dict.fromkeys([*order, *sorted(present)]) if name in present]
    shown = names[: series.COMMITMENTS_MAX]
    drawn = [cell for cell in cells if cell.commitment in shown]
    drawn.sort(key=lambda cell: (cell.start, cell.end))
    drawn = drawn[: series.CELLS_MAX]
    word = series.step_word(series.step_of(result.end - result.start))
    low = series.lowest(drawn)
    label = "Every figure is not known."
    if low is not None:
        name = charts.middle_cut(low.commitment, _NAME_MAX)
        at = f"{low.start:%-d %B %H:%M}" if word == "hour" else f"{low.start:%-d %B}"
        label = f"Lowest: {numbers.percent(low.share)} on {at}, {name}."
    legend = [(colour, name) for name, colour, _ in charts.BANDS]
    legend.append((charts.NOT_KNOWN[1], charts.NOT_KNOWN[0]))
    legend.append(("transparent", "blank: no row on the bill"))
    span = (result.start, result.end)
    figure = Figure(
        f"Utilization, commitment by {word}",
        label,
        charts.heat_map(drawn, shown, span, narrow=False),
        charts.heat_map(drawn, shown, span, narrow=True),
        legend,
    )
    blocks = [Block("figure", figures=[figure])]
    if len(names) > len(shown):
        hidden = len(names) - len(shown)
        blocks.append(
            note(f"and {numbers.count(hidden, 'commitment')} more in utilization.parquet")
        )
    return blocks


def _benefit(rows: list[figures.Row], described: Callable[[figures.Row], Cell]) -> list[Block]:
    form = Grid(
        "Commitments (benefit layer)",
        (
            Column("Commitment", "id"),
            Column("Committed", "number"),
            Column("Used", "number"),
            Column("Unused", "number"),
            Column("Utilization", "number"),
            Column("Coverage"),
        ),
        empty="No charge names a commitment, and no contract was given.",
        stacked=True,
    )
    return listing(
        form,
        rows,
        lambda row: [
            described(row),
            *(_cost_and_quantity(row, part) for part in ("committed", "used", "unused")),
            view.share(row["utilization"]),
            view.text((row["status"] or "").replace("_", " "), _not_covered(row)),
        ],
        "commitments",
        COMMITMENTS_SHOWN,
    )


def _described(row: figures.Row) -> str:
    said = (row["provider"], row["type"] or row["category"], row["reason"])
    text = " · ".join(str(part) for part in said if part)
    return text + (" · provisional" if row["provisional"] else "")


def _cost_and_quantity(row: figures.Row, part: str) -> Cell:
    cost = view.money(row[f"{part}_cost"], row["currency"])
    quantity = row[f"{part}_quantity"]
    said = view.quantity(quantity, row["unit"]).text if quantity is not None else None
    return Cell(cost.text, said, cost.exact, cost.muted)


def _not_covered(row: figures.Row) -> str | None:
    if not row["not_covered_quantity"]:
        return None
    return f"not covered: {view.quantity(row['not_covered_quantity'], row['unit']).text}"


def _term(
    rows: list[figures.Row], title: str, described: Callable[[figures.Row], Cell]
) -> list[Block]:
    parts = ("opening", "drawn", "expired", "remaining")
    form = Grid(
        title,
        (
            Column("Commitment", "id"),
            *(Column(part.capitalize(), "number") for part in parts),
            Column("Expires", "when"),
        ),
        stacked=True,
    )
    return listing(
        form,
        rows,
        lambda row: [
            described(row),
            *(view.quantity(row[name], row["unit"]) for name in parts),
            view.when(row["expires_at"]),
        ],
        "commitments",
        COMMITMENTS_SHOWN,
    )


def burn_down(result: Result) -> Section:
    """A small chart per commitment, then the credit lots by expiry."""
    names = names_of(result)
    runs = [replace(run, commitment=names.get(run.commitment, run.commitment))
            for run in series.runs(result)]  # fmt: skip
    blocks: list[Block] = []
    if runs:
        drawn = [_run_figure(run) for run in runs[: series.RUNS_MAX]]
        blocks.append(Block("multiples", figures=drawn))
        if len(runs) > len(drawn):
            blocks.append(note(f"and {len(runs) - len(drawn)} more in burn_down.parquet"))
    else:
        reason = "No figure is known of a commitment drawn on in this period."
        blocks.append(grid(Grid("Burn-down", (), [], reason)))
    lead = ["Used and unused per day, and what remains of term commitments and lots."]
    return Section("burn-down", "Burn-down", lead, [*blocks, *_credits(result)])


def _credits(result: Result) -> list[Block]:
    names = names_of(result)
    form = Grid(
        "Credit lots, the next to expire first",
        (
            Column("Lot", "id"),
            Column("Granted", "number"),
            Column("Drawn", "number"),
            Column("Expired", "number"),
            Column("Remaining", "number"),
            Column("Expires", "when"),
            Column("One credit is", "number"),
        ),
        empty="No contract or lot with credits was given.",
        stacked=True,
    )

    def cells(row: figures.Row) -> list[Cell]:
        identifier = row["lot_id"] or row["commitment_id"] or ""
        return [
            view.text(names.get(identifier) or identifier, row["provider"]),
            *(view.quantity(row[n], row["unit"]) for n in ("granted", "drawn")),
            *(_quantity_and_cost(row, n) for n in ("expired", "remaining")),
            view.when(row["expires_at"]),
            _credit_rate(row),
        ]

    return listing(form, result.credits, cells, "credits")


def _quantity_and_cost(row: figures.Row, part: str) -> Cell:
    cell = view.quantity(row[part], row["unit"])
    cost = as_money(row, row[part])
    if not cost or row["unit"] == row["currency"]:
        return cell
    return Cell(cell.text, view.money(cost, row["currency"]).text, cell.exact, cell.muted)


def _credit_rate(row: figures.Row) -> Cell:
    units = row["compute_units_per_credit"]
    if units is None and row["cost_per_credit"] is None:
        return Cell("—", muted=True)
    cost = row["cost_per_credit"]
    price = view.exact_money(cost, row["currency"]).text if cost is not None else None
    if units is None:
        return Cell(price or "—")
    return Cell(view.quantity(units, row["compute_unit"]).text, price)


def _run_figure(run: series.Run) -> Figure:
    unit = legible(run.unit or "", 40)
    if run.term:
        last = [point.remaining for point in run.points if point.remaining is not None][-1]
        said = f"{numbers.quantity(last)} {unit} remain"
        legend = [(charts.REMAINING[1], charts.REMAINING[0])]
    elif all(point.unused is None for point in run.points):
        said = f"{numbers.quantity(_total(run, 'used'))} {unit} drawn; nothing says what remains"
        legend = [(charts.USED[1], "drawn")]
    else:
        used, unused = _total(run, "used"), _total(run, "unused")
        said = f"{numbers.quantity(used)} used, {numbers.quantity(unused)} unused {unit}"
        legend = [(charts.USED[1], charts.USED[0]), (charts.UNUSED[1], charts.UNUSED[0])]
    name = charts.middle_cut(run.commitment, _NAME_MAX)
    return Figure(name, said, charts.burn_down(run), legend=legend)


def _total(run: series.Run, part: str) -> Decimal | None:
    values = [getattr(point, part) for point in run.points]
    return None if None in values else sum(values, Decimal(0))


def allocation(result: Result) -> Section:
    """Who used what: by team, then by agent, per currency."""
    lead = ["Effective cost of the matched charges, by who used them."]
    blocks: list[Block] = []
    for what in ("team", "agent"):
        costs = figures.cost_by(result, (what,))
        codes = list(dict.fromkeys(key[0] for key, _ in costs))[:CURRENCIES_MAX]
        for code in codes:
            mine = [(key[1], cost) for key, cost in costs if key[0] == code]
            blocks.append(_by_name(what, code, mine))
    if not blocks:
        reason = (
            "No charge matched usage that says who it was for."
            if result.outcome.usage_leg_ran
            else "No telemetry was given, so nothing says who used what."
        )
        blocks.append(grid(Grid("Allocation", (), [], reason)))
    return Section("allocation", "Allocation", lead, blocks)


def _by_name(what: str, code: str | None, mine: list[tuple[str | None, Decimal]]) -> Block:
    shown = mine[:NAMES_MAX]
    total = sum((cost for _, cost in mine), Decimal(0))
    rows = [
        [view.text(name or f"no {what} named"), view.money(cost, code), _part(cost, total)]
        for name, cost in shown
    ]
    caption = f"By {what}, {legible(code or 'no currency', 12)}"
    columns = (Column(what.capitalize()), Column("Cost", "number"), Column("Share", "number"))
    table = Grid(caption, columns, rows, more=more(len(mine), len(shown), "allocations"))
    named = [(name or f"no {what} named", cost) for name, cost in shown]
    largest = f"Total {numbers.money(total)}."
    figure = Figure(caption, largest, charts.bars(named))
    return Block("beside", grids=[table], figures=[figure])


def _part(cost: Decimal, total: Decimal) -> Cell:
    return view.share(cost / total) if total > 0 and cost >= 0 else Cell("—", muted=True)
