"""Usage by the hour and by the rate that prices it, in whole parts of a unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import instant
from trueup.engine.integers import decimals, total, units
from trueup.errors import UnitError, UsageError
from trueup.model.dataset import Dataset
from trueup.model.rules import Rate, Rules
from trueup.model.schema import INTERRUPTIBLE
from trueup.period import Period
from trueup.reconcile.liability import SUBJECT, speaks_of
from trueup.reconcile.metered import by_hour
from trueup.reconcile.metering import COUNTED, STANDARD, base_factor, plain_name
from trueup.reconcile.scale import Counted, base_sizes
from trueup.reconcile.text import key_with_nulls
from trueup.units import parse_unit

HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
FLAGGED = rf'"{INTERRUPTIBLE}"\s*:\s*"?(true|yes|1)\b'
KIND = (*SUBJECT, "unit", "flagged")
PLACES = pa.schema([("kind", pa.string()), ("place", pa.int64()), ("factor", pa.decimal128(38, 0))])


@dataclass(frozen=True)
class Priced:
    """What a rate prices of what may be interrupted, or may not, and the same offers may serve.

    ``amounts`` are parts for each hour of the history; a unit of the rate has ``parts``.
    """

    rate: Rate
    offers: frozenset[str]  # those whose ``match`` speaks of it
    interruptible: bool
    parts: Fraction
    amounts: Sequence[Fraction | int]

    @property
    def price(self) -> Fraction:
        """What a part costs without a commitment."""
        spot = self.rate.spot_price if self.interruptible else None
        return Fraction(self.rate.price if spot is None else spot) / self.parts


@dataclass(frozen=True)
class Use:
    """The hours from ``start`` on, all of them, whether or not something was used in them.

    ``beside`` is what was used in them and is not planned for: commitments serve it, too.
    """

    start: datetime
    hours: int
    day: date  # whose rates hold
    priced: tuple[Priced, ...]
    beside: tuple[Priced, ...]
    left_out: tuple[tuple[str, str, int], ...]  # what is not planned for, why, how many rows

    @property
    def end(self) -> datetime:
        return self.start + self.hours * HOUR

    @property
    def unused_hours(self) -> int:
        return sum(not any(one.amounts[hour] for one in self.priced) for hour in range(self.hours))


@dataclass(frozen=True)
class Wanted:
    """Which usage is planned for; ``where`` are patterns, as in the ``match`` of a rate.

    The rates are those that hold on ``day``, without one on the last day of the usage.
    """

    where: Mapping[str, str]
    period: Period | None = None
    day: date | None = None


def use_of(usage: Dataset, rules: Rules, wanted: Wanted, engine: Engine) -> Use:
    """What was used in each hour, by rate. Of capacity, what was held counts, not what was busy.

    Raises UsageError where there is no such usage, or no rate prices any of it.
    """
    rows = _rows(usage, engine)
    kinds: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for kind in _kinds(rows, rules, engine):
        (kinds if speaks_of(wanted.where, kind) else others).append(kind)
    span = _span(kinds, wanted.period)
    day = wanted.day or (span.end - HOUR).date()
    priced, left_out = _by_rate(rows, kinds, rules, span, day, engine)
    if not priced:
        raise UsageError(
            f"nothing to plan for: {'; '.join(f'{name}: {why}' for name, why in [*left_out][:3])}; "
            "add a [[rate]] with its price and, for commitments in money, commitment_price"
        )
    return Use(
        span.start,
        (span.end - span.start) // HOUR,
        day,
        tuple(priced),
        tuple(_by_rate(rows, others, rules, span, day, engine)[0]),
        tuple((name, why, rows) for (name, why), rows in left_out.items()),
    )


def _by_rate(
    rows: ir.Table,
    kinds: Sequence[Mapping[str, Any]],
    rules: Rules,
    span: Period,
    day: date,
    engine: Engine,
) -> tuple[list[Priced], Counter[tuple[str, str]]]:
    """The hours of each rate, and how many rows of what have none, and why."""
    left_out: Counter[tuple[str, str]] = Counter()
    told: dict[str, tuple[int, Counted]] = {}
    for kind in kinds:
        place = _rate_of(kind, rules.rate, day)
        why = f"no rate prices it on {day}"
        if place is not None:
            try:
                told[kind["kind"]] = (place, _counted(kind))
                continue
            except UnitError as error:
                why = str(error)
        left_out[_name(kind), why] += kind["rows"]
    sizes, too_fine = base_sizes(counted for _place, counted in told.values())
    for kind in kinds:
        if kind["kind"] in told and told[kind["kind"]][1] in too_fine:
            del told[kind["kind"]]
            left_out[_name(kind), "its quantities are too fine to be counted exactly"] += kind[
                "rows"
            ]
    return (_priced(rows, kinds, told, sizes, rules, span, engine) if told else []), left_out


def _rows(usage: Dataset, engine: Engine) -> ir.Table:
    """What counts of the usage, with the key of what it is."""
    table = usage.table
    told = engine.scan(table.files, table.schema) if table.files else engine.load(table.to_arrow())
    t = told.filter(told.meter.isin(COUNTED) | (told.capacity == "allocated"))
    said = t.select(
        provider=t.provider,
        account=t.account_id,
        region=t.region_id,
        resource=t.resource_id,
        model=t.model,
        meter=t.meter,
        tier=t.service_tier,
        unit=t.unit,
        flagged=t.tags.lower().re_search(FLAGGED).fill_null(False),  # noqa: FBT003  without tags
        held=~t.meter.isin(COUNTED),
        start=instant(t.window_start),
        end=instant(t.window_end),
        quantity=t.quantity,
    )
    return said.mutate(kind=key_with_nulls(*(said[name] for name in KIND)))


def _kinds(rows: ir.Table, rules: Rules, engine: Engine) -> list[dict[str, Any]]:
    """A row for each distinct thing that was used, by the names that rates match."""
    found = rows.group_by("kind", *KIND).aggregate(
        rows=rows.count(),
        first=_.start.min(),
        last=_.end.max(),
        last_start=_.start.max(),
        decimals=decimals(_.quantity).max(),
        most=total(_.quantity.ceil()),
    )
    kinds: list[dict[str, Any]] = engine.collect(found.order_by("kind")).to_pylist()
    aliases = {plain_name(said): plain_name(billed) for said, billed in rules.model_aliases.items()}
    for kind in kinds:
        model = plain_name(kind["model"])
        kind["model"] = aliases.get(model, model)
        kind["tier"] = plain_name(kind["tier"]) or STANDARD
    return kinds


def _span(kinds: Sequence[Mapping[str, Any]], period: Period | None) -> Period:
    """The full hours from the first use to the last, within the period."""
    if not kinds:
        raise UsageError(
            "no usage to plan for: of capacity only what was held counts (capacity = allocated), "
            "and only what was chosen; give other telemetry, or choose otherwise"
        )
    first = min(kind["first"] for kind in kinds)
    last = max(kind["last_start"] + TICK for kind in kinds)
    # Counted work belongs to the hour it starts in, capacity to all that it is held in.
    last = max([last, *(kind["last"] for kind in kinds if kind["meter"] not in COUNTED)])
    if period is not None:
        first, last = max(first, period.start), min(last, period.end)
        if first >= last:
            raise UsageError(f"no usage in {period}: give the telemetry of that time")
    start = first.replace(minute=0, second=0, microsecond=0)
    return Period(start, start + -((start - last) // HOUR) * HOUR)


def _rate_of(kind: Mapping[str, Any], rates: Sequence[Rate], day: date) -> int | None:
    """The place of the first rate that speaks of it and holds on the day."""
    for place, rate in enumerate(rates):
        holds = (rate.valid_from or day) <= day and (rate.valid_to is None or day < rate.valid_to)
        if holds and rate.meter == kind["meter"] and speaks_of(rate.match, kind):
            return place
    return None


def _counted(kind: Mapping[str, Any]) -> Counted:
    unit = base_factor(parse_unit(kind["unit"]), kind["meter"])
    return Counted(kind["meter"], unit, kind["decimals"] or 0, int(kind["most"] or 0))


def _name(kind: Mapping[str, Any]) -> str:
    names = (kind["provider"], kind["model"] or kind["resource"], kind["meter"])
    return " ".join(name for name in names if name)


def _priced(
    rows: ir.Table,
    kinds: Sequence[Mapping[str, Any]],
    told: Mapping[str, tuple[int, Counted]],
    sizes: Mapping[str, int],
    rules: Rules,
    span: Period,
    engine: Engine,
) -> list[Priced]:
    """The hours of each rate, apart for what may be interrupted."""
    groups: dict[tuple[int, frozenset[str], bool], list[Mapping[str, Any]]] = {}
    for kind in kinds:
        if kind["kind"] in told:
            offers = frozenset(one.name for one in rules.offer if speaks_of(one.match, kind))
            groups.setdefault((told[kind["kind"]][0], offers, kind["flagged"]), []).append(kind)
    places = [
        {
            "kind": kind["kind"],
            "place": number,
            "factor": Decimal(int(told[kind["kind"]][1].factor * sizes[kind["meter"]])),
        }
        for number, members in enumerate(groups.values())
        for kind in members
    ]
    columns = {name: [row[name] for row in places] for name in PLACES.names}
    joined = rows.join(engine.load(pa.table(columns, schema=PLACES)), "kind")
    counted = joined.mutate(q=units(joined.quantity, joined.factor))
    summed = by_hour(counted, span).group_by("place", "hour").aggregate(q=total(_.q))
    amounts = [[0] * ((span.end - span.start) // HOUR) for _group in groups]
    for row in engine.collect(summed).to_pylist():
        amounts[row["place"]][(row["hour"].astimezone(UTC) - span.start) // HOUR] = int(row["q"])
    found = []
    for (place, offers, flagged), hourly in zip(groups, amounts, strict=True):
        rate = rules.rate[place]
        parts = base_factor(parse_unit(rate.unit), rate.meter) * sizes[rate.meter]
        found.append(Priced(rate, offers, flagged, parts, hourly))
    return found
