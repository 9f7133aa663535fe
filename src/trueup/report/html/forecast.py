"""The section of forecasts: use until the expiry, what of it is at risk, until when to act."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from trueup.forecast.picture import REMAINING
from trueup.model.display import legible
from trueup.report import figures, numbers
from trueup.report.html import charts, view
from trueup.report.html.section import ROWS_MAX, Block, Section, grid, listing, note
from trueup.report.html.view import Cell, Column, Figure, Grid
from trueup.report.names import last_part, names_of

if TYPE_CHECKING:
    from trueup.forecast.foreseen import Foreseen
    from trueup.report.result import Result

DAY = timedelta(days=1)
NAMES_MAX = 8  # in a sentence
NO_HISTORY = "no day of its use is known"
LEAD = (
    "Estimates from the daily use that is known, each with the interval in which 80 of 100 such "
    "forecasts came true. At risk is what will lapse, in money. Up to the last day to change, the "
    "burn of the busiest week that was seen still uses everything up."
)
LIKELY = (charts.USUAL[1], "80 of 100")


def forecast(result: Result) -> Section | None:
    """A table of commitments and the days of the first; none where there is no commitment."""
    found = result.foreseen
    rows = found.commitments.rows()
    if not rows and not len(result.commitments):
        return None
    told = [row for row in rows if row["expected"] is not None]
    names = names_of(result)
    notes = _without(found, names)
    if not told:
        form = Grid("Nothing is forecast", (), empty=notes.pop(0))
        return Section("forecast", "Forecast", [], [grid(form), *map(note, notes)])
    if len(told) > ROWS_MAX:
        notes.append(f"And {len(told) - ROWS_MAX:,} more: `trueup forecast` has all.")
    table = listing(_FORM, told[:ROWS_MAX], lambda row: _cells(row, names), "forecast")
    pictures = Block("multiples", figures=_figures(found, told, names))
    return Section("forecast", "Forecast", [LEAD], [*table, *map(note, notes), pictures])


_FORM = Grid(
    "Commitments",
    (
        Column("Commitment", "id"),
        Column("Remaining", "number"),
        Column("Expected use", "number"),
        Column("Until", "when"),
        Column("At risk", "number"),
        Column("Last day to change", "when"),
        Column("Used up on", "when"),
    ),
    stacked=True,
    widths=(16, 10, 17, 17, 15, 15, 10),
)


def _cells(row: figures.Row, names: Mapping[str, str]) -> list[Cell]:
    about = " · ".join(legible(part, 40) for part in (row["provider"], row["unit"]) if part)
    at_risk = Cell("—", muted=True)
    if row["at_risk"] is not None:
        at_risk = _estimate(row, "at_risk", f" {legible(row['currency'] or '', 12)}")
    remaining = Cell("—", muted=True)
    if row["remaining"] is not None:
        remaining = Cell(numbers.money(row["remaining"]), exact=numbers.exact(row["remaining"]))
    beyond = None
    if row["measured_until"] and row["measured_until"] < row["until"]:
        beyond = f"extrapolated from {row['measured_until']:%Y-%m-%d}"
    return [
        view.text(_name(row, names), about),
        remaining,
        _estimate(row, "expected"),
        view.text(f"{row['until']:%Y-%m-%d}", beyond),
        at_risk,
        *_days_to_act(row),
    ]


def _days_to_act(row: figures.Row) -> list[Cell]:
    """The last day to change, and when nothing remains; dashes where nothing can remain."""
    if row["remaining"] is None:
        return [Cell("—", muted=True)] * 2
    if row["used_up_at"] is not None:
        day = row["used_up_at"] - DAY
        return [Cell("not needed", muted=True), view.text(f"{day:%Y-%m-%d}")]
    burn = f"{numbers.money(row['busiest_day'])} a day"
    act = view.text("too late", f"even at {burn}")
    if row["last_day"] is not None:
        act = view.text(f"{row['last_day']:%Y-%m-%d}", f"at {burn}")
    return [act, Cell("not before", muted=True)]


def _estimate(row: figures.Row, name: str, unit: str = "") -> Cell:
    """Two decimals are more than an estimate knows."""
    low, high = (numbers.money(row[f"{name}_{end}"]) for end in ("low", "high"))
    return Cell(numbers.money(row[name]) + unit, f"{low} to {high}")


def _name(row: figures.Row, names: Mapping[str, str]) -> str:
    return names.get(row["commitment_id"]) or last_part(row["commitment_id"])


def _figures(
    found: Foreseen, told: Sequence[figures.Row], names: Mapping[str, str]
) -> list[Figure]:
    """The days of the first commitments, in the order of the table."""
    days = {
        name: list(rows) for name, rows in groupby(found.days, key=lambda day: day["commitment_id"])
    }
    return [
        _figure(row, days[row["commitment_id"]], _name(row, names))
        for row in told
        if row["commitment_id"] in days
    ]


def _figure(row: figures.Row, days: Sequence[figures.Row], name: str) -> Figure:
    points = [
        charts.Usual(
            day["day"].date(), day["known"], day["low"], day["high"], expected=day["expected"]
        )
        for day in days
    ]
    last = max((at for at, day in enumerate(days) if day["known"] is not None), default=None)
    if last is not None:  # where the broken line begins
        points[last] = replace(points[last], expected=points[last].actual)
    unit, until = legible(row["unit"] or "", 40), f"{row['until']:%Y-%m-%d}"
    said = f"{numbers.money(row['expected'])} {unit} expected until {until}"
    if row["used_up_at"] is not None:
        said = f"expected to be used up on {row['used_up_at'] - DAY:%Y-%m-%d}"
    elif days[0]["measure"] == REMAINING:
        said = f"{numbers.money(row['left'])} {unit} expected to be left on {until}"
    legend = ((charts.USED[1], f"{days[0]['measure']}, then expected"), LIKELY)
    return Figure(legible(name, 60), said, charts.usual_band(points, from_zero=True), legend=legend)


def _without(found: Foreseen, names: Mapping[str, str]) -> list[str]:
    """Why of some nothing is forecast, or less than there is to say; those of one reason in one."""
    if found.reason is not None:
        return [f"{found.reason}."]
    reasons: dict[str, list[str]] = defaultdict(list)
    rows = found.commitments.rows()
    for row in rows:
        if row["reason"] is not None:
            reasons[row["reason"]].append(_name(row, names))
    known = {row["commitment_id"] for row in rows}
    if unknown := [name for each, name in names.items() if each not in known]:
        reasons[NO_HISTORY] = unknown
    return [f"{_listed(some)}: {reason}." for reason, some in reasons.items()]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_MAX:,} more" if len(names) > NAMES_MAX else ""
    return ", ".join(legible(name, 60) for name in names[:NAMES_MAX]) + more
