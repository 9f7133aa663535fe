"""Until when burn is known: what nobody has billed or metered yet is not nought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trueup.burn.series import ACCRUED, BILLED, DAY, TEAM, Burned, Subject, of_team

if TYPE_CHECKING:
    import pyarrow as pa

STOPPED = 7 * DAY  # a provider of a team that ended so long before its others has no more to say


class Ends:
    """The ends of ``spend`` by provider and state, up to a clock.

    What is stated by more than a day says nothing of its last hours.
    """

    def __init__(self, spend: pa.Table, clock: datetime) -> None:
        self._hour = clock.replace(minute=0, second=0, microsecond=0)
        self._last: dict[tuple[str, str], datetime] = {}
        self._unbilled: dict[str, set[datetime]] = defaultdict(set)
        for row in _distinct(spend, "provider", "state", "start", "end"):
            if row["end"] - row["start"] <= DAY and row["end"] <= self._hour:
                source = (row["provider"] or "", row["state"])
                self._last[source] = max(row["end"], self._last.get(source, row["end"]))
                if row["state"] == ACCRUED:
                    self._unbilled[source[0]].add(row["start"])
        self._sources: dict[Subject, set[tuple[str, str]]] = defaultdict(set)
        for row in _distinct(spend, "team", "reason", "currency", "provider", "state"):
            self._sources[of_team(row)].add((row["provider"] or "", row["state"]))

    def of(self, subject: Subject, rows: Sequence[Burned], by_interval: bool) -> datetime:
        """Until when a series is known.

        A team: while all its providers are, by states in which it has spend. A commitment: by its
        own rows. What is drawn down rests after them, as far as its provider's bill goes, but where
        that provider's meters saw what is not billed: then of later draws nothing is known.
        """
        if subject.by == TEAM:
            return self._of_team(subject)
        own = (one.end for one in rows if not one.unknown and one.end <= self._hour)
        last = max(own, default=None)
        billed = self._last.get((subject.provider, BILLED))
        if last is None:
            return self._hour if by_interval or billed is None else billed
        if by_interval or billed is None or billed <= last:
            return last
        unbilled = any(last <= start < billed for start in self._unbilled[subject.provider])
        return last if unbilled else billed

    def _of_team(self, subject: Subject) -> datetime:
        known: dict[str, datetime] = {}
        for source in self._sources[subject] & self._last.keys():
            provider, end = source[0], self._last[source]
            known[provider] = max(end, known.get(provider, end))
        if not known:  # all by the month
            return max(self._last.values(), default=self._hour)
        last = max(known.values())
        return min(end for end in known.values() if end > last - STOPPED)


def _distinct(table: pa.Table, *names: str) -> Iterable[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.group_by(list(names)).aggregate([]).to_pylist()
    return rows
