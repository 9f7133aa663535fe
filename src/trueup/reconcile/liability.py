"""What unbilled usage would cost: by a contract rate, else by the price the bill itself shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import instant
from trueup.engine.integers import WHOLE, divide, share, total, whole
from trueup.engine.rows import united
from trueup.model.rules import OF_USAGE, Rules
from trueup.reconcile.metering import base_factor
from trueup.reconcile.text import key_of, key_with_nulls
from trueup.units import parse_unit

SUBJECT = ("provider", "account", "region", "resource", "model", "meter", "tier")
# What a rate's ``match`` may call a column of usage, by the usage table, FOCUS or the other leg.
CALLED = {
    **{column: name for name, column in OF_USAGE.items() if name in SUBJECT},
    **{name: name.removesuffix("_id") for name in OF_USAGE if name.removesuffix("_id") in SUBJECT},
    "service_tier": "tier",
}
RESOURCES = frozenset(name for name, column in CALLED.items() if column == "resource")
BY_RATE, OBSERVED = "rate", "observed"
ALWAYS = (date(1900, 1, 1), date(9000, 1, 1))

_WHOLE = pa.decimal128(38, 0)
RATES = pa.schema(
    [
        pa.field("subject", pa.string()),
        pa.field("place", pa.int64()),
        pa.field("valid_from", pa.timestamp("us", tz="UTC")),
        pa.field("valid_to", pa.timestamp("us", tz="UTC")),
        pa.field("rate_currency", pa.string()),
        pa.field("rate_num", _WHOLE),  # money units per part of a base unit, as a fraction
        pa.field("rate_den", _WHOLE),
        pa.field("rate_unit", pa.string()),
        pa.field("rate_factor", _WHOLE),
        pa.field("commitment_id", pa.string()),
        pa.field("draw_num", _WHOLE),
        pa.field("draw_den", _WHOLE),
        pa.field("draw_order", pa.int64()),  # 0 draws first
    ]
)


def observed_prices(billed: ir.Table, finer: int, engine: Engine) -> ir.Table:
    """Effective cost and quantity per price key and currency, over all metered charges.

    The cost is in ``finer`` decimals more than the bill's. Held capacity is priced by its own
    resource, counted work by provider, region, model, meter and tier; ``rank`` 1 leaves the region
    out.
    """
    regular = billed.filter(~billed.correction & (billed.q > whole(0)))
    keyed = united(
        _priced(regular, _resource_key(regular), 0),
        _priced(regular, _model_key(regular, regular.region), 0),
        _priced(regular, _model_key(regular, ibis.literal("*")), 1),
    )
    sums = keyed.group_by("price_key", "rank", "currency").aggregate(
        price_num=(total(_.effective) * whole(10**finer)).cast(WHOLE),
        price_den=total(_.q),
        bill_unit=_.bill_unit.min(),
        bill_factor=_.unit_factor.min(),
    )
    largest = ibis.row_number().over(
        group_by="price_key", order_by=[ibis.desc("price_den"), "currency"]
    )
    best = sums.mutate(place=largest)
    return engine.keep(best.filter(best.place == 0).drop("place"))


def _priced(cells: ir.Table, key: ir.Value, rank: int) -> ir.Table:
    keyed = cells.mutate(price_key=key, rank=ibis.literal(rank))
    return keyed.filter(keyed.price_key.notnull()).select(
        "price_key", "rank", "currency", "effective", "q", "bill_unit", "unit_factor"
    )


def _resource_key(cells: ir.Table) -> ir.Value:
    return ibis.ifelse(cells.held, key_of(cells.meter, cells.resource), ibis.null(str))


def _model_key(cells: ir.Table, region: ir.Value) -> ir.Value:
    key = key_of(cells.provider, region, cells.model, cells.meter, cells.tier)
    return ibis.ifelse(cells.held, ibis.null(str), key)


def subjects(left: ir.Table, engine: Engine) -> list[dict[str, Any]]:
    """The distinct things that were used and not billed."""
    return list(engine.collect(left.select(*SUBJECT).distinct()).to_pylist())


def rate_rows(
    found: Iterable[Mapping[str, Any]], rules: Rules, sizes: Mapping[str, int], scale: int
) -> pa.Table:
    """The contract rates that speak of each subject, in the order of the rules: the first is it."""
    rows = []
    for subject in found:
        for place, rate in enumerate(rules.rate):
            if rate.meter == subject["meter"] and speaks_of(rate.match, subject):
                rows.append(_rate_row(subject, place, rules, sizes[rate.meter], scale))
    columns = {name: [row[name] for row in rows] for name in RATES.names}
    return pa.table(columns, schema=RATES)


def speaks_of(match: Mapping[str, str], subject: Mapping[str, Any]) -> bool:
    """Whether every pattern is found in what it names of a subject; what is not known is empty."""
    return all(
        re.search(pattern, str(subject.get(CALLED.get(column, column)) or ""), re.IGNORECASE)
        for column, pattern in match.items()
    )


def of_no_resource(left: ir.Table, rules: Rules, engine: Engine) -> list[dict[str, Any]]:
    """A note of each rate that names a resource, where its meter counted work without a charge.

    Work that is counted is missing by SKU, whatever resource served it (``usage_leg.of_whom``).
    """
    if not any(RESOURCES & rate.match.keys() for rate in rules.rate):
        return []
    meters = {one["meter"] for one in subjects(left, engine) if one["resource"] is None}
    return [
        {
            "code": "rate_of_resource",
            "subject": f"rate {place}",
            "text": f"it names a resource ({rate.match[name]}), and {rate.meter} without a charge "
            "count by model, whatever resource served them: it does not price them",
            "remedy": "add a [[rules.rate]] after it that matches model, region or account",
        }
        for place, rate in enumerate(rules.rate, start=1)
        for name in sorted(RESOURCES & rate.match.keys())[:1]
        if rate.meter in meters
    ]


def _rate_row(
    subject: Mapping[str, Any], place: int, rules: Rules, size: int, scale: int
) -> dict[str, Any]:
    rate = rules.rate[place]
    parts = base_factor(parse_unit(rate.unit), rate.meter) * size
    price = Fraction(rate.price) * 10**scale / parts
    draw = None
    if rate.commitment_id is not None and rate.commitment_price is not None:
        draw = Fraction(rate.commitment_price) * 10**scale / parts
    return {
        "subject": _subject_text(subject),
        "place": place,
        "valid_from": _midnight(rate.valid_from or ALWAYS[0]),
        "valid_to": _midnight(rate.valid_to or ALWAYS[1]),
        "rate_currency": rate.currency,
        "rate_num": Decimal(price.numerator),
        "rate_den": Decimal(price.denominator),
        "rate_unit": rate.unit,
        "rate_factor": Decimal(parts.numerator) if parts.denominator == 1 else None,
        "commitment_id": rate.commitment_id if draw else None,
        "draw_num": Decimal(draw.numerator) if draw else None,
        "draw_den": Decimal(draw.denominator) if draw else None,
        "draw_order": draw_order(rules)[place],
    }


def draw_order(rules: Rules) -> list[int]:
    """Each rate's place in drawing on unused commitment.

    The highest percentage saved first, then the lowest rate, then the order of the rules.
    """

    def saved(place: int) -> tuple[Fraction, Fraction, int]:
        rate = rules.rate[place]
        low = Fraction(rate.commitment_price or 0)
        share = 1 - low / Fraction(rate.price) if rate.price else Fraction(0)
        return -share, low, place

    ranked = sorted(range(len(rules.rate)), key=saved)
    return [ranked.index(place) for place in range(len(rules.rate))]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _subject_text(subject: Mapping[str, Any]) -> str:
    return "\x1f".join("\x00" if subject[name] is None else subject[name] for name in SUBJECT)


def priced(
    left: ir.Table, prices: ir.Table, rates: ir.Table, unused: ir.Table, engine: Engine
) -> ir.Table:
    """Unbilled usage with ``liability`` (whole money, > 0, null unknown), currency and its unit.

    Where the rate draws on a commitment, usage first takes what is unused in its hour (``unused``:
    commitment_id, hour, unused_q in money units) and only the rest costs the on-demand price.
    """
    keyed = left.mutate(
        by_resource=_resource_key(left),
        by_region=_model_key(left, left.region),
        by_model=_model_key(left, ibis.literal("*")),
        subject=key_with_nulls(*(left[name] for name in SUBJECT)),
    )
    ordered = ibis.row_number().over(order_by=["subject", "hour"])
    observed = _observed(keyed.mutate(row=ordered), prices)
    both = engine.keep(_rated(observed, rates))
    return engine.keep(_drawn(both, unused))


def _observed(keyed: ir.Table, prices: ir.Table) -> ir.Table:
    first = prices.filter(prices["rank"] == 0).drop("rank")
    wide = prices.filter(prices["rank"] == 1).drop("rank")
    near = keyed.mutate(near_key=keyed.by_resource.fill_null(keyed.by_region))
    joined = near.left_join(first, near.near_key == first.price_key)
    joined = joined.select(
        near,
        a_num=first.price_num,
        a_den=first.price_den,
        a_currency=first.currency,
        a_unit=first.bill_unit,
        a_factor=first.bill_factor,
    )
    again = joined.left_join(wide, joined.by_model == wide.price_key)
    return again.select(
        *(joined[name] for name in near.columns),
        price_num=ibis.coalesce(joined.a_num, wide.price_num),
        price_den=ibis.coalesce(joined.a_den, wide.price_den),
        currency=ibis.coalesce(joined.a_currency, wide.currency),
        bill_unit=ibis.coalesce(joined.a_unit, wide.bill_unit),
        bill_factor=ibis.coalesce(joined.a_factor, wide.bill_factor),
    )


def _rated(observed: ir.Table, rates: ir.Table) -> ir.Table:
    joined = observed.left_join(
        rates,
        (observed.subject == rates.subject)
        & (observed.hour >= instant(rates.valid_from))
        & (observed.hour < instant(rates.valid_to)),
    )
    ranked = joined.mutate(choice=ibis.row_number().over(group_by="row", order_by="place"))
    best = ranked.filter(ranked.choice == 0)
    rated = best.rate_num.notnull()
    return best.select(
        *(best[name] for name in (*SUBJECT, "row", "hour", "q", "n", "end", "unit", "unit_factor")),
        price_num=ibis.ifelse(rated, best.rate_num, best.price_num),
        price_den=ibis.ifelse(rated, best.rate_den, best.price_den),
        currency=ibis.ifelse(rated, best.rate_currency, best.currency),
        shown_unit=ibis.coalesce(best.bill_unit, best.rate_unit, best.unit),
        shown_factor=ibis.ifelse(
            best.bill_unit.notnull(),
            best.bill_factor,
            ibis.coalesce(best.rate_factor, best.unit_factor),
        ),
        priced_by=ibis.cases(
            (rated, BY_RATE), (best.price_num.notnull(), OBSERVED), else_=ibis.null(str)
        ),
        commitment_id=best.commitment_id,
        draw_num=best.draw_num,
        draw_den=best.draw_den,
        draw_order=best.draw_order,
    )


def _drawn(rows: ir.Table, unused: ir.Table) -> ir.Table:
    joined = rows.left_join(
        unused,
        (rows.commitment_id == unused.unused_commitment)
        & (rows.hour == unused.unused_hour)
        & (rows.currency == unused.unused_currency),
    )
    nothing = whole(0)
    draw = share(joined.draw_num.fill_null(nothing), joined.q, joined.draw_den.fill_null(whole(1)))
    spare = joined.draw_num.notnull() & joined.unused_q.notnull()
    draws = joined.mutate(draw=draw, wanted=ibis.ifelse(spare, draw, nothing))
    before = total_before(draws)
    available = ibis.greatest(draws.unused_q.fill_null(nothing) - before, nothing)
    drawn = ibis.least(draws.wanted, available).cast(WHOLE)
    taken = draws.mutate(drawn=drawn)
    served = ibis.ifelse(
        taken.drawn == nothing,
        nothing,
        divide(
            taken.drawn * taken.draw_den.fill_null(whole(1)),
            ibis.ifelse(taken.draw_num.fill_null(nothing) == nothing, whole(1), taken.draw_num),
        ),
    )
    rest = taken.q - served
    known = taken.price_num.notnull()
    liability = share(taken.price_num.fill_null(nothing), rest, taken.price_den.fill_null(whole(1)))
    return taken.mutate(liability=ibis.ifelse(known, liability, ibis.null(WHOLE))).drop(
        "unused_commitment", "unused_hour", "unused_currency"
    )


def total_before(draws: ir.Table) -> ir.Value:
    """What rows that draw earlier want of the same commitment and hour."""
    window = ibis.window(
        group_by=["commitment_id", "hour"],
        order_by=["draw_order", "row"],
        preceding=(None, 1),
    )
    return draws.wanted.cast(WHOLE).sum().over(window).cast(WHOLE).fill_null(whole(0))
