"""The backtest of forecasts on generated weeks: ``python -m tests.forecast.backtest``.

A row is a kind of work over several seeds; the table in docs/concepts/forecast.md is what this
prints. 52 weeks of each: the first 8 are history only, forecasts are made from every week after.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import numpy as np

from tests.world import weeks
from trueup.forecast.backtest import Score, backtest
from trueup.forecast.series import DAY, HOUR, Series

AHEAD_WEEKS = {DAY: 4, HOUR: 1}


def series(kind: str, seed: int, weeks_made: int, by: str) -> Series:
    hours = np.array(weeks.hours_of(kind, seed, weeks_made))
    days = hours.reshape(-1, 24).sum(axis=1)
    name = f"{kind} {seed}"
    if by == "day":
        return Series(name, "units", DAY, weeks.START, days)
    return Series(name, "units", HOUR, weeks.START, hours)


def scores(by: str, seeds: Iterable[int], weeks_made: int) -> dict[str, list[Score]]:
    ahead = AHEAD_WEEKS[DAY if by == "day" else HOUR]
    return {
        kind: [backtest(series(kind, seed, weeks_made, by), ahead) for seed in seeds]
        for kind in weeks.KINDS
    }


def summed(found: list[Score]) -> tuple[int, float, float, float]:
    """Forecasts, the geometric mean of the ratios, and the coverage of steps and of sums."""
    ratios = [each.error / each.naive for each in found]
    return (
        sum(each.origins for each in found),
        float(np.exp(np.mean(np.log(ratios)))),
        float(np.mean([each.coverage for each in found])),
        float(np.mean([each.total_coverage for each in found])),
    )


def table(by: str, found: dict[str, list[Score]]) -> str:
    """In Markdown."""
    ahead = AHEAD_WEEKS[DAY if by == "day" else HOUR]
    title = f"{by}s, {ahead} week{'s' if ahead > 1 else ''} ahead"
    lines = [
        f"| {title} | forecasts | error / naive | steps within | sums within |",
        "|---|---:|---:|---:|---:|",
    ]
    whole = [score for each in found.values() for score in each]
    for name, each in (*found.items(), ("all", whole)):
        count, ratio, steps, sums = summed(each)
        lines.append(f"| {name} | {count} | {ratio:.2f} | {steps:.0%} | {sums:.0%} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.forecast.backtest",
        description="Forecast generated weeks, again and again.",
    )
    parser.add_argument("--by", choices=["day", "hour"], default="day")
    parser.add_argument("--seeds", type=int, default=10, help="how many")
    parser.add_argument("--first", type=int, default=101, help="of the seeds; 1 to 8 chose models")
    parser.add_argument("--weeks", type=int, default=52)
    given = parser.parse_args()
    found = scores(given.by, range(given.first, given.first + given.seeds), given.weeks)
    print(table(given.by, found))  # noqa: T201  a command prints


if __name__ == "__main__":
    main()
