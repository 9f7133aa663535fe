"""How forecasts of a history would have fared: made again from every earlier week of it.

Every forecast sees only what lies before its origin, its interval too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trueup.errors import UsageError
from trueup.forecast.forecaster import WEEKS_MIN, Forecaster, decimal
from trueup.forecast.series import Series, said


@dataclass(frozen=True)
class Score:
    """What a backtest of one series found; errors are in its unit, means over steps."""

    name: str
    step: str  # hour | day
    weeks: int  # of history that forecasts were compared with
    origins: int  # forecasts made
    ahead: int  # steps each
    error: float  # mean absolute error
    naive: float  # that of the same hour or day of the week before (seasonal naive)
    coverage: float  # share of steps within their 80 % interval
    total_coverage: float | None  # share of totals within theirs

    @property
    def ratio(self) -> float | None:
        """Error against that of the seasonal naive forecast (None where that has none)."""
        return self.error / self.naive if self.naive else None

    def row(self) -> dict[str, Any]:
        """As a row of BACKTESTS."""
        return {
            "name": self.name,
            "step": self.step,
            "weeks": self.weeks,
            "forecasts": self.origins,
            "steps_ahead": self.ahead,
            "error": decimal(self.error),
            "naive_error": decimal(self.naive),
            "ratio": None if self.ratio is None else decimal(self.ratio),
            "coverage": decimal(self.coverage),
            "total_coverage": (
                None if self.total_coverage is None else decimal(self.total_coverage)
            ),
        }


def backtest(series: Series, weeks_ahead: int, origins_max: int | None = None) -> Score:
    """Forecast so many weeks from every week of the history (or the last ``origins_max``).

    Holes are not compared. Raises UsageError where the history is too short for one forecast.
    """
    forecaster = Forecaster(series)
    season, known = forecaster.season, forecaster.series.values
    ahead = weeks_ahead * season
    offset = len(known) % season
    origins = range(offset + WEEKS_MIN * season, len(known) - ahead + 1, season)
    origins = origins[-origins_max:] if origins_max else origins
    if not origins:
        raise UsageError(
            f"{series.name}: {len(known):,} {said(series.step)}s are too short for a backtest of "
            f"{weeks_ahead} weeks, which needs {WEEKS_MIN + weeks_ahead}"
        )
    errors, naives, within, totals = [], [], [], []
    for origin in origins:
        came = known[origin : origin + ahead]
        found = forecaster.steps(ahead, origin)
        naive = np.resize(forecaster.values[origin - season : origin], ahead)
        there = ~np.isnan(came)
        errors.append(np.abs(came - found.expected)[there])
        naives.append(np.abs(came - naive)[there])
        within.append(((found.low <= came) & (came <= found.high))[there])
        if there.all():
            _, low, high = forecaster.total(ahead, origin)
            totals.append(low <= came.sum() <= high)
    return Score(
        series.name,
        said(series.step),
        (len(origins) - 1 + weeks_ahead),
        len(origins),
        ahead,
        np.concatenate(errors).mean(),
        np.concatenate(naives).mean(),
        np.concatenate(within).mean(),
        np.mean(totals) if totals else None,
    )
