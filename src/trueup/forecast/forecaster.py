"""What will be used, with the interval in which 80 of 100 such forecasts came true.

The expectation is the mean of two models of ``statsforecast``: one that follows the level (for
days exponential smoothing with a weekly season, for hours a decomposition by hour of the day and
of the week), and the average of the last four weeks. Neither continues a trend: in the backtest
of docs/concepts/forecast.md trends that were continued cost more than they gave.

The interval is made of the errors that the same forecast would have made from every earlier week
of the same history (conformal prediction), so it is as wide as the history is unruly.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import NamedTuple, Protocol

import numpy as np

from trueup.errors import MissingDependency, UsageError
from trueup.forecast.series import DAY, HOUR, Amounts, Series, said

COVERAGE = 0.8  # of the intervals
WEEKS_MIN = 8  # whole weeks of history: 4 to learn from, and errors over 4 more
WEEKS_LEARNT = 4  # the fewest that a model is given
WEEKS_USED = {HOUR: 8, DAY: 26}  # the most
ORIGINS_MAX = {HOUR: 12, DAY: 26}  # earlier weeks whose errors make the interval
WEEKS_MEASURED_MIN = 3  # errors that far ahead, for an interval to be made of them
SPANS_MIN = 3  # how often a total's span fits into the history without overlap
STEADY = 0.01  # of the usual level: the least that a step is taken to differ by
CALM = 0.25  # of today's spread: the least that an earlier error is measured by
QUIET = 0.05  # of the usual level: what an error is measured by where nothing is expected


class Estimate(NamedTuple):
    """What is expected, and the 80 % interval around it; never below zero."""

    expected: Decimal
    low: Decimal
    high: Decimal


class Steps(NamedTuple):
    """The same for each hour or day, as binary numbers."""

    expected: Amounts
    low: Amounts
    high: Amounts


class Forecaster:
    """Forecasts of one series, from its end or, to test it, from any earlier step."""

    def __init__(self, series: Series) -> None:
        self.series = series.recent()
        self.season = series.season
        weeks = len(self.series.values) // self.season
        if weeks < WEEKS_MIN:
            raise UsageError(
                f"{series.name}: its history of {len(self.series.values):,} {said(series.step)}s "
                f"is {weeks} whole weeks: too short for a forecast, which needs {WEEKS_MIN}"
            )
        self.values = self.series.filled()
        self._known = ~np.isnan(self.series.values)
        self._models = _models(self.season)
        self._weeks: dict[int, Amounts] = {}

    def week(self, origin: int) -> Amounts:
        """What is expected of each step of the week that begins at ``origin``, and of all later."""
        if origin not in self._weeks:
            history = self.values[:origin][-WEEKS_USED[self.series.step] * self.season :]
            try:
                found = [each.forecast(y=history, h=self.season)["mean"] for each in self._models]
            except (ArithmeticError, LookupError, RuntimeError, ValueError) as error:
                raise UsageError(
                    f"{self.series.name}: its history cannot be followed: statsforecast: {error}"
                ) from error
            self._weeks[origin] = np.maximum(np.mean(found, axis=0), 0)
        return self._weeks[origin]

    def ahead(self, count: int, origin: int | None = None) -> Amounts:
        """What is expected of each of ``count`` steps."""
        return np.resize(self.week(self._origin(origin)), count)

    def steps(self, count: int, origin: int | None = None) -> Steps:
        """``count`` steps, each with its own interval.

        Errors are measured by how much that hour or day of the week usually varies; for weeks so
        far ahead that fewer than three errors are known they grow with the root of the time.
        """
        origin = self._origin(origin)
        expected = self.ahead(count, origin)
        weeks = -(-count // self.season)
        errors = [self._errors(origin, week) for week in range(weeks)]
        reach = max(
            (week for week, found in enumerate(errors) if len(found) >= WEEKS_MEASURED_MIN),
            default=0,
        )
        widths = [
            _quantile(np.concatenate(errors[min(week, reach)]), len(errors[min(week, reach)]))
            * np.sqrt(max(1, (week + 1) / (reach + 1)))
            for week in range(weeks)
        ]
        width = np.concatenate([each * self._spread(origin) for each in widths])[:count]
        return Steps(expected, np.maximum(expected - width, 0), expected + width)

    def total(self, count: int, origin: int | None = None) -> tuple[float, float, float]:
        """The sum of ``count`` steps with its interval.

        Errors of totals are measured relative to the total, over the longest span that fits three
        times into the history; beyond it they grow with the root of the time.
        """
        origin = self._origin(origin)
        if count == 0:
            return 0.0, 0.0, 0.0
        span = self.measured(count, origin)
        errors = []
        for earlier in self._earlier(origin):
            if earlier + span <= origin:
                total = self.ahead(span, earlier).sum()
                came = self.values[earlier : earlier + span].sum()
                errors.append(abs(came - total) / self._at_least(total, span, origin))
        independent = len(errors) * self.season / max(span, self.season)
        expected = self.ahead(count, origin).sum()
        share = _quantile(np.array(errors), independent) * np.sqrt(count / span)
        width = share * self._at_least(expected, count, origin)
        return expected, max(expected - width, 0.0), expected + width

    def until(self, end: datetime) -> Estimate:
        """The sum from the end of the history until ``end``; a part of a step counts in part."""
        whole, rest = divmod(max(end - self.series.end, timedelta()), self.series.step)
        part = rest / self.series.step
        under = self.total(whole)
        over = self.total(whole + 1) if part else under
        return Estimate(
            *(decimal(low + part * (high - low)) for low, high in zip(under, over, strict=True))
        )

    def measured(self, count: int, origin: int | None = None) -> int:
        """How many of ``count`` steps a total's errors are known for."""
        longest = (self._origin(origin) - WEEKS_LEARNT * self.season) // SPANS_MIN
        return min(count, max(longest, 1))

    def _origin(self, origin: int | None) -> int:
        return len(self.values) if origin is None else origin

    def _earlier(self, origin: int) -> range:
        """The same step of earlier weeks, latest first."""
        first = origin - ORIGINS_MAX[self.series.step] * self.season
        return range(origin - self.season, max(first, WEEKS_LEARNT * self.season) - 1, -self.season)

    def _errors(self, origin: int, week: int) -> list[Amounts]:
        """Errors of forecasts from earlier weeks, that many weeks ahead, in units of spread.

        Of what hardly differed then and does by now, the unit is a part of today's spread.
        """
        least = self._spread(origin) * CALM
        found = []
        for earlier in self._earlier(origin):
            start = earlier + week * self.season
            if start + self.season <= origin:
                span = slice(start, start + self.season)
                unit = np.maximum(self._spread(earlier), least)
                error = np.abs(self.values[span] - self.week(earlier)) / unit
                found.append(error[self._known[span]])
        return [each for each in found if len(each)]

    def _spread(self, origin: int) -> Amounts:
        """How much each step of the week differs over the last eight weeks.

        Never less than a part of the usual level: what never differed yet may do so.
        """
        history = self.values[:origin][-8 * self.season :]
        weeks = history[len(history) % self.season :].reshape(-1, self.season)
        found = np.abs(weeks - weeks.mean(axis=0)).mean(axis=0)
        least = max(STEADY * history.mean(), np.finfo(np.float64).tiny)
        spread: Amounts = np.maximum(found + found.mean() / 4, least)
        return spread

    def _at_least(self, total: float, span: int, origin: int) -> float:
        """A total to measure errors by: where next to nothing is expected, a part of the usual."""
        usual = self.values[:origin].mean() * span
        least: float = max(total, QUIET * usual, np.finfo(np.float64).tiny)
        return least


