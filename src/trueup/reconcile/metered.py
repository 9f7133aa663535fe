"""Usage rows as the core sees them: whole quantities, at the hour, under the bill's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trueup.attribute.parties import NOBODY, WHO
from trueup.engine.engine import Engine
from trueup.engine.instants import instant, lasting, moment
from trueup.engine.integers import WHOLE, portion, tally, total
from trueup.engine.rows import united
from trueup.errors import UnitError
from trueup.model.rules import Rules
from trueup.period import Period
from trueup.reconcile.cells import HOUR_SECONDS, from_hour
from trueup.reconcile.facts import Facts
from trueup.reconcile.metering import COUNTED, STANDARD, NotMetered, base_factor, plain_name
from trueup.reconcile.scale import Counted
from trueup.units import parse_unit


@dataclass(frozen=True)
class Kind:
    """One distinct (model, meter, unit, tier, decimals) of usage, by the names for matching."""

    key: str
    meter: str
    model: str | None
    tier: str
    unit: str
    rows: int
    counted: Counted


KIND_DIMENSION = pa.schema(
    [
        pa.field("kind_key", pa.string()),
        pa.field("plain_model", pa.string()),
        pa.field("tier", pa.string()),
        pa.field("step", pa.decimal128(38, 0)),  # base units in a unit of the last decimal
        pa.field("factor", pa.decimal128(38, 0)),  # base units in a unit
        pa.field("meter_unit", pa.string()),
    ]
)


def distinct_kinds(said: ir.Table, engine: Engine) -> list[dict[str, Any]]:
    """One row per distinct kind of usage, with the decimals and the sum of its quantities."""
    found = said.group_by("kind_key").aggregate(
        model=said.said_model.min(),
        meter=said.said_meter.min(),
        unit=said.said_unit.min(),
        tier=said.said_service_tier.min(),
        decimals=said.said_decimals.max(),
        most=total(said.most),
        rows=tally(said["rows"]),
    )
    return list(engine.collect(found.order_by("kind_key")).to_pylist())


def classify_kinds(
    found: list[dict[str, Any]], rules: Rules
) -> tuple[list[Kind], list[NotMetered]]:
    """The kinds whose unit converts to their meter's base unit, and those whose does not."""
    aliases = {plain_name(said): plain_name(billed) for said, billed in rules.model_aliases.items()}
    kinds: list[Kind] = []
    not_compared: list[NotMetered] = []
    for row in found:
        model = plain_name(row["model"])
        try:
            factor = base_factor(parse_unit(row["unit"]), row["meter"])
        except UnitError as error:
            not_compared.append(
                NotMetered(
                    row["meter"],
                    f"{row['rows']} usage rows in {row['unit']} were not compared: {error}",
                    "give the usage in a unit of its meter",
                )
            )
            continue
        kinds.append(
            Kind(
                key=row["kind_key"],
                meter=row["meter"],
                model=aliases.get(model, model),
                tier=plain_name(row["tier"]) or STANDARD,
                unit=row["unit"],
                rows=row["rows"],
                counted=Counted(row["meter"], factor, row["decimals"], int(row["most"])),
            )
        )
    return kinds, not_compared


def described(said: ir.Table, kinds: ir.Table, names: ir.Table) -> ir.Table:
    """What usage rows of the known kinds speak of, with the attributes of matching.

    ``names`` are the bill's names of resources (see ``resources``); rows of other kinds are left
    out.
    """
    joined = said.join(kinds, "kind_key").drop("most", "rows", "kind_key")
    named = joined.left_join(names, joined.said_resource_id == names.said_resource)
    return named.select(
        joined,
        provider=joined.said_provider,
        account=joined.said_account_id,
        region=joined.said_region_id,
        resource=names.resource,
        model=joined.plain_model,
        meter=joined.said_meter,
        held=~joined.said_meter.isin(COUNTED),
        allocated=joined.said_capacity == "allocated",
    )


