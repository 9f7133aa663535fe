"""A plan as a person holds it: tables, a summary, and a page with the curve."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.money import plain
from trueup.period import iso
from trueup.report import numbers
from trueup.report.atomic import write_text

if TYPE_CHECKING:
    from trueup.model.table import Table
    from trueup.planning.planned import Planned

LEFT_OUT_SHOWN = 5
TABLES = ("offers", "curve", "in_force", "left_out")


class Plan:
    """How much to commit. Costs are of the history's hours, at the prices of its last day.

    ``offers`` has the best level of each offer, the largest saving first, ``curve`` the cost of
    levels from none to all, ``in_force`` what commitments serve already, ``left_out`` what is not
    planned for. Costs are exact; ``low``, ``high`` and ``regret`` are estimates.
    """

    def __init__(self, planned: Planned) -> None:
        self._planned = planned

    @property
    def offers(self) -> Table:
        return self._planned.offers

    @property
    def curve(self) -> Table:
        return self._planned.curve

    @property
    def in_force(self) -> Table:
        return self._planned.in_force

    @property
    def left_out(self) -> Table:
        return self._planned.left_out

    @property
    def start(self) -> datetime:
        """Of the history: its first full hour."""
        return self._planned.use.start

    @property
    def end(self) -> datetime:
        return self._planned.use.end

    @property
    def hours(self) -> int:
        return self._planned.use.hours

    @property
    def prices_of(self) -> date:
        """The day whose prices hold."""
        return self._planned.use.day

    @property
    def title(self) -> str:
        """Which hours it is of, at which prices."""
        use = self._planned.use
        return (
            f"{numbers.count(use.hours, 'hour')} from {iso(use.start)} to {iso(use.end)}, at the "
            f"prices of {use.day}"
        )

    def remarks(self, *, left_out: bool = True) -> Iterator[str]:
        """What one has to know to read the figures, with the first that are not planned for."""
        for name, change in self._planned.what_if.items():
            yield f"What if {name} {change}."
        unused = self._planned.use.unused_hours
        if unused:
            yield f"In {numbers.count(unused, 'hour')} of them nothing that has a price was used."
        left = self.left_out.rows() if left_out else []
        for row in left[:LEFT_OUT_SHOWN]:
            rows = "" if row["rows"] is None else f" ({numbers.count(row['rows'], 'row')})"
            yield f"Not planned for: {row['subject']}{rows}: {row['reason']}."
        if len(left) > LEFT_OUT_SHOWN:
            more = f"{len(left) - LEFT_OUT_SHOWN:,} more that are not planned for"
            yield f"And {more}: `trueup plan --json` has all."
        for reason in dict.fromkeys(row["reason"] for row in self.offers if row["reason"]):
            yield f"No interval: {reason}."

    def to_json(self) -> str:
        """All tables as JSON; amounts are text, exact."""
        told = {
            "start": iso(self.start),
            "end": iso(self.end),
            "hours": self.hours,
            "prices_of": self.prices_of.isoformat(),
            "what_if": dict(self._planned.what_if),
            **{name: [_plain(row) for row in getattr(self, name)] for name in TABLES},
        }
        return json.dumps(told, ensure_ascii=False, indent=2)

    def to_html(self, path: str | Path) -> Path:
        """Write one page with the curve of each offer; it opens offline and prints."""
        from trueup.report.html import render_plan

        return write_text(path, render_plan(self))

    def __repr__(self) -> str:
        return f"How much to commit: {self.title}\n{self.offers!r}"


def level(row: Mapping[str, Any], name: str = "level") -> str:
    """A level of an offer, for reading, without its unit."""
    in_money = row["unit"] == row["currency"]
    return numbers.money(row[name]) if in_money else numbers.quantity(row[name])


def interval(row: Mapping[str, Any]) -> str:
    """The interval of the best level, for reading; a dash where it is refused."""
    return "-" if row["low"] is None else f"{level(row, 'low')} to {level(row, 'high')}"


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    def value(given: Any) -> Any:
        if isinstance(given, Decimal):
            return plain(given)
        return iso(given) if isinstance(given, datetime) else given

    return {name: value(given) for name, given in row.items()}