def expected(series: Series, end: datetime) -> Estimate:
    """The sum of a series of days from its end until an instant, the last day in part.

    Raises UsageError for a history shorter than WEEKS_MIN whole weeks, and MissingDependency
    without ``trueup[forecast]``.
    """
    if end <= series.end:
        return Estimate(Decimal(0), Decimal(0), Decimal(0))
    return Forecaster(series).until(end)


def decimal(value: float) -> Decimal:
    """A binary number as a decimal of six places: an estimate, no amount to book."""
    return Decimal(f"{value:.6f}")


class _Model(Protocol):
    def forecast(self, y: Amounts, h: int) -> dict[str, Amounts]: ...


@cache
def _models(season: int) -> tuple[_Model, ...]:
    """The two models for days (7 a week) or hours (168 a week)."""
    try:
        from statsforecast.models import MSTL, AutoETS, SeasonalWindowAverage
    except ImportError as error:
        raise MissingDependency("statsforecast", "forecast") from error
    level = (
        AutoETS(season_length=season, model="ANA")
        if season == 7
        else MSTL(season_length=[24, season], trend_forecaster=AutoETS(model="ANN"))
    )
    return level, SeasonalWindowAverage(season_length=season, window_size=4)


def _quantile(errors: Amounts, independent: float) -> float:
    """The error that 80 % stay within, a little more where few of them are independent."""
    if not len(errors):
        return 0.0
    return np.quantile(errors, min(1.0, COVERAGE * (1 + 1 / max(independent, 1.0))))