def numbered_parties(usage: Facts, engine: Engine) -> tuple[ir.Table, ir.Table]:
    """Who stands in usage: ``party`` of its rows with ``who``; and by ``who`` the names of WHO.

    Numbers follow the order of the names, null first. Who is nobody has none.
    """
    parties = usage.parties
    if parties is None:
        raise TypeError("usage is split with its parties")
    named = parties.rename(session="session_id")
    nobody = ibis.and_(*(named[name].isnull() for name in WHO))
    place = ibis.dense_rank().over(order_by=[ibis.asc(name, nulls_first=True) for name in WHO])
    every = engine.keep(named.mutate(who=ibis.ifelse(nobody, NOBODY, place)))
    people = every.select("who", *WHO).filter(every.who.notnull()).distinct()
    return engine.keep(every.select("party", "who")), engine.keep(people)


def metered_rows(usage: Facts, spoken: ir.Table, parties: ir.Table) -> ir.Table:
    """Usage rows of what is spoken of, with whole quantities (``q``); others are left out."""
    told = spoken.select("profile", "thing", "held", "allocated", "matchable", "step")
    joined = usage.rows.join(told, "profile").join(parties, "party")
    return joined.select(
        usage_id=joined.usage_id,
        thing=joined.thing,
        held=joined.held,
        allocated=joined.allocated,
        matchable=joined.matchable,
        start=instant(joined.window_start),
        end=instant(joined.window_end),
        q=(joined.quantity * joined.step).cast(WHOLE),
        who=joined.who,
    )


def by_hour(rows: ir.Table, period: Period | None, starts: ir.Table | None = None) -> ir.Table:
    """Rows cut by the hour and to the period: capacity by time, counted work by its start.

    Hours are full ones of UTC, but for the things of ``starts`` (see ``windows.hour_starts``).
    ``first_piece`` is 1 on the first piece of each row in the period, so that its sum counts rows.
    """
    hour = instant(rows.start.truncate("h"))
    if starts is not None:
        rows = rows.left_join(starts, "thing").select(rows, past=starts.past.fill_null(0))
        hour = from_hour(rows.start, rows.past)
    begin = rows.start.epoch_seconds()
    offset = begin - hour.epoch_seconds()
    length = rows.end.epoch_seconds() - begin
    long = rows.held & (offset + length > HOUR_SECONDS)
    prepared = rows.mutate(hour=hour, offset=offset, length=length, long=long)
    short = prepared.filter(~prepared.long).mutate(first_piece=ibis.literal(1, type="int64"))
    pieces = _pieces(prepared.filter(prepared.long), period)
    columns = [name for name in short.columns if name not in ("offset", "length", "long", "past")]
    cut = united(short.select(columns), pieces.select(columns))
    if period is not None:
        # Counted work and short windows belong to the hour, or instant, they start in.
        inside = (cut.start >= moment(period.start)) & (cut.start < moment(period.end))
        cut = cut.filter(inside)
    return cut


def _pieces(rows: ir.Table, period: Period | None) -> ir.Table:
    """Capacity held over several hours, one row an hour, split by time without loss."""
    count = (rows.offset + rows.length + HOUR_SECONDS - 1) // HOUR_SECONDS
    exploded = rows.mutate(number=ibis.range(0, count).unnest())
    number = exploded.number.cast("int64")
    exploded = exploded.mutate(
        number=number, opens=instant(exploded.hour + number.as_interval("h"))
    )
    start, first = ibis.greatest(exploded.start, exploded.opens), exploded.start
    begin = ibis.greatest(exploded.number * HOUR_SECONDS - exploded.offset, 0)
    finish = ibis.least((exploded.number + 1) * HOUR_SECONDS - exploded.offset, exploded.length)
    if period is not None:
        exploded = exploded.filter(exploded.opens + lasting(hours=1) > moment(period.start))
        start, first = (ibis.greatest(at, moment(period.start)) for at in (start, first))
        edges = (moment(at).epoch_seconds() for at in (period.start, period.end))
        opens, closes = (edge - exploded.start.epoch_seconds() for edge in edges)
        begin, finish = ibis.greatest(begin, opens), ibis.least(finish, closes)
    length = exploded.length.cast(WHOLE)
    q = portion(exploded.q, finish.cast(WHOLE), length) - portion(
        exploded.q, begin.cast(WHOLE), length
    )
    return exploded.mutate(
        q=q.cast(WHOLE),
        hour=exploded.opens,
        start=start,
        first_piece=(start == first).cast("int64"),
    ).drop("number", "opens")
