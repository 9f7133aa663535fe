"""Whom usage belongs to by the company's own table, where telemetry does not say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from trueup.attribute.cost_line import Payer
from trueup.model.rules import Mapped


class CompanyMap:
    """The entries of ``[[chargeback.map]]``: of those that match, the first counts.

    Patterns are found anywhere in a name, in either case; a name that is not known is empty. What
    telemetry says of team and cost centre stays, unless the entry matches by it.
    """

    def __init__(self, entries: Sequence[Mapped]) -> None:
        self._patterns = [
            (place, entry, {name: re.compile(each, re.IGNORECASE) for name, each in match.items()})
            for place, entry in enumerate(entries)
            if (match := entry.match)
        ]
        self._named: dict[tuple[str, str], tuple[int, Mapped]] = {}
        for place, entry in enumerate(entries):
            if entry.level is not None and entry.name is not None:
                self._named.setdefault((entry.level, entry.name), (place, entry))
        self._levels = sorted({level for level, _ in self._named})

    @property
    def columns(self) -> frozenset[str]:
        """The columns of usage that any entry looks at."""
        return frozenset(self._levels).union(*(match for *_, match in self._patterns))

    def payer(self, row: Mapping[str, str | None]) -> Payer:
        """Who is charged for usage of these ``columns``, ``team`` and ``cost_centre``."""
        own = Payer(row["team"], row["cost_centre"])
        entry = self._entry(row)
        if entry is None:
            return own
        by = {*entry.match, entry.level}
        return Payer(
            *(
                (None if name in by else getattr(own, name))
                or getattr(entry, name)
                or getattr(own, name)
                for name in Payer._fields
            )
        )

    def _entry(self, row: Mapping[str, str | None]) -> Mapped | None:
        names = ((level, row[level] or "") for level in self._levels)
        found = [self._named[each] for each in names if each in self._named]
        first = min(found, key=lambda each: each[0], default=None)
        for place, entry, match in self._patterns:
            if first is not None and first[0] < place:
                break
            if all(pattern.search(row[name] or "") for name, pattern in match.items()):
                return entry
        return first and first[1]
