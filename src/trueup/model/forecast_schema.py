"""The columns of forecasts.

Instants are UTC. What is expected, with the ends of its 80 % interval, is an estimate rounded to
six decimals, and so is the money made of it; a figure not known is null, never zero.
"""

from __future__ import annotations

from trueup.model.columns import AMOUNT, COUNT, INSTANT, TEXT, columns_as

FORECASTS = columns_as(  # one row per commitment, its use beyond the commitment included
    commitment_id=TEXT,
    provider=TEXT,
    unit=TEXT,
    history_start=INSTANT,  # of the days that the forecast is made from
    history_end=INSTANT,
    holes=COUNT,  # days among them that are not covered
    used=AMOUNT,  # in that history
    until=INSTANT,  # the expiry, or how far was asked for
    measured_until=INSTANT,  # how far ahead errors are measured: beyond, intervals are extrapolated
    expected=AMOUNT,  # use from history_end to until
    expected_low=AMOUNT,
    expected_high=AMOUNT,
    remaining=AMOUNT,  # at history_end; of lots and agreements
    left=AMOUNT,  # at ``until``: lapses at the expiry; of intervals, what lapses unused in each
    left_low=AMOUNT,
    left_high=AMOUNT,
    currency=TEXT,
    at_risk=AMOUNT,  # ``left`` in money
    at_risk_low=AMOUNT,
    at_risk_high=AMOUNT,
    busiest_day=AMOUNT,  # the busiest week of the history, a day: what burn is shown to be possible
    last_day=INSTANT,  # to change to it and use everything; null if nothing is left or too late
    used_up_at=INSTANT,  # the end of the day by which nothing remains; null if that is not expected
    reason=TEXT,  # why a figure is null
)

FORECAST_STEPS = columns_as(
    commitment_id=TEXT,
    provider=TEXT,
    unit=TEXT,
    start=INSTANT,
    end=INSTANT,
    expected=AMOUNT,
    low=AMOUNT,
    high=AMOUNT,
)

FORECAST_DAYS = columns_as(  # of a picture: days that are known, then days to come
    commitment_id=TEXT,
    measure=TEXT,  # remaining: at the end of the day, of lots; used: in the day, of all others
    day=INSTANT,
    known=AMOUNT,
    expected=AMOUNT,
    low=AMOUNT,
    high=AMOUNT,
)

BACKTESTS = columns_as(
    name=TEXT,  # of the series
    step=TEXT,  # hour | day
    weeks=COUNT,  # of history that forecasts were compared with
    forecasts=COUNT,
    steps_ahead=COUNT,  # of each
    error=AMOUNT,  # mean absolute error of a step
    naive_error=AMOUNT,  # of the same hour or day a week before
    ratio=AMOUNT,  # error / naive_error: below 1 is better
    coverage=AMOUNT,  # share of steps within their 80 % interval
    total_coverage=AMOUNT,  # share of sums within theirs
    reason=TEXT,  # why there is none
)
