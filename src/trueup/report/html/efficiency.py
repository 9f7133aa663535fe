"""The section of what was got for what was spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.report import figures, numbers
from trueup.report.html import view
from trueup.report.html.section import ROWS_SHOWN, Block, Section, listing
from trueup.report.html.view import Cell, Column, Grid

if TYPE_CHECKING:
    from trueup.report.result import Result


def efficiency(result: Result) -> Section | None:
    """By team, agent and model; none where nothing was metered."""
    if not len(result.activity):
        return None
    blocks: list[Block] = []
    for by, shown in (("team", ROWS_SHOWN), ("agent", 0), ("model", 0)):
        form = Grid(
            f"By {by}",
            (
                Column(by.capitalize(), "id"),
                Column("Cost", "number"),
                Column("Tokens", "number"),
                Column("Sessions", "number"),
                Column("Tokens per credit", "number"),
                Column("A million tokens", "number"),
                Column("GPUs busy", "number"),
                Column("Tokens per GPU-hour", "number"),
            ),
            stacked=True,
        )
        rows = [row for row in result.efficiency(by) if _is_shown(row)]
        blocks += listing(form, rows, _cells, "activity", shown)
    lead = (
        "What was got for the cost of use. A credit is one unit of the currency; GPU-hours are "
        "those held. A quantity stands beside the cost of its provider."
    )
    return Section("efficiency", "Efficiency", [lead], blocks)


def _is_shown(row: figures.Row) -> bool:
    """Whether anything is said of it that the columns have."""
    return any(row[name] for name in ("cost", "tokens", "sessions", "gpu_hours_held"))


def _cells(row: figures.Row) -> list[Cell]:
    busy = view.text(None)
    if row["gpu_hours_held"] is not None:
        said = f"of {numbers.quantity(row['gpu_hours_held'])} hours held"
        busy = Cell(numbers.percent(row["gpu_utilization"]), said)
    return [
        view.text(row["name"] or f"no {row['by']} named"),
        _or_dash(row, "cost", row["currency"]),
        _count(row, "tokens"),
        _count(row, "sessions"),
        _or_dash(row, "tokens_per_credit"),
        _or_dash(row, "cost_per_million_tokens", row["currency"]),
        busy,
        _or_dash(row, "tokens_per_gpu_hour"),
    ]


def _count(row: figures.Row, name: str) -> Cell:
    value = row[name]
    return view.text(None) if value is None else Cell(f"{value:,.0f}")


def _or_dash(row: figures.Row, name: str, currency: str | None = None) -> Cell:
    return view.text(None) if row[name] is None else view.money(row[name], currency)
