"""Burn as it happens: what runs know, and after them what growing telemetry says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trueup.burn.burn import Burn
from trueup.burn.rates import edge
from trueup.model.spend_schema import SPEND
from trueup.model.table import Table
from trueup.period import Period
from trueup.reconcile.metering import plain_name
from trueup.watch.metered import HOUR, Metered
from trueup.watch.priced import Prices

if TYPE_CHECKING:
    from trueup.burn.series import Tables
    from trueup.model.rules import Rules
    from trueup.watch.growing_file import GrowingFile

FIGURES = ("cost", "drawn")


@dataclass(frozen=True)
class Known:
    """What runs say: result tables of a history from ``start`` up to where telemetry takes over."""

    tables: Tables
    start: datetime | None
    until: datetime


class Watch:
    """Follows files; ``look`` reads what was appended, ``burn`` is what it comes to.

    Before ``known.until`` runs have the word, from there on telemetry: no hour has both.
    """

    def __init__(self, files: Sequence[GrowingFile], known: Known, rules: Rules) -> None:
        self.files = files
        self._known = known
        aliases = {
            plain_name(said) or "": plain_name(billed) or ""
            for said, billed in rules.model_aliases.items()
        }
        self.metered = Metered(known.until, aliases)
        self.prices = Prices(rules, _committed(known.tables))

    def look(self) -> int:
        """Read what is new; how many rows of usage it was."""
        before = self.metered.rows + self.metered.rejected
        for file in self.files:
            for dataset in file.appended():
                self.metered.add(dataset)
        return self.metered.rows + self.metered.rejected - before

    def accrued(self) -> dict[str, tuple[Decimal, Decimal]]:
        """What was metered comes to, by currency: in all, and in its last hour."""
        found: dict[str, tuple[Fraction, Fraction]] = {}
        for row in self.prices.spend(self.metered.hours):
            if row["cost"] is not None:
                whole, last = found.get(row["currency"], (Fraction(0), Fraction(0)))
                newest = row["cost"] if row["end"] == self.latest else 0
                found[row["currency"]] = whole + row["cost"], last + newest
        return {name: (edge(whole), edge(last)) for name, (whole, last) in found.items()}

    @property
    def gap(self) -> Period | None:
        """The time between what runs know and the first hour of telemetry: nothing is known."""
        first = min(self.metered.hours, default=self._known.until)
        if self._known.start is None or first <= self._known.until:
            return None
        return Period(self._known.until, first)

    def burn(self, clock: datetime) -> Burn:
        """As of an instant; raises what ``Burn`` raises."""
        import pyarrow as pa
        import pyarrow.compute as pc

        live = [_row(row) for row in self.prices.spend(self.metered.hours)]
        told = self._known.tables["spend"]
        before = told.filter(pc.less(told.column("start"), self._known.until))
        tables = {
            **self._known.tables,
            "spend": pa.concat_tables([before, Table.from_rows(SPEND, live).to_arrow()]),
        }
        start = self._known.start or min(self.metered.hours, default=self._known.until)
        return Burn(tables, start, clock, clock, self.gap)

    @property
    def latest(self) -> datetime | None:
        """The end of the last hour that was metered."""
        last = max(self.metered.hours, default=None)
        return None if last is None else last + HOUR

    def close(self) -> None:
        for file in self.files:
            file.close()


def _committed(tables: Tables) -> dict[str, Fraction]:
    """What each commitment had in the last hour that the bill knows, of those that count money."""
    rows = sorted(tables["utilization"].to_pylist(), key=lambda row: row["interval_start"])
    return {
        row["commitment_id"]: Fraction(row["committed_quantity"])
        for row in rows
        if row["interval_end"] - row["interval_start"] == HOUR
        and row["unit"] == row["currency"]
        and row["committed_quantity"] is not None
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: edge(row[name]) for name in FIGURES if row[name] is not None}
