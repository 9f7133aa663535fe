"""What a runway means and what next, in a sentence for a person."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from trueup.burn.runway import TOO_FAST, TOO_SLOW
from trueup.money import EXACT

BASIS = {
    "last_7_days": "the last 7 days of the bill",
    "last_24_hours": "the last 24 hours of the bill",
}


def advice(row: Mapping[str, Any]) -> str:
    """The text of a row of RUNWAY, from its other columns."""
    if row["verdict"] is None:
        return f"Not known: {row['reason']}."
    if row["remaining"] is None:
        return _by_interval(row)
    if row["remaining"] <= 0:
        return "Nothing remains: what is used now is overage. Buy more, or stop what draws on it."
    return _drawn_down(row)


def _drawn_down(row: Mapping[str, Any]) -> str:
    unit = row["unit"]
    begin = f"{shown(row['remaining'])} {unit} left, {shown(row['per_day'])} a day"
    day = f"{row['expires_at']:%Y-%m-%d}"
    needed = f"{shown(row['needed_per_day'])} {unit} a day"
    if row["verdict"] == TOO_SLOW:
        lost = _worth(row["breakage"], unit, row["breakage_cost"], row["currency"])
        return (
            f"{begin}: {lost} will be left when it expires on {day}. Burn {needed} to use it up, "
            "or sell, exchange or renew less."
        )
    if row["verdict"] == TOO_FAST:
        early = (row["expires_at"] - row["exhausted_at"]).days
        lacking = _worth(row["overage"], unit, row["overage_cost"], row["currency"])
        return (
            f"{begin}: used up on {row['exhausted_at']:%Y-%m-%d}, {early} days before it expires; "
            f"{lacking} more will be wanted. Burn at most {needed}, or buy more before then."
        )
    return f"{begin}: it lasts until about its expiry on {day}. Nothing to do."


def _by_interval(row: Mapping[str, Any]) -> str:
    unit, span = row["unit"], BASIS[row["basis"]]
    unused = _worth(row["breakage"], unit, row["breakage_cost"], row["currency"])
    beyond = f"{shown(row['overage'])} {unit}"
    if row["verdict"] == TOO_SLOW:
        more = f" In other hours {beyond} were wanted beyond it." if row["overage"] else ""
        return (
            f"{unused} went unused over {span}.{more} Move steady work under it, or commit less "
            "when it ends."
        )
    if row["verdict"] == TOO_FAST:
        more = f" In other hours {unused} went unused." if row["breakage"] else ""
        return f"{beyond} were wanted beyond it over {span}.{more} Commit more, or shift work."
    return f"{unused} went unused over {span}. Nothing to do."


def _worth(quantity: Decimal, unit: str, cost: Decimal | None, currency: str | None) -> str:
    text = f"{shown(quantity)} {unit}"
    return text if cost is None or unit == currency else f"{text} ({shown(cost)} {currency})"


def shown(value: Decimal) -> str:
    """Two decimals, half-even, with a comma at every thousand."""
    context = EXACT.copy()
    context.clear_traps()
    return f"{value.quantize(Decimal('0.01'), ROUND_HALF_EVEN, context):,}"
