"""Billed unit prices against the contract's dated rates: what was billed at another price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.instants import instant
from trueup.engine.integers import (
    EDGE_SCALE,
    WHOLE,
    divide_half_even,
    magnitude,
    share,
    tally,
    total,
    whole,
)
from trueup.engine.rows import united
from trueup.model.rules import Rules
from trueup.money import EXACT, plain
from trueup.reconcile.billed import part
from trueup.reconcile.claims import PRICE
from trueup.reconcile.eligibility import DYNAMIC
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.profiles import Profile
from trueup.reconcile.rates import DatedRate, RateBook
from trueup.reconcile.text import key_with_nulls
from trueup.reconcile.tolerance import limits_of, within
from trueup.reconcile.usage_rows import BILLED

RULE = "rate"
KEYS = ("provider", "commitment_id", "sku", "currency", "account")
_WHOLE = pa.decimal128(38, 0)
RATES = pa.schema(
    [
        pa.field("rate_profile", pa.int64()),
        pa.field("rate_of", pa.string()),  # a commitment; empty: what none covered
        pa.field("valid_from", pa.timestamp("us", tz="UTC")),
        pa.field("valid_to", pa.timestamp("us", tz="UTC")),
        pa.field("rate_num", _WHOLE),  # whole money per whole unit of quantity
        pa.field("rate_den", _WHOLE),
        pa.field("stated_num", _WHOLE),  # the same, as the charge's own contracted unit price says
        pa.field("stated_den", _WHOLE),
    ]
)


def wrong_rates(
    run: LegRun, charges: ir.Table, found: Sequence[Profile], book: RateBook, q_scale: int
) -> tuple[Findings, ir.Table | None]:
    """Breaks and notes, and by ``charge_id`` the ``excess`` that breaks hold; None: there is none.

    ``charges`` are the lines of ``held.rest_of``. One is wrong where quantity x rate is
    another amount, by more than one unit of the run's scale or what the rules tolerate; its part
    in the period counts. One break per provider, commitment, SKU, currency and account, less what
    corrections without a quantity took back.
    """
    terms = {one.commitment_id: one for one in run.terms}
    rated: list[tuple[Profile, list[DatedRate]]] = []
    for one in found:
        if one.commitment_id is not None:
            rates = book.of_commitment(one, one.commitment_id, terms.get(one.commitment_id))
        elif one.columns.get("PricingCategory") == DYNAMIC:
            continue
        else:
            rates = book.on_demand(one)
        rated.append((one, rates))
    rows = [_row(one, rate, run.scale, q_scale) for one, rates in rated for rate in rates]
    if not rows:
        return Findings(), None
    table = pa.table({name: [row[name] for row in rows] for name in RATES.names}, schema=RATES)
    judged = run.engine.keep(_judged(charges, run.engine.load(table), run.scale))
    wrong = _keyed(judged.filter(~_tolerated(judged, run.rules, run.scale)))
    wrong = run.engine.keep(wrong.mutate(back=whole(0)))
    rows_behind = run.engine.keep(united(wrong, _taken_back(charges, wrong)))
    sums = rows_behind.group_by("rows_key", *KEYS).aggregate(
        start=_.start.min(),
        end=_.end.max(),
        money=total(_.money),
        expected=total(_.expected),
        held=total(_.held),
        back=total(_.back),
        rows=tally(_.one),
    )
    breaks = [
        _break(row, run.scale)
        for row in run.engine.collect(sums.order_by("provider", "sku", "account")).to_pylist()
        if _remains(row)
    ]
    behind = rows_behind.select("rows_key", "source_id", "source_row", side=ibis.literal(BILLED))
    excess = rows_behind.select("charge_id", excess=rows_behind.money - rows_behind.expected)
    return Findings(breaks=breaks, notes=_unrated(rated), break_rows=[behind]), excess


def _keyed(rows: ir.Table) -> ir.Table:
    """The rows with what makes a break of them, and their parts in the period."""
    return rows.select(
        *KEYS,
        *("charge_id", "start", "end", "source_id", "source_row", "one"),
        money=part(rows, rows.money),
        expected=part(rows, rows.expected),
        held=part(rows, rows.held),
        rows_key=ibis.literal("rate ") + key_with_nulls(*(rows[name] for name in KEYS)),
    )


def _taken_back(charges: ir.Table, wrong: ir.Table) -> ir.Table:
    """Corrections of money alone, of what was billed at a wrong price."""
    some = charges.filter(charges.correction & charges.unit.isnull() & (charges.q == whole(0)))
    nothing = whole(0)
    paid = some.mutate(
        money=ibis.ifelse(some.billed == nothing, some.effective, some.billed).cast(WHOLE),
        expected=nothing,
        one=ibis.literal(1, type="int64"),
    )
    keyed = _keyed(paid).semi_join(wrong, "rows_key")
    return keyed.mutate(back=keyed.money).select(*wrong.columns)


def _remains(row: Mapping[str, Any]) -> bool:
    """Whether more than rounding is wrong, and corrections did not take all of it back."""
    amount = row["money"] - row["expected"]
    return abs(amount) > row["rows"] and amount * (amount - row["back"]) > 0


def _row(one: Profile, rate: DatedRate, scale: int, q_scale: int) -> dict[str, Any]:
    size = Fraction(10**scale, 10**q_scale)
    price = rate.price * size
    stated = None if one.commitment_id or one.contracted_price is None else one.contracted_price
    return {
        "rate_profile": one.key,
        "rate_of": one.commitment_id or "",
        "valid_from": rate.start,
        "valid_to": rate.end,
        "rate_num": Decimal(price.numerator),
        "rate_den": Decimal(price.denominator),
        "stated_num": None if stated is None else Decimal((stated * size).numerator),
        "stated_den": None if stated is None else Decimal((stated * size).denominator),
    }


def _judged(charges: ir.Table, rates: ir.Table, scale: int) -> ir.Table:
    """Each charge that has a rate at its start: ``money`` as billed, ``expected`` by the rate.

    What none covered was billed BilledCost, or its contracted unit price where a credit or a
    prepayment took off a part; what a commitment covered, what it drew.
    """
    joined = charges.filter(charges.q != whole(0)).join(
        rates,
        (charges.profile == rates.rate_profile)
        & (charges.commitment_id.fill_null("") == rates.rate_of)
        & (charges.start >= instant(rates.valid_from))
        & (charges.start < instant(rates.valid_to)),
    )
    nothing, one = whole(0), whole(1)
    stated = share(joined.q, joined.stated_num.fill_null(nothing), joined.stated_den.fill_null(one))
    paid = ibis.ifelse(joined.billed == nothing, joined.effective, joined.billed)
    free = ibis.ifelse(joined.q > nothing, ibis.greatest(paid, stated), paid)
    drawn = divide_half_even(joined.drawn.fill_null(nothing), whole(10 ** (EDGE_SCALE - scale)))
    in_money = joined.drawn.notnull() & (joined.drawn_unit == joined.currency)
    money = ibis.cases(
        (joined.commitment_id.isnull(), free),
        (in_money.fill_null(False), drawn),  # noqa: FBT003  the value of the expression
        else_=joined.effective,
    )
    priced = joined.mutate(
        money=money.cast(WHOLE),
        expected=share(joined.q, joined.rate_num, joined.rate_den),
        one=ibis.literal(1, type="int64"),
    )
    return priced.filter(priced.money != nothing)


def _tolerated(rows: ir.Table, rules: Rules, scale: int) -> ir.Value:
    """Within a unit of the run's scale, or within both limits of the rules."""
    limits = limits_of(PRICE, rules)
    off = magnitude(rows.money - rows.expected)
    absolute = limits.absolute(rows.provider, scale)
    relative = within(rows.money, rows.expected, rows.provider, limits)
    return (off <= whole(1)) | (relative & (absolute.isnull() | (off <= absolute)))


