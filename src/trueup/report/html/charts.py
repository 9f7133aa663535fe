"""The charts, drawn by Vega-Lite as static SVG: utilization, burn-down, allocation.

A chart is for the eye: here, and only here, figures become floats. Every figure that a chart
shows stands in a table, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trueup.model.display import legible
from trueup.report.html.series import Heat, Run
from trueup.report.html.svg import render

if TYPE_CHECKING:
    import altair as alt

# Told apart by lightness as well as by hue, so that print and colour-blind readers see them.
BANDS: tuple[tuple[str, str, Decimal], ...] = (
    ("95 % and more", "#1f6f8b", Decimal("0.95")),
    ("80 to 95 %", "#7fb7c9", Decimal("0.80")),
    ("50 to 80 %", "#f2b25c", Decimal("0.50")),
    ("under 50 %", "#c4501b", Decimal(0)),
)
NOT_KNOWN = ("not known", "#b9bfc4")
USED = ("used", "#2d7f9d")
UNUSED = ("unused", "#e39a3b")
REMAINING = ("remaining", "#2d7f9d")
BEST = "#c4501b"
USUAL = ("usual", "#c9dde6")
UNUSUAL = ("not as expected", "#c4501b")
WIDE = 1000
NARROW = 330
_LABEL_WIDE = 34
_LABEL_NARROW = 15


def band(share: Decimal | None) -> tuple[str, str]:
    """The name and colour of a utilization."""
    if share is None:
        return NOT_KNOWN
    return next((name, colour) for name, colour, floor in BANDS if share >= floor or floor == 0)


def middle_cut(text: str, length_max: int) -> str:
    """A label cut in its middle, of printable characters only (the renderer needs that)."""
    shown = legible(text)
    if len(shown) <= length_max:
        return shown
    head = (length_max - 1) // 2
    return f"{shown[:head]}…{shown[-(length_max - 1 - head) :]}"


def labels(names: Iterable[str], length_max: int) -> dict[str, str]:
    """A short label for each name; two names never share one."""
    found: dict[str, str] = {}
    for name in names:
        label = middle_cut(name, length_max)
        number = 2
        while label in found.values():
            label = f"{middle_cut(name, length_max - 3)} {number}"
            number += 1
        found[name] = label
    return found


def heat_map(
    cells: Sequence[Heat], names: Sequence[str], span: tuple[datetime, datetime], *, narrow: bool
) -> str:
    """Utilization, a row per commitment and a column per hour, day or week."""
    import altair as alt

    label = labels(names, _LABEL_NARROW if narrow else _LABEL_WIDE)
    values = [
        {
            "row": label[cell.commitment],
            "start": _milliseconds(cell.start),
            "end": _milliseconds(cell.end),
            "band": band(cell.share)[0],
        }
        for cell in cells
    ]
    scale = [*((name, colour) for name, colour, _ in BANDS), NOT_KNOWN]
    space = 1 if narrow else 2
    chart = (
        alt.Chart({"values": values})
        .mark_rect(aria=False, x2Offset=-space)
        .encode(
            x=_time_axis(*span, narrow=narrow),
            x2="end:T",
            y=alt.Y(
                "row:N",
                sort=[label[name] for name in names],
                title=None,
                scale=alt.Scale(paddingInner=0.16),
                axis=alt.Axis(ticks=False, domain=False, labelLimit=260, labelPadding=8),
            ),
            color=alt.Color(
                "band:N",
                legend=None,
                scale=alt.Scale(
                    domain=[name for name, _ in scale], range=[colour for _, colour in scale]
                ),
            ),
        )
    )
    label_width = 6.1 * max(map(len, label.values())) + 14
    width = (NARROW if narrow else WIDE) - label_width
    return _draw(chart, width=width, height=len(names) * (22 if narrow else 26))


def burn_down(run: Run) -> str:
    """One commitment over the period: used and unused stacked, or what remains of it."""
    import altair as alt

    axis = _time_axis(run.points[0].start, run.points[-1].end, narrow=True)
    if run.term:
        values: list[dict[str, Any]] = [
            {"start": _milliseconds(point.end), "value": float(point.remaining)}
            for point in run.points
            if point.remaining is not None
        ]
        chart = (
            alt.Chart({"values": values})
            .mark_area(
                aria=False,
                color=REMAINING[1],
                fillOpacity=0.22,
                line={"color": REMAINING[1], "strokeWidth": 2},
            )
            .encode(x=axis, y=alt.Y("value:Q", axis=_number_axis(), scale=alt.Scale(zero=True)))
        )
        return _draw(chart, width=270, height=110)
    stacks = [(point.start, point.end, (point.used, point.unused)) for point in run.points]
    return _columns(stacks, (USED, UNUSED), axis)


def daily_burn(days: Sequence[tuple[datetime, Decimal, Decimal]]) -> str:
    """What was burned by day: billed, and accrued on top of it."""
    day = timedelta(days=1)
    axis = _time_axis(days[0][0], days[-1][0] + day, narrow=True)
    stacks = [(start, start + day, (billed, accrued)) for start, billed, accrued in days]
    return _columns(stacks, (USED, UNUSED), axis)


def _columns(
    stacks: Sequence[tuple[datetime, datetime, tuple[Decimal | None, Decimal | None]]],
    parts: Sequence[tuple[str, str]],
    axis: alt.X,
) -> str:
    """Columns of two parts, the second on top of the first."""
    import altair as alt

    values = [
        {
            "start": _milliseconds(start),
            "end": _milliseconds(end),
            "low": low,
            "high": high,
            "part": part,
        }
        for start, end, amounts in stacks
        for part, low, high in _stack(*amounts)
    ]
    chart = (
        alt.Chart({"values": values})
        .mark_rect(aria=False, x2Offset=-1)
        .encode(
            x=axis,
            x2="end:T",
            y=alt.Y("low:Q", axis=_number_axis(), scale=alt.Scale(zero=True)),
            y2="high:Q",
            color=alt.Color(
                "part:N",
                legend=None,
                scale=alt.Scale(
                    domain=[name for name, _ in parts], range=[colour for _, colour in parts]
                ),
            ),
        )
    )
    return _draw(chart, width=270, height=110)


def _number_axis(form: str = "~s") -> alt.Axis:
    import altair as alt

    return alt.Axis(
        title=None, tickCount=3, domain=False, ticks=False, format=form, gridDash=[2, 3]
    )


def _stack(used: Decimal | None, unused: Decimal | None) -> list[tuple[str, float, float]]:
    """Used, and unused on top of it; what is not known is left blank, not drawn as nought."""
    if used is None:
        return []
    middle = float(used)
    parts = [(USED[0], 0.0, middle)]
    if unused is not None:
        parts.append((UNUSED[0], middle, middle + float(unused)))
    return parts


@dataclass(frozen=True)
class Usual:
    """A day of a series beside what is usual, or expected; None where that is not known."""

    day: date
    actual: Decimal | None
    low: Decimal | None
    high: Decimal | None
    marked: bool = False
    expected: Decimal | None = None  # of a day to come


def usual_band(points: Sequence[Usual], *, from_zero: bool) -> str:
    """A series by day as a line over the band of what is usual, the marked days as dots.

    What is expected of days to come goes on as a broken line.
    """
    import altair as alt

    values: list[dict[str, Any]] = [
        {
            "start": _midnight(point.day),
            "value": None if point.actual is None else float(point.actual),
            "expected": None if point.expected is None else float(point.expected),
            "low": None if point.low is None else float(_at_least_zero(point.low)),
            "high": None if point.high is None else float(point.high),
            "marked": point.marked,
        }
        for point in points
    ]
    last = points[-1].day + timedelta(days=1)
    axis = _time_axis(_moment(points[0].day), _moment(last), narrow=True)
    drawn = (amount for point in points for amount in (point.actual, point.expected))
    form = "~s" if any(amount is not None and abs(amount) >= 1 for amount in drawn) else "~g"
    number = _number_axis(form)
    height = alt.Y("value:Q", title=None, axis=number, scale=alt.Scale(zero=from_zero))
    base = alt.Chart({"values": values}).encode(x=axis)
    area = base.mark_area(aria=False, color=USUAL[1]).encode(
        y=alt.Y("low:Q", title=None, axis=number, scale=alt.Scale(zero=from_zero)), y2="high:Q"
    )
    line = base.mark_line(aria=False, color=USED[1], strokeWidth=1.6).encode(y=height)
    ahead = base.mark_line(aria=False, color=USED[1], strokeWidth=1.6, strokeDash=[3, 3]).encode(
        y=alt.Y("expected:Q", title=None, axis=number, scale=alt.Scale(zero=from_zero))
    )
    dots = base.transform_filter("datum.marked").mark_point(
        aria=False, color=UNUSUAL[1], filled=True, size=64, opacity=1
    )
    layers = [area, line, dots.encode(y=height)]
    if any(point.expected is not None for point in points):
        layers.append(ahead)
    return _draw(alt.layer(*layers), width=270, height=110)


def _at_least_zero(value: Decimal) -> Decimal:
    return max(value, Decimal(0))


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _midnight(day: date) -> int:
    return _milliseconds(_moment(day))


def bars(values: Sequence[tuple[str, Decimal]]) -> str:
    """Costs as horizontal bars, largest first; labels are the reader's own words."""
    import altair as alt

    label = labels([name for name, _ in values], 22)
    data = [{"who": label[name], "cost": float(cost)} for name, cost in values]
    chart = (
        alt.Chart({"values": data})
        .mark_bar(aria=False, color=USED[1], cornerRadiusEnd=2, height=13)
        .encode(
            x=alt.X(
                "cost:Q",
                title=None,
                axis=_number_axis(),
            ),
            y=alt.Y(
                "who:N",
                sort=list(label.values()),
                title=None,
                axis=alt.Axis(ticks=False, domain=False, labelLimit=170, labelPadding=6),
            ),
        )
    )
    return _draw(chart, width=330 - 6.3 * max(map(len, label.values())), height=len(data) * 22)


