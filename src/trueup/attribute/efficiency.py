"""What was got for what was spent: tokens, requests and sessions per credit and per GPU-hour.

A quantity stands beside the cost of its provider: where that bills in one currency it belongs to
this currency, so that no token is divided by money that did not pay for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trueup.errors import UnitError, UsageError
from trueup.units import factor

if TYPE_CHECKING:
    import pyarrow as pa

DECIMALS = 18
MILLION = 10**6
BY = ("team", "agent", "model")
OVER = ("period", "day", "week")
TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
# meter -> (figure, unit); where capacity is told apart, it ends the figure's name
COUNTED = {
    **dict.fromkeys(TOKENS, ("tokens", "Tokens")),
    "requests": ("requests", "Requests"),
    "tool_calls": ("tool_calls", "Calls"),
    "gpu": ("gpu_hours", "GPU-Hours"),
    "tpu_chip": ("chip_hours", "TPU-Chip-Hours"),
}
CAPACITIES = {"allocated": "held", "busy": "busy"}
RATIOS = {  # figure -> dividend, divisor, times
    "gpu_utilization": ("gpu_hours_busy", "gpu_hours_held", 1),
    "chip_utilization": ("chip_hours_busy", "chip_hours_held", 1),
    "tokens_per_credit": ("tokens", "cost", 1),
    "requests_per_credit": ("requests", "cost", 1),
    "sessions_per_credit": ("sessions", "cost", 1),
    "tokens_per_gpu_hour": ("tokens", "gpu_hours_held", 1),
    "requests_per_gpu_hour": ("requests", "gpu_hours_held", 1),
    "sessions_per_gpu_hour": ("sessions", "gpu_hours_held", 1),
    "cost_per_million_tokens": ("cost", "tokens", MILLION),
}

Key = tuple[date | None, str | None, str | None]  # first day of the span, name, currency
Figures = dict[str, Fraction | None]


@dataclass(frozen=True)
class Span:
    """A period, and the steps it is looked at in."""

    start: datetime
    end: datetime
    over: str

    def step(self, day: date) -> date | None:
        """The first day of the step that a day is in; weeks begin on Monday."""
        if self.over == "week":
            return day - timedelta(days=day.weekday())
        return day if self.over == "day" else None

    def bounds(self, step: date | None) -> tuple[datetime, datetime]:
        """A step within the period."""
        if step is None:
            return self.start, self.end
        begin = datetime.combine(step, time(), UTC)
        end = begin + timedelta(days=7 if self.over == "week" else 1)
        return max(begin, self.start), min(end, self.end)


@dataclass
class _Sums:
    by: str
    span: Span
    figures: dict[Key, Figures] = field(default_factory=lambda: defaultdict(dict))

    def add(self, key: Key, figure: str, amount: Decimal | int | None, times: Fraction) -> None:
        """Add to a figure; what is not known makes the whole of it unknown."""
        figures = self.figures[key]
        known = figures.get(figure, Fraction(0))
        both = None if amount is None or known is None else known + Fraction(amount) * times
        figures[figure] = both


def check(by: str, over: str) -> None:
    """Raise UsageError for another ``by`` or ``over`` than there is."""
    if by not in BY or over not in OVER:
        raise UsageError(
            f"efficiency by {by!r} over {over!r}: it is by {', '.join(BY)} and over "
            f"{', '.join(OVER)}"
        )


def efficiency(
    span: Span,
    by: str,
    spend: pa.RecordBatchReader,
    activity: pa.RecordBatchReader,
    allocations: Iterable[pa.RecordBatchReader],
) -> list[dict[str, Any]]:
    """Rows of ``EFFICIENCY``, by time, then the largest cost first within a currency.

    Costs are those of use, with what is accrued. What is nobody's comes last in its time and has no
    ratio: what stood idle bought nothing. A figure is null where nothing of it is known, a
    ratio where its divisor is zero or unknown; quotients are half-even at 18 decimals. Raises
    UsageError for another ``by`` or ``over`` than there is.
    """
    check(by, span.over)
    from trueup.model.day_sums import LONGEST, by_day

    longest = {"day": LONGEST, "week": timedelta(days=7)}.get(span.over)
    costs = by_day(spend, ("provider", by, "currency"), ("cost",), longest=longest)
    metered = by_day(
        activity, ("provider", by, "meter", "capacity", "unit"), ("quantity",), longest=longest
    )
    sums = _Sums(by, span)
    currencies: dict[str | None, set[str]] = defaultdict(set)
    for row in costs.to_pylist():
        key = (span.step(row["day"]), row[by], row["currency"])
        sums.add(key, "cost", row["cost"], Fraction(1))
        currencies[row["provider"]].add(row["currency"])
    for row in metered.to_pylist():
        _count(sums, row, currencies[row["provider"]])
    if span.over == "period":
        for reader in allocations:
            for (name, currency), count in _sessions(reader, by).items():
                sums.add((None, name, currency), "sessions", count, Fraction(1))
    return _rows(sums)


def _count(sums: _Sums, row: Mapping[str, Any], currencies: set[str]) -> None:
    figure, unit = COUNTED.get(row["meter"], (None, ""))
    if figure is None:
        return
    try:
        times = factor(row["unit"], unit)
    except UnitError:  # of another dimension: instances, say, that hold GPUs
        return
    if figure.endswith("_hours"):
        figure = f"{figure}_{CAPACITIES[row['capacity']]}"
    [currency] = currencies if len(currencies) == 1 else [None]
    sums.add((sums.span.step(row["day"]), row[sums.by], currency), figure, row["quantity"], times)


def _sessions(reader: pa.RecordBatchReader, by: str) -> dict[tuple[str | None, str | None], int]:
    """Distinct sessions by name and currency."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = ["session", by, "currency"]
    parts = [reader.schema.empty_table().select(names)]
    for batch in reader:
        rows = pa.Table.from_batches([batch.select(names)])
        parts.append(rows.group_by(names, use_threads=False).aggregate([]))
    distinct = pa.concat_tables(parts).group_by(names, use_threads=False).aggregate([])
    known = distinct.filter(pc.is_valid(distinct["session"]))
    counted = known.group_by([by, "currency"]).aggregate([("session", "count")])
    return {(row[by], row["currency"]): row["session_count"] for row in counted.to_pylist()}


def _rows(sums: _Sums) -> list[dict[str, Any]]:
    rows = []
    for (step, name, currency), figures in sums.figures.items():
        start, end = sums.span.bounds(step)
        row: dict[str, Any] = {
            "start": start,
            "end": end,
            "by": sums.by,
            "name": name,
            "currency": currency,
            **{figure: half_even(amount) for figure, amount in figures.items()},
        }
        for ratio, (dividend, divisor, times) in RATIOS.items():
            above, below = figures.get(dividend), figures.get(divisor)
            if name is None or above is None or not below:
                row[ratio] = None
            else:
                row[ratio] = half_even(above * times / below)
        if "sessions" in figures:
            row["sessions"] = int(figures["sessions"] or 0)
        rows.append(row)
    return sorted(
        rows,
        key=lambda row: (
            row["start"],
            row["name"] is None,
            row["currency"] is None,
            row["currency"] or "",
            -(row.get("cost") or 0),
            row["name"] or "",
        ),
    )


def half_even(amount: Fraction | None) -> Decimal | None:
    """The nearest decimal with 18 places, of two the even one."""
    if amount is None:
        return None
    return Decimal(round(amount * 10**DECIMALS)).scaleb(-DECIMALS)
