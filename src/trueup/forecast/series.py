"""Use or spend in regular steps, an hour or a day each: what a forecast is made from.

What is not covered is not zero: it is a hole (nan), counted, and filled for the models only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trueup.errors import UsageError

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEK = timedelta(days=7)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Amounts: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """Amounts of successive hours or days from ``start`` on; nan where they are not known.

    Binary numbers: what is made of them is an estimate and is called one.
    """

    name: str
    unit: str | None
    step: timedelta
    start: datetime
    values: Amounts
    provider: str | None = None

    @classmethod
    def of(
        cls,
        name: str,
        unit: str | None,
        start: datetime,
        amounts: Sequence[Decimal | None],
        step: timedelta = DAY,
    ) -> Series:
        """A series of exact amounts; None is not known."""
        return cls(name, unit, step, start, np.array(amounts, dtype=np.float64))

    @property
    def end(self) -> datetime:
        return self.start + len(self.values) * self.step

    @property
    def season(self) -> int:
        """Steps of a week, which holds the seasons of the day too."""
        return WEEK // self.step

    @property
    def holes(self) -> int:
        return int(np.isnan(self.values).sum())

    def recent(self) -> Series:
        """What follows the last hole that is longer than a week: nothing could fill that."""
        known = np.flatnonzero(~np.isnan(self.values))
        long = np.flatnonzero(np.diff(known) > self.season + 1)
        first = known[long[-1] + 1] if len(long) else 0
        return self._from(int(first))

    def from_first_use(self) -> Series:
        """Without what was before the first use: it says nothing about how a commitment is used."""
        used = np.flatnonzero(np.nan_to_num(self.values))
        return self._from(int(used[0]) if len(used) else 0)

    def _from(self, first: int) -> Series:
        start = self.start + first * self.step
        return Series(self.name, self.unit, self.step, start, self.values[first:], self.provider)

    def filled(self) -> Amounts:
        """The values, a hole taking that of a week before (in the first week, of a week after)."""
        values = self.values.copy()
        season = self.season
        for at in np.flatnonzero(np.isnan(values)):
            if at >= season:
                values[at] = values[at - season]
            elif at + season < len(values):
                values[at] = values[at + season]
        known = values[~np.isnan(values)]
        return np.where(np.isnan(values), known.mean() if len(known) else 0.0, values)


def series_of(
    name: str, unit: str | None, step: timedelta, intervals: pa.Table, provider: str | None = None
) -> Series:
    """What intervals (``start``, ``end``, ``quantity``) add up to in each hour or day.

    A step is known where its intervals cover the whole of it; the series reaches from the first
    such step to the last. Raises UsageError where an interval is longer than a step, and where no
    step is covered.
    """
    width = step // MICROSECOND
    known = intervals.filter(pa.compute.is_valid(intervals.column("quantity")))
    starts, ends = (
        known.column(edge).cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
        for edge in ("start", "end")
    )
    if np.any(ends - starts > width):
        raise UsageError(f"{name}: its use is known by intervals longer than {said(step)}")
    buckets = starts // width
    first = buckets.min() if len(buckets) else 0
    amounts = np.bincount(buckets - first, known.column("quantity").cast(pa.float64()).to_numpy())
    covered = np.bincount(buckets - first, ends - starts)
    whole = np.flatnonzero(covered >= width)
    if not len(whole):
        raise UsageError(
            f"{name}: its history covers no whole {said(step)}: too short for a forecast"
        )
    values = np.where(covered >= width, amounts, np.nan)[whole[0] : whole[-1] + 1]
    start = EPOCH + int(first + whole[0]) * step
    return Series(name, unit, step, start, values, provider)


def said(step: timedelta) -> str:
    """The word for a step."""
    return "hour" if step == HOUR else "day"
