"""Charges priced in one currency and billed in another: the rate the bill used, and the dated one.

FOCUS Cost and Usage 1.2 and later: PricingCurrency (virtual ones too, such as credits or tokens)
and PricingCurrencyEffectiveCost beside EffectiveCost in BillingCurrency. Only what is billed is
compared with it; nothing else in trueup is ever converted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from trueup.engine.engine import Engine
from trueup.engine.instants import instant, moment, seconds
from trueup.engine.integers import EDGE_SCALE, decimals, tally, total, units
from trueup.model.rules import ExchangeRate, Leg, Rules
from trueup.money import plain
from trueup.period import Period
from trueup.reconcile.billed import in_period, part
from trueup.reconcile.commitment_leg import edge_decimal
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.scale import LEAST_MONEY_DECIMALS
from trueup.reconcile.text import key_with_nulls, text_of
from trueup.reconcile.usage_rows import BILLED

LEG: Leg = "price"
DAYS_NAMED = 3


def run_leg(run: LegRun) -> Findings:
    """Compare, per provider, pair of currencies and day, what is billed with priced x rate."""
    rows = _days(run.charges, run.period, run.scale, run.engine)
    fineness: dict[tuple[str | None, ...], int] = defaultdict(lambda: LEAST_MONEY_DECIMALS)
    for row in rows:
        fineness[_pair(row)] = max(fineness[_pair(row)], row["finest"] or 0)
    findings = Findings()
    conversions = []
    for row in rows:
        rate = run.rules.rate_on(
            row["day"].date(), row["pricing_currency"], row["billing_currency"], row["provider"]
        )
        known = rate if row["without"] == 0 else None
        found = _conversion(row, known, run.scale)
        conversions.append({name: value for name, value in found.items() if name != "apart"})
        if rate is None or known is None:
            continue
        allowed = Fraction(row["rows"], 2 * 10 ** fineness[_pair(row)])
        if abs(found["apart"]) > max(allowed, _tolerated(found, run.rules)):
            findings.breaks.append(_break(found))
    findings.tables["conversions"] = conversions
    if findings.breaks:
        findings.break_rows.append(_rows_behind(run, findings.breaks))
    findings.notes.extend(_notes(rows, run.rules))
    return findings


def _pair(row: Mapping[str, Any]) -> tuple[str | None, ...]:
    return row["provider"], row["pricing_currency"], row["billing_currency"]


def _days(
    charges: ir.Table, period: Period | None, scale: int, engine: Engine
) -> list[dict[str, Any]]:
    """Sums of the period's charges that are priced in another currency, by the day they start.

    ``billed`` is in units of 10^-scale, ``priced`` of 10^-18; ``finest`` is the most decimals of a
    billed cost, ``without`` counts charges that do not say what they cost before conversion.
    """
    rows = _converted(charges, period)
    sums = rows.group_by(
        provider=rows.x_Provider,
        pricing_currency=rows.PricingCurrency,
        billing_currency=rows.BillingCurrency,
        day=rows.day,
    ).aggregate(
        priced=total(part(rows, units(rows.PricingCurrencyEffectiveCost, 10**EDGE_SCALE))),
        billed=total(part(rows, units(rows.EffectiveCost, 10**scale))),
        finest=decimals(rows.EffectiveCost).max(),
        without=tally(
            (rows.PricingCurrencyEffectiveCost.isnull() & (rows.EffectiveCost != 0)).cast("int64")
        ),
        rows=_.count(),
    )
    ordered = sums.order_by("provider", "pricing_currency", "billing_currency", "day")
    return list(engine.collect(ordered).to_pylist())


def _converted(charges: ir.Table, period: Period | None) -> ir.Table:
    """The period's charges that are priced in another currency, with the ``day`` they count in."""
    other = charges.filter(
        charges.PricingCurrency.notnull() & (charges.PricingCurrency != charges.BillingCurrency)
    )
    timed = other.mutate(start=instant(other.ChargePeriodStart), end=instant(other.ChargePeriodEnd))
    rows = in_period(timed, period)
    first = rows.start if period is None else ibis.greatest(rows.start, moment(period.start))
    return rows.mutate(day=instant(first.truncate("D")))


