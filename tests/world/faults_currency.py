"""Charges that are priced in dollars and billed in euros: dated rates, one of them not used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tests.world import azure
from tests.world.dice import Dice
from tests.world.figures import WIDE, Row, total
from tests.world.focus import text
from tests.world.ledger import DAY, Charge, Ledger
from tests.world.rewriting import amount, rewrite, with_values

PRICED, BILLED = "USD", azure.CURRENCY
DECIMALS = Decimal("1e-12")
SOURCE = "rates of the contract, annex 3"


@dataclass(frozen=True)
class CurrencyFaults:
    """The contract's rate of each day, and the day on which the bill used another."""

    rates: Mapping[datetime, Decimal]
    wrong_day: datetime


def convert(ledger: Ledger) -> CurrencyFaults:
    """Say of every charge of the third provider what it cost before it was converted."""
    dice = Dice(ledger.seed, "currency")
    rates = {
        ledger.at(day, 0): Decimal(9000 + dice.between(0, 600)).scaleb(-4)
        for day in range(ledger.days)
    }
    wrong_day = ledger.at(dice.between(0, ledger.days - 1), 0)
    used = {**rates, wrong_day: rates[wrong_day] + Decimal(dice.between(8, 90)).scaleb(-4)}

    def priced(charge: Charge) -> Charge:
        if charge.provider != azure.PROVIDER:
            return charge
        cost = WIDE.divide(charge.effective, used[_day(charge)])
        more = {"PricingCurrencyEffectiveCost": cost.quantize(DECIMALS, context=WIDE)}
        return with_values(charge, PricingCurrency=PRICED, **more)

    rewrite(ledger, priced)
    return CurrencyFaults(rates, wrong_day)


def _day(charge: Charge) -> datetime:
    return charge.start.replace(hour=0)


def conversions(ledger: Ledger, planted: CurrencyFaults) -> list[Row]:
    """By day: what was billed, and what the prices come to at the contract's rate."""
    of_day: dict[datetime, list[Charge]] = defaultdict(list)
    for charge in ledger.charges:
        if charge.provider == azure.PROVIDER:
            of_day[_day(charge)].append(charge)
    rows: list[Row] = []
    for day, charges in sorted(of_day.items()):
        billed = total(charge.effective for charge in charges)
        priced = total(amount(charge, "PricingCurrencyEffectiveCost") for charge in charges)
        expected = priced * planted.rates[day]
        rows.append(
            {
                "provider": azure.PROVIDER,
                "pricing_currency": PRICED,
                "billing_currency": BILLED,
                "day": text(day),
                "priced": text(priced),
                "billed": text(billed),
                "rate": text(planted.rates[day]),
                "rate_source": SOURCE,
                "expected": text(expected),
                "difference": text(billed - expected),
                "rows": str(len(charges)),
            }
        )
    return rows


def answers(ledger: Ledger, planted: CurrencyFaults) -> list[Row]:
    """The break of the one day."""
    day = planted.wrong_day
    [row] = [one for one in conversions(ledger, planted) if one["day"] == text(day)]
    return [
        {
            "class": "fx",
            "leg": "price",
            "rule": "exchange_rate",
            "provider": azure.PROVIDER,
            "commitment_id": None,
            "account_id": None,
            "subject": f"{PRICED}/{BILLED}",
            "period_start": text(day),
            "period_end": text(day + DAY),
            "billed": row["billed"],
            "expected": row["expected"],
            "unit": BILLED,
            "amount": row["difference"],
            "currency": BILLED,
        }
    ]


def rules_toml(planted: CurrencyFaults) -> str:
    """The dated table, as ``[[rules.exchange_rate]]``."""
    return "".join(
        f'\n[[rules.exchange_rate]]\nfrom = "{PRICED}"\nto = "{BILLED}"\nrate = "{text(rate)}"\n'
        f'valid_from = {day:%Y-%m-%d}\nsource = "{SOURCE}"\n'
        for day, rate in planted.rates.items()
    )
