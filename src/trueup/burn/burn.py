"""Burn: what was burned, how fast, and how far each commitment reaches, from tables of results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from trueup.burn.advice import advice
from trueup.burn.ends import Ends
from trueup.burn.rates import Pace, edge
from trueup.burn.series import (
    DAY,
    HOUR,
    Burned,
    Subject,
    Tables,
    commitments_burned,
    teams_burned,
)
from trueup.model.spend_schema import BURN, BURNED, RUNWAY
from trueup.model.table import Table
from trueup.period import Period

TABLES = ("spend", "utilization", "movements", "burn_down", "credits", "commitments")
NOW = ("credits", "commitments")  # of them only the last period's
SPEND = (  # what of ``spend`` is read: it may be long
    *("start", "end", "state", "provider", "commitment_id", "team", "reason", "currency"),
    *("cost", "drawn"),
)
SPANS = {"hour": HOUR, "day": DAY, "week": 7 * DAY}

Span = Literal["hour", "day", "week"]


class Burn:
    """Burn of one history: result tables by the names of TABLES, over [start, end) without gaps.

    ``clock`` is when it is looked at: a rate ends with the last whole hour that is known then.
    Of a ``gap`` in it nothing is known: a rate ends before it, until a day is known after it.
    Raises IntegrityError where an hour of a commitment would be both billed and accrued, or where
    teams do not add up to ``spend``.
    """

    def __init__(
        self,
        tables: Tables,
        start: datetime,
        end: datetime,
        clock: datetime,
        gap: Period | None = None,
    ) -> None:
        self._tables = {name: tables[name] for name in TABLES if name != "spend"}  # it may be long
        self._gap = gap
        self._start = start
        self._clock = min(clock, end)
        series: dict[Subject, list[Burned]] = defaultdict(list)
        for one in (*commitments_burned(tables), *teams_burned(tables["spend"])):
            series[one.subject].append(one)
        self._intervals = set(tables["utilization"].column("commitment_id").to_pylist())
        self._ends = Ends(tables["spend"], self._clock)
        if gap is not None:
            self._ends_before = Ends(tables["spend"], min(self._clock, gap.start))
        self.paces = [self._pace(subject, series[subject]) for subject in sorted(series)]

    def _pace(self, subject: Subject, rows: Sequence[Burned]) -> Pace:
        by_interval = subject.commitment_id in self._intervals
        if by_interval:
            since = min(one.start for one in rows)
        else:
            since = max([self._start, *self._grants.get(subject.commitment_id, [])[:1]])
        until = self._ends.of(subject, rows, by_interval)
        if self._gap is not None and not by_interval:
            if until - self._gap.end < DAY:
                until = self._ends_before.of(subject, rows, by_interval)
            else:
                since = max(since, self._gap.end)
        return Pace(subject, rows, since, until, by_interval)

    @cached_property
    def _grants(self) -> dict[str, list[datetime]]:
        """When lots were granted within the history, where nothing was on them before."""
        found: dict[str, list[datetime]] = defaultdict(list)
        for row in self._tables["movements"].to_pylist():
            if row["kind"] == "grant" and row["at"] < self._clock:
                found[row["commitment_id"]].append(row["at"])
        return {name: sorted(instants) for name, instants in found.items()}

    def over(self, span: Span) -> Table:
        """What was burned by the hour, day or week (from Monday, UTC), under BURNED.

        What the bill states by a longer time stands by that time.
        """
        sums: dict[tuple[Subject, datetime, datetime, str], list[Burned]] = defaultdict(list)
        for pace in self.paces:
            for one in pace.rows:
                start, end = _place(one, span)
                sums[one.subject, start, end, one.state].append(one)
        rows = [
            _edged(
                {
                    **_named(subject),
                    "start": start,
                    "end": end,
                    "state": state,
                    "amount": _sum(one.amount for one in ones),
                    "unknown": sum(one.unknown for one in ones),
                }
            )
            for (subject, start, end, state), ones in sorted(sums.items())
        ]
        return Table.from_rows(BURNED, rows)

    @cached_property
    def rates(self) -> Table:
        """How fast each commitment and team burns, under BURN."""
        return Table.from_rows(
            BURN,
            [_edged({**_named(pace.subject), **pace.columns}) for pace in self.paces],
        )

    @cached_property
    def runway(self) -> Table:
        """How far each commitment of the last period reaches, under RUNWAY."""
        from trueup.burn.reach import reaches

        nothing = dict.fromkeys(RUNWAY.names)
        found = [nothing | _edged(row) for row in reaches(self._tables, self.paces, self._clock)]
        return Table.from_rows(RUNWAY, [row | {"text": advice(row)} for row in found])


def _place(one: Burned, span: Span) -> tuple[datetime, datetime]:
    """The hour, day or week that a row lies in; of a longer row its own time."""
    if one.end - one.start > SPANS[span]:
        return one.start, one.end
    start = one.start.replace(minute=0, second=0, microsecond=0)
    if span != "hour":
        start = start.replace(hour=0)
    if span == "week":
        start -= timedelta(days=start.weekday())
    return start, start + SPANS[span]


def _sum(amounts: Iterable[Fraction | None]) -> Fraction | None:
    """The sum of what is known; None where nothing is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Fraction(0)) if known else None


def _named(subject: Subject) -> dict[str, str | None]:
    return {name: value or None for name, value in asdict(subject).items()}


def _edged(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: edge(value) if isinstance(value, Fraction) else value for name, value in row.items()
    }
