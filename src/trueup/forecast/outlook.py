"""Forecasts of every commitment in the tables of runs: use, what will lapse, until when to act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.compute as pc

from trueup.errors import UsageError
from trueup.forecast.backtest import backtest
from trueup.forecast.expiry import Balance, busiest_day, last_day, left, money, used_up_at
from trueup.forecast.forecaster import Estimate, Forecaster, decimal
from trueup.forecast.histories import Known, histories
from trueup.forecast.picture import picture
from trueup.forecast.series import DAY, HOUR, Series, said
from trueup.model.forecast_schema import BACKTESTS, FORECAST_DAYS, FORECAST_STEPS, FORECASTS
from trueup.model.table import Table

HORIZON_DAYS = 28  # of what does not expire, or expires interval by interval
STEPS = {"day": DAY, "hour": HOUR}
HOURS_WEEKS_AHEAD, DAYS_WEEKS_AHEAD = 1, 4  # of a backtest
ONE = Decimal(1)


class Outlook:
    """What is to come of commitments, told from the runs of successive periods.

    ``commitment`` keeps one of them; ``horizon_days`` ends every forecast that long after its
    history, or at the expiry where that is earlier. Raises UsageError for a commitment that has
    no history.
    """

    def __init__(
        self,
        runs: Sequence[Known],
        commitment: str | None = None,
        horizon_days: int | None = None,
    ) -> None:
        if horizon_days is not None and horizon_days < 1:
            raise UsageError(f"horizon {horizon_days}: it is a number of days, 1 or more")
        self.runs = runs
        self.commitment = commitment
        self.horizon = None if horizon_days is None else horizon_days * DAY
        self._histories: dict[tuple[timedelta, str], list[Series]] = {}  # each read once
        self._made: dict[tuple[str, str | None, timedelta], Forecaster] = {}

    @cached_property
    def commitments(self) -> Table:
        """One row per commitment: use until its expiry, what will be left, what that is worth."""
        unused = {each.name: each for each in self._series(DAY, "unused_quantity")}
        rows = [self._row(each, unused.get(each.name)) for each in self._series(DAY)]
        return Table.from_rows(FORECASTS, rows)

    def steps(self, by: str = "day") -> Table:
        """Every day or hour to come, up to the horizon; ``without_steps`` names who has none."""
        rows: list[dict[str, Any]] = []
        for series, forecaster in self._forecasters(by):
            if isinstance(forecaster, str):
                continue
            count = (self.horizon or HORIZON_DAYS * DAY) // series.step
            found = forecaster.steps(count)
            for number, (expected, low, high) in enumerate(zip(*found, strict=True)):
                start = forecaster.series.end + number * series.step
                rows.append(
                    {
                        **_named(series),
                        "start": start,
                        "end": start + series.step,
                        "expected": decimal(expected),
                        "low": decimal(low),
                        "high": decimal(high),
                    }
                )
        return Table.from_rows(FORECAST_STEPS, rows)

    def pictures(self, rows: Sequence[Mapping[str, Any]]) -> Table:
        """Known days and days to come of some rows of ``commitments``."""
        wanted = {(row["commitment_id"], row["unit"]): row for row in rows}
        found: list[dict[str, Any]] = []
        for series, forecaster in self._forecasters("day"):
            row = wanted.get((series.name, series.unit))
            if row is not None and not isinstance(forecaster, str):
                found += picture(forecaster, row, self.runs)
        return Table.from_rows(FORECAST_DAYS, found)

    def without_steps(self, by: str = "day") -> dict[str, str]:
        """Commitment -> why it has no ``steps``: a history too short."""
        return {
            series.name: found for series, found in self._forecasters(by) if isinstance(found, str)
        }

    def _forecasters(self, by: str) -> Iterator[tuple[Series, Forecaster | str]]:
        """A forecaster of each history, or why there is none."""
        for series in self._series(STEPS[by]):
            try:
                yield series, self._forecaster(series)
            except UsageError as error:
                yield series, _said(error, series)

    def _forecaster(self, series: Series) -> Forecaster:
        """The forecaster of a history of use: it remembers the weeks that it was asked for."""
        key = (series.name, series.unit, series.step)
        if key not in self._made:
            self._made[key] = Forecaster(series)
        return self._made[key]

    def backtest(self, by: str = "day") -> Table:
        """How these forecasts would have fared on the same histories."""
        weeks = HOURS_WEEKS_AHEAD if by == "hour" else DAYS_WEEKS_AHEAD
        rows = [_scored(series, weeks) for series in self._series(STEPS[by])]
        return Table.from_rows(BACKTESTS, rows)

    def _series(self, step: timedelta, column: str = "used_quantity") -> list[Series]:
        key = (step, column)
        if key not in self._histories:
            self._histories[key] = histories(self.runs, step, column) if self.runs else []
        found = self._histories[key]
        if self.commitment is None:
            return found
        names = [each.name for each in found]
        if self.runs and self.commitment not in names and column == "used_quantity":
            close = get_close_matches(self.commitment, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"
            raise UsageError(f"{self.commitment}: no such commitment has a history; {hint}")
        return [each for each in found if each.name == self.commitment]

    def _row(self, series: Series, unused: Series | None) -> dict[str, Any]:
        history = series.recent()
        row: dict[str, Any] = {
            **_named(series),
            "history_start": history.start,
            "history_end": history.end,
            "holes": history.holes,
            "used": decimal(np.nansum(history.values)),
            "busiest_day": decimal(busiest_day(history.values)),
        }
        expires, balance, reason = self._standing(history, by_interval=unused is not None)
        if balance is not None:
            row |= {"remaining": balance.remaining, "currency": balance.currency}
        far = self.horizon or (None if balance else HORIZON_DAYS * DAY)
        ends = [expires, None if far is None else history.end + far]
        until = min(end for end in ends if end is not None)
        if until <= history.end:
            return {**row, "until": until, "reason": "it has expired"}
        if not np.nansum(history.values):
            return {**row, "until": until, "reason": "nothing of it was used yet"}
        try:
            ahead = self._ahead(self._forecaster(series), until, unused, balance)
        except UsageError as error:
            return {**row, "until": until, "reason": _said(error, series)}
        return {**row, "reason": reason, **ahead}

    def _ahead(
        self,
        forecaster: Forecaster,
        until: datetime,
        unused: Series | None,
        balance: Balance | None,
    ) -> dict[str, Any]:
        """What is to come, and what will be left of it."""
        series = forecaster.series
        use = forecaster.until(until)
        measured = forecaster.measured((until - series.end) // DAY)
        row: dict[str, Any] = {
            "until": until,
            "measured_until": min(until, series.end + measured * DAY),
            **_spread("expected", use),
        }
        if unused is not None:
            lapses = Forecaster(unused).until(until)
            cost, currency = self._cost_of_interval(series)
            row |= {"currency": currency, **_spread("at_risk", money(lapses, cost))}
            return row | _spread("left", lapses)
        if balance is not None:
            lapses = left(balance.remaining, use)
            row |= {
                **_spread("left", lapses),
                "last_day": last_day(forecaster, balance),
                "used_up_at": used_up_at(forecaster, balance),
            }
            if until == balance.expires_at:
                row |= _spread("at_risk", money(lapses, balance.cost))
        return row

    def _standing(
        self, series: Series, *, by_interval: bool
    ) -> tuple[datetime | None, Balance | None, str | None]:
        """When it expires, what remains of it, and why that is not known."""
        for row in self._latest("agreements", series.name):
            if row["status"] == "met" or row["due_at"] is None or row["due_at"] <= series.end:
                continue
            if row["target"] is None or row["counted"] is None:
                return row["due_at"], None, row["reason"] or "what counted so far is not known"
            short = max(row["target"] - row["counted"], Decimal(0))
            return row["due_at"], Balance(short, row["due_at"], ONE, row["unit"]), None
        terms = [*self._latest("credits", series.name), *self._latest("commitments", series.name)]
        expires = next((row["expires_at"] for row in terms if row["expires_at"]), None)
        if by_interval or expires is None:
            return expires, None, None
        for row in self._latest("burn_down", series.name):
            if row["day"] + DAY == series.end and row["remaining"] is not None:
                cost, currency = _cost(terms[0], series.unit)
                return expires, Balance(row["remaining"], expires, cost, currency), None
        return expires, None, "what remains of it is not known"

    def _latest(self, name: str, commitment: str) -> list[dict[str, Any]]:
        """Rows of the newest run that has any of this commitment."""
        for run in reversed(self.runs):
            table = run.table(name)
            found = table.filter(pc.equal(table["commitment_id"], commitment))
            if len(found):
                rows: list[dict[str, Any]] = found.to_pylist()
                return rows
        return []

    def _cost_of_interval(self, series: Series) -> tuple[Decimal | None, str | None]:
        """What a unit of an hour's or day's commitment costs: its fee over what it promises."""
        for row in self._latest("commitments", series.name):
            if row["committed_cost"] is not None and row["committed_quantity"]:
                return row["committed_cost"] / row["committed_quantity"], row["currency"]
        return None, None


def _named(series: Series) -> dict[str, Any]:
    return {"commitment_id": series.name, "provider": series.provider, "unit": series.unit}


def _cost(terms: dict[str, Any], unit: str | None) -> tuple[Decimal | None, str | None]:
    """Of a unit of a lot: what its contract says, or one where the unit is the currency."""
    currency: str | None = terms["currency"]
    stated: Decimal | None = terms.get("cost_per_credit")
    return (ONE if stated is None and unit == currency else stated), currency


def _spread(name: str, found: Estimate | None) -> dict[str, Decimal]:
    """An estimate in its three columns, rounded to six decimals."""
    if found is None:
        return {}
    names = (name, f"{name}_low", f"{name}_high")
    return {key: round(each, 6) for key, each in zip(names, found, strict=True)}


def _scored(series: Series, weeks: int) -> dict[str, Any]:
    try:
        return backtest(series, weeks).row()
    except UsageError as error:
        return {"name": series.name, "step": said(series.step), "reason": _said(error, series)}


def _said(error: UsageError, series: Series) -> str:
    return str(error).removeprefix(f"{series.name}: ")