def _rows_behind(run: LegRun, breaks: Sequence[Mapping[str, Any]]) -> ir.Table:
    """The charges of the breaks' days; each break brings its ``rows_key``."""
    rows = _converted(run.charges, run.period)
    keyed = rows.select(
        source_id=rows.x_SourceId,
        source_row=rows.x_SourceRow,
        rows_key=ibis.literal("fx ")
        + key_with_nulls(
            rows.x_Provider,
            rows.PricingCurrency,
            rows.BillingCurrency,
            seconds(rows.day),
        ),
        side=ibis.literal(BILLED),
    )
    keys = pa.table({"rows_key": pa.array([one["rows_key"] for one in breaks], pa.string())})
    return keyed.semi_join(run.engine.load(keys), "rows_key")


def _conversion(row: Mapping[str, Any], rate: ExchangeRate | None, scale: int) -> dict[str, Any]:
    """The row of ``conversions``; ``apart`` is its difference, exact."""
    billed = Fraction(row["billed"]) / 10**scale
    priced = None if row["without"] else Fraction(row["priced"] or 0) / 10**EDGE_SCALE
    expected = None
    if rate is not None and priced is not None:
        expected = priced * Fraction(rate.rate)
    apart = None if expected is None else billed - expected
    return {
        "provider": row["provider"],
        "pricing_currency": row["pricing_currency"],
        "billing_currency": row["billing_currency"],
        "day": row["day"],
        "priced": edge_decimal(priced),
        "billed": edge_decimal(billed),
        "rate": None if rate is None else edge_decimal(Fraction(rate.rate)),
        "rate_source": None if rate is None else rate.source,
        "expected": edge_decimal(expected),
        "difference": edge_decimal(apart),
        "rows": row["rows"],
        "apart": apart,
    }


def _tolerated(found: Mapping[str, Any], rules: Rules) -> Fraction:
    """What the rules allow beyond rounding: only limits that they really state."""
    limit = rules.tolerance_of(LEG, found["provider"])
    stated = []
    if limit.absolute is not None:
        stated.append(Fraction(limit.absolute))
    if "relative" in limit.model_fields_set:
        stated.append(abs(Fraction(found["billed"])) * Fraction(limit.relative))
    return min(stated, default=Fraction(0))


def _break(found: Mapping[str, Any]) -> dict[str, Any]:
    priced_in, billed_in = found["pricing_currency"], found["billing_currency"]
    priced, billed, expected = (plain(found[name], 2) for name in ("priced", "billed", "expected"))
    return {
        "class": "fx",
        "leg": LEG,
        "provider": found["provider"],
        "subject": f"{priced_in}/{billed_in}",
        "period_start": found["day"],
        "period_end": found["day"] + timedelta(days=1),
        "billed": found["billed"],
        "expected": found["expected"],
        "unit": billed_in,
        "amount": found["difference"],
        "currency": billed_in,
        "priced_by": "rate",
        "rule": "exchange_rate",
        "rows_key": "fx "
        + text_of((found["provider"], priced_in, billed_in, str(int(found["day"].timestamp())))),
        "rows_billed": found["rows"],
        "explanation": (
            f"{priced} {priced_in} x {plain(found['rate'])} = {expected} {billed_in}, and "
            f"{billed} are billed."
        ),
    }


def _notes(rows: Sequence[Mapping[str, Any]], rules: Rules) -> Iterable[dict[str, Any]]:
    """One note per provider and pair that could not be compared, with its days."""
    without_rate: dict[tuple[str | None, ...], list[str]] = defaultdict(list)
    without_price: dict[tuple[str | None, ...], int] = defaultdict(int)
    for row in rows:
        provider, priced_in, billed_in = _pair(row)
        day = row["day"].date()
        if rules.rate_on(day, str(priced_in), str(billed_in), provider) is None:
            without_rate[_pair(row)].append(f"{day}")
        if row["without"]:
            without_price[_pair(row)] += row["without"]
    for (provider, priced_in, billed_in), days in without_rate.items():
        yield {
            "code": "no_exchange_rate",
            "subject": f"{provider} {priced_in}/{billed_in}",
            "text": f"no rate for {_named(days)}: what was billed in {billed_in} for charges "
            f"priced in {priced_in} was not compared, and nothing was converted",
            "remedy": "state the rates, as [[exchange_rate]] with from, to, rate and valid_from",
        }
    for (provider, priced_in, billed_in), count in without_price.items():
        yield {
            "code": "no_pricing_currency_cost",
            "subject": f"{provider} {priced_in}/{billed_in}",
            "text": f"{count:,} charges priced in {priced_in} have no "
            "PricingCurrencyEffectiveCost: their days were not compared",
            "remedy": None,
        }


def _named(days: Sequence[str]) -> str:
    if len(days) <= DAYS_NAMED:
        return ", ".join(days)
    return f"{len(days)} days from {days[0]} to {days[-1]}"