def _break(row: Mapping[str, Any], scale: int) -> dict[str, Any]:
    billed, expected = (row[name].scaleb(-scale, EXACT) for name in ("money", "expected"))
    amount = billed - expected
    what = "overbilled" if amount > 0 else "underbilled"
    held = row["held"].scaleb(-scale, EXACT)
    apart = f" Without {plain(held, 2)} in breaks of their quantity." if held else ""
    return {
        "class": PRICE,
        "leg": PRICE,
        "provider": row["provider"],
        "commitment_id": row["commitment_id"],
        "account_id": row["account"],
        "subject": row["sku"],
        "period_start": row["start"],
        "period_end": row["end"],
        "billed": billed,
        "expected": expected,
        "unit": row["currency"],
        "amount": amount,
        "currency": row["currency"],
        "priced_by": "rate",
        "rule": RULE,
        "rows_key": row["rows_key"],
        "rows_billed": row["rows"],
        "rows_metered": 0,
        "explanation": f"{row['rows']} charges cost {plain(expected, 2)} at the contract's rate "
        f"and were billed {plain(billed, 2)}: {plain(abs(amount), 2)} {row['currency']} {what}."
        + apart,
    }


def _unrated(rated: Sequence[tuple[Profile, list[DatedRate]]]) -> list[dict[str, Any]]:
    """How many charges of providers with rates have none; what a commitment covered apart."""
    of_rates = {one.provider for one, rates in rated if rates}
    free = [
        (one, rates) for one, rates in rated if one.commitment_id is None and (one.unit or one.q)
    ]
    without = [one for one, rates in free if not rates and one.provider in of_rates]
    lines = sum(one.lines for one in without)
    if not lines:
        return []
    return [
        {
            "code": "no_contract_rate",
            "subject": PRICE,
            "text": f"{lines} charges, such as of SKU {min(one.name for one in without)}, have no "
            "contract rate: their price was not checked",
            "remedy": "add a [[rules.rate]] where the contract states a price",
        }
    ]
