"""What watched telemetry has metered so far, by hour, thing and team, in base units."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from trueup.errors import UnitError
from trueup.reconcile.metering import COUNTED, STANDARD, base_factor, plain_name
from trueup.reconcile.scope import PROVISIONED
from trueup.units import parse_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trueup.model.dataset import Dataset

HOUR = timedelta(hours=1)
COLUMNS = (
    *("window_start", "window_end", "provider", "account_id", "region_id", "resource_id", "model"),
    *("service_tier", "meter", "capacity", "unit", "team"),
)


class Thing(NamedTuple):
    """What is used and has a price; the names are those that a rate matches."""

    provider: str | None
    account: str | None
    region: str | None
    resource: str | None
    model: str | None
    meter: str
    tier: str


@dataclass
class Used:
    """Of one thing in one hour: who held or consumed it, and who was busy on it."""

    own: dict[str | None, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    busy: dict[str | None, Fraction] = field(default_factory=lambda: defaultdict(Fraction))


@dataclass
class Metered:
    """Grows by datasets of usage; ``aliases`` are models as telemetry says -> as billed.

    Hours before ``begins`` are left out and counted in ``known``: a run has their word. What no
    unit converts is counted in ``unread``.
    """

    begins: datetime
    aliases: Mapping[str, str]
    hours: dict[datetime, dict[Thing, Used]] = field(default_factory=dict)
    rows: int = 0
    rejected: int = 0
    known: int = 0
    unread: int = 0

    def add(self, usage: Dataset) -> None:
        """Count what a dataset metered; capacity of several hours in each, work where it began."""
        import pyarrow as pa

        from trueup.model.sums import sums_by

        self.rejected += len(usage.rejects)
        table = usage.table.to_arrow()
        one = table.append_column("rows", pa.repeat(pa.scalar(1, pa.int64()), len(table)))
        for row in sums_by(one, COLUMNS, ("quantity", "rows")).to_pylist():
            self.rows += row["rows"]
            try:
                factor = _factor(row["unit"], row["meter"])
            except UnitError:
                self.unread += row["rows"]
                continue
            quantity = Fraction(row["quantity"]) * factor
            thing = self._thing(row)
            if thing.meter in COUNTED and thing.tier == PROVISIONED:
                continue  # served by capacity that is held: it has no price of its own
            pieces = list(_pieces(row, quantity, thing))
            if all(hour < self.begins for hour, _ in pieces):
                self.known += row["rows"]
            busy = thing.meter not in COUNTED and row["capacity"] == "busy"
            for hour, part in pieces:
                if hour >= self.begins:
                    used = self.hours.setdefault(hour, {}).setdefault(thing, Used())
                    (used.busy if busy else used.own)[row["team"]] += part

    def _thing(self, row: Mapping[str, Any]) -> Thing:
        model = plain_name(row["model"])
        return Thing(
            row["provider"],
            row["account_id"],
            row["region_id"],
            None if row["meter"] in COUNTED else row["resource_id"],  # work counts by model
            self.aliases.get(model or "", model),
            row["meter"],
            plain_name(row["service_tier"]) or STANDARD,
        )


@cache
def _factor(unit: str, meter: str) -> Fraction:
    return base_factor(parse_unit(unit), meter)


def _pieces(
    row: Mapping[str, Any], quantity: Fraction, thing: Thing
) -> Iterator[tuple[datetime, Fraction]]:
    start, end = row["window_start"], row["window_end"]
    hour = start.replace(minute=0, second=0, microsecond=0)
    if thing.meter in COUNTED or end <= hour + HOUR:
        yield hour, quantity
        return
    while hour < end:
        inside = min(end, hour + HOUR) - max(start, hour)
        yield hour, quantity * _ticks(inside) / _ticks(end - start)
        hour += HOUR


def _ticks(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
