"""What will be left of a commitment when it expires, and until when that can be changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from trueup.forecast.forecaster import Estimate, Forecaster
from trueup.forecast.series import DAY, Amounts
from trueup.money import EXACT

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Balance:
    """What remained at an instant of what expires, and what a unit of it is worth."""

    remaining: Decimal
    expires_at: datetime
    cost: Decimal | None = None  # of a unit
    currency: str | None = None


def left(remaining: Decimal, use: Estimate) -> Estimate:
    """What is left once the use has come: the most of it where the least is used."""
    return Estimate(
        *(
            max(EXACT.subtract(remaining, used), NOTHING)
            for used in (use.expected, use.high, use.low)
        )
    )


def money(amount: Estimate, cost: Decimal | None) -> Estimate | None:
    """The same in money."""
    return None if cost is None else Estimate(*(EXACT.multiply(each, cost) for each in amount))


def busiest_day(values: Amounts) -> float:
    """A day of the busiest seven days in a row that were seen: a burn that lasted a week once."""
    weeks = np.convolve(np.nan_to_num(values), np.ones(7), "valid")
    found: float = weeks.max() / 7
    return found


def used_up_at(forecaster: Forecaster, balance: Balance) -> datetime | None:
    """The end of the day by which the expected use leaves nothing; None if that is not expected."""
    end = forecaster.series.end
    days = (balance.expires_at - end) // DAY
    enough = np.flatnonzero(
        forecaster.ahead(max(days, 0)).cumsum() >= np.float64(balance.remaining)
    )
    return end + timedelta(days=int(enough[0]) + 1) if len(enough) else None


def last_day(forecaster: Forecaster, balance: Balance) -> datetime | None:
    """The last day to change to the busiest week's burn so that nothing is left at the expiry.

    Until a day D the use goes on as expected, from D on it is ``busiest_day`` a day. D is the last
    one for which

        remaining - expected use until D <= busiest day x days from D to the expiry.

    None where the expected use alone leaves nothing, and where even now it is too late.
    """
    end = forecaster.series.end
    days = (balance.expires_at - end) // DAY
    if days <= 0:
        return None
    needed = np.float64(balance.remaining) - np.append(0, forecaster.ahead(days).cumsum())
    possible = busiest_day(forecaster.series.values) * np.arange(days, -1, -1)
    enough = np.flatnonzero(needed <= possible)
    if not len(enough) or needed[-1] <= 0:
        return None
    last: datetime = end + timedelta(days=int(enough[-1]))
    return last