def cost_curve(
    points: Sequence[tuple[Decimal, Decimal]],
    best: tuple[Decimal, Decimal],
    span: tuple[Decimal, Decimal] | None,
    *,
    narrow: bool,
) -> str:
    """What levels cost, the best marked, with the span of levels that were best of other weeks."""
    import altair as alt

    def values(found: Sequence[tuple[Decimal, Decimal]]) -> dict[str, Any]:
        return {"values": [{"level": float(level), "cost": float(cost)} for level, cost in found]}

    def axis(title: str) -> alt.Axis:
        return alt.Axis(
            title=title,
            titleFontWeight="normal",
            tickCount=4 if narrow else 8,
            format="~s",
            domain=False,
            ticks=False,
            gridDash=[2, 3],
        )

    across = axis("committed in each hour")
    x = alt.X("level:Q", axis=across, scale=alt.Scale(nice=False))
    y = alt.Y("cost:Q", axis=axis("cost of these hours"), scale=alt.Scale(zero=True))
    line = alt.Chart(values(points)).mark_line(aria=False, color=USED[1], strokeWidth=2)
    dot = alt.Chart(values([best])).mark_circle(aria=False, color=BEST, size=90, opacity=1)
    layers: list[alt.Chart] = [line.encode(x=x, y=y), dot.encode(x=x, y=y)]
    if span is not None:
        ends = {"values": [{"low": float(span[0]), "high": float(span[1])}]}
        shade = alt.Chart(ends).mark_rect(
            aria=False, color=UNUSED[1], fillOpacity=0.25, stroke=UNUSED[1], strokeWidth=1
        )
        layers.insert(0, shade.encode(x=alt.X("low:Q", axis=across), x2="high:Q"))
    width, height = (NARROW - 70, 190) if narrow else (WIDE - 60, 260)
    return _draw(alt.layer(*layers), width=width, height=height)


def _time_axis(start: datetime, end: datetime, *, narrow: bool) -> alt.X:
    import altair as alt

    hours = (end - start).total_seconds() / 3600
    form = "%H:%M" if hours <= 24 else "%-d %b %H:%M" if hours <= 72 else "%-d %b"
    return alt.X(
        "start:T",
        title=None,
        scale=alt.Scale(type="utc", domain=[_milliseconds(start), _milliseconds(end)], nice=False),
        axis=alt.Axis(
            format=form,
            tickCount=4 if narrow else 10,
            labelAlign="left",
            labelOffset=0,
            grid=False,
            domain=False,
            tickSize=4,
            labelFlush=False,
            labelOverlap="greedy",
            labelBound=True,
        ),
    )


def _draw(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart, *, width: float, height: float
) -> str:
    specification: dict[str, Any] = (
        chart.properties(width=round(width), height=round(height))
        .configure(
            background="transparent",
            font="Helvetica",
            padding={"left": 2, "right": 6, "top": 4, "bottom": 2},
        )
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=11)
        .to_dict()
    )
    return render(specification)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
