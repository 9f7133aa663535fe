"""The section of days that were not as expected, each drawn beside what is usual."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from trueup.forecast.anomaly import SPEND, UTILIZATION, Anomaly, too_short
from trueup.forecast.cause import Explained
from trueup.forecast.daily import Daily, on, series
from trueup.forecast.season import expectation
from trueup.model.display import legible
from trueup.report import numbers
from trueup.report.anomalies import drivers, of_result, subject, unusual
from trueup.report.html import charts, view
from trueup.report.html.section import Block, Section, grid, listing
from trueup.report.html.view import Cell, Column, Figure, Grid

if TYPE_CHECKING:
    from trueup.report.result import Result

DRAWN_MAX = 6
LEGEND = ((charts.USED[1], "by day"), (charts.USUAL[1], "usual"))
SAID = {
    SPEND: "cost of {}",
    "price": "price of a unit of {}",
    "quantity": "use of {}",
    UTILIZATION: "utilization of {}",
}


def anomalies(result: Result) -> Section | None:
    """Unusual days by money, with what drove them; none where the bill has no day of use."""
    known = result.once(of_result)
    if not known.totals:
        return None
    why = too_short(known)
    if why is not None:
        form = Grid("Days that were not as expected", (), empty=why)
        return Section("anomalies", "Unusual days", [], [grid(form)])
    rows = result.once(unusual)
    form = Grid(
        "Days that were not as expected",
        (
            Column("Day"),
            Column("Cost beyond expectation", "number"),
            Column("Of", "prose"),
            Column("Was", "number"),
            Column("Expected", "number"),
            Column("Drove it", "prose"),
        ),
        empty="Nothing unusual.",
        stacked=True,
    )
    lead = (
        f"Each of the {len(known.days)} days beside the other days of four weeks before and after "
        "it. What is expected is an estimate; what a day cost beyond it is exact."
    )
    drawn = [_figure(one.anomaly, known) for one in rows[:DRAWN_MAX]] or _wholes(known)
    blocks = [*listing(form, rows, _cells, "spend"), Block("multiples", figures=drawn)]
    return Section("anomalies", "Unusual days", [lead], blocks)


def _cells(one: Explained) -> list[Cell]:
    anomaly = one.anomaly
    effects = None
    if one.effects is not None:
        effects = (
            f"{numbers.money(one.effects.quantity)} by quantity, "
            f"{numbers.money(one.effects.price)} by price"
        )
    return [
        view.text(_day(anomaly)),
        view.money(anomaly.money, anomaly.currency),
        view.text(SAID[anomaly.measure].format(subject(anomaly))),
        _figure_cell(anomaly, anomaly.actual),
        _figure_cell(anomaly, anomaly.expected.amount),
        view.text(drivers(one), effects),
    ]


def _day(anomaly: Anomaly) -> str:
    return f"{anomaly.day.day} {anomaly.day:%b}"


def _figure_cell(anomaly: Anomaly, value: Decimal) -> Cell:
    if anomaly.measure == UTILIZATION:
        return view.share(value)
    if anomaly.measure == SPEND:
        return view.money(value, None)
    return view.quantity(value, None)


def _figure(anomaly: Anomaly, known: Daily) -> Figure:
    said = (
        f"{numbers.money(anomaly.money)} {legible(anomaly.currency or '', 12)} beyond expectation"
    )
    name = f"{_day(anomaly)}: {SAID[anomaly.measure].format(subject(anomaly))}"
    drawn = _band(anomaly.amounts, known.days, anomaly.day)
    legend = (*LEGEND, (charts.UNUSUAL[1], charts.UNUSUAL[0]))
    svg = charts.usual_band(drawn, from_zero=anomaly.measure != "price")
    return Figure(legible(name, 90), said, svg, legend=legend)


def _wholes(known: Daily) -> list[Figure]:
    """The whole cost of use, by currency."""
    figures = []
    for (code,), amounts in sorted(series(known.spend, ("currency",), "cost").items(), key=str):
        drawn = _band(on(known.days, amounts), known.days)
        if drawn:
            svg = charts.usual_band(drawn, from_zero=True)
            figures.append(
                Figure(f"Cost of use, {legible(code or '', 12)}", "as usual", svg, legend=LEGEND)
            )
    return figures[:DRAWN_MAX]


def _band(
    amounts: Mapping[date, Decimal], days: tuple[date, ...], marked: date | None = None
) -> list[charts.Usual]:
    points = []
    for day in days:
        if day in amounts:
            usual = expectation(day, amounts)
            low, high = (usual.low, usual.high) if usual else (None, None)
            points.append(charts.Usual(day, amounts[day], low, high, day == marked))
    return points
