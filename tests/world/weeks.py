"""Weeks of use for the backtest of forecasts, made from who causes work, not from seasons.

Hours come from people, customers, jobs and crons: hires and launches (trend, regime changes),
holidays, local clocks that change in spring and autumn, month ends, outages, long jobs. Nothing
here knows trueup, the forecaster or its seasons; all chance is one seeded ``random.Random``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

HOURS_A_WEEK = 168
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
HOLIDAYS = {
    *(date(2026, month, day) for month, day in ((1, 6), (4, 3), (4, 6), (5, 1), (5, 14), (5, 25))),
    *(date(2026, month, day) for month, day in ((7, 3), (9, 7), (10, 3), (11, 26), (11, 27))),
    *(date(2026, 12, day) for day in range(24, 32)),
}
BERLIN, NEW_YORK, SINGAPORE = (
    ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Singapore")
)


def clock(weeks: int) -> Iterator[datetime]:
    return (START + timedelta(hours=hour) for hour in range(weeks * HOURS_A_WEEK))


def poisson(dice: Random, mean: float) -> int:
    """Events of an hour; many are as good as normal."""
    if mean > 50:
        return max(0, round(dice.gauss(mean, math.sqrt(mean))))
    count, left = 0, math.exp(-mean)
    product = dice.random()
    while product > left:
        count += 1
        product *= dice.random()
    return count


class Mood:
    """What lasts for days and has no cause we know: a slow wander around one."""

    def __init__(self, dice: Random, size: float) -> None:
        self.dice, self.size, self.level = dice, size, 0.0

    def __call__(self, at: datetime) -> float:
        if at.hour == 0:
            self.level = 0.8 * self.level + self.dice.gauss(0, self.size)
        return math.exp(self.level)


def office(dice: Random, weeks: int) -> list[float]:
    """Agents of people at their desks in Berlin: hires, holidays, lunch, the odd late evening."""
    people, mood = dice.randint(40, 90), Mood(dice, 0.06)
    found = []
    for at in clock(weeks):
        local = at.astimezone(BERLIN)
        if local.day == 1 and local.hour == 9:
            people += dice.choice([0, 1, 2, 3, 6])  # those who begin this month
        away = local.date() in HOLIDAYS or local.weekday() > 4
        busy = (0.04 if away else 1) * (
            (0.9 if local.hour == 12 else 1.4) if 8 <= local.hour < 18 else 0.12
        )
        busy *= 0.7 if local.month == 8 else 1  # summer
        sessions = poisson(dice, people * busy * mood(at))
        found.append(sum(dice.lognormvariate(-1, 0.8) for _ in range(sessions)))
    return found


def customers(dice: Random, weeks: int) -> list[float]:
    """Chats of customers in two markets: growth, launches that stay, outages."""
    mood, base = Mood(dice, 0.05), dice.uniform(60, 120)
    launches = {dice.randrange(6, weeks): dice.uniform(1.15, 1.5) for _ in range(2)}
    growth = dice.uniform(-0.002, 0.012)  # a week
    found, out_until = [], -1
    for number, at in enumerate(clock(weeks)):
        week, hour = divmod(number, HOURS_A_WEEK)
        if hour == 34 and week in launches:  # a Tuesday morning
            base *= launches[week]
        if hour == 0:
            base *= 1 + growth
        if dice.random() < 0.0006:
            out_until = number + dice.randint(1, 6)
        wanted = 0.0
        for zone, share in ((NEW_YORK, 0.65), (SINGAPORE, 0.35)):
            local = at.astimezone(zone)
            evening = math.exp(-(((local.hour - 19) % 24 - 0) ** 2) / 40)
            daytime = 1 if 7 <= local.hour < 23 else 0.15
            rest = 1.25 if local.weekday() > 4 or local.date() in HOLIDAYS else 1
            wanted += share * (daytime + evening) * rest
        served = poisson(dice, base * wanted * mood(at))
        found.append(0.0 if number < out_until else served * dice.uniform(0.09, 0.11))
    return found


def training(dice: Random, weeks: int) -> list[float]:
    """Jobs that hold accelerators for hours or days, as many as there are; a project that ends."""
    capacity, rate = dice.choice([256, 384, 512]), dice.uniform(0.16, 0.26)
    turn, factor = dice.randrange(8, weeks), dice.choice([0.5, 0.6, 1.4])
    running: list[tuple[int, int]] = []  # (until, chips)
    found = []
    for number, at in enumerate(clock(weeks)):
        running = [job for job in running if job[0] > number]
        working = at.weekday() < 5 and 7 <= at.hour < 19 and at.date() not in HOLIDAYS
        arrivals = rate * (2.2 if working else 0.5) * (factor if number // 168 >= turn else 1)
        for _ in range(poisson(dice, arrivals)):
            chips = dice.choice([8, 8, 16, 16, 32, 64])
            if sum(job[1] for job in running) + chips <= capacity:
                hours = max(1, round(dice.lognormvariate(2.2, 1.0)))
                running.append((number + hours, chips))
        found.append(float(sum(job[1] for job in running)))
    return found


def batches(dice: Random, weeks: int) -> list[float]:
    """Nightly pipelines over data that grows, heavier at month ends, moved once to other hours."""
    size, hour = dice.uniform(30, 60), dice.choice([0, 1, 2])
    moved, later = dice.randrange(8, weeks), dice.choice([2, 3])
    found, left = [], 0.0
    for number, at in enumerate(clock(weeks)):
        first = hour + (later if number // 168 >= moved else 0)
        if at.hour == first:
            ends = (at + timedelta(days=2)).month != at.month or at.day == 1
            left += size * (2.5 if ends else 1) * dice.lognormvariate(0, 0.15)
            left *= 0.6 if at.weekday() > 4 else 1
            size *= 1 + dice.gauss(0.0007, 0.004)
        done = min(left, dice.uniform(9, 12))  # what its machines do in an hour
        left -= done
        found.append(done + dice.uniform(0.5, 0.9))
    return found


def platform(dice: Random, weeks: int) -> list[float]:
    """A lot that several of them share; one of them moves away or arrives in some week."""
    parts = [office(dice, weeks), customers(dice, weeks), batches(dice, weeks)]
    week, moving, arrives = dice.randrange(10, weeks), dice.randrange(3), dice.random() < 0.5
    return [
        sum(
            part[hour]
            for at, part in enumerate(parts)
            if at != moving or (hour // HOURS_A_WEEK >= week) is arrives
        )
        for hour in range(weeks * HOURS_A_WEEK)
    ]


KINDS: dict[str, Callable[[Random, int], list[float]]] = {
    "office": office,
    "customers": customers,
    "training": training,
    "batches": batches,
    "platform": platform,
}


def hours_of(kind: str, seed: int, weeks: int) -> list[float]:
    """Use in each hour from ``START`` on."""
    return KINDS[kind](Random(f"{kind}/{seed}"), weeks)
