"""The days that a picture of a commitment shows: what is known, then what is to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow.compute as pc

from trueup.forecast.expiry import left
from trueup.forecast.forecaster import Estimate, Forecaster, decimal
from trueup.forecast.histories import Known
from trueup.forecast.series import DAY, Series

USED, REMAINING = "used", "remaining"
DAYS_BEFORE = 56  # that are known, at least: as many as those to come
DAYS_AHEAD = {USED: 56, REMAINING: 184}  # at most


def picture(
    forecaster: Forecaster, row: Mapping[str, Any], runs: Sequence[Known]
) -> list[dict[str, Any]]:
    """Rows of ``FORECAST_DAYS`` up to where ``row``, of ``FORECASTS``, looks.

    What remains at the end of each day, where that is known by day; else what is used in each.
    """
    series = forecaster.series
    remained = _remained(runs, series.name)
    falls = row["remaining"] is not None and remained.get(series.end - DAY) == row["remaining"]
    known, measure = (remained, REMAINING) if falls else (_used(series), USED)
    ahead = min(-((series.end - row["until"]) // DAY), DAYS_AHEAD[measure])
    if falls:
        ends = (series.end + number * DAY for number in range(1, ahead + 1))
        to_come = [left(row["remaining"], forecaster.until(end)) for end in ends]
    else:
        steps = zip(*forecaster.steps(ahead), strict=True)
        to_come = [Estimate(*map(decimal, step)) for step in steps]
    first = series.end - max(ahead, DAYS_BEFORE) * DAY
    days = [day for day in sorted(known) if first <= day < series.end]
    return [
        {"commitment_id": series.name, "measure": measure, **one}
        for one in (
            *({"day": day, "known": known[day]} for day in days),
            *(
                {"day": series.end + number * DAY, **each._asdict()}
                for number, each in enumerate(to_come)
            ),
        )
    ]


def _used(series: Series) -> dict[datetime, Decimal]:
    return {
        series.start + number * DAY: decimal(value)
        for number, value in enumerate(series.values)
        if not np.isnan(value)
    }


def _remained(runs: Sequence[Known], commitment: str) -> dict[datetime, Decimal]:
    found = {}
    for run in runs:
        days = run.table("burn_down").select(["commitment_id", "day", "remaining"])
        for row in days.filter(pc.equal(days["commitment_id"], commitment)).to_pylist():
            if row["remaining"] is not None:
                found[row["day"]] = row["remaining"]
    return found
