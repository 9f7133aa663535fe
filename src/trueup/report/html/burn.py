"""The section of burn: how fast commitments and teams burn, and how far commitments reach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING

from trueup.attribute.cost_line import total
from trueup.model.display import legible
from trueup.money import EXACT
from trueup.report import figures, numbers
from trueup.report.html import charts, view
from trueup.report.html.section import Block, Section, listing
from trueup.report.html.view import Cell, Column, Figure, Grid
from trueup.report.names import names_of

if TYPE_CHECKING:
    from trueup.burn.burn import Burn
    from trueup.report.result import Result

TEAMS_SHOWN, TEAMS_MAX = 6, 40
CURRENCIES_MAX = 4
DAY = timedelta(days=1)
VERDICTS = {"too_slow": "Too slow", "too_fast": "Too fast", "on_course": "On course"}
RATES = ("per_hour", "per_day", "per_week")
RATE_COLUMNS = tuple(Column(label, "number") for label in ("An hour", "A day", "A week"))
LEAD = (
    "How fast it burns: means of the last 24 hours, 7 days and 28 days that are known. What is "
    "metered and not billed yet is accrued. How far it reaches is an estimate: it assumes that the "
    "burn stays as it is."
)


def burn(result: Result) -> Section | None:
    """A table of commitments, then the teams of each currency beside their days."""
    found = result.burn()
    rates, runway = found.rates.rows(), found.runway.rows()
    if not rates and not runway:
        return None
    blocks = _commitments(result, rates, runway)
    of_teams = [row for row in rates if row["by"] == "team" and (row["billed"] or row["accrued"])]
    of_teams.sort(key=lambda row: (row["unit"] or "", row["team"] is None, -(row["per_day"] or 0)))
    days = _days(found)
    for place, (unit, rows) in enumerate(groupby(of_teams, key=lambda row: row["unit"] or "")):
        if place < CURRENCIES_MAX:
            blocks += _teams(unit, list(rows), days.get(unit, {}))
    return Section("burn", "Burn and runway", [LEAD], blocks)


def _commitments(
    result: Result, rates: Sequence[figures.Row], runway: Sequence[figures.Row]
) -> list[Block]:
    """What each commitment burns in its own unit, and what that means."""
    if not runway:
        return []
    names = names_of(result)
    form = Grid(
        "Commitments",
        (
            Column("Commitment", "id"),
            *RATE_COLUMNS,
            Column("Remaining", "number"),
            Column("Used up", "when"),
            Column("Expires", "when"),
            Column("What next", "prose"),
        ),
        stacked=True,
        widths=(17, 8, 9, 9, 11, 10, 10, 26),
    )
    burned = {
        (row["commitment_id"], row["unit"]): row
        for row in rates
        if row["by"] == "commitment" and row["measure"] == "quantity"
    }

    def cells(row: figures.Row) -> list[Cell]:
        rate = burned.get((row["commitment_id"], row["unit"]), {})
        about = " · ".join(legible(part, 40) for part in (row["provider"], row["unit"]) if part)
        remaining = view.text(None)
        if row["remaining"] is not None:
            remaining = Cell(
                numbers.money(row["remaining"]),
                f"{numbers.money(rate['accrued'])} accrued" if rate.get("accrued") else None,
                numbers.grouped(row["remaining"]),
            )
        return [
            view.text(names.get(row["commitment_id"]) or row["commitment_id"], about),
            *_rates(rate),
            remaining,
            view.text(row["exhausted_at"] and f"{row['exhausted_at']:%Y-%m-%d}"),
            view.when(row["expires_at"]),
            view.text(VERDICTS.get(row["verdict"], "Not known"), _advice(row)),
        ]

    return listing(form, runway, cells, "commitments")


def _advice(row: figures.Row) -> str:
    text = str(row["text"])
    if row["verdict"] is None:
        return text.removeprefix("Not known: ").capitalize() if row["reason"] else text
    return text


def _rates(row: Mapping[str, Decimal | None]) -> list[Cell]:
    """With two decimals, as a rate is a mean; every digit shows when hovered."""
    return [
        Cell("—", muted=True)
        if row.get(name) is None
        else Cell(numbers.money(row[name]), exact=numbers.exact(row[name]))
        for name in RATES
    ]


def _teams(
    currency: str, rows: list[figures.Row], days: Mapping[datetime, Mapping[str, Decimal]]
) -> list[Block]:
    code = legible(currency or "no currency", 12)
    form = Grid(
        f"Teams, {code}",
        (Column("Team"), *RATE_COLUMNS, Column("Accrued", "number")),
    )

    def cells(row: figures.Row) -> list[Cell]:
        nobody = f"nobody: {(row['reason'] or 'not known').replace('_', ' ')}"
        accrued = view.money(row["accrued"], None) if row["accrued"] else Cell("—", muted=True)
        unknown = f"{row['unknown']:,} without a known cost" if row["unknown"] else None
        return [view.text(row["team"] or nobody, unknown), *_rates(row), accrued]

    shown = max(TEAMS_SHOWN, sum(row["team"] is not None for row in rows))
    first, *folded = listing(form, rows, cells, "spend", min(shown, 2 * TEAMS_SHOWN), TEAMS_MAX)
    if not days:
        return [first, *folded]
    sums = {state: total(each[state] for each in days.values()) for state in ("billed", "accrued")}
    figure = Figure(
        f"Burn by day, {code}",
        f"{numbers.money(sums['billed'])} billed, {numbers.money(sums['accrued'])} accrued.",
        charts.daily_burn([(day, each["billed"], each["accrued"]) for day, each in days.items()]),
        legend=[(charts.USED[1], "billed"), (charts.UNUSED[1], "accrued")],
    )
    return [Block("beside", grids=first.grids, figures=[figure]), *folded]


def _days(found: Burn) -> dict[str, dict[datetime, dict[str, Decimal]]]:
    """What all of a currency burned, by day and state; longer rows have no day."""
    days: dict[str, dict[datetime, dict[str, Decimal]]] = defaultdict(dict)
    for row in sorted(found.over("day"), key=lambda row: row["start"]):
        if row["by"] != "team" or row["end"] - row["start"] > DAY or row["amount"] is None:
            continue
        nothing = {"billed": Decimal(0), "accrued": Decimal(0)}
        one = days[row["unit"] or ""].setdefault(row["start"], nothing)
        one[row["state"]] = EXACT.add(one[row["state"]], row["amount"])
    return days
